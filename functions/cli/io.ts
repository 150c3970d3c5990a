/** What a command may touch of the world outside: streams and the environment, so that tests can give their own. */

export interface Output {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Characters in a line; 80 where nobody knows. */
  readonly columns: number;
}

export interface Io {
  readonly out: Output;
  readonly err: Output;
  /** Everything on standard input. */
  readStdin(): Promise<string>;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Exit codes, the same for every command unless its help says otherwise. */
export const EXIT = {
  ok: 0,
  /** The input is wrong, or the answer is no. */
  invalid: 1,
  /** The command line is wrong, or a file cannot be read or written. */
  usage: 2,
  /** Rendered, but not everything became ready. */
  unready: 3,
} as const;

/** An error that a person can act on: printed as one line, without a stack. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly exitCode: number;

  constructor(message: string, exitCode: number = EXIT.usage) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** Whether a stream takes colours: terminals do, unless NO_COLOR says otherwise (no-color.org). */
export function takesColour({ isTerminal }: Output, { NO_COLOR, TERM }: Io['env']): boolean {
  return isTerminal && (NO_COLOR === undefined || NO_COLOR === '') && TERM !== 'dumb';
}

const REASONS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EEXIST: 'it is a file',
  EISDIR: 'it is a folder',
  ENOENT: 'no such file',
  ENOSPC: 'no space left',
  ENOTDIR: 'a part of its path is a file',
};

/** Why a file cannot be read or written, without the words of the operating system where there are better ones. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  return REASONS[code] ?? error.message;
}

/** How this program is called: an npm script has no `openova` on its user's path. */
export function commandIn({ npm_lifecycle_event: script }: Io['env']): string {
  return script === undefined ? 'openova' : 'npm run -s openova --';
}

/**
 * Standard streams. A reader that goes away, such as `head`, ends the program without a word.
 * @param unwritten the exit code when output cannot be written.
 */
export function processIo(unwritten: number = EXIT.usage): Io {
  const leave = (error: NodeJS.ErrnoException): void => {
    process.exit(error.code === 'EPIPE' ? EXIT.ok : unwritten);
  };
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') process.stderr.write(`cannot write to standard output: ${reasonOf(error)}\n`);
    leave(error);
  });
  process.stderr.on('error', leave);
  const output = (stream: NodeJS.WriteStream): Output => ({
    write: (text) => {
      stream.write(text);
    },
    isTerminal: stream.isTTY,
    columns: stream.columns || 80,
  });
  return {
    out: output(process.stdout),
    err: output(process.stderr),
    readStdin: async () => {
      process.stdin.setEncoding('utf8');
      let text = '';
      for await (const chunk of process.stdin) text += String(chunk);
      return text;
    },
    env: process.env,
  };
}
