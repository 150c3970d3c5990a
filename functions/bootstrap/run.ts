/** One run of an operation: its steps, and all that it touches of the world outside. */
import type { Input, Result, Target } from './contract.ts';
import type { Failure } from './failure.ts';
import type { Remote } from './remote.ts';
import type { Store } from './store.ts';

/** What is looked at again and again: what it came to, or what it waits for, in words for a person. */
export type Look<T> =
  | { readonly done: T }
  | { readonly waiting: string; readonly hint?: string; readonly log?: readonly string[] };

export interface Run {
  readonly store: Store;
  now(): Date;
  /** How long SSH of a machine may take to answer, in seconds, where whoever started the program has said so. */
  readonly sshSeconds: number | undefined;
  /** Nothing more can be done: it was stopped from outside, or the time of the operation is over. */
  readonly isOver: boolean;
  /**
   * One step of an operation, shown while it runs. When its time is over, or the operation's, the signal ends its remote
   * commands and it fails as a timeout that says the step, the machine and what was waited for last.
   * @param name what is done, such as `wait for cloud-init`.
   * @param onTimeout what it is called instead, where time has another meaning.
   */
  step<T>(
    name: string,
    seconds: number,
    work: (signal: AbortSignal) => Promise<T>,
    onTimeout?: (timeout: Failure) => Failure,
  ): Promise<T>;
  /**
   * Work whose steps end with the guard as well, and fail with the reason that it was aborted for.
   */
  guarded<T>(guard: AbortSignal, work: () => Promise<T>): Promise<T>;
  /**
   * Looks until it is done or the step's time is over; a command that fails is looked at again.
   * @param everySeconds pause between two looks; 2 unless told.
   */
  until<T>(signal: AbortSignal, look: () => Promise<Look<T>>, everySeconds?: number): Promise<T>;
  /**
   * Tries once to log in, with its host key verified or pinned. Of one machine all steps share one connection, which ends
   * with the run.
   */
  reach(target: Target, signal: AbortSignal): Promise<Look<Remote>>;
  /** What the operation adds to its result from now on, however it ends; it takes the place of what was found before. */
  found(outcome: Outcome): void;
  /** Whether a machine has taken the place of another one, and no Job of its own has done anything to it yet. */
  isNew(target: Target): Promise<boolean>;
  /**
   * Logs in; tries until the step's time is over.
   */
  connect(target: Target, signal: AbortSignal): Promise<Remote>;
}

/** The input of one operation. */
export type InputOf<Name extends Input['operation']> = Extract<Input, { operation: Name }>;

/** What an operation adds to its result. */
export type Outcome = Partial<
  Pick<Result, 'publicKey' | 'hostKey' | 'certificatesExpire' | 'lastSnapshot' | 'troubled'>
>;
