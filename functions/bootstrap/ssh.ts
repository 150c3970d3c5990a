/** Logging in to a machine over SSH, with a key pair of ours and a host key that somebody vouches for. */
import { createHash } from 'node:crypto';
import ssh2, { type ClientChannel, type ConnectConfig } from 'ssh2';
import type { Target } from './contract.ts';
import { CommandFailure, Failure } from './failure.ts';
import type { Output, Remote, RunOptions } from './remote.ts';

/** A public host key as it stands in `known_hosts`: algorithm and base64. */
export interface HostKey {
  readonly algorithm: string;
  /** `ssh-ed25519 AAAA…`, without a comment. */
  readonly openssh: string;
  /** As `ssh-keygen -l` prints it: `SHA256:…`. */
  readonly fingerprint: string;
}

export interface Login {
  /** In OpenSSH form, without a passphrase. */
  readonly privateKey: string;
  /** The key that the machine is known by; left out, this is the first contact. */
  readonly hostKey?: HostKey | undefined;
  /**
   * Judges the key that the machine shows: before we log in where one is known, else once it has accepted our key, so that
   * nothing is learned from a machine that is none of ours. It is told nothing before. @throws Failure hostKey
   */
  readonly trust: (shown: HostKey) => Promise<void>;
  readonly signal: AbortSignal;
  /** The connection is of no more use. */
  readonly onClose?: () => void;
}

/** The machine does not answer, or not as SSH does: worth another try. */
export class Unreachable extends Error {
  override readonly name = 'Unreachable';
  /** Whether somebody does answer, and only our key is refused. */
  readonly refused: boolean;

  constructor(message: string, { refused = false } = {}) {
    super(message);
    this.refused = refused;
  }
}

const USER = 'root';
const READY_MS = 20_000;
/** A connection that says nothing for three of these is dead. */
const KEEPALIVE_MS = 10_000;
/** Lines of standard error that a failure shows. */
const LOG_LINES = 20;
/** More than any answer that the program asks for. */
const MOST_OUTPUT = 8 * 1024 * 1024;

/** In the order of preference at the first contact. */
const ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
] as const;

/** Reads a public key in OpenSSH form; undefined when it is none. A comment behind it is left out. */
export function parseHostKey(text: string): HostKey | undefined {
  const [algorithm, base64] = text.trim().split(/\s+/);
  if (algorithm === undefined || base64 === undefined) return undefined;
  const key = hostKeyOf(Buffer.from(base64, 'base64'));
  return key?.algorithm === algorithm ? key : undefined;
}

/** The wire form begins with the length and the name of the algorithm. Source: RFC 4253 section 6.6. */
function hostKeyOf(wire: Buffer): HostKey | undefined {
  if (wire.length < 8) return undefined;
  const length = wire.readUInt32BE(0);
  if (length > 64 || wire.length <= 4 + length) return undefined;
  const algorithm = wire.toString('latin1', 4, 4 + length);
  const digest = createHash('sha256').update(wire).digest('base64').replace(/=+$/, '');
  return {
    algorithm,
    openssh: `${algorithm} ${wire.toString('base64')}`,
    fingerprint: `SHA256:${digest}`,
  };
}

/**
 * The algorithms to ask for: a machine has several host keys, and shall show the one that is known; one that has none of its
 * kind shows another, which is what there is to say of it.
 */
function algorithmsFor(known: HostKey | undefined): NonNullable<ConnectConfig['algorithms']> {
  const isKnown = (one: (typeof ALGORITHMS)[number]) => Number(keyTypeOf(one) === known?.algorithm);
  return { serverHostKey: ALGORITHMS.toSorted((one, other) => isKnown(other) - isKnown(one)) };
}

function keyTypeOf(algorithm: string): string {
  return algorithm.startsWith('rsa-') ? 'ssh-rsa' : algorithm;
}

/**
 * Logs in once, as root.
 * @throws Unreachable when there is no SSH server, or it does not take our key (yet).
 * @throws Failure hostKey, as `trust` says.
 */
export async function connect(target: Target, login: Login): Promise<Remote> {
  const client = new ssh2.Client();
  let shown: HostKey | undefined;
  let refusal: unknown;
  const abort = (): void => {
    client.destroy();
  };
  login.signal.addEventListener('abort', abort);
  try {
    await new Promise<void>((resolve, reject) => {
      client
        .once('ready', resolve)
        .once('error', (error) => {
          reject(new Unreachable(reasonOf(error), { refused: isRefusal(error) }));
        })
        .once('close', () => {
          reject(new Unreachable('the connection was closed'));
        })
        .connect({
          host: target.address,
          port: target.port,
          username: USER,
          privateKey: login.privateKey,
          algorithms: algorithmsFor(login.hostKey),
          hostVerifier: (wire: Buffer, verify: (accepted: boolean) => void) => {
            shown = hostKeyOf(wire);
            if (login.hostKey === undefined || shown === undefined) {
              verify(shown !== undefined);
              return;
            }
            login.trust(shown).then(
              () => {
                verify(true);
              },
              (error: unknown) => {
                refusal = error;
                verify(false);
              },
            );
          },
          readyTimeout: READY_MS,
          keepaliveInterval: KEEPALIVE_MS,
        });
    });
    if (shown === undefined) throw new Unreachable('it showed no host key');
    if (login.hostKey === undefined) await login.trust(shown);
    return new SshRemote(target, client, login.onClose);
  } catch (error) {
    client.destroy();
    throw refusal ?? error;
  } finally {
    login.signal.removeEventListener('abort', abort);
  }
}

