import { spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { status } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { z } from 'zod';
import {
  callerAt,
  callUnderWay,
  failureOfCall,
  healthAt,
  mutual,
  requestWith,
  stopAll,
  temporaryFolder,
  writeCertificates,
} from './support.ts';
import { authority, type Authority, type Pair } from '../certificates.ts';

vi.setConfig({ testTimeout: 30_000 }); // processes start slowly on a machine that does other things too

const PROGRAM = join(import.meta.dirname, 'program.ts');
const LOOPBACK = '127.0.0.1:0';
const PORTS = ['--health-address', LOOPBACK, '--metrics-address', LOOPBACK];
const PLAIN = ['--insecure', '--address', LOOPBACK];

const Line = z.looseObject({
  level: z.string(),
  msg: z.string(),
  port: z.int().optional(),
  healthPort: z.int().optional(),
  metricsPort: z.int().optional(),
});
type Line = z.infer<typeof Line>;

/** A process that serves, and its log so far. */
class Serving {
  readonly child: ChildProcess;
  readonly lines: Line[] = [];
  errors = '';
  readonly ended: Promise<number | null>;
  #waiting: (() => void)[] = [];

  constructor(flags: readonly string[], environment: Readonly<Record<string, string>> = {}) {
    const env = { ...process.env, ...environment };
    this.child = spawn(process.execPath, [PROGRAM, 'serve', ...flags], { env, stdio: 'pipe' });
    if (this.child.stdout === null || this.child.stderr === null) throw new Error('no output to read');
    const { stdout, stderr } = this.child;
    createInterface(stdout).on('line', (line) => {
      this.lines.push(Line.parse(JSON.parse(line)));
      for (const wake of this.#waiting.splice(0)) wake();
    });
    stderr.on('data', (chunk: Buffer) => (this.errors += chunk.toString()));
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code) => {
        for (const wake of this.#waiting.splice(0)) wake();
        resolve(code);
      });
    });
  }

  /** The first line with this message; an error when the process ends without it. */
  async line(message: string): Promise<Line> {
    for (;;) {
      const found = this.lines.find(({ msg }) => msg === message);
      if (found !== undefined) return found;
      if (this.child.exitCode !== null || this.child.signalCode !== null) {
        throw new Error(`ended without "${message}": ${JSON.stringify(this.lines)} ${this.errors}`);
      }
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }
}

const started: Serving[] = [];

function serve(flags: readonly string[], environment: Readonly<Record<string, string>> = {}): Serving {
  const serving = new Serving(flags, environment);
  started.push(serving);
  return serving;
}

afterEach(async () => {
  await stopAll();
  for (const { child, ended } of started.splice(0)) {
    child.kill('SIGKILL');
    await ended;
  }
});

let ours: Authority;
let server: Pair;

beforeAll(async () => {
  ours = await authority('ours');
  server = await ours.issue('function');
});

function certificates(): string {
  const dir = temporaryFolder();
  writeCertificates(dir, ours.cert, server);
  return dir;
}

