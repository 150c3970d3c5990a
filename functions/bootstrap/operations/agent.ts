/** K3s on an agent: it joins through any server that lives. */
import type { Config } from '../contract.ts';
import {
  authorityHash,
  forgetEarlier,
  hasJoined,
  livingServer,
  serverUrl,
  standing,
} from '../node/cluster.ts';
import { configure, installFor, nodeConfigOf, serviceState, startK3s } from '../node/k3s.ts';
import { getObject } from '../node/kubectl.ts';
import { logInTo } from '../node/host.ts';
import { readyMachine } from '../node/machine.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Look, Outcome, Run } from '../run.ts';
import { readTokens } from '../tokens.ts';

type Input = InputOf<'agent'>;

const SHORT_SECONDS = 120;
const JOIN_SECONDS = 900;

export async function agent(run: Run, input: Input): Promise<Outcome> {
  const remote = await logInTo(run, 'agent', input);
  await readyMachine(run, remote);
  await installFor(run, remote, 'agent', input.k3s);
  const peer = await livingServer(run, input.peers);
  const joined = await run.step('see what there is', SHORT_SECONDS, (signal) => hasJoined(remote, signal));
  if (!joined) await forgetEarlier(run, peer, input.target);
  await run.step('start K3s', SHORT_SECONDS, async (signal) => {
    const { common, node } = input.k3s;
    const entry = await entryOf(run, remote, peer, input, signal);
    await configure(remote, 'agent', { common, node: { ...node, ...entry } }, signal);
    await startK3s(remote, 'agent', signal);
  });
  await run.step('wait for the node', JOIN_SECONDS, (signal) =>
    run.until(signal, () => nodeState(remote, peer, signal), 3),
  );
  return {};
}

/** Through whom it joins stays as it is while that server is one of the region's. */
async function entryOf(
  run: Run,
  remote: Remote,
  peer: Remote,
  { namespace, secrets, peers }: Input,
  signal: AbortSignal,
): Promise<Config> {
  const { server: before } = await nodeConfigOf(remote, signal);
  const known = peers.map(serverUrl).find((url) => url === before);
  const { agent: token } = await readTokens(run.store, { namespace, name: secrets.tokens });
  return {
    server: known ?? serverUrl(peer.target),
    token: `${await authorityHash(peer, signal)}::node:${token}`,
  };
}

async function nodeState(remote: Remote, peer: Remote, signal: AbortSignal): Promise<Look<undefined>> {
  const { name } = remote.target;
  const service = await serviceState(remote, 'agent', signal);
  if ('waiting' in service) return service;
  return standing(name, await getObject(peer, 'node', name, { signal }), 'agent');
}
