/** Writes everything that is generated and checked in. `npm run generate`. */
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { generateApis } from './apis/generate.ts';
import { packageFiles } from './packaging/files.ts';
import { k3sDocument } from './region/docs.ts';
import { catalogueDocs } from './catalogue/docs.ts';
import { catalogueIndex } from './catalogue/generate-index.ts';

/** Each maps paths from the root of the repository to what belongs there. */
const GENERATORS: readonly (() => ReadonlyMap<string, string>)[] = [
  generateApis,
  packageFiles,
  () => new Map([['functions/catalogue/index.ts', catalogueIndex()]]),
  () => new Map([['docs/catalogue.md', catalogueDocs()]]),
  () => new Map([['docs/k3s.md', k3sDocument()]]),
];

const root = join(import.meta.dirname, '..');
for (const generator of GENERATORS) {
  for (const [path, content] of generator()) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content);
    console.log(path);
  }
}
