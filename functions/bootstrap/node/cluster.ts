/** The cluster that a machine joins: which of its servers lives, who is in it, and what an earlier machine left there. */
import { textAt, type JsonObject } from '../../kernel/manifest.ts';
import type { Target } from '../contract.ts';
import { Failure } from '../failure.ts';
import { quote, type Remote } from '../remote.ts';
import type { Look, Run } from '../run.ts';
import { members, membersOf, removeMember } from './etcd.ts';
import { BINARY, DATA, type Role } from './k3s.ts';
import { conditionOf, deleteObject, getObject, listObjects } from './kubectl.ts';

const PEER_SECONDS = 180;
const FORGET_SECONDS = 300;
const GATE_SECONDS = 600;
const MEMBER_SECONDS = 120;
const API_PORT = 6443;
const ETCD = `${DATA}/server/db/etcd`;
/** One server that does not answer shall not keep us from asking the next. */
const REACH_MS = 20_000;

/** Where a server is joined through: its address among the machines. */
export function serverUrl({ nodeAddress }: Target): string {
  return `https://${nodeAddress.includes(':') ? `[${nodeAddress}]` : nodeAddress}:${API_PORT}`;
}

/**
 * Logs in to the first server that serves, whatever its ordinal.
 * @param silent what it means that not one of them lets us in: where another machine of the region has, that they are lost.
 * @throws Failure quorum when none serves: a cluster that cannot answer cannot be joined.
 * @throws Failure timeout when we may be the ones who cannot reach them.
 */
export function livingServer(
  run: Run,
  peers: readonly Target[],
  silent: 'unreachable' | 'lost' = 'unreachable',
): Promise<Remote> {
  return run.step(
    'find a living server',
    PEER_SECONDS,
    (signal) => run.until(signal, () => lookForServer(run, peers, signal), 5),
    (timeout) => (silent === 'unreachable' && timeout.hint !== undefined ? timeout : lost(timeout)),
  );
}

function lost({ message, log }: Failure): Failure {
  return Failure.quorum(`the cluster exists, and no server of it answers: ${message}`, {
    hint: 'bring a server back; when all are lost, uninstall K3s where it is left and begin again: a claim from a snapshot, with restoreFrom, a document of kind Bootstrap from nothing',
    log,
  });
}

/** Its hint is about the way to the machines, and only there when none of them lets us in. */
async function lookForServer(run: Run, peers: readonly Target[], signal: AbortSignal): Promise<Look<Remote>> {
  const reasons: string[] = [];
  const hints: string[] = [];
  for (const peer of peers) {
    const reached = await reachSoon(run, peer, signal);
    if ('waiting' in reached) {
      reasons.push(`"${peer.name}": ${reached.waiting}`);
      hints.push(reached.hint ?? '');
    } else {
      const state = await serves(reached.done, signal);
      if (state === undefined) return reached;
      reasons.push(`"${peer.name}": ${state}`);
    }
  }
  const [hint] = hints.length === peers.length ? hints : [];
  return {
    waiting: reasons.length > 0 ? reasons.join('; ') : 'no other server is known',
    ...(hint !== undefined && { hint }),
  };
}

/** Tries once to log in, and not for long. */
export async function reachSoon(run: Run, peer: Target, signal: AbortSignal): Promise<Look<Remote>> {
  const soon = AbortSignal.any([signal, AbortSignal.timeout(REACH_MS)]);
  return run.reach(peer, soon);
}

/** Why a machine is no living server; undefined when it is one. */
async function serves(remote: Remote, signal: AbortSignal): Promise<string | undefined> {
  try {
    const { stdout } = await remote.run(
      `[ -x ${BINARY} ] && [ -e ${DATA}/server/token ] || { echo 'K3s is not installed'; exit 0; }
answer=$(timeout 15 ${BINARY} kubectl --request-timeout=10s get --raw /readyz 2>&1 | tail -n 1) || true
[ "$answer" = ok ] || { state=$(systemctl is-active k3s || true); echo "service k3s is \\"$state\\", its API answers \\"$answer\\""; }`,
      { signal },
    );
    const state = stdout.trim();
    return state === '' ? undefined : state;
  } catch (error) {
    if (signal.aborted || !(error instanceof Failure)) throw error;
    return error.message;
  }
}

