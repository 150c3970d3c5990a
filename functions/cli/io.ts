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
  /** The command line is wrong, or a file cannot be read. */
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

/** Standard streams. A reader that goes away, such as `head`, ends the program without a word. */
/** How this program is called: an npm script has no `openova` on its user's path. */
export function commandIn({ npm_lifecycle_event: script }: Io['env']): string {
  return script === undefined ? 'openova' : 'npm run -s openova --';
}

export function processIo(): Io {
  const leave = (error: NodeJS.ErrnoException): void => {
    if (error.code === 'EPIPE') process.exit(EXIT.ok);
    throw error;
  };
  process.stdout.on('error', leave);
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
