/** A machine leaves: its pods first, then its node and its member of etcd. The machine itself may be dead or gone. */
import { textAt } from '../../kernel/manifest.ts';
import type { Target } from '../contract.ts';
import { Failure } from '../failure.ts';
import { alone } from '../lease.ts';
import { forgetEarlier, lackOf, livingServer } from '../node/cluster.ts';
import { DRAIN_GRACE, drainNode } from '../node/drain.ts';
import { leader, members, membersOf, moveLeader, type Member } from '../node/etcd.ts';
import { startNoMore, unitOf, type Role } from '../node/k3s.ts';
import { getObject, listObjects } from '../node/kubectl.ts';
import { keptFromLeaving } from '../quorum.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Look, Outcome, Run } from '../run.ts';

const LOOK_SECONDS = 120;
const STOP_SECONDS = 120;
const LOGIN_SECONDS = 300;
/** Of five seconds each, and more: a machine that is busy or on its way up is not gone. */
const SILENT_LOOKS = 6;

export function drainAndRemove(run: Run, input: InputOf<'drain-and-remove'>): Promise<Outcome> {
  return alone(run, input, async () => {
    const { target, peers, role, drainSeconds } = input;
    if (role === 'server' && peers.length === 0)
      throw Failure.quorum(`"${target.name}" is the only server, and a cluster must keep one`);
    const peer = await livingServer(run, peers);
    if (role === 'server') await checkQuorum(run, peer, target);
    await run.step('drain', drainSeconds + DRAIN_GRACE, (signal) =>
      drainNode(peer, target.name, drainSeconds, signal),
    );
    if (role === 'server') {
      // Pods may have taken their time to go.
      await checkQuorum(run, peer, target);
      await giveUpLeadership(run, peer, target);
    }
    // A server whose member is taken away ends and joins anew, as a voter that nobody counts on. It cannot be stopped before,
    // as of two members both are needed to take one away.
    const leaving = await logInUnlessGone(run, peer, target);
    if (leaving !== undefined)
      await run.step('keep K3s from starting again', STOP_SECONDS, (signal) =>
        startNoMore(leaving, role, signal),
      );
    await forgetEarlier(run, peer, target, 'remove the node');
    if (leaving !== undefined)
      await run.step('stop K3s', STOP_SECONDS, (signal) => stop(leaving, role, signal));
    await forgetEarlier(run, peer, target, 'see that it is gone');
    return {};
  });
}

/** @throws Failure quorum when etcd would not live on. */
async function checkQuorum(run: Run, peer: Remote, target: Target): Promise<void> {
  await run.step('check that etcd lives on', LOOK_SECONDS, async (signal) => {
    const nodes = await listObjects(peer, 'nodes', signal);
    const living = nodes
      .filter((node) => lackOf(node, 'server') === undefined)
      .flatMap((node) => textAt(node, 'metadata', 'name') ?? []);
    const kept = keptFromLeaving(await members(peer, signal), target, new Set(living));
    if (kept !== undefined)
      throw Failure.quorum(`"${target.name}" cannot leave: ${kept}`, {
        hint: 'bring the servers that do not answer back, or remove them first',
      });
  });
}

/** Another member leads, so that etcd does not stand still until it has elected one. Only the leader itself can say so. */
async function giveUpLeadership(run: Run, peer: Remote, target: Target): Promise<void> {
  await run.step('give up leadership', LOOK_SECONDS, async (signal) => {
    const all = await members(peer, signal);
    const own = new Set(membersOf(all, target).map(({ id }) => id));
    if (!own.has(await leader(peer, signal))) return;
    const next = successor(all, own, peer.target);
    const reached = await run.reach(target, signal);
    if ('done' in reached && next !== undefined) await moveLeader(reached.done, next, signal);
  });
}

/** A voter that lives, where one is known to: that of the server that we ask. Another one may be dead. */
function successor(all: readonly Member[], own: ReadonlySet<string>, living: Target): Member | undefined {
  const voters = all.filter(({ id, learner, name }) => !own.has(id) && !learner && name !== '');
  return membersOf(voters, living)[0] ?? voters[0];
}

/**
 * The machine that leaves; undefined for one that is silent and whose Node is not Ready: it is left to whoever takes it away.
 * @throws Failure timeout when it lives and does not let us in: its K3s would join anew.
 */
async function logInUnlessGone(run: Run, peer: Remote, target: Target): Promise<Remote | undefined> {
  let silentLooks = 0;
  const look = async (signal: AbortSignal): Promise<Look<Remote | undefined>> => {
    const reached = await run.reach(target, signal);
    if ('done' in reached) return reached;
    silentLooks += 1;
    const node = await getObject(peer, 'node', target.name, { signal });
    const isGone = silentLooks >= SILENT_LOOKS && lackOf(node, 'agent') !== undefined;
    return isGone ? { done: undefined } : reached;
  };
  return run.step('log in to the machine', LOGIN_SECONDS, (signal) =>
    run.until(signal, () => look(signal), 5),
  );
}

/** K3s must not register the node again. */
function stop(remote: Remote, role: Role, signal: AbortSignal) {
  return remote.run(`systemctl disable --now ${unitOf(role)} >&2 || true`, { signal });
}
