/** `openova serve`: flags and environment as Crossplane's function specification says, signals, exit codes. */
import { setLogger } from '@grpc/grpc-js';
import { InvalidArgumentError, Option, type Command } from 'commander';
import { parseAddress } from './address.ts';
import { failureOf } from './failure.ts';
import { createLogger } from './log.ts';
import type { Handler } from './messages.ts';
import { startServer, type RunningServer, type ServerOptions } from './server.ts';

/**
 * Flags, environment and port are those of crossplane v2.4.0 contributing/specifications/functions.md (read 2026-11-21),
 * the certificate folder is where its package manager mounts them, and the name of its flag that of Crossplane's SDKs.
 */
const DEFAULT_ADDRESS = '0.0.0.0:9443';
const DEFAULT_CERTS_DIR = '/tls/server';
const DEFAULT_METRICS_ADDRESS = '0.0.0.0:8080';
const DEFAULT_HEALTH_ADDRESS = '0.0.0.0:8081';
/** Kubernetes kills 30 s after SIGTERM by default. */
const DEFAULT_DRAIN_SECONDS = 20;
const OFF = 'off';

export interface ServeFlags {
  readonly address: string;
  readonly insecure: boolean;
  readonly tlsServerCertsDir: string;
  /** The name that the specification gives the same folder. */
  readonly tlsCertsDir?: string;
  readonly debug: boolean;
  readonly healthAddress?: string;
  readonly metricsAddress?: string;
  readonly drainSeconds: number;
}

/** Adds `serve` to a program. */
export function addServeCommand(program: Command, handle: Handler): void {
  program
    .command('serve')
    .description('Answer Crossplane over gRPC: the composition function')
    .option('--address <host:port>', 'where to listen for RunFunction', address, DEFAULT_ADDRESS)
    .option('--insecure', 'serve plain text without certificates: for development only', false)
    .addOption(
      new Option(
        '--tls-server-certs-dir <dir>',
        'folder with ca.crt, tls.crt and tls.key; read again when it changes',
      )
        .env('TLS_SERVER_CERTS_DIR')
        .argParser((dir) => (dir === '' ? DEFAULT_CERTS_DIR : dir))
        .default(DEFAULT_CERTS_DIR),
    )
    .addOption(new Option('--tls-certs-dir <dir>').hideHelp())
    .option('-d, --debug', 'log more: which conditions were answered and what is not ready', false)
    .option(
      '--health-address <host:port>',
      `where to answer gRPC health in plain text, or "${OFF}" (default: "${DEFAULT_HEALTH_ADDRESS}", with --insecure "${OFF}")`,
      addressOrOff,
    )
    .option(
      '--metrics-address <host:port>',
      `where to answer /metrics, or "${OFF}" (default: "${DEFAULT_METRICS_ADDRESS}", with --insecure "${OFF}")`,
      addressOrOff,
    )
    .option(
      '--drain-seconds <n>',
      'how long to wait for calls under way when told to end',
      seconds,
      DEFAULT_DRAIN_SECONDS,
    )
    .action(async (flags: ServeFlags) => {
      await serveCommand(flags, handle);
    });
}

/** Serves until a signal ends it; the process then exits with 0, after a failed start with 1. */
export async function serveCommand(flags: ServeFlags, handle: Handler): Promise<void> {
  const logger = createLogger(flags.debug ? 'debug' : 'info');
  process.on('uncaughtException', (error) => {
    logger.fatal({ failure: failureOf(error) }, 'unexpected error');
    process.exit(1);
  });
  // What grpc-js has to say is said again in our errors.
  const aside = (message: unknown): void => {
    logger.debug({ grpc: String(message) }, 'grpc-js');
  };
  setLogger({ error: aside, info: aside, debug: aside });
  let running: RunningServer | undefined;
  let ending = false;
  const end = (signal: NodeJS.Signals): void => {
    logger.info({ signal }, 'told to end');
    // A second signal does not wait, and before the start there is nothing to wait for.
    if (ending || running === undefined) process.exit(ending ? 1 : 0);
    ending = true;
    void running.stop().then(() => process.exit(0));
  };
  process.on('SIGTERM', end).on('SIGINT', end);
  try {
    running = await startServer({ ...optionsOf(flags), handle, logger });
  } catch (error) {
    logger.fatal(error instanceof Error ? error.message : String(error));
    process.exit(1);
  }
}

function optionsOf(flags: ServeFlags): Omit<ServerOptions, 'handle' | 'logger'> {
  const { insecure } = flags;
  const health = flags.healthAddress ?? (insecure ? OFF : DEFAULT_HEALTH_ADDRESS);
  const metrics = flags.metricsAddress ?? (insecure ? OFF : DEFAULT_METRICS_ADDRESS);
  return {
    address: flags.address,
    tls: insecure ? 'insecure' : { dir: flags.tlsCertsDir ?? flags.tlsServerCertsDir },
    drainSeconds: flags.drainSeconds,
    ...(health !== OFF && { healthAddress: health }),
    ...(metrics !== OFF && { metricsAddress: metrics }),
  };
}

function address(text: string): string {
  try {
    parseAddress(text);
    return text;
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : '');
  }
}

function addressOrOff(text: string): string {
  return text === OFF ? text : address(text);
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value) || value < 0 || value > 3600) {
    throw new InvalidArgumentError(`"${text}" is not a number of seconds from 0 to 3600`);
  }
  return value;
}
