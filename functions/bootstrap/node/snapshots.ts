/** Where K3s saves etcd. Source: docs.k3s.io, etcd-snapshot, 2026-11. */
import { at, textAt } from '../../kernel/manifest.ts';
import type { Config, Snapshots } from '../contract.ts';
import { CommandFailure, Failure } from '../failure.ts';
import { quote, type Remote } from '../remote.ts';
import type { Look, Run } from '../run.ts';
import type { Store } from '../store.ts';
import { BINARY } from './k3s.ts';
import { listObjects } from './kubectl.ts';

/** What every server is told of snapshots; the keys of the store come from a Secret. */
export async function snapshotConfig(store: Store, { schedule, retention, s3 }: Snapshots): Promise<Config> {
  return {
    'etcd-snapshot-schedule-cron': schedule,
    'etcd-snapshot-retention': retention,
    ...(s3 && {
      'etcd-s3': true,
      'etcd-s3-endpoint': s3.endpoint.replace(/^https?:\/\//, ''),
      'etcd-s3-bucket': s3.bucket,
      'etcd-s3-region': s3.region,
      'etcd-s3-folder': s3.folder,
      ...(s3.secret && (await credentials(store, s3.secret))),
    }),
  };
}

async function credentials(
  store: Store,
  ref: { readonly namespace: string; readonly name: string },
): Promise<Config> {
  const { accessKeyId, secretAccessKey } = (await store.secret(ref))?.data ?? {};
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw Failure.input(
      `there is no Secret "${ref.namespace}/${ref.name}" with the keys "accessKeyId" and "secretAccessKey"`,
      { hint: 'snapshots of etcd go to an object store with these' },
    );
  return { 'etcd-s3-access-key': accessKeyId, 'etcd-s3-secret-key': secretAccessKey };
}

const SAVE_SECONDS = 600;

/**
 * What K3s says of a failure that only its log names; the S3 store's are said as they are. Source: k3s pkg/etcd,
 * snapshot_handler.go, and pkg/util, apierrors.go, 2026-11.
 */
const UNNAMED = /etcd-snapshot error ID \d+/;

/**
 * Another save is over in two minutes: it writes and uploads the database, which has some hundred MB in a large cluster, and
 * does so with 10 MB/s or more.
 */
const BUSY = { everySeconds: 10, looks: 12 } as const;

const IN_ITS_LOG = 'the log of K3s says what has this number: journalctl -u k3s';

/**
 * Saves etcd now, where its regular snapshots go. A server saves one at a time, and whoever asks meanwhile is told no more than
 * that it failed: a regular one, or that of a program that has died, is waited for. Source: k3s pkg/etcd, snapshot.go, 2026-11.
 * @param name what the snapshot's name begins with.
 * @throws Failure remote with what K3s says: at once, or after two minutes where it does not say why.
 */
export function saveEtcd(run: Run, remote: Remote, name: string): Promise<void> {
  let waits = 0;
  const save = async (signal: AbortSignal): Promise<Look<undefined>> => {
    try {
      await remote.run(`${BINARY} etcd-snapshot save --name ${quote(name)} >&2`, { signal });
      return { done: undefined };
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      const { message, log } = error;
      if (![message, ...log].some((line) => UNNAMED.test(line))) throw Failure.remote(message, error);
      if (waits === BUSY.looks) throw Failure.remote(message, { hint: IN_ITS_LOG, log });
      waits += 1;
      return { waiting: message, hint: IN_ITS_LOG, log };
    }
  };
  return run.step('save etcd', SAVE_SECONDS, (signal) =>
    run.until(signal, () => save(signal), BUSY.everySeconds),
  );
}

/** When etcd was saved last, RFC 3339; undefined when never. */
export async function lastSnapshot(remote: Remote, signal: AbortSignal): Promise<string | undefined> {
  const files = await listObjects(remote, 'etcdsnapshotfiles.k3s.cattle.io', signal);
  return files
    .filter((file) => at(file, 'status', 'readyToUse') === true)
    .flatMap((file) => textAt(file, 'status', 'creationTime') ?? [])
    .sort()
    .at(-1);
}