/** The hash of the cluster's authority as K3s puts it before tokens: who joins with it is not fooled by another cluster. */
export async function authorityHash(peer: Remote, signal: AbortSignal): Promise<string> {
  const { stdout } = await peer.run(`sed -n 's/^\\(K10[0-9a-f]\\{64\\}\\)::.*/\\1/p' ${DATA}/server/token`, {
    signal,
  });
  const hash = stdout.trim();
  if (hash === '')
    throw Failure.remote(`"${peer.target.name}" has no token with the hash of the cluster's authority`);
  return hash;
}

/**
 * Takes away what is left of an earlier machine of this name: its member of etcd, its Node and the password of its node, which
 * K3s holds a new one against. Only for a machine that has nothing of its own yet.
 */
export async function forgetEarlier(
  run: Run,
  peer: Remote,
  target: Target,
  step = 'forget the earlier machine of this name',
): Promise<void> {
  await run.step(step, FORGET_SECONDS, (signal) => run.until(signal, () => forget(peer, target, signal), 3));
}

async function forget(peer: Remote, target: Target, signal: AbortSignal): Promise<Look<undefined>> {
  const password = { namespace: 'kube-system', signal };
  const secret = `${target.name}.node-password.k3s`;
  for (const member of membersOf(await members(peer, signal), target))
    await removeMember(peer, member, signal);
  const node = await getObject(peer, 'node', target.name, { signal });
  if (node !== undefined) {
    await deleteObject(peer, 'node', target.name, { signal });
    return { waiting: `Node "${target.name}" of the earlier machine is being deleted` };
  }
  if ((await getObject(peer, 'secret', secret, password)) !== undefined) {
    await deleteObject(peer, 'secret', secret, password);
    return { waiting: `Secret "kube-system/${secret}" of the earlier machine is being deleted` };
  }
  const left = membersOf(await members(peer, signal), target);
  return left.length > 0
    ? { waiting: `the member "${left[0]?.name ?? ''}" of the earlier machine is still in etcd` }
    : { done: undefined };
}

/**
 * Every server that joined before is Ready and votes in etcd: then one more may come. One that has come back blank cannot be
 * either before it has joined again, so nobody waits for it.
 */
export async function gateServers(
  run: Run,
  peer: Remote,
  { target, peers }: { readonly target: Target; readonly peers: readonly Target[] },
): Promise<void> {
  const isBlank = async (name: string, signal: AbortSignal): Promise<boolean> => {
    const machine = peers.find((one) => one.name === name);
    const reached = machine && (await reachSoon(run, machine, signal));
    return reached !== undefined && 'done' in reached && !(await holdsMember(reached.done, signal));
  };
  await run.step('wait for the earlier servers', GATE_SECONDS, (signal) =>
    run.until(
      signal,
      async () => {
        const lacking: string[] = [];
        for (const node of await listObjects(peer, 'nodes', signal)) {
          const name = textAt(node, 'metadata', 'name') ?? '';
          const lack = name === target.name || !isServer(node) ? undefined : lackOf(node, 'server');
          if (lack !== undefined && !(await isBlank(name, signal))) lacking.push(`"${name}" is not ${lack}`);
        }
        return lacking.length === 0 ? { done: undefined } : { waiting: lacking.sort().join('; ') };
      },
      5,
    ),
  );
}

export function isServer(node: JsonObject): boolean {
  return textAt(node, 'metadata', 'labels', 'node-role.kubernetes.io/control-plane') === 'true';
}

