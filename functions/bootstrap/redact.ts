/** Keeps secrets out of what is said: also out of words of others, such as a remote log. */
import type { Store } from './store.ts';

/** Shorter values are found in ordinary text. */
const LEAST = 8;
/** Shorter lines of a longer text are its grammar, such as `apiVersion: v1`. */
const LEAST_LINE = 16;
/** Keys of our Secrets whose values anybody may see. */
const OPEN = new Set(['cluster', 'public']);

export class Redactor {
  readonly #secrets = new Set<string>();

  /** Remembers the values of a Secret: of several lines, each. */
  learn(data: Readonly<Record<string, string>>): void {
    for (const [key, value] of Object.entries(data))
      if (!OPEN.has(key)) for (const secret of secretsIn(value)) this.#secrets.add(secret);
  }

  /** The longest first: one may be a part of another. */
  clean(text: string): string {
    const secrets = [...this.#secrets].sort((one, other) => other.length - one.length);
    return secrets.reduce((cleaned, secret) => cleaned.replaceAll(secret, '***'), text);
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

/** What must not be said of a value; of a kubeconfig also the bare token. */
function secretsIn(value: string): string[] {
  const lines = value
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length === 1) return lines.filter(({ length }) => length >= LEAST);
  const bare = lines.flatMap(
    (line) => /^(?:- )?(?:token|password|client-key-data): (\S+)$/.exec(line)?.[1] ?? [],
  );
  return [
    ...lines.filter(({ length }) => length >= LEAST_LINE),
    ...bare.filter(({ length }) => length >= LEAST),
  ];
}
