/**
 * One beginning: which machine begins the cluster, decided once and for all machines, and what is known of a cluster whose
 * Secret was lost. A server that holds no member begins none while another one holds one.
 */
import type { Target } from '../contract.ts';
import { Failure } from '../failure.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Look, Run } from '../run.ts';
import type { Ref } from '../store.ts';
import { readTokens, writeMarker, type Tokens } from '../tokens.ts';
import { holdsMember, reachSoon } from './cluster.ts';
import { DATA, NODE_CONFIG } from './k3s.ts';

type Input = Pick<InputOf<'server'>, 'target' | 'peers' | 'namespace' | 'secrets' | 'restore'>;

/** What K3s has on a machine that holds a member of etcd. */
export interface Member {
  /** The machine. */
  readonly name: string;
  /** As this program has told it to. */
  readonly runs: boolean;
  /** Undefined before the cluster has served there. */
  readonly server: string | undefined;
  readonly agent: string | undefined;
}

export function tokensOf({ namespace, secrets }: Pick<Input, 'namespace' | 'secrets'>): Ref {
  return { namespace, name: secrets.tokens };
}

/** @returns undefined for a machine that holds none. */
export async function memberOn(remote: Remote, signal: AbortSignal): Promise<Member | undefined> {
  if (!(await holdsMember(remote, signal))) return undefined;
  const { stdout } = await remote.run(
    [
      `if [ -e ${NODE_CONFIG} ]; then systemctl is-active k3s || true; else echo not ours; fi`,
      `cd ${DATA}/server; sed 's/.*://' token agent-token 2>/dev/null || true`,
    ].join('\n'),
    { signal },
  );
  const [state, server, agent = server] = stdout.trim().split('\n');
  return { name: remote.target.name, runs: state === 'active', server, agent };
}

/**
 * Claims the beginning of the cluster where nobody has, or where the machine that did has gone before the cluster served.
 * Whoever holds a member begins none, nor does who has a peer that does: where nobody knows of their cluster any more, its tokens
 * are taken over from one that runs.
 * @param own what the machine itself holds.
 * @throws Failure input when the member is of another cluster.
 * @throws Failure timeout when a peer does not answer that may hold what was begun.
 */
export async function beginOrNot(
  run: Run,
  input: Input,
  own: Member | undefined,
  signal: AbortSignal,
): Promise<Tokens> {
  const { name: node, identity } = input.target;
  for (;;) {
    const tokens = await readTokens(run.store, tokensOf(input));
    const { cluster } = tokens;
    const isOpen = cluster === undefined || (cluster.node === node && !cluster.done);
    const mayBeHidden = cluster !== undefined && own === undefined;
    const others = isOpen && own?.runs !== true ? await membersOn(run, input.peers, mayBeHidden, signal) : [];
    const taken =
      cluster === undefined
        ? takenOver(own === undefined ? others : [own, ...others], tokens, input)
        : undefined;
    const known = { ...tokens, ...taken };
    const ours = others.filter((other) => !isForeign(other, known));
    const [member] = [...(own === undefined ? ours : [own]), ...others];
    if (member !== undefined && isForeign(member, known)) throw ofAnotherCluster(member, input);
    if (!isOpen || (cluster?.identity === identity && ours.length === 0)) return tokens;
    const mine = { node, identity, done: taken !== undefined || ours.length > 0 };
    if (await writeMarker(run.store, tokensOf(input), mine, tokens.version, taken))
      return { ...known, cluster: mine };
  }
}

/** @param mustAnswer all peers, unless one holds a member; else who does not answer is passed over. */
function membersOn(
  run: Run,
  peers: readonly Target[],
  mustAnswer: boolean,
  signal: AbortSignal,
): Promise<Member[]> {
  return run.until(
    signal,
    async (): Promise<Look<Member[]>> => {
      const found: Member[] = [];
      const silent: Exclude<Look<never>, { done: never }>[] = [];
      for (const peer of peers) {
        const reached = await reachSoon(run, peer, signal);
        const member = 'done' in reached ? await memberOn(reached.done, signal) : undefined;
        if (member !== undefined) found.push(member);
        // One that is new has joined nothing, and may wait for us.
        if ('waiting' in reached && !(await run.isNew(peer)))
          silent.push({ ...reached, waiting: `"${peer.name}" may hold what was begun: ${reached.waiting}` });
      }
      const [first] = silent;
      return mustAnswer && found.length === 0 && first !== undefined ? first : { done: found };
    },
    5,
  );
}

/** The tokens of a cluster that runs, or has those that are known. */
function takenOver(
  members: readonly Member[],
  tokens: Tokens,
  { restore }: Input,
): Pick<Tokens, 'server' | 'agent'> | undefined {
  for (const { runs, server, agent } of members) {
    const isKnown = server === tokens.server || (runs && restore === undefined);
    if (isKnown && server !== undefined && agent !== undefined) return { server, agent };
  }
  return undefined;
}

function isForeign({ server }: Member, tokens: Pick<Tokens, 'server' | 'cluster'>): boolean {
  return server === undefined ? tokens.cluster === undefined : server !== tokens.server;
}

function ofAnotherCluster(member: Member, input: Input): Failure {
  const { namespace, name } = tokensOf(input);
  return Failure.input(
    `"${member.name}" holds a member of a cluster that the Secret "${namespace}/${name}" is not of`,
    { hint: 'put back the Secret of that cluster, or uninstall K3s on the machine' },
  );
}

/** Whether this machine is the one that begins the cluster. */
export function begins({ cluster }: Tokens, { target }: Input): boolean {
  return cluster?.done === false && cluster.node === target.name && cluster.identity === target.identity;
}
