/** Who begins a cluster, by what the Secret says and what other servers hold: never a second one. */
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import { beginOrNot, begins, type Member } from '../../functions/bootstrap/node/beginning.ts';
import { NAMESPACE, runOn, SECRETS, target, type Answers, type Scripted } from './scripted.ts';

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f';
const TOKENS = { namespace: NAMESPACE, name: SECRETS.tokens };

/** A server with K3s in a state, and the token of its cluster; without one it holds nothing. */
const holding =
  (state: string, token?: string): Answers =>
  (script) => {
    if (script.includes('for path in'))
      return state === 'blank' ? '' : '/var/lib/rancher/k3s/server/db/etcd/name\n';
    return script.includes('not ours')
      ? [state, ...(token === undefined ? [] : [token, `${token}-agent`])].join('\n')
      : undefined;
  };
const blank = holding('blank');
const running = holding('active', 'theirs');
const stopped = holding('inactive', 'theirs');

const MINE = { node: 'server-1', identity: 'server-1', done: false };
const EARLIER = { ...MINE, identity: 'an earlier machine' };
const heldBy = (more: Partial<Member>): Member => ({
  ...{ name: 'server-1', runs: false, server: 'theirs', agent: 'theirs-agent' },
  ...more,
});

interface Case {
  readonly reason: string;
  /** What the Secret says of the cluster. */
  readonly cluster?: object;
  /** The server token in the Secret, `new` unless told. */
  readonly server?: string;
  readonly own?: Member;
  readonly peers: Scripted;
  readonly restores?: boolean;
  /** Servers that have taken the place of others, which were met before. */
  readonly replaced?: readonly string[];
}

/** What server-1 decides, and what the Secret holds then. */
async function decide({ cluster, server = 'new', own, peers, restores, replaced = [] }: Case) {
  const { run, store } = await runOn(peers);
  await store.create(TOKENS, {
    data: { server, agent: 'new-agent', ...(cluster && { cluster: JSON.stringify(cluster) }) },
  });
  const earlier = JSON.stringify({ identity: 'earlier', key: KEY });
  await store.merge(
    { namespace: NAMESPACE, name: SECRETS.hostKeys },
    Object.fromEntries(replaced.map((name) => [name, earlier])),
  );
  const input = {
    target: target('server-1'),
    peers: ['server-2', 'server-3'].map(target),
    namespace: NAMESPACE,
    secrets: SECRETS,
    ...(restores === true && { restore: { snapshot: 's3://acme/etcd-1' } }),
  };
  const decision = await run
    .step('see what there is', 300, (signal) => beginOrNot(run, input, own, signal))
    .catch((error: unknown) => {
      if (error instanceof Failure) return error;
      throw error;
    });
  const data = (await store.secret(TOKENS))?.data ?? {};
  if (decision instanceof Failure) return { decision, data };
  return { decision: begins(decision, input) ? 'begins' : 'joins', token: decision.server, data };
}

describe('a server begins a cluster', () => {
  it.each<Case>([
    { reason: 'where all are blank', peers: { 'server-2': blank, 'server-3': blank } },
    { reason: 'where nobody has begun one, and others have not come yet', peers: { 'server-2': blank } },
    {
      reason: 'that it has claimed before, and nobody has joined',
      cluster: MINE,
      peers: { 'server-2': blank, 'server-3': blank },
    },
    {
      reason: 'that an earlier machine of its name never began',
      cluster: EARLIER,
      peers: { 'server-2': blank, 'server-3': blank },
    },
    {
      reason: 'that an earlier machine never began, beside others that are new too and wait for it',
      cluster: EARLIER,
      peers: { 'server-2': blank },
      replaced: ['server-3'],
    },
    {
      reason: 'whose first start was cut, whoever answers',
      cluster: MINE,
      own: heldBy({ server: undefined, agent: undefined }),
      peers: {},
    },
  ])('$reason', async (one) => {
    expect(await decide(one)).toMatchObject({
      decision: 'begins',
      token: 'new',
      data: { cluster: JSON.stringify(MINE) },
    });
  });
});

