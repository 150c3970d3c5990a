import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { folderNamedBy } from './beside.ts';
import { definitionsOf, prebuiltPrograms } from './live/providers.ts';

let parent: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'openova-beside-'));
});
afterEach(async () => {
  vi.unstubAllEnvs();
  await rm(parent, { recursive: true });
});

describe('what is not for this repository to carry', () => {
  it.each<[reason: string, variable: string, beside: boolean, found: string | undefined]>([
    ['is where the variable says', '/elsewhere', true, '/elsewhere'],
    ['is next to the repository otherwise', '', true, 'shared/bin'],
    ['is nowhere', '', false, undefined],
  ])('%s', async (_, variable, beside, found) => {
    vi.stubEnv('OPENOVA_TOOLS', variable);
    if (beside) await mkdir(join(parent, 'shared/bin'), { recursive: true });

    expect(folderNamedBy('OPENOVA_TOOLS', join(parent, 'openova'))).toBe(
      found === undefined || found.startsWith('/') ? found : join(parent, found),
    );
  });

  it('stops a live run where it is missing, with how to build it', async () => {
    for (const variable of ['OPENOVA_TOOLS', 'OPENOVA_CRDS', 'OPENOVA_CACHE']) vi.stubEnv(variable, parent);

    await expect(prebuiltPrograms()).rejects.toThrow(
      `cannot find "provider-hetzner-v0.2.1" in ${parent}: \`node tools/upstream.ts FOLDER\``,
    );
    await expect(definitionsOf('provider-aws-route53')).rejects.toThrow('`node tools/upstream.ts FOLDER`');
  });
});
