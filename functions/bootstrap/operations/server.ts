/** K3s on a server: the first one begins the cluster, every other one joins it. */
import type { Config } from '../contract.ts';
import { beginOrNot, begins, memberOn, tokensOf } from '../node/beginning.ts';
import {
  authorityHash,
  forgetEarlier,
  gateServers,
  leaveOldMember,
  livingServer,
  serverUrl,
  standing,
} from '../node/cluster.ts';
import { ciliumManifest, waitForCilium } from '../node/cilium.ts';
import { BINARY, configure, DATA, installFor, nodeConfigOf, serviceState, startK3s } from '../node/k3s.ts';
import { members, membersOf } from '../node/etcd.ts';
import { getObject } from '../node/kubectl.ts';
import { readyMachine } from '../node/machine.ts';
import { logInTo } from '../node/host.ts';
import { forgetSnapshotNodes, restoreSnapshot } from '../node/restore.ts';
import { snapshotConfig } from '../node/snapshots.ts';
import { writeText, type Remote } from '../remote.ts';
import type { InputOf, Look, Outcome, Run } from '../run.ts';
import { readTokens, writeMarker } from '../tokens.ts';

type Input = InputOf<'server'>;

const SHORT_SECONDS = 120;
/** Other servers may have to be waited for. */
const LOOK_SECONDS = 300;
const JOIN_SECONDS = 900;

/** How a server comes into its cluster: words of its own part of the configuration. */
interface Entry {
  readonly begins: boolean;
  readonly config: Config;
  /** The server that it joins through, when it does so now. */
  readonly peer?: Remote;
}

export async function server(run: Run, input: Input): Promise<Outcome> {
  const remote = await logInTo(run, 'server', input);
  await readyMachine(run, remote);
  await installFor(run, remote, 'server', input.k3s);
  const entry = await enter(run, remote, input);
  if (entry.begins && input.restore !== undefined) await restoreSnapshot(run, remote, input);
  await run.step('start K3s', SHORT_SECONDS, async (signal) => {
    const { agent } = await readTokens(run.store, tokensOf(input));
    await configure(
      remote,
      'server',
      {
        common: {
          ...input.k3s.common,
          ...(await snapshotConfig(run.store, input.snapshots)),
          'agent-token': agent,
        },
        node: { ...input.k3s.node, ...entry.config },
      },
      signal,
    );
    if (entry.begins && input.cni === 'cilium')
      await writeText(
        remote,
        `${DATA}/server/manifests/cilium.yaml`,
        ciliumManifest(input.k3s.common),
        '0600',
        signal,
      );
    await startK3s(remote, 'server', signal);
  });
  if (entry.begins && input.restore !== undefined) await forgetSnapshotNodes(run, remote, input);
  await gateOwn(run, remote, entry.peer);
  if (entry.begins)
    await run.step('record the cluster', SHORT_SECONDS, async () => {
      const { name: node, identity } = input.target;
      await writeMarker(run.store, tokensOf(input), { node, identity, done: true });
    });
  if (input.cni === 'cilium') await waitForCilium(run, remote);
  return {};
}

/** Decides, once and for all machines, who begins the cluster; whoever does not, joins. */
async function enter(run: Run, remote: Remote, input: Input): Promise<Entry> {
  const { own, before, tokens } = await run.step('see what there is', LOOK_SECONDS, async (signal) => {
    const own = await memberOn(remote, signal);
    const before = await nodeConfigOf(remote, signal);
    return { own, before, tokens: await beginOrNot(run, input, own, signal) };
  });
  if (begins(tokens, input)) return { begins: true, config: { 'cluster-init': true, token: tokens.server } };
  if (own === undefined || (await leaveOldMember(run, remote, input.peers))) return join(run, input, false);
  // Data of etcd on its disk: K3s takes no notice of how it came in, and the words stay as they are.
  const { server: url, token, 'cluster-init': first } = before;
  if (first === true) return { begins: false, config: { 'cluster-init': true, token: tokens.server } };
  if (typeof url === 'string' && typeof token === 'string')
    return { begins: false, config: { server: url, token } };
  return join(run, input, true);
}

async function join(run: Run, input: Input, joined: boolean): Promise<Entry> {
  const peer = await livingServer(run, input.peers, 'lost');
  if (!joined) await forgetEarlier(run, peer, input.target);
  await gateServers(run, peer, input);
  return run.step('take the address of the cluster', SHORT_SECONDS, async (signal) => {
    const { server } = await readTokens(run.store, tokensOf(input));
    const token = `${await authorityHash(peer, signal)}::server:${server}`;
    return { begins: false, config: { server: serverUrl(peer.target), token }, peer };
  });
}

/** The service runs, the API is ready, the Node is there and votes. It need not be Ready: the first has no network yet. */
export async function gateOwn(run: Run, remote: Remote, peer?: Remote): Promise<void> {
  await run.step('wait for Kubernetes', JOIN_SECONDS, (signal) =>
    run.until(signal, () => serverState(remote, peer, signal), 3),
  );
}

async function serverState(
  remote: Remote,
  peer: Remote | undefined,
  signal: AbortSignal,
): Promise<Look<undefined>> {
  const { name } = remote.target;
  const service = await serviceState(remote, 'server', signal);
  if ('waiting' in service) {
    const learns = peer !== undefined && (await isLearner(peer, remote.target, signal));
    return learns ? { ...service, waiting: `${service.waiting}, a learner of etcd still` } : service;
  }
  const { stdout } = await remote.run(
    `${BINARY} kubectl --request-timeout=10s get --raw /readyz 2>&1 | tail -n 1`,
    { signal },
  );
  if (stdout.trim() !== 'ok') return { waiting: `/readyz of "${name}" answers "${stdout.trim()}"` };
  return standing(name, await getObject(remote, 'node', name, { signal }), 'member');
}

/** K3s serves only once its member votes, and says nothing of it before; another member knows. */
async function isLearner(peer: Remote, target: Input['target'], signal: AbortSignal): Promise<boolean> {
  const found = membersOf(await members(peer, signal), target);
  return found.some(({ learner }) => learner);
}
