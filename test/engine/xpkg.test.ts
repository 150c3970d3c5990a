import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { Manifest } from '../../functions/kernel/manifest.ts';
import { buildPackages } from '../../tools/xpkg.ts';
import { parseManifests } from './crossplane.ts';

const run = promisify(execFile);

const describing = (kind: string, name: string): string =>
  JSON.stringify({ apiVersion: 'meta.pkg.crossplane.io/v1', kind, metadata: { name }, spec: {} });

const xrd = JSON.stringify({
  apiVersion: 'apiextensions.crossplane.io/v1',
  kind: 'CompositeResourceDefinition',
  metadata: { name: 'xas.test.openova.io' },
  spec: { group: 'test.openova.io', names: { kind: 'XA', plural: 'xas' }, versions: [] },
});

const composition = JSON.stringify({
  apiVersion: 'apiextensions.crossplane.io/v1',
  kind: 'Composition',
  metadata: { name: 'a' },
  spec: {
    compositeTypeRef: { apiVersion: 'test.openova.io/v1', kind: 'XA' },
    mode: 'Pipeline',
    pipeline: [],
  },
});

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'openova-packages-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

async function write(files: Readonly<Record<string, string>>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(root, path)), { recursive: true });
    await writeFile(join(root, path), text);
  }
}

/** The objects inside a package: an image whose layers are tarballs, one of them with package.yaml. */
async function contents(file: string): Promise<readonly Manifest[]> {
  const folder = await mkdtemp(join(root, 'unpacked-'));
  await run('tar', ['-xf', file, '-C', folder]);
  const { stdout } = await run('sh', ['-c', 'ls *.tar.gz'], { cwd: folder });
  for (const layer of stdout.trim().split('\n')) {
    await run('tar', ['-xzf', layer], { cwd: folder });
  }
  const found = await run('cat', ['package.yaml'], { cwd: folder });
  return parseManifests(found.stdout);
}

it('puts the APIs into the base configuration, and nothing else that lies in the repository', async () => {
  await write({
    'package/configuration/crossplane.yaml': describing('Configuration', 'base'),
    'package/configuration/activation.yaml': JSON.stringify({
      apiVersion: 'apiextensions.crossplane.io/v1alpha1',
      kind: 'ManagedResourceActivationPolicy',
      metadata: { name: 'base' },
      spec: { activate: ['releases.helm.crossplane.io'] },
    }),
    'package/configuration-dns/crossplane.yaml': describing('Configuration', 'base-dns'),
    'package/function/crossplane.yaml': describing('Function', 'function-base'),
    'package/charts/base/Chart.yaml': 'name: not a package',
    'apis/xas.yaml': xrd,
    'compositions/a.yaml': composition,
    'compositions/README.md': 'not YAML',
    'examples/a.yaml': JSON.stringify({
      apiVersion: 'test.openova.io/v1',
      kind: 'XA',
      metadata: { name: 'a' },
    }),
    'compose.yaml': 'services: {}',
  });

  const built = await buildPackages({ root, output: join(root, 'dist') });

  const kinds = await Promise.all(
    built.map(
      async ({ name, file }) => [name, (await contents(file)).map(({ kind }) => kind).sort()] as const,
    ),
  );
  expect(Object.fromEntries(kinds)).toEqual({
    base: ['CompositeResourceDefinition', 'Composition', 'Configuration', 'ManagedResourceActivationPolicy'],
    'base-dns': ['Configuration'],
    'function-base': ['Function'],
  });
});

const mistakes = {
  'a kind that no configuration may carry': {
    files: {
      'package/configuration/crossplane.yaml': describing('Configuration', 'base'),
      'package/configuration/secret.yaml': JSON.stringify({
        apiVersion: 'v1',
        kind: 'Secret',
        metadata: { name: 'a' },
      }),
    },
    want: 'cannot build package "base": ',
  },
  'a description of another kind': {
    files: { 'package/configuration/crossplane.yaml': describing('Addon', 'base') },
    want: 'crossplane.yaml": ',
  },
  'a folder without packages': {
    files: { 'package/charts/Chart.yaml': '' },
    want: 'cannot build packages: ',
  },
};
for (const [name, { files, want }] of Object.entries(mistakes)) {
  it(`fails on ${name}`, async () => {
    await write(files);

    await expect(buildPackages({ root, output: join(root, 'dist') })).rejects.toThrow(want);
  });
}
