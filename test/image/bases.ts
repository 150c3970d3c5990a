/**
 * Stand-ins for the base images of the Dockerfile, made of this machine's own programs where no registry can be
 * reached: the same paths, the same user, and nothing else in the one that runs.
 */
import { execFile } from 'node:child_process';
import { access, chmod, cp, mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import type { Buildah } from './buildah.ts';

const run = promisify(execFile);

export const BUILD_BASE = 'localhost/stand-in/node:24';
export const RUNTIME_BASE = 'localhost/stand-in/distroless:24';

/** Programs that the build stage's commands call, beside Node and npm. */
const TOOLS = ['sh', 'env', 'rm', 'find'];
const AUTHORITIES = '/etc/ssl/certs/ca-certificates.crt';

/** Makes both images in buildah's storage. */
export async function makeBases(buildah: Buildah): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'openova-bases-'));
  try {
    await makeBuildBase(buildah, join(folder, 'build'));
    await makeRuntimeBase(buildah, join(folder, 'runtime'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function makeBuildBase(buildah: Buildah, root: string): Promise<void> {
  for (const tool of TOOLS) await copyProgram(await which(tool), join('/usr/bin', tool), root);
  await copyProgram(join(root, 'usr/bin/sh'), '/bin/sh', root);
  await copyProgram(process.execPath, '/usr/local/bin/node', root);
  await cp(await npmFolder(), join(root, 'usr/local/lib/node_modules/npm'), {
    recursive: true,
    dereference: true,
  });
  const npm = join(root, 'usr/local/bin/npm');
  await writeFile(npm, '#!/bin/sh\nexec node /usr/local/lib/node_modules/npm/bin/npm-cli.js "$@"\n');
  await chmod(npm, 0o755);
  await mkdir(join(root, 'tmp'), { recursive: true });
  await chmod(join(root, 'tmp'), 0o1777);
  const trusted = await exists(AUTHORITIES);
  if (trusted) await cp(AUTHORITIES, join(root, AUTHORITIES));
  await commit(buildah, root, BUILD_BASE, [
    '--env=PATH=/usr/local/bin:/usr/bin:/bin',
    ...(trusted ? [`--env=NODE_EXTRA_CA_CERTS=${AUTHORITIES}`] : []),
  ]);
}

async function makeRuntimeBase(buildah: Buildah, root: string): Promise<void> {
  await copyProgram(process.execPath, '/nodejs/bin/node', root);
  await mkdir(join(root, 'etc'), { recursive: true });
  await writeFile(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:65532:65532:nonroot:/home/nonroot:/sbin/nologin\n',
  );
  await writeFile(join(root, 'etc/group'), 'root:x:0:\nnonroot:x:65532:\n');
  await commit(buildah, root, RUNTIME_BASE, ['--user=65532', '--entrypoint=["/nodejs/bin/node"]']);
}

async function commit(buildah: Buildah, root: string, image: string, config: string[]): Promise<void> {
  const container = await buildah('from', 'scratch');
  await buildah('copy', container, root, '/');
  await buildah('config', ...config, container);
  await buildah('commit', container, image);
  await buildah('rm', container);
}

/** Copies a program with the libraries that the loader finds for it, each to its own place. */
async function copyProgram(from: string, to: string, root: string): Promise<void> {
  const { stdout } = await run('ldd', [from]);
  const libraries = [...stdout.matchAll(/(\/\S+) \(0x/g)].flatMap(([, path]) => path ?? []);
  for (const [source, target] of [[from, to] as const, ...libraries.map((path) => [path, path] as const)]) {
    const place = join(root, target);
    if (await exists(place)) continue;
    await mkdir(dirname(place), { recursive: true });
    await cp(await realpath(source), place);
    await chmod(place, 0o755);
  }
}

async function which(program: string): Promise<string> {
  const { stdout } = await run('sh', ['-c', `command -v ${program}`]);
  return stdout.trim();
}

/** Where the npm that runs this lies, or else the one on the path. */
async function npmFolder(): Promise<string> {
  const running = process.env['npm_execpath'];
  if (running?.endsWith('npm-cli.js') === true) return join(dirname(running), '..');
  const { stdout } = await run('npm', ['root', '--global']);
  return join(stdout.trim(), 'npm');
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
