import { expect, it } from 'vitest';
import { objectsIn, packageFolders, filesIn } from '../package/files.ts';
import { validate } from './crossplane.ts';
import { hasAllSchemas, schemaFolders } from './schemas.ts';

it('Crossplane and the providers take what is applied beside the packages, and what the packages hold', async () => {
  const all = hasAllSchemas();
  const beside = filesIn('package').filter((file) => file.endsWith('.yaml'));
  const inside = packageFolders().flatMap((folder) =>
    filesIn(`package/${folder}`)
      .filter((file) => file !== 'crossplane.yaml')
      .map((file) => `${folder}/${file}`),
  );
  const objects = [...beside, ...inside]
    .flatMap((file) => objectsIn(`package/${file}`))
    // Of accounts at clouds only a collection of all CRDs knows the kinds.
    .filter(({ kind }) => all || kind !== 'ProviderConfig');

  const { errors, missing, passed } = await validate(await schemaFolders(), objects);

  expect(errors).toEqual([]);
  expect(missing).toEqual([]);
  expect(passed).toBe(objects.length);
});
