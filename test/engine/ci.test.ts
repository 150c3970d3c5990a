/** docs/ci.md: the lines that it shows are run as they are, and give what our own render gives. */
import { spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isManifest, listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { toolPath } from '../../tools/build.ts';
import { parseManifests } from './crossplane.ts';
import { differences } from './differences.ts';

const root = join(import.meta.dirname, '../..');
let folder: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openova-ci-'));
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
});

/** The shell lines of the page: its one block that is marked so. */
async function shownLines(): Promise<string> {
  const page = await readFile(join(root, 'docs/ci.md'), 'utf8');
  const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, lines]) => lines ?? '');
  expect(blocks).toHaveLength(1);
  return blocks.join('');
}

/** A folder to put on the path, with both programs under the names that a user types. */
async function programs(): Promise<string> {
  const bin = join(folder, 'bin');
  await mkdir(bin);
  const main = join(root, 'functions/cli/main.ts');
  // `exec`, so that the job that the lines end is the server itself.
  await writeFile(join(bin, 'openova'), `#!/bin/sh\nexec "${process.execPath}" "${main}" "$@"\n`, {
    mode: 0o755,
  });
  await symlink(await toolPath('crossplane-cli'), join(bin, 'crossplane'));
  return bin;
}

async function bash(script: string, env: NodeJS.ProcessEnv): Promise<{ code: number | null; err: string }> {
  const child = spawn('bash', ['-e', '-c', script], {
    cwd: folder,
    env,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let err = '';
  child.stderr.on('data', (data: Buffer) => {
    err += data.toString();
  });
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, err };
}

describe('docs/ci.md', () => {
  it('shows lines that run, and the engine answers what our render showed', async () => {
    await symlink(join(root, 'examples'), join(folder, 'examples'));
    const env = {
      ...process.env,
      HOME: folder,
      PATH: `${await programs()}:${process.env['PATH'] ?? ''}`,
      CROSSPLANE_CORE: await toolPath('crossplane-core'),
    };
    const { code, err } = await bash(await shownLines(), env);
    expect([code, err]).toEqual([0, expect.not.stringContaining('rror')]);

    const wave = join(folder, 'renders/wave-03/xopenovaregion-mini-local-fsn');
    const [, ...engine] = parseManifests(await readFile(join(wave, 'engine.yaml'), 'utf8'));
    const list: unknown = JSON.parse(await readFile(join(folder, 'objects.json'), 'utf8'));
    const ours = isManifest(list) ? listAt(list, 'items').filter(isManifest) : [];
    const known = new Map(ours.map((object) => [placeOf(object), object]));

    expect(engine.length).toBeGreaterThan(5);
    expect(
      differences(
        engine.flatMap((object) => known.get(placeOf(object)) ?? []),
        engine,
      ),
    ).toEqual([]);
  });
});

function placeOf(object: Manifest): string {
  return `${object.kind} ${textAt(object, 'metadata', 'namespace') ?? ''}/${textAt(object, 'metadata', 'name') ?? ''}`;
}
