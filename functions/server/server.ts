/**
 * The function's server: the message types are those of Crossplane's SDK, the server is our own because the SDK's takes
 * clients without certificates, requests up to 4 MiB only and a failure to bind for success (version 0.7.0, tried
 * 2026-11-21). Importing the SDK costs 15 ms beyond grpc-js and the wire format: its entry loads no Kubernetes models.
 */
import { FunctionRunnerServiceService } from '@crossplane-org/function-sdk-typescript';
import { Server, ServerCredentials, status, type sendUnaryData, type ServerUnaryCall } from '@grpc/grpc-js';
import type { Logger } from 'pino';
import { watchCertificates, type CertificateWatch } from './credentials.ts';
import { startHealth, type Health } from './health.ts';
import { MAX_REQUEST_BYTES } from './limits.ts';
import { drain, listen } from './listen.ts';
import { logCall } from './log.ts';
import type { Handler } from './messages.ts';
import { startMetrics, type Metrics } from './metrics.ts';
import { respond } from './respond.ts';

export interface ServerOptions {
  /** `host:port`; port 0 is any free one. */
  readonly address: string;
  /** Where gRPC health is answered in plain text; nowhere when left out. */
  readonly healthAddress?: string;
  /** Where `/metrics` is answered; nowhere when left out. */
  readonly metricsAddress?: string;
  /** The folder with ca.crt, tls.crt and tls.key, read again every `reloadMilliseconds` (10 s); or plain text. */
  readonly tls: { readonly dir: string; readonly reloadMilliseconds?: number } | 'insecure';
  readonly handle: Handler;
  readonly logger: Logger;
  /** How long `stop` waits for calls under way. */
  readonly drainSeconds: number;
}

export interface RunningServer {
  readonly port: number;
  readonly healthPort: number | undefined;
  readonly metricsPort: number | undefined;
  /** Takes no new call, waits for those under way up to the deadline, and cuts the rest. Again: the same promise. */
  stop(): Promise<void>;
}

const RELOAD_MILLISECONDS = 10_000;

/** The service as bytes: what a call is made of is this project's business, so that it can say what went wrong. */
const SERVICE = {
  runFunction: {
    ...FunctionRunnerServiceService.runFunction,
    requestSerialize: (bytes: Buffer) => bytes,
    requestDeserialize: (bytes: Buffer) => bytes,
    responseSerialize: (bytes: Buffer) => bytes,
    responseDeserialize: (bytes: Buffer) => bytes,
  },
};

/**
 * Starts to serve; health comes last and so speaks for all.
 * @throws when certificates cannot be used or an address cannot be bound, naming it; nothing is left running then.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { address, healthAddress, metricsAddress, tls, handle, logger, drainSeconds } = options;
  const server = new Server({ 'grpc.max_receive_message_length': MAX_REQUEST_BYTES });
  let metrics: Metrics | undefined;
  let health: Health | undefined;
  let certificates: CertificateWatch | undefined;

  server.addService(SERVICE, {
    runFunction: (call: ServerUnaryCall<Buffer, Buffer>, callback: sendUnaryData<Buffer>) => {
      const started = performance.now();
      const exchange = respond(call.request, handle);
      if (exchange.bytes !== undefined) callback(null, exchange.bytes);
      else callback({ code: status.INVALID_ARGUMENT, details: exchange.problem ?? '' });
      const milliseconds = performance.now() - started;
      // The answer leaves first.
      setImmediate(() => {
        metrics?.record(exchange.record, milliseconds);
        logCall(logger, exchange, milliseconds);
      });
    },
  });

  const close = async (): Promise<void> => {
    certificates?.stop();
    await metrics?.stop();
    health?.stop();
  };

  try {
    if (metricsAddress !== undefined) metrics = await startMetrics(metricsAddress);
    if (tls !== 'insecure') {
      certificates = watchCertificates(
        tls.dir,
        tls.reloadMilliseconds ?? RELOAD_MILLISECONDS,
        logger,
        (loaded) => metrics?.certificate(loaded.notAfter),
      );
    }
    const credentials = certificates?.credentials ?? ServerCredentials.createInsecure();
    const port = await listen(server, 'the function', address, credentials);
    if (healthAddress !== undefined) health = await startHealth(healthAddress);
    const ports = { port, healthPort: health?.port, metricsPort: metrics?.port };
    logger.info({ ...ports, tls: tls !== 'insecure' }, 'serving');

    let stopping: Promise<void> | undefined;
    const stop = async (): Promise<void> => {
      logger.info({ drainSeconds }, 'draining');
      health?.leave();
      if (await drain(server, drainSeconds)) logger.info('drained');
      else logger.warn({ drainSeconds }, 'calls under way were cut at the deadline');
      await close();
    };
    return { ...ports, stop: () => (stopping ??= stop()) };
  } catch (error) {
    server.forceShutdown();
    await close();
    throw error;
  }
}
