/** Prometheus metrics, on a port of their own. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { cannotListen, parseAddress } from './address.ts';
import type { CallRecord } from './respond.ts';

export interface Metrics {
  readonly port: number;
  record(call: CallRecord, milliseconds: number): void;
  /** When the certificate in use ends. */
  certificate(notAfter: Date): void;
  stop(): Promise<void>;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const BYTES = [1, 4, 16, 64, 256, 1024, 2048, 3072, 4096].map((kibibytes) => kibibytes * 1024);
const COUNT = [0, 1, 10, 25, 50, 100, 200, 500, 1000];
/** Kinds become label values; a client that sends ever new ones must not fill the memory. */
const KINDS = 20;

export async function startMetrics(address: string): Promise<Metrics> {
  const { host, port } = parseAddress(address);
  const { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } = await import('prom-client');
  const registry = new Registry();
  const registers = [registry];
  collectDefaultMetrics({ register: registry });
  const requests = new Counter({
    name: 'openova_function_requests_total',
    help: 'RunFunction calls by kind of composite and by result',
    labelNames: ['kind', 'result'],
    registers,
  });
  const duration = new Histogram({
    name: 'openova_function_request_duration_seconds',
    help: 'Time from a complete request to its answer',
    labelNames: ['kind'],
    buckets: SECONDS,
    registers,
  });
  const response = new Histogram({
    name: 'openova_function_response_bytes',
    help: 'Size of responses; Crossplane receives at most 4 MiB',
    labelNames: ['kind'],
    buckets: BYTES,
    registers,
  });
  const observed = new Histogram({
    name: 'openova_function_observed_resources',
    help: 'Composed resources in a request',
    labelNames: ['kind'],
    buckets: COUNT,
    registers,
  });
  const certificate = new Gauge({
    name: 'openova_function_certificate_not_after_seconds',
    help: 'When the server certificate in use ends, in seconds since 1970',
    registers,
  });

  const kinds = new Set<string>();
  const bounded = (kind: string): string => {
    if (kinds.size < KINDS) kinds.add(kind);
    return kinds.has(kind) ? kind : 'other';
  };

  const server = createServer((incoming, outgoing) => {
    if (incoming.url?.split('?', 1)[0] !== '/metrics') {
      outgoing.writeHead(404).end();
      return;
    }
    registry.metrics().then(
      (text) => outgoing.writeHead(200, { 'content-type': registry.contentType }).end(text),
      () => outgoing.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error) => {
      reject(cannotListen('metrics', address, error.message));
    });
    server.listen(port, host, resolve);
  });

  return {
    port: portOf(server.address()),
    record: (call, milliseconds) => {
      const kind = bounded(call.xr.kind);
      requests.inc({ kind, result: call.outcome });
      duration.observe({ kind }, milliseconds / 1000);
      response.observe({ kind }, call.responseBytes);
      observed.observe({ kind }, call.observed);
    },
    certificate: (notAfter) => {
      certificate.set(notAfter.getTime() / 1000);
    },
    stop: async () => {
      registry.clear();
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

function portOf(address: string | AddressInfo | null): number {
  return typeof address === 'object' && address !== null ? address.port : 0;
}
