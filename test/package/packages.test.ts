import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { parse } from 'yaml';
import { listAt, textAt } from '../../functions/kernel/manifest.ts';
import { packageFiles } from '../../functions/packaging/files.ts';
import {
  CONFIGURATION_PACKAGE,
  FUNCTION_PACKAGE,
  packages,
  SOURCE,
} from '../../functions/packaging/manifests.ts';
import { apiVersionsOf, crdNameOf, PACKAGES } from '../../functions/providers/packages.ts';
import { CHARTS, IMAGE, RELEASE, VERSION } from '../../functions/release.ts';
import { filesIn, objectsIn, packageFolders, read } from './files.ts';

/** Which kinds a package may hold. Source: crossplane-runtime v2.4.0 pkg/xpkg/lint.go, read 2026-11-21. */
const ALLOWED = {
  Configuration: [
    'CompositeResourceDefinition',
    'Composition',
    'CronOperation',
    'ManagedResourceActivationPolicy',
    'Operation',
    'WatchOperation',
  ],
  Function: ['CustomResourceDefinition'],
};

const Meta = z.object({
  apiVersion: z.literal('meta.pkg.crossplane.io/v1'),
  kind: z.enum(['Configuration', 'Function']),
  metadata: z.object({
    name: z.string().regex(/^[a-z]([-a-z0-9]*[a-z0-9])?$/),
    annotations: z.record(z.string(), z.string().min(1)),
  }),
  spec: z.object({
    crossplane: z.object({ version: z.string() }),
    capabilities: z.array(z.string()).optional(),
    dependsOn: z
      .array(
        z.strictObject({
          apiVersion: z.literal('pkg.crossplane.io/v1'),
          kind: z.enum(['Configuration', 'Function', 'Provider']),
          package: z.string(),
          version: z.string(),
        }),
      )
      .default([]),
  }),
});

const RANGE = /^>=(v\d+\.\d+\.\d+), <(v\d+\.\d+\.\d+)$/;

function metaOf(folder: string): z.infer<typeof Meta> {
  return Meta.parse(parse(read(`package/${folder}/crossplane.yaml`)));
}

/** Numbers of a version such as `v1.2.3`, as one that can be compared. */
function rank(version: string): number {
  const [major = 0, minor = 0, patch = 0] = version.slice(1).split('.').map(Number);
  return major * 1e6 + minor * 1e3 + patch;
}

describe('the files in package/', () => {
  it.each([...packageFiles()])('%s is as generated: npm run generate', (path, text) => {
    expect(read(path)).toBe(text);
  });

  it('are all there and no more, because a package takes in every YAML file of its folder', () => {
    const generated = [...packageFiles().keys()].sort();
    const present = packageFolders().flatMap((folder) =>
      filesIn(`package/${folder}`).map((file) => `package/${folder}/${file}`),
    );
    expect(present.sort()).toEqual(generated);
  });
});

describe.each(packageFolders())('package/%s', (folder) => {
  const { kind, metadata, spec } = metaOf(folder);
  const others = filesIn(`package/${folder}`)
    .filter((file) => file !== 'crossplane.yaml')
    .flatMap((file) => objectsIn(`package/${folder}/${file}`));

  it('holds only what Crossplane lets such a package hold', () => {
    expect(ALLOWED[kind]).toEqual(expect.arrayContaining(others.map((object) => object.kind)));
  });

  it('says who makes it, what it is and under which licence', () => {
    for (const field of ['description', 'license', 'maintainer', 'readme', 'source'])
      expect(metadata.annotations).toHaveProperty([`meta.crossplane.io/${field}`]);
    expect(metadata.annotations['friendly-name.meta.crossplane.io']).not.toBe('');
  });

  it('needs a Crossplane that watches what functions require, and takes one that was built by hand', () => {
    expect(spec.crossplane.version).toBe('>=v2.4.0-0');
  });

  it('depends on versions from one that was tried to one that may break', () => {
    for (const { version } of spec.dependsOn) {
      const [, from, below] = RANGE.exec(version) ?? [];
      expect(version).toMatch(RANGE);
      expect(rank(from ?? '')).toBeLessThan(rank(below ?? ''));
    }
  });
});

