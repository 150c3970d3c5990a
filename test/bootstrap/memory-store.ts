/** Secrets of a management cluster that is not there, and what the program said last. */
import type { Result } from '../../functions/bootstrap/contract.ts';
import type { Leases, NewSecret, Ref, Secret, Store } from '../../functions/bootstrap/store.ts';

const LEAST_HIDDEN = 32;
/** Keys of Secrets whose values anybody may see. */
const OPEN = new Set(['cluster', 'public']);

export class MemoryStore implements Store {
  readonly results: Result[] = [];
  readonly #secrets = new Map<string, Secret>();
  #version = 0;

  secret({ namespace, name }: Ref): Promise<Secret | undefined> {
    return Promise.resolve(this.#secrets.get(`${namespace}/${name}`));
  }

  create({ namespace, name }: Ref, { labels = {}, type = 'Opaque', data }: NewSecret): Promise<boolean> {
    const key = `${namespace}/${name}`;
    if (this.#secrets.has(key)) return Promise.resolve(false);
    this.#secrets.set(key, { labels, type, data, version: this.#next() });
    return Promise.resolve(true);
  }

  merge(
    { namespace, name }: Ref,
    data: Readonly<Record<string, string>>,
    version?: string,
  ): Promise<boolean> {
    const key = `${namespace}/${name}`;
    const found = this.#secrets.get(key);
    if (found === undefined || (version !== undefined && version !== found.version))
      return Promise.resolve(false);
    this.#secrets.set(key, { ...found, data: { ...found.data, ...data }, version: this.#next() });
    return Promise.resolve(true);
  }

  /** What no machine may show to whoever looks at its processes: words that are long enough to be found nowhere else. */
  hidden(): string[] {
    return [...this.#secrets.values()].flatMap(({ data }) =>
      Object.entries(data).flatMap(([key, value]) =>
        OPEN.has(key) ? [] : value.split(/\s+/).filter((word) => word.length >= LEAST_HIDDEN),
      ),
    );
  }

  clear(): void {
    this.#secrets.clear();
  }

  /** The same Secrets, to go their own way. */
  copy(): MemoryStore {
    const copy = new MemoryStore();
    copy.#version = this.#version;
    for (const [key, secret] of this.#secrets) copy.#secrets.set(key, secret);
    return copy;
  }

  writeResult(result: Result): Promise<void> {
    this.results.push(result);
    return Promise.resolve();
  }

  #next(): string {
    this.#version += 1;
    return String(this.#version);
  }
}

/** Leases that nobody lets run out. */
export class MemoryLeases implements Leases {
  readonly #holders = new Map<string, string>();

  hold({ namespace, name }: Ref, holder: string): Promise<string | undefined> {
    const key = `${namespace}/${name}`;
    const other = this.#holders.get(key) ?? holder;
    this.#holders.set(key, other);
    return Promise.resolve(other === holder ? undefined : other);
  }

  release({ namespace, name }: Ref, holder: string): Promise<void> {
    const key = `${namespace}/${name}`;
    if (this.#holders.get(key) === holder) this.#holders.delete(key);
    return Promise.resolve();
  }
}
