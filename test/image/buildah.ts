/** Images without a daemon: buildah with storage of its own, which goes when the tests end. */
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** What a build says, in bytes. */
const MAX_OUTPUT = 64 * 1024 * 1024;

export interface Buildah {
  /** Runs buildah with these arguments; what it prints, without the last line break. */
  (...args: readonly string[]): Promise<string>;
  /** Arguments that every call begins with. */
  readonly storage: readonly string[];
  remove(): Promise<void>;
}

/** Works inside a container too: no overlay mounts, no namespaces but those of chroot. */
export async function startBuildah(): Promise<Buildah> {
  const folder = await mkdtemp(join(tmpdir(), 'openova-buildah-'));
  const storage = [
    '--storage-driver=vfs',
    `--root=${join(folder, 'root')}`,
    `--runroot=${join(folder, 'run')}`,
  ];
  const call = async (...args: readonly string[]): Promise<string> => {
    try {
      const { stdout } = await run('buildah', [...storage, ...args], {
        maxBuffer: MAX_OUTPUT,
        env: { ...process.env, BUILDAH_ISOLATION: 'chroot' },
      });
      return stdout.trimEnd();
    } catch (error) {
      throw new Error(`buildah ${args.join(' ')}: ${reasonOf(error)}`, { cause: error });
    }
  };
  return Object.assign(call, {
    storage,
    remove: async () => {
      await rm(folder, { recursive: true, force: true });
    },
  });
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'stderr' in error && typeof error.stderr === 'string')
    return error.stderr.trim().split('\n').slice(-20).join('\n');
  return error instanceof Error ? error.message : String(error);
}
