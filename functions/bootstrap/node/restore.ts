/**
 * A cluster that begins with what a snapshot holds, instead of nothing. K3s refuses a second reset as well, but forgets that
 * when it has started. Source: docs.k3s.io, cli/etcd-snapshot, and k3s pkg/etcd, 2026-11.
 */
import { textAt, type JsonObject } from '../../kernel/manifest.ts';
import type { Config } from '../contract.ts';
import { Failure } from '../failure.ts';
import { quote, type Remote } from '../remote.ts';
import type { InputOf, Look, Run } from '../run.ts';
import { lastLines } from '../ssh.ts';
import { readTokens } from '../tokens.ts';
import { minorOf } from '../versions.ts';
import { BINARY, configText, DATA } from './k3s.ts';
import { deleteObject, kubectl, listObjects } from './kubectl.ts';
import { snapshotConfig } from './snapshots.ts';

const RESTORE_SECONDS = 1800;
const SETTLE_SECONDS = 900;
/** Read by K3s beside its configuration, for as long as the restore takes. */
const FILE = '/etc/rancher/k3s/config.yaml.d/restore.yaml';
const RESET_FLAG = `${DATA}/server/db/reset-flag`;
/** Which snapshot this machine began with: it never begins with one again. */
const MARKER = `${DATA}/openova-restored`;
const LOG = '/var/log/openova-restore.log';
const REFUSED = 40;

type Input = InputOf<'server'>;

/**
 * Puts a snapshot in place on the server that begins the cluster, before K3s is started for the first time.
 * Does nothing on one that has done so already.
 */
export function restoreSnapshot(run: Run, remote: Remote, input: Input): Promise<void> {
  const { snapshot = '' } = input.restore ?? {};
  return run.step('restore the snapshot', RESTORE_SECONDS, async (signal) => {
    const text = configText(await restoreConfig(run, input, snapshot));
    const { code, stderr } = await remote.run(restoration(snapshot), {
      input: text,
      allow: [REFUSED],
      signal,
    });
    const log = lastLines(stderr);
    if (code !== REFUSED) return;
    throw refusal(remote.target.name, snapshot, log);
  });
}

/** Everything that K3s is told meanwhile; a server that is reset neither begins nor joins a cluster. */
async function restoreConfig(run: Run, input: Input, snapshot: string): Promise<Config> {
  const { namespace, secrets, k3s, snapshots } = input;
  const { server, agent } = await readTokens(run.store, { namespace, name: secrets.tokens });
  const store = await snapshotConfig(run.store, snapshots);
  if (store['etcd-s3'] !== true)
    throw Failure.input(
      `the snapshot "${snapshot}" is in no store: snapshots of this region stay on its servers`,
    );
  const { bucket, folder, name } = parseSnapshot(snapshot);
  return {
    ...k3s.common,
    ...k3s.node,
    ...store,
    'etcd-s3-bucket': bucket,
    'etcd-s3-folder': folder,
    token: server,
    'agent-token': agent,
    'cluster-reset': true,
    'cluster-reset-restore-path': name,
  };
}

/** `s3://bucket/folder/name` */
export function parseSnapshot(snapshot: string): { bucket: string; folder: string; name: string } {
  const [, bucket, path = ''] = /^s3:\/\/([^/]+)\/(.+)$/.exec(snapshot) ?? [];
  const name = path.split('/').at(-1) ?? '';
  if (bucket === undefined || name === '')
    throw Failure.input(`the snapshot is "${snapshot}", must be such as s3://bucket/folder/name`);
  return { bucket, folder: path.slice(0, -name.length - 1), name };
}

/** One at a time also when the connection was cut and it went on: the second finds that it is done. */
function restoration(snapshot: string): string {
  const done = `mkdir -p ${DATA}; echo ${quote(snapshot)} > ${MARKER}; exit 0`;
  return [
    'set -u',
    'exec 9> /run/openova-restore.lock; flock 9',
    // One of before may be left when the machine went down.
    `trap 'rm -f ${FILE}' EXIT`,
    `[ ! -e ${MARKER} ] || exit 0`,
    `if [ -e ${RESET_FLAG} ]; then ${done}; fi`,
    `umask 077; mkdir -p ${FILE.slice(0, FILE.lastIndexOf('/'))}`,
    `cat > ${FILE}`,
    `if ${BINARY} server > ${LOG} 2>&1 && [ -e ${RESET_FLAG} ]; then ${done}; fi`,
    `tail -n 20 ${LOG} >&2`,
    `grep -qE ${quote(REFUSALS.map(({ words }) => words).join('|'))} ${LOG} && exit ${REFUSED}`,
    'exit 1',
  ].join('\n');
}

