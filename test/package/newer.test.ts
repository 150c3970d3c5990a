/** The newer version that a live run upgrades to can be made of the sources as they are. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, it } from 'vitest';
import { NEWER, newerSources } from '../live/newer.ts';
import { read } from './files.ts';

let root = '';
beforeAll(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'openova-newer-'));
  ({ root } = await newerSources(folder));
  return () => rm(folder, { recursive: true });
});

it.each([
  ['package/configuration/crossplane.yaml', `version: '>=v${NEWER.version}, <`, 'needs the newer function'],
  ['package/function/crossplane.yaml', 'Newer:', 'is another package also without an image'],
  ['package/charts/openova-system/Chart.yaml', `\nversion: ${NEWER.version}\n`, 'is the chart it asks for'],
  ['package/charts/openova-system/values.yaml', `:v${NEWER.version}\n`, 'runs the newer image in regions'],
  ['apis/xopenovaclusters.yaml', ` ${NEWER.field}:`, 'has another definition'],
  ['apis/xopenovaclusters.yaml', `default: ${NEWER.value}\n`, 'which older claims get a value of'],
  ['compositions/xopenovaregions.yaml', `step: ${NEWER.step}\n`, 'has other Compositions'],
])('%s has "%s": %s', async (file, text) => {
  expect(read(file)).not.toContain(text);
  expect(await readFile(join(root, file), 'utf8')).toContain(text);
});

it('is the version that the commands of docs/upgrade.md install', () => {
  const versions = [...read('docs/upgrade.md').matchAll(/openova:v(\d+\.\d+\.\d+)$/gm)].map(([, one]) => one);
  expect(versions).toEqual([NEWER.version, NEWER.version]);
});
