/** What lies in package/, as objects. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { isManifest, isObject, objectAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';

export const ROOT = join(import.meta.dirname, '../..');

export function read(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

/** The objects of a file of one or more YAML documents. */
export function objectsIn(path: string): Manifest[] {
  return parseAllDocuments(read(path)).map((document): Manifest => {
    const [error] = document.errors;
    if (error !== undefined) throw error;
    const object: unknown = document.toJS();
    if (!isManifest(object)) throw new Error(`${path} holds a document that is no object`);
    return object;
  });
}

/** Folders of package/ that become packages. */
export function packageFolders(): string[] {
  return readdirSync(join(ROOT, 'package'), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== 'charts')
    .map(({ name }) => name)
    .sort();
}

export function filesIn(folder: string): string[] {
  return readdirSync(join(ROOT, folder)).sort();
}

/** Whether a Secret or ProviderConfig's reference to one names a key of a Secret in the list. */
export function hasSecret(objects: readonly Manifest[], providerConfig: Manifest): boolean {
  const reference = objectAt(providerConfig, 'spec', 'credentials', 'secretRef');
  return objects.some(
    (object) =>
      object.kind === 'Secret' &&
      object.metadata.name === textAt(reference, 'name') &&
      object.metadata.namespace === textAt(reference, 'namespace') &&
      isObject(object['stringData']) &&
      object['stringData'][textAt(reference, 'key') ?? ''] !== undefined,
  );
}
