/** Keeps secrets out of what is said: also out of words of others, such as a remote log. */
import type { Store } from './store.ts';

/** Shorter words are found in ordinary text. */
const LEAST = 16;
/** Keys of our Secrets whose values anybody may see. */
const OPEN = new Set(['cluster', 'public']);

export class Redactor {
  readonly #secrets = new Set<string>();

  /** Remembers the values of a Secret, line by line. */
  learn(data: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(data))
      if (!OPEN.has(key))
        for (const line of value.split('\n')) if (line.trim().length >= LEAST) this.#secrets.add(line.trim());
  }

  clean(text: string): string {
    let cleaned = text;
    for (const secret of this.#secrets) cleaned = cleaned.replaceAll(secret, '***');
    return cleaned;
  }

  /** The same store; what goes through it is remembered. @param open name of the Secret that holds only public keys. */
  watch(store: Store, open: string): Store {
    const learn = (name: string, data: Readonly<Record<string, string>> = {}) => {
      if (name !== open) this.learn(data);
    };
    return {
      ...(store.leases && { leases: store.leases }),
      secret: async (ref) => {
        const secret = await store.secret(ref);
        learn(ref.name, secret?.data);
        return secret;
      },
      create: (ref, secret) => {
        learn(ref.name, secret.data);
        return store.create(ref, secret);
      },
      merge: (ref, data, version) => {
        learn(ref.name, data);
        return store.merge(ref, data, version);
      },
      writeResult: (result) => store.writeResult(result),
    };
  }
}