describe('what depends on what', () => {
  it('a function can compose, and is named as functions must be', () => {
    const { metadata, spec } = metaOf('function');
    expect(metadata.name).toMatch(/^function-/);
    expect(spec.capabilities).toEqual(['composition']);
    expect(spec.dependsOn).toEqual([]);
  });

  it('the base depends on the function and the three providers that every claim needs, and on nothing else', () => {
    expect(metaOf('configuration').spec.dependsOn.map((one) => one.package)).toEqual([
      FUNCTION_PACKAGE,
      'ghcr.io/hipervincle/provider-hetzner',
      'xpkg.crossplane.io/crossplane-contrib/provider-helm',
      'xpkg.crossplane.io/crossplane-contrib/provider-kubernetes',
    ]);
  });

  it('each provider package is a dependency of exactly one configuration', () => {
    const wanted = packages().flatMap(({ folder }) =>
      metaOf(folder).spec.dependsOn.filter(({ kind }) => kind === 'Provider'),
    );
    expect(wanted.map((one) => one.package).sort()).toEqual(PACKAGES.map((one) => one.package).sort());
  });

  it('a function that is newer by a minor version keeps the base healthy, so that it can be upgraded first', () => {
    const [functionDependency] = metaOf('configuration').spec.dependsOn;
    const [, from, below] = RANGE.exec(functionDependency?.version ?? '') ?? [];
    const [major = 0, minor = 0] = VERSION.split('.').map(Number);
    expect(from).toBe(`v${VERSION}`);
    expect(rank(below ?? '')).toBeGreaterThan(rank(`v${major}.${minor + 1}.0`));
  });

  it('compositions call the function by the name that it gets as a dependency: its repository with dashes', () => {
    const repository = FUNCTION_PACKAGE.split('/').slice(1).join('-');
    for (const file of filesIn('compositions'))
      for (const composition of objectsIn(`compositions/${file}`))
        for (const step of listAt(composition, 'spec', 'pipeline'))
          expect(textAt(step, 'functionRef', 'name')).toBe(repository);
  });
});

describe('what is activated', () => {
  it.each(packages().filter(({ activation }) => activation !== undefined))(
    'by $folder: the managed kinds of what it depends on, each once',
    ({ folder, activation }) => {
      const wanted = metaOf(folder).spec.dependsOn.flatMap((one) =>
        PACKAGES.filter((candidate) => candidate.package === one.package).flatMap(({ managed }) =>
          managed.map(crdNameOf),
        ),
      );
      expect(listAt(activation, 'spec', 'activate')).toEqual([...new Set(wanted)].sort());
    },
  );
});

describe('one version for all of it', () => {
  const Package = z.object({ version: z.string(), license: z.string() });
  const Chart = z.object({
    version: z.string(),
    appVersion: z.string(),
    name: z.string(),
    sources: z.array(z.string()),
  });

  it('in package.json, the chart and the image', () => {
    const chart = Chart.parse(parse(read('package/charts/openova-system/Chart.yaml')));
    expect(Package.parse(JSON.parse(read('package.json')))).toEqual({
      version: VERSION,
      license: 'Apache-2.0',
    });
    expect(chart).toEqual({
      name: 'openova-system',
      version: VERSION,
      appVersion: VERSION,
      sources: [SOURCE],
    });
    expect(IMAGE).toBe(`${FUNCTION_PACKAGE}:v${VERSION}`);
  });

  it('whose first numbers are the release that it brings', () => {
    expect(VERSION.startsWith(`${RELEASE}.`)).toBe(true);
  });

  it('in one registry, under one owner', () => {
    const owner = FUNCTION_PACKAGE.split('/').slice(0, -1).join('/');
    expect(CONFIGURATION_PACKAGE).toBe(`${owner}/openova`);
    expect(CHARTS).toBe(`oci://${owner}/charts`);
    expect(read('Dockerfile')).toContain(`org.opencontainers.image.source="${SOURCE}"`);
  });
});

describe('docs/install.md', () => {
  const text = read('docs/install.md');

  it.each(PACKAGES)('says that $name serves its kinds, comes with what, and in which versions', (one) => {
    const row = text.split('\n').find((line) => line.startsWith('|') && line.includes(`\`${one.package}\``));
    const configuration = one.use === 'base' ? 'openova' : `openova-dns-${one.use}`;
    for (const apiVersion of apiVersionsOf(one)) expect(row).toContain(`\`${apiVersion}\``);
    expect(row).toContain(`\`${configuration}\``);
    expect(row).toContain(`>=${one.tested}, <${one.below}`);
  });

  it('installs this version', () => {
    const versions = [...text.matchAll(/(?:openova(?:-dns-[a-z0-9]+)?:|download\/)(v[\d.]+\d)/g)];
    expect(versions.length).toBeGreaterThan(5);
    expect(new Set(versions.map(([, version]) => version))).toEqual(new Set([`v${VERSION}`]));
  });
});