/** What others count on a node for. A member votes before its node is Ready: the first server has no network yet. */
const CONDITIONS = {
  agent: ['Ready'],
  server: ['Ready', 'EtcdIsVoter'],
  member: ['EtcdIsVoter'],
} as const satisfies Record<Role | 'member', readonly string[]>;
type Standing = keyof typeof CONDITIONS;

/** What a node lacks for others to count on it, such as `Ready and EtcdIsVoter`; undefined when nothing. */
export function lackOf(node: JsonObject | undefined, as: Standing): string | undefined {
  const lacks = CONDITIONS[as].filter((type) => conditionOf(node, type) !== 'True');
  return lacks.length === 0 ? undefined : lacks.join(' and ');
}

/** The same, as one waits for it. @param node undefined also while the API cannot be asked. */
export function standing(name: string, node: JsonObject | undefined, as: Standing): Look<undefined> {
  if (node === undefined) return { waiting: `the API shows no Node "${name}"` };
  const lack = lackOf(node, as);
  return lack === undefined ? { done: undefined } : { waiting: `Node "${name}" is not ${lack}` };
}

/** Whether a machine holds something of a cluster itself, so that what the cluster knows of its name is its own. */
export function hasJoined(remote: Remote, signal: AbortSignal): Promise<boolean> {
  return holds(remote, [...MEMBER, '/etc/rancher/node/password'], signal);
}

/** Whether a server holds a member of etcd. What K3s leaves of a node when it is uninstalled makes it no server. */
export function holdsMember(remote: Remote, signal: AbortSignal): Promise<boolean> {
  return holds(remote, MEMBER, signal);
}

/** K3s names its member before it asks others to let it in. */
const MEMBER = [`${ETCD}/name`, `${ETCD}/member`];

async function holds(remote: Remote, paths: readonly string[], signal: AbortSignal): Promise<boolean> {
  const { stdout } = await remote.run(
    `for path in ${paths.map(quote).join(' ')}; do [ ! -e "$path" ] || echo "$path"; done`,
    { signal },
  );
  return stdout.trim() !== '';
}

/**
 * Puts aside the data of a member that is in the cluster no more, as K3s does itself where it sees that it was removed: with
 * them it would never serve, or begin a cluster of its own. Where no other server can be asked, they stay.
 * @returns whether it did.
 */
export function leaveOldMember(run: Run, remote: Remote, peers: readonly Target[]): Promise<boolean> {
  return run.step('look for its member of etcd', MEMBER_SECONDS, async (signal) => {
    const name = await run.until(signal, () => removedMember(run, remote, peers, signal), 5);
    if (name === undefined) return false;
    // Of a program that has died this may still go on, and must not meet the data of the next member.
    await remote.run(
      `systemctl stop k3s || true; [ "$(cat ${ETCD}/name)" != ${quote(name)} ] || mv ${ETCD} ${ETCD}-old-$(date +%s)`,
      { signal },
    );
    return true;
  });
}

async function removedMember(
  run: Run,
  remote: Remote,
  peers: readonly Target[],
  signal: AbortSignal,
): Promise<Look<string | undefined>> {
  const { stdout } = await remote.run(
    `cd ${ETCD} && [ -e member ] || exit 0; cat name; echo; [ ! -e tombstone ] || echo removed`,
    { signal },
  );
  const [name = '', mark] = stdout.trim().split('\n');
  if (name === '') return { done: undefined };
  if (mark !== undefined) return { done: name };
  const peer = await lookForServer(run, peers, signal);
  if ('waiting' in peer) return { done: undefined };
  const own = membersOf(await members(peer.done, signal), remote.target);
  // One that has just come has no name before it has caught up.
  if (own.some((member) => member.name === name || member.name === '')) return { done: undefined };
  if ((await serves(remote, signal)) !== undefined) return { done: name };
  return {
    waiting: `it serves a cluster that "${peer.done.target.name}" is not in`,
    hint: 'stop K3s on the one that is not of this cluster',
  };
}