/** What no other try can mend. */
const REFUSALS = [
  {
    words: 'snapshot path does not exist|The specified key does not exist|NoSuchKey',
    reason: 'there is no such snapshot',
    hint: 'list the bucket: restoreFrom.snapshot is its whole address',
  },
  {
    words: 'encrypted with different token|failed to normalize server token',
    reason: 'it was made with another token',
    hint: 'restoreFrom.tokenSecretRef must hold the server token of the cluster that it was taken from',
  },
  {
    words: 'NoSuchBucket|AccessDenied|InvalidAccessKeyId|SignatureDoesNotMatch',
    reason: 'the store refuses to give it',
    hint: 'check the bucket, and the keys in the Secret of spec.archival',
  },
] as const;

function refusal(node: string, snapshot: string, log: readonly string[]): Failure {
  const found = REFUSALS.find(({ words }) => log.some((line) => new RegExp(words).test(line)));
  return Failure.input(
    `"${node}" cannot begin with the snapshot "${snapshot}": ${found?.reason ?? 'K3s refuses it'}`,
    { hint: found?.hint, log },
  );
}

/**
 * Takes away the nodes that the snapshot knows, when the API serves: their machines are not of this cluster, and a new one of
 * the same name would be held against the password of the old.
 * @throws Failure input when the snapshot is of another minor version.
 */
export function forgetSnapshotNodes(run: Run, remote: Remote, { k3s }: Input): Promise<void> {
  return run.step('forget the nodes of the snapshot', SETTLE_SECONDS, (signal) =>
    run.until(signal, () => forgetNodes(remote, k3s.version, signal), 3),
  );
}

async function forgetNodes(remote: Remote, version: string, signal: AbortSignal): Promise<Look<undefined>> {
  const { code, stdout } = await remote.run(
    // The answer has no end of line.
    `echo "$(${BINARY} kubectl --request-timeout=10s get --raw /readyz 2>/dev/null)"; stat -c %Y ${MARKER}`,
    { allow: [1], signal },
  );
  const [ready, restored] = stdout.trim().split('\n');
  if (code !== 0 || ready !== 'ok') return { waiting: `/readyz answers "${ready ?? ''}"` };
  const stale = (await listObjects(remote, 'nodes', signal)).filter((node) =>
    isBefore(textAt(node, 'metadata', 'creationTimestamp') ?? '', Number(restored)),
  );
  for (const node of stale) checkMinor(node, version);
  for (const node of stale) {
    const name = textAt(node, 'metadata', 'name') ?? '';
    await deleteObject(remote, 'node', name, { signal });
    // K3s would hold the Node until its member has left etcd. None of them is in this one, but for this machine's own, which
    // is the last and cannot leave.
    await kubectl(remote, ['patch', 'node', name, '--type=merge', `--patch=${UNHELD}`], {
      allow: [1],
      signal,
    });
  }
  if (stale.length > 0) return { waiting: `${stale.length} nodes of the snapshot are being deleted` };
  // Only then: a kubelet whose password is accepted takes a Node that is still there for its own, and makes none later.
  const secrets = await kubectl(remote, ['get', 'secrets', '-n', 'kube-system', '-o', NAMES_AND_BIRTHS], {
    signal,
  });
  for (const line of secrets.split('\n')) {
    const [name = '', born = ''] = line.split(' ');
    if (name.endsWith('.node-password.k3s') && isBefore(born, Number(restored)))
      await deleteObject(remote, 'secret', name, { namespace: 'kube-system', signal });
  }
  return { done: undefined };
}

const UNHELD = JSON.stringify({ metadata: { finalizers: null } });

const NAMES_AND_BIRTHS =
  'jsonpath={range .items[*]}{.metadata.name}{" "}{.metadata.creationTimestamp}{"\\n"}{end}';

/** @param moment in seconds since 1970. */
function isBefore(time: string, moment: number): boolean {
  return Date.parse(time) < moment * 1000;
}

function checkMinor(node: JsonObject, version: string): void {
  const was = textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? '';
  if (minorOf(was) === undefined || minorOf(was) === minorOf(version)) return;
  throw Failure.input(
    `the snapshot is of a cluster with "${was}", must be restored with the same minor version, not "${version}"`,
    {
      hint: 'make the claim again with that version of Kubernetes, and upgrade afterwards',
    },
  );
}
