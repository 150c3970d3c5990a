/** A machine that one is logged in to. */
import type { Target } from './contract.ts';

export interface Output {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** For standard input: the only way for a secret. */
  readonly input?: string;
  /** Exit codes beside 0 that are an answer; any other is a Failure. */
  readonly allow?: readonly number[];
  /** Ends the wait for the command; it may go on at the machine. */
  readonly signal?: AbortSignal;
}

export interface Remote {
  readonly target: Target;
  /**
   * Runs a POSIX shell script as root.
   * @param script never holds a secret: it can be seen in the machine's list of processes.
   * @throws Failure remote, with the last lines that the command wrote to standard error.
   */
  run(script: string, options?: RunOptions): Promise<Output>;
  close(): void;
}

/** Text as one word of a shell script. */
export function quote(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`;
}

/** A file's content; undefined when there is none. */
export async function readText(
  remote: Remote,
  path: string,
  signal?: AbortSignal,
): Promise<string | undefined> {
  const NONE = 44;
  const { code, stdout } = await remote.run(`[ -e ${quote(path)} ] || exit ${NONE}; cat ${quote(path)}`, {
    allow: [NONE],
    ...(signal && { signal }),
  });
  return code === NONE ? undefined : stdout;
}

/**
 * Makes a file hold exactly this, with its folder: in one piece, so that nobody ever reads half of it.
 * @param mode in octal digits, such as `0600`.
 * @returns whether it did not before.
 */
export async function writeText(
  remote: Remote,
  path: string,
  content: string,
  mode: string,
  signal?: AbortSignal,
): Promise<boolean> {
  const file = quote(path);
  const folder = quote(path.slice(0, path.lastIndexOf('/')) || '/');
  const { stdout } = await remote.run(
    [
      'set -eu; umask 077',
      `mkdir -p -m 0755 ${folder}`,
      // What a program that has died left; its script may still run, so each has a draft of its own.
      `rm -f ${file}.openova.*`,
      `draft=${file}.openova.$$; trap 'rm -f "$draft"' EXIT`,
      'cat > "$draft"',
      // Where the connection breaks, input ends early.
      `[ "$(wc -c < "$draft")" -eq ${Buffer.byteLength(content)} ] || { echo 'the input broke off' >&2; exit 1; }`,
      `chmod ${mode} "$draft"`,
      `if cmp -s "$draft" ${file}; then chmod ${mode} ${file}; exit 0; fi`,
      `sync "$draft"; mv -f "$draft" ${file}; echo changed`,
    ].join('\n'),
    { input: content, ...(signal && { signal }) },
  );
  return stdout.trim() === 'changed';
}
