/** Folders of certificates, clients and a log to look into, for the tests of the server. */
import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { connect, type ClientHttp2Stream } from 'node:http2';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import {
  FunctionRunnerServiceService,
  RunFunctionRequest,
  Ready,
  Resource,
  RunFunctionResponse,
  type Severity,
} from '@crossplane-org/function-sdk-typescript';
import { Client, credentials, type ChannelCredentials, type ServiceError } from '@grpc/grpc-js';
import { service as healthService } from 'grpc-health-check';
import type { Logger } from 'pino';
import { onTestFinished } from 'vitest';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { createLogger } from '../../functions/server/log.ts';
import { fatal, type Handler } from '../../functions/server/messages.ts';
import { startServer, type RunningServer, type ServerOptions } from '../../functions/server/server.ts';
import { decodeResponse } from '../../functions/server/wire.ts';
import type { Pair } from '../certificates.ts';

export const PATH = '/apiextensions.fn.proto.v1.FunctionRunnerService/RunFunction';

/** A fresh folder that is gone when the test is over. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'openova-server-'));
  onTestFinished(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

const FILES = ['ca.crt', 'tls.crt', 'tls.key'] as const;

/** Writes the three files of a function's certificate folder. */
export function writeCertificates(dir: string, ca: string, pair: Pair): void {
  mkdirSync(dir, { recursive: true });
  const contents = { 'ca.crt': ca, 'tls.crt': pair.cert, 'tls.key': pair.key };
  for (const file of FILES) writeFileSync(join(dir, file), contents[file]);
}

/** Mounts or swaps the files as the kubelet does: a new folder, one rename of the link to it, the old folder gone. */
export function mountSecret(dir: string, ca: string, pair: Pair): void {
  const former = readdirSync(dir).filter((name) => name.startsWith('..2'));
  const folder = `..2026_${former.length + 1}_${Math.random().toString(36).slice(2)}`;
  writeCertificates(join(dir, folder), ca, pair);
  symlinkSync(folder, join(dir, '..data_tmp'));
  renameSync(join(dir, '..data_tmp'), join(dir, '..data'));
  if (former.length === 0) for (const file of FILES) symlinkSync(join('..data', file), join(dir, file));
  for (const name of former) rmSync(join(dir, name), { recursive: true });
}

/** A log that keeps its lines. */
export function logBook(level: 'info' | 'debug' = 'info'): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const destination = new Writable({
    write(chunk: Buffer, _encoding, done) {
      lines.push(chunk.toString());
      done();
    },
  });
  return { logger: createLogger(level, destination), lines };
}

/** An answer that passes on what came. */
export function passThrough(request: RunFunctionRequest, ttlSeconds: number): RunFunctionResponse {
  return {
    ...RunFunctionResponse.fromPartial({
      meta: { tag: request.meta?.tag ?? '', ttl: { seconds: ttlSeconds } },
    }),
    desired: request.desired,
    context: request.context,
  };
}

export function resourceOf(object: JsonObject, ready: boolean): Resource {
  return {
    ...Resource.fromPartial({ ready: ready ? Ready.READY_TRUE : Ready.READY_FALSE }),
    resource: object,
  };
}

export const echo: Handler = (request) => passThrough(request, 60);
export const refuse: Handler = (request) => fatal(request, 'no');

const running: { stop(): unknown }[] = [];

/** A server on free loopback ports in plain text, unless the options say otherwise; `stopAll` ends it. */
export async function serverWith(options: Partial<ServerOptions>): Promise<RunningServer> {
  const defaults = { address: '127.0.0.1:0', tls: 'insecure', handle: echo, drainSeconds: 1 } as const;
  const server = await startServer({ ...defaults, logger: logBook().logger, ...options });
  running.push(server);
  return server;
}

export async function stopAll(): Promise<void> {
  for (const one of running.splice(0).reverse()) await one.stop();
}

export interface Caller {
  call(request: RunFunctionRequest): Promise<RunFunctionResponse>;
  callBytes(bytes: Buffer): Promise<RunFunctionResponse>;
}

/** A client of the function; it is closed by `stopAll`. */
export function callerAt(
  port: number | undefined,
  channel: ChannelCredentials = credentials.createInsecure(),
): Caller {
  const client = clientAt(port, channel);
  const callBytes = (bytes: Buffer): Promise<RunFunctionResponse> =>
    new Promise((resolve, reject) => {
      client.makeUnaryRequest(
        PATH,
        (message: Buffer) => message,
        decodeResponse,
        bytes,
        { deadline: Date.now() + 20_000 },
        (error, response) => {
          if (response !== undefined) resolve(response);
          else reject(error ?? new Error('neither error nor response'));
        },
      );
    });
  return {
    callBytes,
    call: async (request) =>
      await callBytes(FunctionRunnerServiceService.runFunction.requestSerialize(request)),
  };
}

