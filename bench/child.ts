/** Between the benchmark and the servers that it starts: the port once, and what it uses whenever it asks. */
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { z } from 'zod';

const Message = z.union([z.object({ port: z.int() }), z.object({ rss: z.int(), cpuMs: z.number() })]);

/** In the child: reports, and ends when the parent does. */
export function answerParent(port: number): void {
  process.on('message', () => {
    const { user, system } = process.cpuUsage();
    process.send?.({ rss: process.memoryUsage.rss(), cpuMs: (user + system) / 1000 });
  });
  process.on('disconnect', () => process.exit(0));
  process.send?.({ port });
}

export interface Usage {
  readonly rss: number;
  readonly cpuMs: number;
}

export interface Child {
  readonly port: number;
  /** Resident memory in bytes, and processor time of all its threads so far in milliseconds. */
  usage(): Promise<Usage>;
  stop(): void;
}

/** In the parent: starts `bench/<name>.ts` and waits until it serves. */
export async function startChild(name: string, args: readonly string[] = []): Promise<Child> {
  const child = fork(join(import.meta.dirname, `${name}.ts`), args, {
    stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
  });
  const first = await answerOf(child);
  if (!('port' in first)) throw new Error(`"${name}" did not say its port`);
  return {
    port: first.port,
    usage: async () => {
      child.send('usage');
      const answer = await answerOf(child);
      if (!('rss' in answer)) throw new Error(`"${name}" did not say what it uses`);
      return answer;
    },
    stop: () => {
      child.disconnect();
    },
  };
}

async function answerOf(child: ChildProcess): Promise<z.infer<typeof Message>> {
  const ended = new AbortController();
  const fail = (): void => {
    ended.abort(new Error('a server of the benchmark ended'));
  };
  child.once('exit', fail);
  try {
    const received: unknown[] = await once(child, 'message', { signal: ended.signal });
    return Message.parse(received[0]);
  } finally {
    child.off('exit', fail);
  }
}
