/** docs/install.md takes everything away again that it had brought. */
import { expect, it } from 'vitest';
import { PACKAGES } from '../../functions/providers/packages.ts';
import { packageFolders, objectsIn, read } from './files.ts';

const page = read('docs/install.md');
const uninstall = page.slice(page.indexOf('## Uninstall'));

it.each(PACKAGES)(
  '$name: the provider, and of those for DNS the ProviderConfig that was made by hand',
  (one) => {
    const [organisation = '', name = ''] = one.package.split('/').slice(-2);
    const group = one.providerConfig.apiVersion.split('/')[0] ?? '';

    expect(uninstall).toContain(`${organisation}-${name}`);
    if (one.use !== 'base') expect(uninstall).toContain(`providerconfigs.${group}`);
  },
);

it('every package of ours', () => {
  const names = packageFolders().map((folder) => objectsIn(`package/${folder}/crossplane.yaml`)[0]);

  for (const meta of names) expect(page).toContain(meta?.metadata.name);
});
