import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isOlder, planBuild, requiredVersion } from '../../tools/build.ts';
import type { Program } from '../../tools/programs.ts';

const program: Program = {
  name: 'tool',
  module: 'example.org/tool/v2',
  package: 'example.org/tool/v2/cmd/tool',
  variables: (version) => ({ 'example.org/tool/v2/version.version': version }),
};
const mod =
  'module x\n\ngo 1.26.0\n\nrequire (\n\texample.org/tool v1.0.0\n\texample.org/tool/v2 v2.3.4\n)\n';

describe('requiredVersion', () => {
  const cases = {
    'a line of a block': { mod, want: 'v2.3.4' },
    'a line alone': { mod: 'module x\nrequire example.org/tool/v2 v2.0.1\n', want: 'v2.0.1' },
    'an indirect one': { mod: 'require (\n\texample.org/tool/v2 v2.0.2 // indirect\n)', want: 'v2.0.2' },
  };
  for (const [name, { mod, want }] of Object.entries(cases)) {
    it(`reads ${name}`, () => {
      expect(requiredVersion(mod, 'example.org/tool/v2')).toBe(want);
    });
  }

  it('says which module is not required', () => {
    expect(() => requiredVersion(mod, 'example.org/other')).toThrow(
      'cannot find the version of "example.org/other"',
    );
  });
});

describe('isOlder', () => {
  const cases = [
    { left: '1.25.9', right: '1.26.0', want: true },
    { left: '1.26.8', right: '1.26.0', want: false },
    { left: '1.26', right: '1.26.0', want: false },
    { left: '1.9', right: '1.10', want: true },
    { left: '2.0', right: '1.99.99', want: false },
  ];
  for (const { left, right, want } of cases) {
    it(`${left} is ${want ? '' : 'not '}older than ${right}`, () => {
      expect(isOlder(left, right)).toBe(want);
    });
  }
});

describe('planBuild', () => {
  const files = { mod, sum: 'sums' };
  const plan = planBuild(program, files, '/cache');

  it('links the version of go.mod in, so that one line of one file decides it', () => {
    expect(plan.flags.at(-1)).toBe('-s -w -X example.org/tool/v2/version.version=v2.3.4');
    expect(plan.version).toBe('v2.3.4');
  });

  it('keeps the binary where it is while nothing changes', () => {
    expect(planBuild(program, files, '/cache')).toEqual(plan);
    expect(plan.binary).toMatch(/^\/cache\/tools\/tool-[0-9a-f]{16}\/tool$/);
  });

  const changes = {
    'another go.mod': planBuild(program, { ...files, mod: `${mod}\n` }, '/cache'),
    'another go.sum': planBuild(program, { ...files, sum: 'other sums' }, '/cache'),
    'other flags': planBuild({ ...program, variables: () => ({}) }, files, '/cache'),
  };
  for (const [name, changed] of Object.entries(changes)) {
    it(`builds anew for ${name}`, () => {
      expect(changed.binary).not.toBe(plan.binary);
    });
  }
});

describe('node tools/build.ts', () => {
  let cache: string;

  beforeAll(async () => {
    cache = await mkdtemp(join(tmpdir(), 'openova-cache-'));
  });

  afterAll(async () => {
    await rm(cache, { recursive: true, force: true });
  });

  const cases = {
    'a machine without Go': {
      names: ['crossplane-core'],
      want: 'cannot build "crossplane-core": no go on PATH, Go 1.26',
    },
    'a name that is none': {
      names: ['crosplane'],
      want: 'cannot build "crosplane": must be one of crossplane-cli, crossplane-core',
    },
  };
  for (const [name, { names, want }] of Object.entries(cases)) {
    it(`says what to do on ${name}, and fails`, async () => {
      const ended = await buildWithoutGo(names, cache);

      expect(ended.stderr).toContain(want);
      expect(ended.code).toBe(1);
    });
  }
});

async function buildWithoutGo(names: string[], cache: string): Promise<{ code: unknown; stderr: string }> {
  return new Promise((resolve) => {
    const options = { env: { PATH: cache, OPENOVA_CACHE: cache }, cwd: join(import.meta.dirname, '../..') };
    execFile(process.execPath, ['tools/build.ts', ...names], options, (error, _stdout, stderr) => {
      resolve({ code: error === null ? 0 : error.code, stderr });
    });
  });
}
