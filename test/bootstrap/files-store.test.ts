import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { FilesStore } from '../../functions/bootstrap/files-store.ts';

const REF = { namespace: 'local', name: 'tokens' };
let folder: string;
let store: FilesStore;

beforeEach(async () => {
  folder = join(await mkdtemp(join(tmpdir(), 'openova-store-')), 'state');
  store = new FilesStore(folder);
});

afterEach(async () => {
  await rm(join(folder, '..'), { recursive: true });
});

describe('a folder of Secrets', () => {
  it('keeps what it is given, for its owner alone', async () => {
    expect(await store.secret(REF)).toBeUndefined();
    expect(await store.create(REF, { labels: { a: 'b' }, data: { server: 'x' } })).toBe(true);
    expect(await store.secret(REF)).toMatchObject({
      labels: { a: 'b' },
      type: 'Opaque',
      data: { server: 'x' },
    });
    const modes = await Promise.all([folder, join(folder, 'tokens.json')].map((path) => stat(path)));
    expect(modes.map(({ mode }) => (mode & 0o777).toString(8))).toEqual(['700', '600']);
  });

  it('overwrites nothing when it is asked to create', async () => {
    const made = await Promise.all(['x', 'y', 'z'].map((server) => store.create(REF, { data: { server } })));
    expect(made.filter((one) => one)).toHaveLength(1);
    expect(await readdir(folder)).toEqual(['tokens.json']);
  });

  it('merges keys, only into what is still as it was', async () => {
    await store.create(REF, { data: { server: 'x' } });
    const { version = '' } = (await store.secret(REF)) ?? {};
    expect(await store.merge(REF, { cluster: 'c' }, version)).toBe(true);
    expect(await store.merge(REF, { cluster: 'd' }, version)).toBe(false);
    expect((await store.secret(REF))?.data).toEqual({ server: 'x', cluster: 'c' });
    expect(await store.merge(REF, { server: 'y' })).toBe(true);
    expect(await store.merge({ ...REF, name: 'none' }, { server: 'y' })).toBe(false);
  });
});