describe('a server joins', () => {
  it.each<Case & { token: string; agent: string }>([
    {
      reason: 'a cluster that nobody knows any more, and its tokens are known again',
      peers: { 'server-2': blank, 'server-3': running },
      token: 'theirs',
      agent: 'theirs-agent',
    },
    {
      reason: 'the one that runs, where another does not',
      peers: { 'server-2': holding('inactive', 'stale'), 'server-3': running },
      token: 'theirs',
      agent: 'theirs-agent',
    },
    {
      reason: 'one that does not run, where it has the tokens that are known',
      server: 'theirs',
      peers: { 'server-2': stopped },
      token: 'theirs',
      agent: 'theirs-agent',
    },
    {
      reason: 'with its own member, which does not run, the others that do',
      own: heldBy({}),
      peers: { 'server-2': running },
      token: 'theirs',
      agent: 'theirs-agent',
    },
    {
      reason: 'what it had begun itself, where another one has joined and it has come back blank',
      cluster: MINE,
      server: 'theirs',
      peers: { 'server-2': running },
      token: 'theirs',
      agent: 'new-agent',
    },
    {
      reason: 'what an earlier machine of its name had begun, where another one has joined',
      cluster: EARLIER,
      server: 'theirs',
      peers: { 'server-3': stopped },
      token: 'theirs',
      agent: 'new-agent',
    },
    {
      reason: 'what an earlier machine had begun, where another one has asked to join',
      cluster: EARLIER,
      peers: { 'server-2': holding('activating') },
      token: 'new',
      agent: 'new-agent',
    },
  ])('$reason', async ({ token, agent, ...one }) => {
    expect(await decide(one)).toMatchObject({
      decision: 'joins',
      token,
      data: {
        server: token,
        agent,
        cluster: JSON.stringify({ ...MINE, done: true }),
      },
    });
  });

  it('what is known to serve, without a look at others', async () => {
    const cluster = { ...EARLIER, done: true };
    expect(await decide({ reason: '', cluster, peers: {} })).toMatchObject({
      decision: 'joins',
      data: { cluster: JSON.stringify(cluster) },
    });
  });
});

describe('a server begins nothing, and takes nothing over', () => {
  it.each<Case & { code: number; words: string }>([
    {
      reason: 'where another one holds a member that does not run, of tokens that nobody knows',
      peers: { 'server-2': stopped },
      code: EXIT.input,
      words: '"server-2" holds a member of a cluster that the Secret',
    },
    {
      reason: 'where another one holds a member that has never served',
      peers: { 'server-2': holding('activating') },
      code: EXIT.input,
      words: '"server-2" holds a member',
    },
    {
      reason: 'where it restores a snapshot, and another cluster runs',
      restores: true,
      peers: { 'server-2': running },
      code: EXIT.input,
      words: '"server-2" holds a member',
    },
    {
      reason: 'where it holds a member of a cluster that nobody knows, and does not run',
      own: heldBy({}),
      peers: { 'server-2': blank },
      code: EXIT.input,
      words: '"server-1" holds a member',
    },
    {
      reason: 'where an earlier machine may have begun, and who may have joined does not answer',
      cluster: EARLIER,
      peers: { 'server-2': blank },
      code: EXIT.timeout,
      words: '"server-3" may hold what was begun: SSH at',
    },
    {
      reason: 'where it may have begun itself, and who may have joined does not answer',
      cluster: MINE,
      peers: {},
      code: EXIT.timeout,
      words: '"server-2" may hold what was begun: SSH at',
    },
  ])('$reason', async ({ code, words, ...one }) => {
    const { decision, data } = await decide(one);
    expect(decision).toMatchObject({ code, message: expect.stringContaining(words) });
    expect(data).toEqual({
      server: 'new',
      agent: 'new-agent',
      ...(one.cluster && { cluster: JSON.stringify(one.cluster) }),
    });
  });
});
