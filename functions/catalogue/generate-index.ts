/** Writes the list of components from the files of this folder, so that adding one is adding a file. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** The text of `functions/catalogue/index.ts`. */
export function catalogueIndex(folder: string = import.meta.dirname): string {
  const found = readdirSync(folder)
    .filter((file) => file.endsWith('.ts'))
    .sort()
    .flatMap((file) => {
      const name = /^export const (\w+) = defineComponent\(/m.exec(
        readFileSync(join(folder, file), 'utf8'),
      )?.[1];
      return name === undefined ? [] : [{ file, name }];
    });
  return [
    '/** Every component there is, by file name. Generated: npm run generate. */',
    "import type { Component } from './component.ts';",
    ...found.map(({ file, name }) => `import { ${name} } from './${file}';`),
    '',
    'export const catalogue: readonly Component[] = [',
    ...found.map(({ name }) => `  ${name},`),
    '];',
    '',
  ].join('\n');
}
