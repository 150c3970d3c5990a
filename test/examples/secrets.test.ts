/** A reader of an example finds every Secret that it names in package/credentials*.example.yaml, with the right keys. */
import { expect, it } from 'vitest';
import {
  isObject,
  objectAt,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { filesIn, objectsIn, read } from '../package/files.ts';

const secrets = filesIn('package')
  .filter((file) => /^credentials.*\.example\.yaml$/.test(file))
  .flatMap((file) => objectsIn(`package/${file}`).map((object) => ({ file, object })))
  .filter(({ object }) => object.kind === 'Secret');

/** Keys that the region reads, by provider; docs/install.md has the same table. */
const DNS: Readonly<Record<string, readonly string[]>> = {
  azure: ['clientSecret'],
  clouddns: ['serviceAccount'],
  cloudflare: ['token'],
  hetzner: ['token'],
  route53: ['accessKeyId', 'secretAccessKey'],
};
const ARCHIVAL: Readonly<Record<string, readonly string[]>> = {
  azureblob: ['accountKey', 'accountName'],
  gcs: ['accessKeyId', 'secretAccessKey', 'serviceAccount'],
  r2: ['accessKeyId', 'secretAccessKey'],
  s3: ['accessKeyId', 'secretAccessKey'],
};

interface Reference {
  readonly name: string;
  readonly namespace: string;
  readonly keys: readonly string[];
}

function referencesOf({ metadata, ...claim }: Manifest): Reference[] {
  const reference = (section: string, field: string, keys: (part: JsonObject) => readonly string[]) => {
    const part = objectAt(claim, 'spec', section);
    const name = textAt(part, field, 'name');
    if (part === undefined || name === undefined) return [];
    return [{ name, namespace: metadata.namespace ?? '', keys: keys(part) }];
  };
  return [
    ...reference('cloud', 'tokenSecretRef', () => ['token']),
    ...reference('dns', 'secretRef', (part) => DNS[textAt(part, 'provider') ?? ''] ?? []),
    ...reference('archival', 'secretRef', (part) => ARCHIVAL[textAt(part, 'provider') ?? ''] ?? []),
  ];
}

it.each(filesIn('examples'))('%s', (example) => {
  const references = objectsIn(`examples/${example}`).flatMap(referencesOf);
  for (const { name, namespace } of references) {
    const sharing = references.filter((one) => one.name === name && one.namespace === namespace);
    const keys = [...new Set(sharing.flatMap((one) => one.keys))].sort();
    const found = secrets.find(
      ({ object: { metadata } }) => metadata.name === name && metadata.namespace === namespace,
    );
    const held = found?.object['stringData'];

    expect([name, ...(isObject(held) ? Object.keys(held).sort() : [])]).toEqual([name, ...keys]);
    expect(read(`examples/${example}`)).toContain(found?.file.replace(/\.example\.yaml$/, '') ?? '');
  }
});
