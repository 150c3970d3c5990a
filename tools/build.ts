/**
 * Builds the Go programs of programs.ts into a cache folder outside the repository, and says where they are:
 *
 *     node tools/build.ts [PROGRAM…]
 *
 * Progress goes to standard error, one path per program to standard output. A program is built again only when its
 * go.mod, its go.sum or its flags change. The cache is $OPENOVA_CACHE, or ~/.cache/openova.
 */
import { execFile, spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { access, constants, mkdir, readFile, rename, rm } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { programs, type Program, type ProgramName } from './programs.ts';

const run = promisify(execFile);
const secondsBetweenLines = 10;

/** The path of the program's binary, which is built first when the cache does not have it. */
export async function toolPath(name: ProgramName): Promise<string> {
  const program: Program = named(name);
  const plan = planBuild(program, await readModule(program));
  if (!(await isExecutable(plan.binary))) await build(program, plan);
  return plan.binary;
}

/** Where a module lies unpacked that a program is built from, or that tools/crds requires for the CRDs in it. */
export async function moduleFolder(name: ProgramName | 'crds', module: string): Promise<string> {
  const folder = folderOf({ name });
  await requireGo(goVersion((await readModule({ name })).mod), name);
  await run('go', ['mod', 'download', module], { cwd: folder, env: goEnvironment() });
  const found = await run('go', ['list', '-m', '-f', '{{.Dir}}', module], {
    cwd: folder,
    env: goEnvironment(),
  });
  return found.stdout.trim();
}

interface ModuleFiles {
  readonly mod: string;
  readonly sum: string;
}

interface BuildPlan {
  readonly version: string;
  /** The least Go that the program's go.mod accepts. */
  readonly go: string;
  readonly flags: readonly string[];
  readonly binary: string;
}

/** What a build will do; the same files and flags give the same path. */
export function planBuild(program: Program, files: ModuleFiles, cache = cacheFolder()): BuildPlan {
  const version = requiredVersion(files.mod, program.module);
  const variables = Object.entries(program.variables?.(version) ?? {});
  const linker = ['-s', '-w', ...variables.flatMap(([variable, value]) => ['-X', `${variable}=${value}`])];
  const flags = ['-trimpath', '-buildvcs=false', '-mod=readonly', '-ldflags', linker.join(' ')];
  const hash = createHash('sha256');
  for (const part of [files.mod, files.sum, ...flags, process.platform, process.arch])
    hash.update(part).update('\0');
  const folder = `${program.name}-${hash.digest('hex').slice(0, 16)}`;
  return { version, go: goVersion(files.mod), flags, binary: join(cache, 'tools', folder, program.name) };
}

/** The version at which a go.mod requires a module. */
export function requiredVersion(mod: string, module: string): string {
  for (const line of mod.split('\n')) {
    const [name, version] = line
      .trim()
      .replace(/^require\s+/, '')
      .split(/\s+/);
    if (name === module && version !== undefined) return version;
  }
  throw new Error(`cannot find the version of "${module}": go.mod does not require it`);
}

function goVersion(mod: string): string {
  return /^go (\S+)$/m.exec(mod)?.[1] ?? '1.21';
}

/** Whether version `left`, such as `1.26.8`, is older than `right`. */
export function isOlder(left: string, right: string): boolean {
  const [mine, other] = [left, right].map((version) =>
    version.split('.').map((part) => Number.parseInt(part, 10)),
  );
  for (let index = 0; index < 3; index += 1) {
    const difference = (mine?.[index] ?? 0) - (other?.[index] ?? 0);
    if (difference !== 0) return difference < 0;
  }
  return false;
}

function cacheFolder(): string {
  return process.env['OPENOVA_CACHE'] ?? join(homedir(), '.cache', 'openova');
}

function folderOf({ name }: Pick<Program, 'name'>): string {
  return join(import.meta.dirname, name);
}

async function readModule(program: Pick<Program, 'name'>): Promise<ModuleFiles> {
  const [mod, sum] = await Promise.all(
    ['go.mod', 'go.sum'].map((file) => readFile(join(folderOf(program), file), 'utf8')),
  );
  return { mod: mod ?? '', sum: sum ?? '' };
}

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  );
}

