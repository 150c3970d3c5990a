/** A folder of files that only their owner reads, for a program that runs without a management cluster. */
import { createHash, randomUUID } from 'node:crypto';
import { link, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import type { NewSecret, Ref, Secret, Store } from './store.ts';

const Kept = z.object({
  labels: z.record(z.string(), z.string()),
  type: z.string(),
  data: z.record(z.string(), z.string()),
});
type Kept = z.output<typeof Kept>;

export class FilesStore implements Store {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  async secret(ref: Ref): Promise<Secret | undefined> {
    const text = await readFile(this.#file(ref), 'utf8').catch((error: unknown) => {
      if (isMissing(error)) return undefined;
      throw error;
    });
    if (text === undefined) return undefined;
    return { ...Kept.parse(JSON.parse(text)), version: createHash('sha256').update(text).digest('hex') };
  }

  async create(ref: Ref, { labels = {}, type = 'Opaque', data }: NewSecret): Promise<boolean> {
    const draft = await this.#draft(ref, { labels, type, data });
    // Unlike a rename, a link never takes the place of a file that is there.
    const made = await link(draft, this.#file(ref)).then(
      () => true,
      (error: unknown) => {
        if (codeOf(error) === 'EEXIST') return false;
        throw error;
      },
    );
    await rm(draft);
    return made;
  }

  async merge(ref: Ref, data: Readonly<Record<string, string>>, version?: string): Promise<boolean> {
    const secret = await this.secret(ref);
    if (secret === undefined || (version !== undefined && secret.version !== version)) return false;
    const { labels, type } = secret;
    await rename(
      await this.#draft(ref, { labels, type, data: { ...secret.data, ...data } }),
      this.#file(ref),
    );
    return true;
  }

  /** Under another name from now on, if it is there. */
  async rename(ref: Ref, name: string): Promise<void> {
    await rename(this.#file(ref), this.#file({ ...ref, name })).catch((error: unknown) => {
      if (!isMissing(error)) throw error;
    });
  }

  /** Nobody looks. */
  writeResult(): Promise<void> {
    return Promise.resolve();
  }

  #file({ name }: Ref): string {
    return join(this.#folder, `${name}.json`);
  }

  async #draft(ref: Ref, kept: Kept): Promise<string> {
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    const draft = `${this.#file(ref)}.${randomUUID()}`;
    await writeFile(draft, `${JSON.stringify(kept, undefined, 2)}\n`, { mode: 0o600 });
    return draft;
  }
}

function codeOf(error: unknown): unknown {
  return error instanceof Error && 'code' in error ? error.code : undefined;
}

function isMissing(error: unknown): boolean {
  return codeOf(error) === 'ENOENT';
}
