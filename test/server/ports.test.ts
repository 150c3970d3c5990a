import { createServer } from 'node:net';
import { logVerbosity, setLogVerbosity } from '@grpc/grpc-js';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { formatAddress, parseAddress } from '../../functions/server/address.ts';
import { SERVICE } from '../../functions/server/health.ts';
import { startMetrics } from '../../functions/server/metrics.ts';
import {
  callerAt,
  callUnderWay,
  healthAt,
  logBook,
  manifest,
  refuse,
  requestWith,
  serverWith,
  stopAll,
} from './support.ts';
import { freePorts } from '../ports.ts';

afterEach(stopAll);

const LOOPBACK = '127.0.0.1:0';

async function textAt(
  port: number | undefined,
  path: string,
  method = 'GET',
): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${port ?? 0}${path}`, { method });
  return { status: response.status, text: await response.text() };
}

describe('health', () => {
  it('answers in plain text for the server and for the function', async () => {
    const { healthPort } = await serverWith({ healthAddress: LOOPBACK });
    expect(SERVICE).toBe('apiextensions.fn.proto.v1.FunctionRunnerService');
    expect(await healthAt(healthPort)).toBe('SERVING');
    expect(await healthAt(healthPort, SERVICE)).toBe('SERVING');
    expect(await healthAt(healthPort, 'another.Service'), 'NOT_FOUND').toBe('5');
  });

  it('is not answered where it was not asked for', async () => {
    const { healthPort, metricsPort } = await serverWith({});
    expect([healthPort, metricsPort]).toEqual([undefined, undefined]);
  });
});

describe('metrics', () => {
  it('counts and measures calls by kind and result, beside those of the process', async () => {
    const { port, metricsPort } = await serverWith({ metricsAddress: LOOPBACK, handle: refuse });
    const caller = callerAt(port);
    await caller.call(requestWith({ one: manifest('Server', 'a'), two: manifest('Server', 'b') }));
    await caller.call(requestWith({}));
    await caller.callBytes(Buffer.from([0xff])).catch(() => undefined);
    const { text } = await textAt(metricsPort, '/metrics');
    expect(text).toContain('openova_function_requests_total{kind="XOpenOvaRegion",result="fatal"} 2');
    expect(text).toContain('openova_function_requests_total{kind="",result="undecodable"} 1');
    expect(text).toContain('openova_function_request_duration_seconds_count{kind="XOpenOvaRegion"} 2');
    expect(text).toContain('openova_function_response_bytes_bucket{le="1024",kind="XOpenOvaRegion"} 2');
    expect(text).toContain('openova_function_observed_resources_sum{kind="XOpenOvaRegion"} 2');
    expect(text).toMatch(/^process_resident_memory_bytes \d+/m);
    expect(text).toMatch(/^nodejs_eventloop_lag_seconds /m);
  });

  it('answers only at /metrics', async () => {
    const { metricsPort } = await serverWith({ metricsAddress: LOOPBACK });
    expect((await textAt(metricsPort, '/')).status).toBe(404);
    expect((await textAt(metricsPort, '/metrics?x=1')).status).toBe(200);
  });

  it('keeps the number of label values small whatever clients send', async () => {
    const metrics = await startMetrics(LOOPBACK);
    const results = { fatal: 0, warning: 0, normal: 0 };
    const call = {
      outcome: 'normal',
      requestId: '',
      xr: { kind: '', name: '' },
      claim: undefined,
      requestBytes: 1,
    } as const;
    for (let index = 0; index < 100; index += 1) {
      const record = { ...call, responseBytes: 1, observed: 1, desired: 1, results, failure: undefined };
      metrics.record({ ...record, xr: { kind: `Kind${index}`, name: '' } }, 1);
    }
    const { text } = await textAt(metrics.port, '/metrics');
    await metrics.stop();
    const kinds = text.split('\n').filter((line) => line.startsWith('openova_function_requests_total{'));
    expect(kinds).toHaveLength(21);
    expect(kinds.at(-1)).toContain('kind="other",result="normal"} 80');
  });
});

describe('a port that is taken', () => {
  beforeAll(() => {
    setLogVerbosity(logVerbosity.NONE);
  });
  afterAll(() => {
    setLogVerbosity(logVerbosity.ERROR);
  });

  it.each([
    { what: 'the function', options: (taken: string) => ({ address: taken }) },
    { what: 'health', options: (taken: string) => ({ healthAddress: taken }) },
    { what: 'metrics', options: (taken: string) => ({ metricsAddress: taken }) },
  ])(
    'is named with its cause when it was for $what, and nothing keeps running',
    async ({ what, options }) => {
      const other = createServer();
      await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve));
      const bound = other.address();
      const taken = `127.0.0.1:${typeof bound === 'object' && bound !== null ? bound.port : 0}`;
      const [free = 0] = await freePorts(1);
      const start = serverWith({ address: `127.0.0.1:${free}`, ...options(taken) });
      await expect(start).rejects.toThrow(
        new RegExp(`^cannot listen on "${taken}" for ${what}: .*EADDRINUSE`),
      );
      other.close();
      await expect(isTaken(free), 'the function still listens').resolves.toBe(false);
    },
  );
});

describe('stopping', () => {
  it('waits for no call longer than the deadline, cuts it and frees every port', async () => {
    const { logger, lines } = logBook();
    const addresses = { healthAddress: LOOPBACK, metricsAddress: LOOPBACK };
    const server = await serverWith({ ...addresses, logger, drainSeconds: 0.05 });
    const call = await callUnderWay(server.port);
    await Promise.all([server.stop(), server.stop()]);
    await expect.poll(() => call.isCut()).toBe(true);
    expect(lines.filter((line) => line.includes('"msg":"draining"'))).toHaveLength(1);
    for (const port of [server.port, server.healthPort, server.metricsPort]) {
      expect(await isTaken(port ?? 0)).toBe(false);
    }
  });
});

describe('addresses', () => {
  it.each([
    { text: '0.0.0.0:9443', host: '0.0.0.0', port: 9443, back: '0.0.0.0:9443' },
    { text: ':8080', host: '0.0.0.0', port: 8080, back: '0.0.0.0:8080' },
    { text: 'localhost:0', host: 'localhost', port: 0, back: 'localhost:0' },
    { text: '[::]:9443', host: '::', port: 9443, back: '[::]:9443' },
  ])('reads $text', ({ text, host, port, back }) => {
    expect(parseAddress(text)).toEqual({ host, port });
    expect(formatAddress(parseAddress(text))).toBe(back);
  });

  it.each([
    '',
    '9443',
    'localhost',
    'localhost:',
    'localhost:x',
    'localhost:65536',
    '::1:80',
    'http://localhost:80',
  ])('refuses "%s"', (text) => {
    expect(() => parseAddress(text)).toThrow(
      `address "${text}" is not "host:port" with a port from 0 to 65535`,
    );
  });
});

/** Whether a port cannot be bound. */
async function isTaken(port: number): Promise<boolean> {
  const probe = createServer();
  return await new Promise((resolve) => {
    probe.once('error', () => {
      resolve(true);
    });
    probe.listen(port, '127.0.0.1', () => {
      probe.close(() => {
        resolve(false);
      });
    });
  });
}
