/** Programs that run beside the tests, each with a log, and all of them gone when we are, however we go. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** A program has ended that should run: there is nothing to wait for any more. */
class Ended extends Error {}

/** A program in a process group of its own. */
export interface Running {
  readonly name: string;
  /** Of its process group. */
  readonly pid: number | undefined;
  readonly log: string;
  /** Fails once it has ended. */
  check(): Promise<void>;
  stop(how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export interface Start {
  readonly program: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
}

/**
 * The shell starts the program and waits for the end of its own standard input: a pipe whose other end is ours. It closes
 * when we end, also when we are killed, and then the whole group is killed.
 */
const GUARD = `
exec 3<&0
"$@" </dev/null 3<&- &
child=$!
{ cat <&3 >/dev/null; kill -KILL -$$; } &
wait $child
code=$?
echo "ended with $code"
kill -KILL -$$
`;

/** What is to be removed when we are gone, also when we are killed. */
const SWEEP = `
cat >/dev/null
sleep 1
rm -rf -- "$1"
`;

function launch(logs: string, name: string, { program, args, env, cwd }: Start) {
  const log = join(logs, `${name}.log`);
  const output = openSync(log, 'a');
  const child = spawn('sh', ['-c', GUARD, name, program, ...args], {
    stdio: ['pipe', output, output],
    detached: true,
    // Memory is plenty, processors are few: Go collects less often.
    env: { PATH: process.env['PATH'] ?? '', HOME: logs, GOGC: '400', ...env },
    ...(cwd !== undefined && { cwd }),
  });
  closeSync(output);
  return { child, log };
}

export function start(logs: string, name: string, what: Start): Running {
  const { child, log } = launch(logs, name, what);
  return {
    name,
    pid: child.pid,
    log,
    check: async () => {
      if (!hasEnded(child)) return;
      throw new Ended(`${name} has ended; the end of ${log}:\n${await tail(log)}`);
    },
    stop: (how) => stop(child, how),
  };
}

/** Runs a program until it ends, or is told to. @returns its exit code; undefined when it was killed. */
export async function runToEnd(
  logs: string,
  name: string,
  what: Start,
  signal: AbortSignal,
): Promise<number | undefined> {
  signal.throwIfAborted();
  const { child, log } = launch(logs, name, what);
  const end = () => void stop(child);
  signal.addEventListener('abort', end);
  await once(child, 'exit');
  signal.removeEventListener('abort', end);
  signal.throwIfAborted();
  const code = /^ended with (\d+)$/.exec((await tail(log, 2)).trim().split('\n').at(-1) ?? '')?.[1];
  return code === undefined ? undefined : Number(code);
}

/** The path of a program on the PATH; fails with what to do about one that is missing. */
export async function programOf(name: string, advice: string): Promise<string> {
  const found = await run('sh', ['-c', `command -v ${name}`]).catch(() => undefined);
  if (found === undefined) throw new Error(`cannot find the program "${name}": ${advice}`);
  return found.stdout.trim();
}

/** A program that a scenario may end and begin again. */
export interface Service extends Running {
  /** Ends it, or kills it, does what is to be done meanwhile, and begins it again. */
  restart(meanwhile?: () => Promise<void>, how?: 'SIGTERM' | 'SIGKILL'): Promise<void>;
}

export function service(begin: () => Running): Service {
  let running: Running | undefined = begin();
  const { name, log } = running;
  return {
    name,
    get pid() {
      return running?.pid;
    },
    log,
    check: async () => running?.check(),
    stop: async () => running?.stop(),
    restart: async (meanwhile, how) => {
      const ending = running;
      running = undefined;
      await ending?.stop(how);
      await meanwhile?.();
      running = begin();
    },
  };
}

/** Something that is done again and again beside the tests, until it is stopped. */
export interface Repeated {
  /** What went wrong and was tried again. */
  readonly problems: ReadonlySet<string>;
  stop(): Promise<void>;
}

export function repeat(round: () => Promise<void>, between = 400): Repeated {
  const problems = new Set<string>();
  let stopped = false;
  const loop = async () => {
    while (!stopped) {
      await round().catch((error: unknown) => {
        if (!stopped) problems.add(error instanceof Error ? error.message : String(error));
      });
      await sleep(between);
    }
  };
  const running = loop();
  return {
    problems,
    stop: async () => {
      stopped = true;
      await running;
    },
  };
}

/** Removes a folder once we are gone. */
export function sweepLater(folder: string): () => void {
  const child = spawn('sh', ['-c', SWEEP, 'sweep', folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  child.unref();
  return () => {
    child.stdin.end();
  };
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

const SECONDS_TO_END = 5;

/** Asks the group to end, then makes it; nothing of it is left after. */
async function stop(child: ChildProcess, how: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
  const group = child.pid;
  if (hasEnded(child) || group === undefined) return;
  const ended = once(child, 'exit');
  signal(group, how);
  const timer = setTimeout(() => child.stdin?.end(), SECONDS_TO_END * 1000);
  await ended;
  clearTimeout(timer);
  // The program may take longer to end than the shell, and hold its ports so long.
  for (let look = 0; look < 200 && signal(group, 0); look += 1) await sleep(10);
  while (signal(group, 'SIGKILL')) await sleep(10);
}

/** @returns whether there is anybody in the group. */
function signal(group: number, name: 'SIGTERM' | 'SIGKILL' | 0): boolean {
  try {
    return process.kill(-group, name);
  } catch {
    return false;
  }
}

export async function tail(log: string, lines = 30): Promise<string> {
  return (await readFile(log, 'utf8')).split('\n').slice(-lines).join('\n');
}

export async function sleep(milliseconds: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
}

/** Tries until it gets something; fails with what it waited for and the last error. */
export async function eventually<T>(
  what: string,
  seconds: number,
  attempt: () => Promise<T | undefined>,
  between = 250,
): Promise<T> {
  const end = Date.now() + seconds * 1000;
  let last: unknown = 'there was nothing';
  while (Date.now() < end) {
    try {
      const found = await attempt();
      if (found !== undefined) return found;
    } catch (error) {
      if (error instanceof Ended) throw error;
      last = error;
    }
    await sleep(between);
  }
  const why = last instanceof Error ? last.message : String(last);
  throw new Error(`waited ${seconds} s for ${what}: ${why}`);
}

/** Looks until it is so. */
export async function eventuallyTrue(
  what: string,
  seconds: number,
  isSo: () => boolean | Promise<boolean>,
): Promise<void> {
  await eventually(what, seconds, async () => ((await isSo()) ? true : undefined));
}
