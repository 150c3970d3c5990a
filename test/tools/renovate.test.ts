import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';

const root = join(import.meta.dirname, '../..');
const catalogue = join(root, 'functions/catalogue');

const config = z.object({
  customManagers: z.tuple([
    z.object({ managerFilePatterns: z.tuple([z.string()]), matchStrings: z.tuple([z.string()]) }),
  ]),
});

const [manager] = config.parse(JSON.parse(readFileSync(join(root, 'renovate.json'), 'utf8'))).customManagers;

function found(text: string): Record<string, string | undefined>[] {
  return [...text.matchAll(new RegExp(manager.matchStrings[0], 'g'))].map(({ groups }) => ({ ...groups }));
}

describe('the charts that Renovate finds', () => {
  const comment = '// renovate: datasource=helm depName=cilium registryUrl=https://helm.cilium.io/';
  const cilium = {
    datasource: 'helm',
    depName: 'cilium',
    registryUrl: 'https://helm.cilium.io/',
    currentValue: '1.20.0',
  };
  const cases = {
    'a chart on one line': {
      text: `${comment}\n  chart: { repository: 'https://helm.cilium.io/', name: 'cilium', version: '1.20.0' },\n`,
      want: [cilium],
    },
    'a chart on several lines': {
      text: `${comment}\n  chart: {\n    repository: 'https://helm.cilium.io/',\n    name: 'cilium',\n    version: '1.20.0',\n  },\n`,
      want: [cilium],
    },
    'a chart in an OCI registry, which has no registryUrl': {
      text: `// renovate: datasource=docker depName=ghcr.io/a/b\n  version: '1.0.0',`,
      want: [{ datasource: 'docker', depName: 'ghcr.io/a/b', registryUrl: undefined, currentValue: '1.0.0' }],
    },
    'two charts in one file': {
      text: `${comment}\nversion: '1.20.0'\n${comment}\nversion: '1.20.0'\n`,
      want: [cilium, cilium],
    },
    'a version without a comment': { text: `version: '1.0.0'`, want: [] },
  };
  for (const [name, { text, want }] of Object.entries(cases)) {
    it(`has ${name}`, () => {
      expect(found(text)).toEqual(want);
    });
  }
});

describe('every comment for Renovate in the catalogue', () => {
  for (const file of readdirSync(catalogue).filter((name) => name.endsWith('.ts'))) {
    const text = readFileSync(join(catalogue, file), 'utf8');

    it(`${file}: is followed by the version that it speaks of`, () => {
      expect(found(text)).toHaveLength(text.split('// renovate: ').length - 1);
    });
  }

  it('lies in a file that Renovate reads', () => {
    const pattern = new RegExp(manager.managerFilePatterns[0].slice(1, -1));

    expect('functions/catalogue/cilium.ts').toMatch(pattern);
    expect('functions/kernel/graph.ts').not.toMatch(pattern);
  });
});
