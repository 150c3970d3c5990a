/** Every claim that README.md and docs/ show is one that `openova validate` takes. */
import { describe, expect, it } from 'vitest';
import { openova } from '../cli/helpers.ts';
import { filesIn, read } from '../package/files.ts';

const pages = [
  'README.md',
  ...filesIn('docs').flatMap((file) => (file.endsWith('.md') ? [`docs/${file}`] : [])),
];

/** The blocks of YAML on a page that hold an object of ours. */
function claimsOn(page: string): string[] {
  return [...read(page).matchAll(/^```yaml\n([^]*?)^```$/gm)].flatMap(([, block = '']) =>
    block.startsWith('apiVersion: platform.openova.io/') ? [block] : [],
  );
}

describe('claims in the documentation', () => {
  it('there are some', () => {
    expect(pages.flatMap(claimsOn).length).toBeGreaterThan(1);
  });

  it.each(pages)('%s', async (page) => {
    for (const claim of claimsOn(page))
      expect(await openova(['validate', '-'], { stdin: claim })).toMatchObject({ code: 0, err: '' });
  });
});

it.each(filesIn('examples'))('README.md says what examples/%s shows', (file) => {
  expect(read('README.md')).toMatch(
    new RegExp(`^\\| \\[${file.replace('.yaml', '')}\\]\\(examples/${file}\\) \\| .+ \\|$`, 'm'),
  );
});
