/** Steps in order, with their times, their words and their result. */
import { setTimeout as pause } from 'node:timers/promises';
import type { Io } from '../cli/io.ts';
import type { Result, Target } from './contract.ts';
import { CommandFailure, Failure } from './failure.ts';
import { HostKeys, type Trust } from './host-keys.ts';
import type { Event, Progress } from './progress.ts';
import { Redactor } from './redact.ts';
import type { Remote } from './remote.ts';
import type { Look, Outcome, Run } from './run.ts';
import { connect, Unreachable, type Login } from './ssh.ts';
import type { Store } from './store.ts';

/** The world outside, so that tests can put something in its place. */
export interface World {
  readonly store: Store;
  readonly progress: Progress;
  now(): Date;
  /** Ends the program: what runs is given up. */
  readonly stop: AbortSignal;
  login(target: Target, login: Login): Promise<Remote>;
  /** Factor for the times of steps. */
  readonly patience: number;
  /** How long SSH of a machine may take to answer, in seconds; left out, as long as a cloud's new machine may. */
  readonly sshSeconds?: number | undefined;
}

/** The world as it is, for programs. @throws Failure input when the environment says what nobody can do. */
export function realWorld(given: Pick<World, 'store' | 'progress' | 'stop'>, env: Io['env']): World {
  const sshSeconds = secondsIn(env, 'OPENOVA_SSH_SECONDS');
  return { ...given, now: () => new Date(), login: connect, patience: 1, sshSeconds };
}

/** Seconds that a variable of the environment says. */
function secondsIn(env: Io['env'], name: string): number | undefined {
  const text = env[name];
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,4}$/.test(text))
    throw Failure.input(`${name} is "${text}", must be a whole number of seconds from 1 to 99999`);
  return Number(text);
}

interface Identity {
  readonly operation: string;
  /** The machine that the operation is for; left out when it is for none. */
  readonly target?: Target;
  readonly deadlineSeconds: number;
  readonly secrets: { readonly namespace: string; readonly ssh: string; readonly hostKeys: string };
}

/** Most bytes of a result as JSON. */
const MOST_RESULT = 4096;
/** A result that cannot be written is tried again this often. */
const RESULT_TRIES = 5;

export class Runner implements Run {
  readonly store: Store;
  readonly #world: World;
  readonly #identity: Identity;
  readonly #hostKeys: HostKeys;
  readonly #redactor = new Redactor();
  readonly #deadline: AbortController = new AbortController();
  readonly #timer: NodeJS.Timeout;
  readonly #remotes = new Map<string, Remote>();
  readonly #trusts = new Map<string, Trust>();
  #step = { name: 'begin', since: '' };
  #waiting: Exclude<Look<never>, { done: never }> | undefined;
  #privateKey: string | undefined;
  #guards: readonly AbortSignal[] = [];
  #found: Outcome = {};

