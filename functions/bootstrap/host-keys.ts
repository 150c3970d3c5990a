/** How the machines of a region prove who they are: host keys pinned at the first contact, or given. */
import * as z from 'zod';
import type { Result, Target } from './contract.ts';
import { Failure } from './failure.ts';
import { parseHostKey, Unreachable, type HostKey } from './ssh.ts';
import type { Ref, Store } from './store.ts';

export type Trust = NonNullable<Result['hostKey']>;

/** What the Secret holds under the name of a machine. */
const Pin = z.object({ identity: z.string(), key: z.string() });

interface Pinned {
  readonly identity: string;
  readonly key: HostKey;
}

export class HostKeys {
  readonly #store: Store;
  readonly #ref: Ref;
  /** The one machine that may be another one by now: only its own Job knows. */
  readonly #own: string | undefined;

  constructor(store: Store, ref: Ref, own: string | undefined) {
    this.#store = store;
    this.#ref = ref;
    this.#own = own;
  }

  /** The key that a machine has to show; undefined when this is the first contact with it. */
  async known(target: Target): Promise<HostKey | undefined> {
    if (target.hostKey !== undefined) return given(target, target.hostKey);
    const pinned = (await this.#read(target)).pinned;
    if (pinned === undefined || (pinned.identity !== target.identity && this.#own === target.name))
      return undefined;
    return pinned.key;
  }

  /**
   * Judges the key that a machine shows, and pins it at the first contact.
   * @throws Failure hostKey when it is known by another one.
   * @throws Unreachable when it is another machine of the region by now, whose own Job has not pinned it yet.
   */
  async trust(target: Target, shown: HostKey): Promise<Trust> {
    if (target.hostKey !== undefined) {
      const key = given(target, target.hostKey);
      if (key.openssh !== shown.openssh) throw mismatch(target, key, shown, 'hostKey gives');
      return { fingerprint: shown.fingerprint, trust: 'Given' };
    }
    for (;;) {
      const { pinned, version } = await this.#read(target);
      const trust: Trust = { fingerprint: shown.fingerprint, trust: 'PinnedOnFirstUse' };
      if (pinned?.key.openssh === shown.openssh && pinned.identity === target.identity) return trust;
      if (pinned?.identity === target.identity) throw mismatch(target, pinned.key, shown, 'pinned is');
      if (pinned !== undefined && this.#own !== target.name) {
        if (pinned.key.openssh === shown.openssh) return trust;
        throw new Unreachable('it is another machine now, and waits for its own bootstrap');
      }
      const pin = JSON.stringify({ identity: target.identity, key: shown.openssh });
      if (await this.#store.merge(this.#ref, { [target.name]: pin }, version)) return trust;
    }
  }

  /** Whether a machine has taken the place of one that is known, and its own Job, which pins its key, has not come to it yet. */
  async isNew(target: Target): Promise<boolean> {
    if (target.hostKey !== undefined) return false;
    const { pinned } = await this.#read(target);
    return pinned !== undefined && pinned.identity !== target.identity;
  }

  async #read({ name }: Target): Promise<{ pinned: Pinned | undefined; version: string }> {
    const secret = await this.#store.secret(this.#ref);
    if (secret === undefined)
      throw Failure.input(`there is no Secret "${this.#ref.namespace}/${this.#ref.name}" for host keys`, {
        hint: 'the operation "prepare" makes it and runs first',
      });
    const text = secret.data[name];
    return { pinned: text === undefined ? undefined : pinIn(text, this.#ref, name), version: secret.version };
  }
}

function pinIn(text: string, { namespace, name }: Ref, machine: string): Pinned {
  const { identity, key } = Pin.safeParse(parseJson(text)).data ?? {};
  const parsed = key === undefined ? undefined : parseHostKey(key);
  if (identity === undefined || parsed === undefined)
    throw Failure.input(`the host key of "${machine}" in Secret "${namespace}/${name}" cannot be read`, {
      hint: 'whoever wrote it knows why; with its entry removed, the next contact pins the key again',
    });
  return { identity, key: parsed };
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function given({ name }: Target, text: string): HostKey {
  const key = parseHostKey(text);
  if (key === undefined)
    throw Failure.input(
      `the hostKey "${text}" of "${name}" is not a public key, must be as ssh-keyscan prints it, such as "ssh-ed25519 AAAA…"`,
    );
  return key;
}

function mismatch({ name, address }: Target, known: HostKey, shown: HostKey, source: string): Failure {
  return Failure.hostKey(
    `"${name}" at "${address}" shows the host key ${shown.fingerprint} (${shown.algorithm}), ${source} ${known.fingerprint} (${known.algorithm})`,
    {
      hint: 'somebody may stand between, or the machine was made again by hand: compare with ssh-keygen -lf on its console; a document of kind Bootstrap says with another generation that it was',
    },
  );
}
