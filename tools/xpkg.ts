/**
 * Builds the Crossplane packages, into dist/ unless told otherwise, one for each folder of package/ that has a crossplane.yaml:
 *
 *     node tools/xpkg.ts [--runtime-image=TARBALL] [--output=FOLDER]
 *
 * The base configuration also carries apis/, compositions/ and, as its examples, examples/. The function carries the
 * runtime image, a tarball as `docker save` writes it; without one the package can be checked, but not run.
 */
import { execFile } from 'node:child_process';
import { access, cp, mkdir, mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import { toolPath } from './build.ts';

const run = promisify(execFile);

export interface PackageOptions {
  /** The repository: where apis/, compositions/, examples/ and package/ lie. */
  readonly root: string;
  /** Where the packages go. */
  readonly output: string;
  /** Tarball of the image that the function runs. */
  readonly runtimeImage?: string;
}

/** One built package. */
export interface BuiltPackage {
  readonly kind: string;
  readonly name: string;
  readonly file: string;
}

const metadata = z.object({
  apiVersion: z.literal('meta.pkg.crossplane.io/v1'),
  kind: z.enum(['Configuration', 'Function']),
  metadata: z.object({ name: z.string().min(1) }),
});

/** The one configuration that carries the APIs; every other only adds dependencies to it. */
const baseConfiguration = 'configuration';

/** Builds every package, in alphabetical order of their folders. */
export async function buildPackages(options: PackageOptions): Promise<readonly BuiltPackage[]> {
  await mkdir(options.output, { recursive: true });
  const built: BuiltPackage[] = [];
  for (const folder of await packageFolders(options.root)) built.push(await buildPackage(folder, options));
  if (built.length === 0)
    throw new Error(
      `cannot build packages: no folder of "${join(options.root, 'package')}" has a crossplane.yaml`,
    );
  return built;
}

async function packageFolders(root: string): Promise<readonly string[]> {
  const entries = await readdir(join(root, 'package'), { withFileTypes: true });
  const folders = entries
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => join(root, 'package', name));
  const described = await Promise.all(folders.map((folder) => exists(join(folder, 'crossplane.yaml'))));
  return folders.filter((_, index) => described[index]).sort();
}

async function buildPackage(folder: string, options: PackageOptions): Promise<BuiltPackage> {
  const { kind, metadata } = await readMetadata(folder);
  const file = resolve(options.output, `${metadata.name}.xpkg`);
  const staging = await mkdtemp(join(tmpdir(), 'openova-xpkg-'));
  try {
    const flags = [...(await stage(folder, staging, options.root)), `--package-file=${file}`];
    if (kind === 'Function' && options.runtimeImage !== undefined) {
      flags.push(`--embed-runtime-image-tarball=${resolve(options.runtimeImage)}`);
    }
    const cli = await toolPath('crossplane-cli');
    await run(cli, ['xpkg', 'build', ...flags], { env: { ...process.env, HOME: staging } });
  } catch (error) {
    throw new Error(`cannot build package "${metadata.name}": ${reasonOf(error)}`, { cause: error });
  } finally {
    await rm(staging, { recursive: true, force: true });
  }
  return { kind, name: metadata.name, file };
}

/** Gathers what belongs into a package and nothing else: the program takes in every YAML file below its root. */
async function stage(folder: string, staging: string, repository: string): Promise<readonly string[]> {
  const root = join(staging, 'root');
  const examples = join(staging, 'examples');
  await copyYaml(folder, root);
  await mkdir(examples);
  if (basename(folder) === baseConfiguration) {
    await copyYaml(join(repository, 'apis'), join(root, 'apis'));
    await copyYaml(join(repository, 'compositions'), join(root, 'compositions'));
    await copyYaml(join(repository, 'examples'), examples);
  }
  return [`--package-root=${root}`, `--examples-root=${examples}`];
}

async function readMetadata(folder: string): Promise<z.infer<typeof metadata>> {
  const file = join(folder, 'crossplane.yaml');
  const read = metadata.safeParse(parse(await readFile(file, 'utf8')));
  if (read.success) return read.data;
  throw new Error(`cannot read "${file}": ${z.prettifyError(read.error)}`);
}

/** Copies the YAML files that lie directly in a folder; none when there is no such folder. */
async function copyYaml(from: string, to: string): Promise<void> {
  if (!(await exists(from))) return;
  const entries = await readdir(from, { withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name));
  for (const { name } of files) await cp(join(from, name), join(to, name));
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'stderr' in error && typeof error.stderr === 'string')
    return error.stderr.trim();
  return error instanceof Error ? error.message : String(error);
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

if (import.meta.main) {
  try {
    const { values } = parseArgs({
      options: { 'runtime-image': { type: 'string' }, output: { type: 'string' } },
    });
    const root = join(import.meta.dirname, '..');
    const image = values['runtime-image'];
    const options = {
      root,
      output: values.output ?? join(root, 'dist'),
      ...(image === undefined ? {} : { runtimeImage: image }),
    };
    for (const { kind, name, file } of await buildPackages(options)) {
      const { size } = await stat(file);
      process.stdout.write(`${kind} ${name}: ${file}, ${Math.ceil(size / 1024)} KiB\n`);
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
