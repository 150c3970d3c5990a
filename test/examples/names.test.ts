/** docs/names.md lists every key that any example has. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { isManifest, listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { KEY_ANNOTATION } from '../../functions/kernel/names.ts';

const golden = join(import.meta.dirname, 'golden');
const page = readFileSync(join(import.meta.dirname, '../../docs/names.md'), 'utf8');

function composed(): Manifest[] {
  return readdirSync(golden).flatMap((file) =>
    parseAllDocuments(readFileSync(join(golden, file), 'utf8')).flatMap((document): Manifest[] => {
      const value: unknown = document.toJS();
      return isManifest(value) ? [value] : [];
    }),
  );
}

/** The patterns of the keys that the page lists for a kind of composite. */
function patterns(kind: string): RegExp[] {
  const section = page.split('\n## ').find((part) => part.startsWith(`${kind}\n`)) ?? '';
  return section
    .split('\n')
    .flatMap((row) => [...(row.split('|')[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, key = '']) => key))
    .map((key) => {
      const pattern = key
        .replace('<key of a Job>', '.+')
        .replace('…', '.+')
        .replace(/<zone>/g, '[^/]+')
        .replace(/<[^>]+>/g, '[^/]+');
      return new RegExp(`^${pattern}(/[0-9a-f]{8})?$`);
    });
}

it('lists every key, for the composite that has it', () => {
  const missing = composed().flatMap((object) => {
    const key = textAt(object, 'metadata', 'annotations', KEY_ANNOTATION);
    const owner = textAt(listAt(object, 'metadata', 'ownerReferences')[0], 'kind') ?? '';
    if (key === undefined) return [];
    return patterns(owner).some((pattern) => pattern.test(key)) ? [] : [`${owner} ${key}`];
  });

  expect([...new Set(missing)].sort()).toEqual([]);
});

it('no two objects of an example have one name', () => {
  const all = readdirSync(golden).flatMap((file) => {
    const seen = new Map<string, number>();
    for (const document of parseAllDocuments(readFileSync(join(golden, file), 'utf8'))) {
      const value: unknown = document.toJS();
      if (!isManifest(value)) continue;
      const id = [
        file,
        value.apiVersion,
        value.kind,
        value.metadata.namespace ?? '',
        value.metadata.name,
      ].join(' ');
      seen.set(id, (seen.get(id) ?? 0) + 1);
    }
    return [...seen].filter(([, count]) => count > 1).map(([id]) => id);
  });

  expect(all).toEqual([]);
});

it('a region of a cluster is bound to the claim of the cluster: core lets any claim take over a composite that is free', () => {
  const regions = composed().filter(
    (object) =>
      object.kind === 'XOpenOvaRegion' &&
      textAt(listAt(object, 'metadata', 'ownerReferences')[0], 'kind') === 'XOpenOvaCluster',
  );

  expect(regions.length).toBeGreaterThan(0);
  expect(regions.filter((region) => textAt(region, 'spec', 'claimRef', 'kind') !== 'OpenOvaCluster')).toEqual(
    [],
  );
});
