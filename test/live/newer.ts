/** A newer version of everything that is ours, made of a copy of the sources. */
import { execFile } from 'node:child_process';
import { cp, mkdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { IMAGE, RELEASE, VERSION } from '../../functions/release.ts';
import { OURS, type Sources } from './packages.ts';

const run = promisify(execFile);

/** What of the newer version is seen from outside. */
export const NEWER = {
  release: '0.2',
  version: '0.2.0',
  /** The step of its Compositions. */
  step: 'openova-newer',
  /** A field of its OpenOvaCluster, which claims of today do not have, and its default. */
  field: 'note',
  value: 'none',
} as const;

/** What of the repository packages and the function are made of; the rest is generated. */
const COPIED = ['functions', 'package', 'examples', 'package.json'];

/** What a newer version changes: its numbers, the values of Flux, a field of the definitions, every package. */
const CHANGES: readonly (readonly [file: string, from: string, to: string])[] = [
  ['functions/release.ts', `RELEASE = '${RELEASE}'`, `RELEASE = '${NEWER.release}'`],
  ['functions/release.ts', `VERSION = '${VERSION}'`, `VERSION = '${NEWER.version}'`],
  ['package.json', `"version": "${VERSION}"`, `"version": "${NEWER.version}"`],
  ['package/charts/openova-system/Chart.yaml', VERSION, NEWER.version],
  ['package/charts/openova-system/values.yaml', VERSION, NEWER.version],
  ['functions/catalogue/flux.ts', 'installCRDs: true', 'installCRDs: false'],
  [
    'functions/apis/cluster.ts',
    'const ClusterSchema = z.strictObject({',
    `const ClusterSchema = z.strictObject({ ${NEWER.field}: live(z.string().default('${NEWER.value}'), 'A note'),`,
  ],
  ['functions/apis/xrd.ts', "step: 'openova'", `step: '${NEWER.step}'`],
  // A package without the image of its program would else be the same in both versions.
  ['functions/packaging/manifests.ts', "text: 'Composes", "text: 'Newer: composes"],
];

/** Sources that are one release ahead, generated anew, in a folder of their own. */
export async function newerSources(folder: string): Promise<Sources> {
  const root = join(folder, 'newer');
  await mkdir(root);
  for (const name of COPIED) await cp(join(OURS.root, name), join(root, name), { recursive: true });
  await symlink(join(OURS.root, 'node_modules'), join(root, 'node_modules'));
  for (const [file, from, to] of CHANGES) await rewrite(join(root, file), from, to);
  await run(process.execPath, [join(root, 'functions/generate.ts')]);
  return { root, image: IMAGE.replace(VERSION, NEWER.version) };
}

async function rewrite(file: string, from: string, to: string): Promise<void> {
  const text = await readFile(file, 'utf8');
  if (!text.includes(from)) throw new Error(`${file} has no "${from}"`);
  await writeFile(file, text.replaceAll(from, to));
}