async function build(program: Program, plan: BuildPlan): Promise<void> {
  await requireGo(plan.go, program.name);
  await mkdir(join(plan.binary, '..'), { recursive: true });
  // A half-written binary never has the name that others look for, also when two builds run at once.
  const unfinished = `${plan.binary}.${randomUUID()}`;
  try {
    await compile(program, plan, unfinished);
    await rename(unfinished, plan.binary);
  } finally {
    await rm(unfinished, { force: true });
  }
}

async function compile(program: Program, plan: BuildPlan, output: string): Promise<void> {
  const started = Date.now();
  const said: string[] = [];
  let modules = 0;
  let packages = 0;
  const label = `${program.name} ${plan.version}`;
  const progress = (what: string): void => {
    say(`${label}: ${what}, ${modules} modules fetched, ${packages} packages compiled, ${since(started)} s`);
  };

  progress('building');
  const compiler = spawn('go', ['build', '-v', ...plan.flags, '-o', output, program.package], {
    cwd: folderOf(program),
    env: goEnvironment(),
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const finished = new Promise<number | null>((resolve, reject) => {
    compiler.once('error', reject);
    compiler.once('close', resolve);
  });
  const timer = setInterval(() => {
    progress('building');
  }, secondsBetweenLines * 1000);
  try {
    for await (const line of createInterface({ input: compiler.stderr })) {
      if (line.startsWith('go: downloading ')) modules += 1;
      else if (/^[\w.-]+(\/[\w.~-]+)*$/.test(line)) packages += 1;
      else said.push(line);
    }
    const code = await finished;
    if (code !== 0)
      throw new Error(
        [`cannot build "${label}": go build ended with ${code ?? 'a signal'}`, ...said].join('\n'),
      );
  } finally {
    clearInterval(timer);
  }
  progress('built');
}

/** Fails when there is no Go, or one that is too old and may not fetch a newer one by itself. */
async function requireGo(least: string, program: string): Promise<void> {
  const [version, toolchain] = await goFacts();
  if (version === undefined) {
    throw new Error(
      `cannot build "${program}": no go on PATH, Go ${least} or newer is needed (https://go.dev/dl)`,
    );
  }
  if (toolchain === 'local' && isOlder(version, least)) {
    throw new Error(
      `cannot build "${program}": go is "${version}", must be ${least} or newer, or allowed to fetch it (GOTOOLCHAIN=auto)`,
    );
  }
}

async function goFacts(): Promise<[version?: string, toolchain?: string]> {
  try {
    // Outside of any module, so that no go.mod asks for another toolchain.
    const { stdout } = await run('go', ['env', 'GOVERSION', 'GOTOOLCHAIN'], {
      cwd: tmpdir(),
      env: goEnvironment(),
    });
    const [version = '', toolchain = ''] = stdout.split('\n');
    return [version.replace(/^go/, ''), toolchain];
  } catch (error) {
    if (isNotFound(error)) return [];
    throw error;
  }
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT';
}

function goEnvironment(): NodeJS.ProcessEnv {
  return { ...process.env, CGO_ENABLED: '0', GOWORK: 'off' };
}

function named(name: string): (typeof programs)[number] {
  const found = programs.find((program) => program.name === name);
  if (found !== undefined) return found;
  throw new Error(`cannot build "${name}": must be one of ${knownNames()}`);
}

function knownNames(): string {
  return programs
    .map((program) => program.name)
    .sort()
    .join(', ');
}

function since(started: number): number {
  return Math.round((Date.now() - started) / 1000);
}

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

if (import.meta.main) {
  try {
    const names = process.argv.slice(2);
    for (const { name } of names.length === 0 ? programs : names.map(named))
      process.stdout.write(`${await toolPath(name)}\n`);
  } catch (error) {
    say(error instanceof Error ? error.message : String(error));
    process.exitCode = 1;
  }
}