  constructor(world: World, identity: Identity) {
    const { namespace, hostKeys } = identity.secrets;
    this.store = this.#redactor.watch(world.store, hostKeys);
    this.#world = world;
    this.#identity = identity;
    this.#hostKeys = new HostKeys(this.store, { namespace, name: hostKeys }, identity.target?.name);
    this.#timer = setTimeout(() => {
      this.#deadline.abort();
    }, identity.deadlineSeconds * 1000);
  }

  now(): Date {
    return this.#world.now();
  }

  get sshSeconds(): number | undefined {
    return this.#world.sshSeconds;
  }

  get isOver(): boolean {
    return this.#world.stop.aborted || this.#deadline.signal.aborted;
  }

  async step<T>(
    name: string,
    seconds: number,
    work: (signal: AbortSignal) => Promise<T>,
    onTimeout: (timeout: Failure) => Failure = (timeout) => timeout,
  ): Promise<T> {
    const begun = this.now();
    this.#step = { name, since: begun.toISOString() };
    this.#waiting = undefined;
    this.#say('begun');
    await this.#write({ phase: 'Running' }).catch(() => undefined);
    const timer = new AbortController();
    const over = setTimeout(
      () => {
        timer.abort();
      },
      seconds * 1000 * this.#world.patience,
    );
    const signal = AbortSignal.any([this.#world.stop, this.#deadline.signal, timer.signal, ...this.#guards]);
    try {
      const result = await orAborted(signal, () => work(signal));
      this.#say('done', { seconds: this.#secondsSince(begun) });
      return result;
    } catch (error) {
      const failure = this.#failureOf(error, { seconds, signal, over: timer.signal, onTimeout });
      const { message: cause, hint, log } = failure;
      this.#say('failed', {
        seconds: this.#secondsSince(begun),
        cause,
        hint,
        ...(log.length > 0 && { log }),
      });
      throw failure;
    } finally {
      clearTimeout(over);
    }
  }

  async guarded<T>(guard: AbortSignal, work: () => Promise<T>): Promise<T> {
    const before = this.#guards;
    this.#guards = [...before, guard];
    try {
      return await work();
    } finally {
      this.#guards = before;
    }
  }

  async until<T>(signal: AbortSignal, look: () => Promise<Look<T>>, everySeconds = 2): Promise<T> {
    for (;;) {
      const seen = await look().catch(waitAfterCommand);
      if ('done' in seen) return seen.done;
      await this.#waitFor(seen);
      await pause(everySeconds * 1000 * Math.min(1, this.#world.patience), undefined, { signal });
    }
  }

  /** Whoever looks at the result sees what is waited for, and since when the step has run. */
  async #waitFor(seen: Exclude<Look<never>, { done: never }>): Promise<void> {
    const before = this.#waiting;
    this.#waiting = seen;
    if (before?.waiting === seen.waiting && before.hint === seen.hint) return;
    const { cause, hint } = this.#cleaned({ cause: seen.waiting, hint: seen.hint });
    const log = (seen.log ?? []).map((line) => this.#redactor.clean(line));
    this.#say('waiting', { cause, ...(hint !== undefined && { hint }) });
    await this.#write({
      phase: 'Running',
      cause,
      ...(hint !== undefined && { hint }),
      ...(log.length > 0 && { log }),
    }).catch(() => undefined);
  }

  async reach(target: Target, signal: AbortSignal): Promise<Look<Remote>> {
    const name = `${target.name} ${target.address}:${target.port}`;
    const open = this.#remotes.get(name);
    if (open !== undefined) return { done: open };
    const hostKey = await this.#hostKeys.known(target);
    // Said when the time of the step is over before the first attempt is.
    this.#waiting ??= silence(target, 'it has not answered yet');
    try {
      const remote = await this.#world.login(target, {
        privateKey: await this.#clientKey(),
        hostKey,
        trust: async (shown) => {
          this.#trusts.set(target.name, await this.#hostKeys.trust(target, shown));
        },
        signal,
        onClose: () => this.#remotes.delete(name),
      });
      this.#remotes.set(name, remote);
      return { done: remote };
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
      return silence(target, error.message, error.refused);
    }
  }

  found(outcome: Outcome): void {
    this.#found = outcome;
  }

  isNew(target: Target): Promise<boolean> {
    return this.#hostKeys.isNew(target);
  }

  connect(target: Target, signal: AbortSignal): Promise<Remote> {
    return this.until(signal, () => this.reach(target, signal), 5);
  }

  /** Writes how it ended, and lets go of everything. */
  async end(outcome: Partial<Result> | Failure): Promise<void> {
    clearTimeout(this.#timer);
    for (const remote of this.#remotes.values()) remote.close();
    const ended: Pick<Result, 'phase'> & Partial<Result> =
      outcome instanceof Failure
        ? {
            phase: 'Failed',
            cause: outcome.message,
            ...(outcome.hint !== undefined && { hint: outcome.hint }),
            ...(outcome.log.length > 0 && { log: [...outcome.log] }),
          }
        : { ...outcome, phase: 'Succeeded', step: 'done' };
    for (let left = RESULT_TRIES; left > 0; left--) {
      try {
        await this.#write(ended);
        return;
      } catch (error) {
        if (left === 1) throw error;
        await pause(1000 * Math.min(1, this.#world.patience));
      }
    }
  }

  async #write(said: Pick<Result, 'phase'> & Partial<Result>): Promise<void> {
    const { operation, target } = this.#identity;
    const hostKey = target && this.#trusts.get(target.name);
    const since = this.#step.since === '' ? this.now().toISOString() : this.#step.since;
    await this.#world.store.writeResult(
      bounded({
        version: 1,
        operation,
        ...(target && { node: target.name }),
        step: this.#step.name,
        since: said.phase === 'Succeeded' ? this.now().toISOString() : since,
        ...((operation === 'server' || operation === 'agent') && hostKey && { hostKey }),
        ...this.#found,
        ...said,
      }),
    );
  }

  #say(state: Event['state'], more: Partial<Event> = {}): void {
    const node = this.#identity.target?.name ?? this.#identity.operation;
    this.#world.progress({ node, step: this.#step.name, state, ...more });
  }

  #secondsSince(begun: Date): number {
    return Math.round((this.now().getTime() - begun.getTime()) / 100) / 10;
  }

  #failureOf(
    error: unknown,
    {
      seconds,
      signal,
      over,
      onTimeout,
    }: { seconds: number; signal: AbortSignal; over: AbortSignal; onTimeout: (timeout: Failure) => Failure },
  ): Failure {
    const failure = signal.aborted ? this.#gaveUp(seconds) : asFailure(error);
    const { code, message, hint: advice, log } = over.aborted ? onTimeout(failure) : failure;
    const { cause, hint } = this.#cleaned({ cause: message, hint: advice });
    return new Failure(code, cause, { hint, log: log.map((line) => this.#redactor.clean(line)) });
  }

  #cleaned({ cause, hint }: { cause: string; hint: string | undefined }) {
    return {
      cause: this.#redactor.clean(cause),
      hint: hint === undefined ? undefined : this.#redactor.clean(hint),
    };
  }

  #gaveUp(seconds: number): Failure {
    const { name } = this.#step;
    const { waiting, hint, log } = this.#waiting ?? {};
    const why = waiting === undefined ? '' : `: ${waiting}`;
    if (this.#world.stop.aborted)
      return Failure.remote(`stopped from outside in "${name}"${why}`, { hint, log });
    const guard = this.#guards.find(({ aborted }) => aborted);
    if (guard !== undefined) return asFailure(guard.reason);
    const limit = this.#deadline.signal.aborted
      ? `the operation took longer than ${this.#identity.deadlineSeconds} s, in "${name}"`
      : `"${name}" took longer than ${seconds} s`;
    const on = this.#identity.target === undefined ? '' : ` on "${this.#identity.target.name}"`;
    return Failure.timeout(`${limit}${on}${why}`, { hint, log });
  }

  async #clientKey(): Promise<string> {
    const { namespace, ssh: name } = this.#identity.secrets;
    this.#privateKey ??= (await this.store.secret({ namespace, name }))?.data['id_ed25519'];
    if (this.#privateKey === undefined)
      throw Failure.input(`there is no Secret "${namespace}/${name}" with a key "id_ed25519"`, {
        hint: 'the operation "prepare" makes it and runs first',
      });
    return this.#privateKey;
  }
}

/** A command that fails while one waits, such as a call of an API that restarts, is one more thing to wait for. */
function waitAfterCommand(error: unknown): { waiting: string; log: readonly string[] } {
  if (error instanceof CommandFailure) return { waiting: error.message, log: error.log };
  throw error;
}

/** Why a machine cannot be logged in to, and what a person looks at first. */
function silence(
  { address, port }: Target,
  reason: string,
  refused = false,
): { waiting: string; hint: string } {
  return {
    waiting: `SSH at "${address}" port ${port}: ${reason}`,
    hint: refused
      ? "is the client's public key in root's authorized_keys, and may root log in by key there: of a claim 'prepare' tells it, of a document of kind Bootstrap it is id_ed25519.pub in the folder of the state"
      : 'is the address that this program comes from in access.managementCidrs, and is the machine on',
  };
}

/** A failure as it is; anything else that goes wrong may go well the next time. */
export function asFailure(error: unknown): Failure {
  if (error instanceof Failure) return error;
  return Failure.remote(error instanceof Error ? (error.message.split('\n')[0] ?? '') : String(error));
}

/** The work's end, or the signal's: work that does not listen is left behind. */
async function orAborted<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  signal.throwIfAborted();
  let abort: () => void = () => undefined;
  const aborted = new Promise<never>((_, reject) => {
    abort = () => {
      reject(new Error('aborted'));
    };
    signal.addEventListener('abort', abort);
  });
  try {
    return await Promise.race([work(), aborted]);
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** A result that fits: the oldest lines of the log go first, then the ends of long texts. */
export function bounded(result: Result): Result {
  const size = (one: Result) => Buffer.byteLength(JSON.stringify(one));
  let fitting = result;
  while (size(fitting) > MOST_RESULT && fitting.log !== undefined && fitting.log.length > 0)
    fitting = { ...fitting, log: fitting.log.slice(1) };
  if (size(fitting) <= MOST_RESULT) return fitting;
  const { cause, hint } = fitting;
  return {
    ...fitting,
    ...(cause !== undefined && { cause: shortened(cause) }),
    ...(hint !== undefined && { hint: shortened(hint) }),
  };
}

/** Characters take at most three bytes of UTF-16, or six of JSON. */
function shortened(text: string): string {
  return text.length <= 250 ? text : `${text.slice(0, 249)}…`;
}