function clientAt(port: number | undefined, channel: ChannelCredentials): Client {
  // Clients with the same options would share a connection, and so the certificate of the first.
  const client = new Client(`localhost:${port ?? 0}`, channel, {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
  running.push({
    stop: () => {
      client.close();
    },
  });
  return client;
}

/** The gRPC status code of a call that must fail. */
export async function failureOfCall(call: Promise<unknown>): Promise<ServiceError> {
  const error: unknown = await call.then(
    () => new Error('the call was answered'),
    (reason: unknown) => reason,
  );
  if (isServiceError(error)) return error;
  throw error instanceof Error ? error : new Error(String(error));
}

function isServiceError(error: unknown): error is ServiceError {
  return error instanceof Error && 'code' in error && typeof error.code === 'number' && 'details' in error;
}

/** What grpc.health.v1.Health answers for a service; a gRPC error as its code. */
export async function healthAt(port: number | undefined, service = ''): Promise<string> {
  const client = clientAt(port, credentials.createInsecure());
  const { path, requestSerialize, responseDeserialize } = healthService['Check'] ?? {};
  if (path === undefined || requestSerialize === undefined || responseDeserialize === undefined) {
    throw new Error('the health service has no Check');
  }
  return await new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      requestSerialize,
      (bytes): object => responseDeserialize(bytes),
      { service },
      { deadline: Date.now() + 5000 },
      (error, response) => {
        const answer: unknown =
          response !== undefined && 'status' in response ? response.status : error?.code;
        resolve(String(answer));
      },
    );
  });
}

export function mutual(ca: string, pair: Pair): ChannelCredentials {
  return credentials.createSsl(Buffer.from(ca), Buffer.from(pair.key), Buffer.from(pair.cert));
}

/** An object to put into a request. */
export function manifest(kind: string, name: string, more: JsonObject = {}): Manifest {
  return { apiVersion: 'platform.openova.io/v1alpha1', kind, metadata: { name }, ...more };
}

/** A request about an XOpenOvaRegion, with these composed resources observed. */
export function requestWith(
  observed: Readonly<Record<string, object>>,
  more: Partial<RunFunctionRequest> = {},
): RunFunctionRequest {
  const labels = { 'crossplane.io/claim-namespace': 'team-a', 'crossplane.io/claim-name': 'shop' };
  const composite = { ...manifest('XOpenOvaRegion', 'shop-x7'), metadata: { name: 'shop-x7', labels } };
  return {
    ...RunFunctionRequest.fromPartial({
      meta: { tag: '0123456789abcdef' },
      observed: {
        composite: { resource: composite },
        resources: Object.fromEntries(Object.entries(observed).map(([key, resource]) => [key, { resource }])),
      },
    }),
    ...more,
  };
}

export function severities(response: RunFunctionResponse): Severity[] {
  return response.results.map(({ severity }) => severity);
}

export interface CallUnderWay {
  /** Sends the rest and reads the answer. */
  finish(): Promise<RunFunctionResponse>;
  cancel(): void;
  /** Whether the connection is gone. */
  isCut(): boolean;
}

/** A call of which the server has the first part. */
export async function callUnderWay(port: number | undefined): Promise<CallUnderWay> {
  const session = connect(`http://127.0.0.1:${port ?? 0}`);
  session.on('error', () => undefined);
  await once(session, 'connect');
  const headers = { ':method': 'POST', ':path': PATH, 'content-type': 'application/grpc', te: 'trailers' };
  const stream = session.request(headers);
  stream.on('error', () => undefined);
  const message = FunctionRunnerServiceService.runFunction.requestSerialize(requestWith({}));
  const frame = Buffer.alloc(5 + message.length);
  frame.writeUInt32BE(message.length, 1);
  message.copy(frame, 5);
  stream.write(frame.subarray(0, 10));
  // The answer to a ping comes after the server has taken everything sent before it.
  await new Promise<void>((resolve, reject) => {
    session.ping((error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  return {
    finish: async () => {
      stream.end(frame.subarray(10));
      return decodeResponse((await bodyOf(stream)).subarray(5));
    },
    isCut: () => session.destroyed,
    cancel: () => {
      session.destroy();
    },
  };
}

async function bodyOf(stream: ClientHttp2Stream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer) => chunks.push(chunk));
  await once(stream, 'end');
  return Buffer.concat(chunks);
}
