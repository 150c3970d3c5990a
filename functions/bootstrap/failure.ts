/** Why an operation ends early, in words for a person, with the exit code that says whether another try can help. */
import { EXIT } from './contract.ts';

export interface FailureDetails {
  /** What a person can do about it: one line. */
  readonly hint?: string | undefined;
  /** The last lines of what the machine said. */
  readonly log?: readonly string[] | undefined;
}

export class Failure extends Error {
  override readonly name = 'Failure';
  readonly code: number;
  readonly hint: string | undefined;
  readonly log: readonly string[];

  /** @param cause one line that names the machine, the step and the values. It never holds a secret. */
  constructor(code: number, cause: string, { hint, log = [] }: FailureDetails = {}) {
    super(cause);
    this.code = code;
    this.hint = hint;
    this.log = log;
  }

  /** What is asked for is wrong, or not to be had: another try cannot mend it. */
  static input(cause: string, details?: FailureDetails): Failure {
    return new Failure(EXIT.input, cause, details);
  }

  /** A machine does not prove to be the one that is known under its name. */
  static hostKey(cause: string, details?: FailureDetails): Failure {
    return new Failure(EXIT.hostKey, cause, details);
  }

  /** Something did not come about in its time. */
  static timeout(cause: string, details?: FailureDetails): Failure {
    return new Failure(EXIT.timeout, cause, details);
  }

  /** There is a cluster, and too few of its servers live. */
  static quorum(cause: string, details?: FailureDetails): Failure {
    return new Failure(EXIT.quorum, cause, details);
  }

  /** A command failed, a connection broke, or anything else that may go well the next time. */
  static remote(cause: string, details?: FailureDetails): Failure {
    return new Failure(EXIT.remote, cause, details);
  }
}

/** The machine answers, and what it was told did not go well: whoever waits for something looks again. */
export class CommandFailure extends Failure {
  constructor(cause: string, details?: FailureDetails) {
    super(EXIT.remote, cause, details);
  }
}

/** Several failures as one: the words of all, with the code, the hint and the log of the first. */
export function together(first: Failure, more: readonly Failure[]): Failure {
  if (more.length === 0) return first;
  const words = [first, ...more].map(({ message }) => message).join('; ');
  return new Failure(first.code, words, { hint: first.hint, log: first.log });
}
