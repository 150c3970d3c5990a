/** K3s on a server: the first one begins the cluster, every other one joins it. */
import type { Config } from '../contract.ts';
import { Failure } from '../failure.ts';
import {
  authorityHash,
  forgetEarlier,
  gateServers,
  holdsMember,
  leaveOldMember,
  livingServer,
  serverUrl,
} from '../node/cluster.ts';
import { ciliumManifest } from '../node/cilium.ts';
import {
  BINARY,
  configure,
  DATA,
  installFor,
  NODE_CONFIG,
  nodeConfigOf,
  serviceState,
  startK3s,
} from '../node/k3s.ts';
import { members, membersOf } from '../node/etcd.ts';
import { conditionOf, getObject } from '../node/kubectl.ts';
import { readyMachine } from '../node/machine.ts';
import { logInTo } from '../node/host.ts';
import { forgetSnapshotNodes, restoreSnapshot } from '../node/restore.ts';
import { snapshotConfig } from '../node/snapshots.ts';
import { writeText, type Remote } from '../remote.ts';
import type { InputOf, Look, Outcome, Run } from '../run.ts';
import { readTokens, writeMarker, type Tokens } from '../tokens.ts';

type Input = InputOf<'server'>;

const SHORT_SECONDS = 120;
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
  return {};
}

export function tokensOf({ namespace, secrets }: Pick<Input, 'namespace' | 'secrets'>) {
  return { namespace, name: secrets.tokens };
}

/** Decides, once and for all machines, who begins the cluster; whoever does not, joins. */
async function enter(run: Run, remote: Remote, input: Input): Promise<Entry> {
  const { own, before, tokens } = await run.step('see what there is', SHORT_SECONDS, async (signal) => {
    const own = (await holdsMember(remote, signal)) ? await ownTokens(remote, signal) : undefined;
    return { own, before: await nodeConfigOf(remote, signal), tokens: await beginOrNot(run, input, own) };
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

/** What K3s has on a machine that holds a member. */
interface OwnTokens {
  /** As this program has told it to. */
  readonly runs: boolean;
  /** Undefined before the cluster has served there. */
  readonly server: string | undefined;
  readonly agent: string | undefined;
}

async function ownTokens(remote: Remote, signal: AbortSignal): Promise<OwnTokens> {
  const { stdout } = await remote.run(
    [
      `if [ -e ${NODE_CONFIG} ]; then systemctl is-active k3s || true; else echo not ours; fi`,
      `cd ${DATA}/server; sed 's/.*://' token agent-token 2>/dev/null || true`,
    ].join('\n'),
    { signal },
  );
  const [state, server, agent = server] = stdout.trim().split('\n');
  return { runs: state === 'active', server, agent };
}

/**
 * Claims the beginning of the cluster where nobody has, or where the machine that did has gone before the cluster served.
 * Whoever holds a member begins none: where nobody knows of its cluster any more, its tokens are taken over.
 * @throws Failure input when the member is of another cluster.
 */
async function beginOrNot(run: Run, input: Input, own: OwnTokens | undefined): Promise<Tokens> {
  const { name: node, identity } = input.target;
  for (;;) {
    const tokens = await readTokens(run.store, tokensOf(input));
    const { cluster } = tokens;
    const taken = own && cluster === undefined ? takenOver(own, tokens, input) : undefined;
    if (own !== undefined && isForeign(own, { ...tokens, ...taken })) throw ofAnotherCluster(input);
    const goneBefore = cluster?.done === false && cluster.node === node && cluster.identity !== identity;
    if (cluster !== undefined && !goneBefore) return tokens;
    const mine = { node, identity, done: taken !== undefined };
    if (await writeMarker(run.store, tokensOf(input), mine, tokens.version, taken))
      return { ...tokens, ...taken, cluster: mine };
  }
}

/** The tokens of a cluster that runs, or has those that are known. */
function takenOver(
  { runs, server, agent }: OwnTokens,
  tokens: Tokens,
  { restore }: Input,
): Pick<Tokens, 'server' | 'agent'> | undefined {
  const known = server === tokens.server || (runs && restore === undefined);
  return known && server !== undefined && agent !== undefined ? { server, agent } : undefined;
}

function isForeign({ server }: OwnTokens, tokens: Pick<Tokens, 'server' | 'cluster'>): boolean {
  return server === undefined ? tokens.cluster === undefined : server !== tokens.server;
}

function ofAnotherCluster(input: Input): Failure {
  const { namespace, name } = tokensOf(input);
  return Failure.input(
    `"${input.target.name}" holds a member of a cluster that the Secret "${namespace}/${name}" is not of`,
    { hint: 'put back the Secret of that cluster, or uninstall K3s on the machine' },
  );
}

function begins({ cluster }: Tokens, { target }: Input): boolean {
  return cluster?.done === false && cluster.node === target.name && cluster.identity === target.identity;
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
  const node = await getObject(remote, 'node', name, { signal });
  if (node === undefined) return { waiting: `there is no Node "${name}"` };
  const voter = conditionOf(node, 'EtcdIsVoter');
  return voter === 'True'
    ? { done: undefined }
    : { waiting: `Node "${name}" has EtcdIsVoter ${voter === undefined ? 'not yet' : `"${voter}"`}` };
}

/** K3s serves only once its member votes, and says nothing of it before; another member knows. */
async function isLearner(peer: Remote, target: Input['target'], signal: AbortSignal): Promise<boolean> {
  const found = membersOf(await members(peer, signal), target);
  return found.some(({ learner }) => learner);
}