describe('openova serve', () => {
  it.each([
    { reason: 'the flag', flags: (dir: string) => ['--tls-server-certs-dir', dir], variable: () => '' },
    {
      reason: 'the flag of the specification',
      flags: (dir: string) => ['--tls-certs-dir', dir],
      variable: () => '',
    },
    { reason: 'the environment', flags: () => [], variable: (dir: string) => dir },
    {
      reason: 'the flag rather than the environment',
      flags: (dir: string) => ['--tls-server-certs-dir', dir],
      variable: () => '/nowhere',
    },
  ])('takes the certificate folder from $reason', async ({ flags, variable }) => {
    const dir = certificates();
    const environment = variable(dir) === '' ? {} : { TLS_SERVER_CERTS_DIR: variable(dir) };
    const serving = serve(['--address', LOOPBACK, ...PORTS, ...flags(dir)], environment);
    const { port, healthPort, metricsPort } = await serving.line('serving');
    const client = await ours.issue('crossplane');
    expect((await callerAt(port, mutual(ours.cert, client)).call(requestWith({}))).meta).toBeDefined();
    expect((await failureOfCall(callerAt(port).call(requestWith({})))).code, 'without certificate').toBe(
      status.UNAVAILABLE,
    );
    expect(await healthAt(healthPort)).toBe('SERVING');
    const metrics = await (await fetch(`http://127.0.0.1:${metricsPort ?? 0}/metrics`)).text();
    expect(metrics).toMatch(/^openova_function_certificate_not_after_seconds [1-9]/m);
  });

  it('never falls back to plain text: without certificates it ends and names the folder', async () => {
    const serving = serve(['--address', LOOPBACK, ...PORTS], { TLS_SERVER_CERTS_DIR: '/nowhere/certs' });
    expect(await serving.ended).toBe(1);
    expect(serving.lines.at(-1)?.level).toBe('fatal');
    expect(serving.lines.at(-1)?.msg).toContain('in the certificate folder "/nowhere/certs"');
  });

  it('looks in /tls/server when nothing else is said, and an empty variable says nothing', async () => {
    const serving = serve(['--address', LOOPBACK, ...PORTS], { TLS_SERVER_CERTS_DIR: '' });
    expect(await serving.ended).toBe(1);
    expect(serving.lines.at(-1)?.msg).toContain('in the certificate folder "/tls/server"');
  });

  it('serves plain text when asked to, also where certificates are, and then opens no other port', async () => {
    const serving = serve(PLAIN, { TLS_SERVER_CERTS_DIR: certificates() });
    const line = await serving.line('serving');
    expect(Object.keys(line).filter((key) => key.endsWith('ort'))).toEqual(['port']);
    expect((await callerAt(line.port).call(requestWith({}))).meta).toBeDefined();
  });

  it('logs the conditions of an answer with --debug only', async () => {
    for (const flags of [[], ['--debug']]) {
      const serving = serve([...PLAIN, ...flags]);
      await callerAt((await serving.line('serving')).port).call(requestWith({}));
      serving.child.kill('SIGTERM');
      await serving.ended;
      expect(serving.lines.some(({ msg }) => msg === 'answered')).toBe(flags.length > 0);
    }
  });

  it('ends with 1 when the port is taken, naming address and cause', async () => {
    const other = createServer();
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
    const bound = other.address();
    const taken = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
    const serving = serve(['--insecure', '--address', taken]);
    expect(await serving.ended).toBe(1);
    other.close();
    expect(serving.lines.at(-1)).toMatchObject({
      level: 'fatal',
      msg: `cannot listen on "${taken}" for the function: listen EADDRINUSE: address already in use ${taken}`,
    });
  });

  it.each([
    { flags: ['--address', 'nonsense'], says: 'address "nonsense" is not "host:port"' },
    { flags: ['--drain-seconds', '-1'], says: '"-1" is not a number of seconds from 0 to 3600' },
    { flags: ['--health-address', ''], says: 'address "" is not "host:port"' },
    { flags: ['--insecur'], says: '--insecure' },
  ])('refuses $flags', async ({ flags, says }) => {
    const serving = serve(flags);
    expect(await serving.ended).toBe(1);
    expect(serving.errors).toContain(says);
  });
});

describe('being told to end', () => {
  it.each(['SIGTERM', 'SIGINT'] as const)(
    'finishes the call under way after %s and ends with 0',
    async (signal) => {
      const serving = serve([...PLAIN, ...PORTS]);
      const { port, healthPort } = await serving.line('serving');
      const call = await callUnderWay(port);

      serving.child.kill(signal);
      await serving.line('draining');
      expect(await healthAt(healthPort)).toBe('NOT_SERVING');
      expect((await failureOfCall(callerAt(port).call(requestWith({})))).code).toBe(status.UNAVAILABLE);

      expect((await call.finish()).meta?.tag).toBe('0123456789abcdef');
      expect(await serving.ended).toBe(0);
      expect(serving.lines.map(({ msg }) => msg)).toContain('drained');
    },
  );

  it('cuts a call that never ends at the deadline', async () => {
    const serving = serve([...PLAIN, '--drain-seconds', '0.2']);
    const call = await callUnderWay((await serving.line('serving')).port);
    serving.child.kill('SIGTERM');
    expect(await serving.ended).toBe(0);
    expect(serving.lines.map(({ msg }) => msg)).toContain('calls under way were cut at the deadline');
    call.cancel();
  });

  it('ends at once when told a second time', async () => {
    const serving = serve([...PLAIN, '--drain-seconds', '3600']);
    const call = await callUnderWay((await serving.line('serving')).port);
    serving.child.kill('SIGTERM');
    await serving.line('draining');
    serving.child.kill('SIGTERM');
    expect(await serving.ended).toBe(1);
    call.cancel();
  });

  it('does not wait for clients that only stay connected', async () => {
    const serving = serve([...PLAIN, '--drain-seconds', '3600']);
    await callerAt((await serving.line('serving')).port).call(requestWith({}));
    serving.child.kill('SIGTERM');
    expect(await serving.ended).toBe(0);
  });
});
