/** How long things take. */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { FunctionRunnerServiceService } from '@crossplane-org/function-sdk-typescript';
import { Client, credentials } from '@grpc/grpc-js';
import { service as health } from 'grpc-health-check';
import { freePorts } from '../test/ports.ts';

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((left, right) => left - right);
  const middle = sorted.length / 2;
  const [below, above] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  if (below === undefined || above === undefined) throw new Error('no values to take the median of');
  return (below + above) / 2;
}

export interface Caller {
  /** Sends the bytes of a request and gives those of the response: no time goes into messages on this side. */
  call(request: Buffer): Promise<Buffer>;
  close(): void;
}

export function callerAt(port: number): Caller {
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.max_receive_message_length': -1,
  });
  const same = (bytes: Buffer): Buffer => bytes;
  return {
    call: (request) =>
      new Promise((resolve, reject) => {
        const { path } = FunctionRunnerServiceService.runFunction;
        client.makeUnaryRequest(path, same, same, request, (error, response) => {
          if (response !== undefined) resolve(response);
          else reject(error ?? new Error('neither error nor response'));
        });
      }),
    close: () => {
      client.close();
    },
  };
}

/** One of the two that are compared. */
export interface Side {
  readonly caller: Caller;
  /** Processor time of the server so far, in milliseconds. */
  readonly cpu: () => Promise<number>;
}

export interface Cost {
  /** Median of the calls, in milliseconds. */
  readonly wallMs: number;
  /** Processor time of the server for one call, in milliseconds: what others do on the machine is not in it. */
  readonly cpuMs: number;
}

/** Calls before the first that counts: a server answers for weeks, so what its first minute costs is no measure. */
const WARM_UP = 150;

/** Calls both in turn, who goes first changing each time, so that what disturbs the machine disturbs both alike. */
export async function compare(
  floor: Side,
  ours: Side,
  request: Buffer,
  calls: number,
): Promise<[Cost, Cost]> {
  const sides = [floor, ours].map((side) => ({ ...side, times: new Array<number>(), before: 0 }));
  for (let round = 0; round < WARM_UP + calls; round += 1) {
    if (round === WARM_UP) for (const side of sides) side.before = await side.cpu();
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) {
      const started = performance.now();
      await side.caller.call(request);
      if (round >= WARM_UP) side.times.push(performance.now() - started);
    }
  }
  const [first, second] = await Promise.all(
    sides.map(async ({ times, before, cpu }) => ({
      wallMs: median(times),
      cpuMs: ((await cpu()) - before) / calls,
    })),
  );
  if (first === undefined || second === undefined) throw new Error('two sides have two costs');
  return [first, second];
}

/**
 * Starts `openova serve` and asks its health port until it answers.
 * @param command the program and its arguments up to `serve`.
 * @returns milliseconds from spawn to the first answer.
 */
export async function coldStart([program, ...args]: readonly [string, ...string[]]): Promise<number> {
  const [port = 0] = await freePorts(1);
  const flags = ['serve', '--insecure', '--address', '127.0.0.1:0', '--health-address', `127.0.0.1:${port}`];
  const started = performance.now();
  const child = spawn(program, [...args, ...flags, '--metrics-address', '127.0.0.1:0'], { stdio: 'ignore' });
  try {
    while (!(await accepts(port))) {
      if (child.exitCode !== null) throw new Error(`"${args.join(' ')} serve" ended with ${child.exitCode}`);
      await pause(2);
    }
    await check(port);
    return performance.now() - started;
  } finally {
    child.kill('SIGKILL');
  }
}

async function accepts(port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      resolve(true);
      socket.destroy();
    });
    socket.once('error', () => {
      resolve(false);
    });
  });
}

async function check(port: number): Promise<void> {
  const method = health['Check'];
  if (method === undefined) throw new Error('the health service has no Check');
  const { path, requestSerialize, responseDeserialize } = method;
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure());
  await new Promise<void>((resolve, reject) => {
    const read = (bytes: Buffer): object => responseDeserialize(bytes);
    client.makeUnaryRequest(path, requestSerialize, read, { service: '' }, (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
  client.close();
}