/** What went wrong, without the words of the library where there are better ones. */
function isRefusal({ level }: Error & { level?: string }): boolean {
  return level === 'client-authentication';
}

function reasonOf(error: Error & { level?: string }): string {
  if (isRefusal(error)) return 'it does not accept the client key';
  if (error.level === 'client-timeout') return 'it did not answer in time';
  return error.message === '' ? 'it does not answer' : error.message;
}

class SshRemote implements Remote {
  readonly target: Target;
  readonly #client: ssh2.Client;
  readonly #onClose: () => void;
  #broken: string | undefined;
  #closed = false;

  constructor(target: Target, client: ssh2.Client, onClose: () => void = () => undefined) {
    this.target = target;
    this.#client = client;
    this.#onClose = onClose;
    client.on('error', (error) => {
      this.#broken = error.message;
    });
    client.on('close', () => {
      this.#end();
    });
  }

  async run(script: string, { input = '', allow = [], signal }: RunOptions = {}): Promise<Output> {
    signal?.throwIfAborted();
    const output = await this.#execute(script, input, signal);
    if (output.code === 0 || allow.includes(output.code)) return output;
    const said = lastLines(output.stderr === '' ? output.stdout : output.stderr);
    throw new CommandFailure(
      `a command on "${this.target.name}" ended with code ${output.code}${said.length > 0 ? `: ${said.at(-1) ?? ''}` : ''}`,
      { log: said },
    );
  }

  /** Does not wait for the machine, which may not hear it any more. */
  close(): void {
    this.#client.end();
    this.#client.destroy();
    this.#end();
  }

  #end(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#broken ??= 'it was closed';
    this.#onClose();
  }

  #execute(script: string, input: string, signal: AbortSignal | undefined): Promise<Output> {
    return this.#open(script, (channel) => this.#follow(channel, input, signal));
  }

  #follow(channel: ClientChannel, input: string, signal: AbortSignal | undefined): Promise<Output> {
    return new Promise((resolve, reject) => {
      const stdout = new Collected();
      const stderr = new Collected();
      let code: number | undefined;
      const abort = (): void => {
        channel.destroy();
        reject(this.#lost('the wait for a command was given up'));
      };
      signal?.addEventListener('abort', abort, { once: true });
      // It may have been given up while the channel was opened.
      if (signal?.aborted === true) abort();
      channel.on('data', (chunk: Buffer) => {
        stdout.add(chunk);
      });
      channel.stderr.on('data', (chunk: Buffer) => {
        stderr.add(chunk);
      });
      channel.on('exit', (status: number | null, name?: string) => {
        code = status ?? (name === undefined ? undefined : 128);
      });
      channel.on('close', () => {
        signal?.removeEventListener('abort', abort);
        if (code === undefined)
          reject(this.#lost(`the connection broke in the middle of a command${this.#why()}`));
        else resolve({ code, stdout: stdout.text(), stderr: stderr.text() });
      });
      // The command may end without reading its input.
      channel.on('error', () => undefined);
      channel.end(input);
    });
  }

  /** @param follow listens at once: the same packet that opens the channel may say that a quick command has ended. */
  #open(script: string, follow: (channel: ClientChannel) => Promise<Output>): Promise<Output> {
    return new Promise((resolve, reject) => {
      const closed = (): void => {
        reject(this.#lost(`the connection broke${this.#why()}`));
      };
      if (this.#broken !== undefined) {
        closed();
        return;
      }
      this.#client.once('close', closed);
      try {
        this.#client.exec(`exec /bin/sh -c ${wordOf(script)}`, (error, channel) => {
          this.#client.removeListener('close', closed);
          if (error) reject(this.#lost(`a command could not be started: ${error.message}`));
          else resolve(follow(channel));
        });
      } catch (error) {
        this.#client.removeListener('close', closed);
        reject(this.#lost(`the connection broke: ${error instanceof Error ? error.message : String(error)}`));
      }
    });
  }

  #why(): string {
    return this.#broken === undefined ? '' : `: ${this.#broken}`;
  }

  #lost(what: string): Failure {
    return Failure.remote(`"${this.target.name}" at "${this.target.address}": ${what}`);
  }
}

/** The script as one word, whatever the login shell: all of them take single quotes alike. */
function wordOf(script: string): string {
  return `'${script.replaceAll("'", `'\\''`)}'`;
}

/** The last lines that say anything. */
export function lastLines(text: string, count = LOG_LINES): string[] {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .filter((line) => line !== '')
    .slice(-count);
}

class Collected {
  readonly #chunks: Buffer[] = [];
  #size = 0;

  add(chunk: Buffer): void {
    if (this.#size > MOST_OUTPUT) return;
    this.#size += chunk.length;
    this.#chunks.push(chunk);
  }

  text(): string {
    return Buffer.concat(this.#chunks).toString('utf8');
  }
}
