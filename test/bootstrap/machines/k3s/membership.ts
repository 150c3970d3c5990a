/** Joining a cluster: what the new server asks, and what the one that it joins through does. */
import { at, isObject, type Json } from '../../../../functions/kernel/manifest.ts';
import { asJson } from '../../../live/kube.ts';
import { call, Refused } from './call.ts';
import { differences, type Config } from './config.ts';
import { etcd, members, nodeOf } from './etcd.ts';
import { hasFault, life, log, need } from './place.ts';
import { placeBootstrap } from './pki.ts';
import { basic, sha256, type Token } from './token.ts';

/** The authority of a server that one is told of; with a secure token it must be the one that the token names. */
export async function fetchAuthority(server: string, token: Token): Promise<string> {
  const ca = await call(`${server}/cacerts`);
  if (token.digest !== undefined && token.digest !== sha256(ca))
    throw new Error('failed to validate token: token CA hash does not match the Cluster CA certificate hash');
  return ca;
}

/** Takes over what all servers share, when the configuration is theirs. */
export async function fetchBootstrap(server: string, token: Token, config: Config): Promise<void> {
  const ca = await fetchAuthority(server, token);
  const headers = { authorization: basic('server', token.secret) };
  const ask = async (path: string) =>
    asJson(JSON.parse(await call(`${server}/v1-k3s/${path}`, { ca, headers })));
  const theirs = await ask('config').catch((error: unknown) => {
    if (error instanceof Refused && error.code === 401)
      throw new Error(`failed to validate token: ${server}/v1-k3s/config: 401 Unauthorized`);
    throw error;
  });
  const different = (await hasFault(config.name, 'refused-join'))
    ? ['cluster-cidr']
    : differences(config.critical(), theirs);
  if (different.length > 0)
    throw new Error(
      `failed to validate server configuration: critical configuration value mismatch between servers: ${different.join(', ')}`,
    );
  const bootstrap = await ask('server-bootstrap');
  if (isObject(bootstrap)) await placeBootstrap(bootstrap);
}

/** Becomes a learner. @returns etcd's list of all members. */
export async function requestMembership(
  server: string,
  token: Token,
  name: string,
  address: string,
): Promise<string> {
  const ca = await fetchAuthority(server, token);
  const answer = asJson(
    JSON.parse(
      await call(`${server}/v1-k3s/members`, {
        method: 'POST',
        body: JSON.stringify({ name, address }),
        ca,
        headers: { authorization: basic('server', token.secret) },
        seconds: 20,
      }),
    ),
  );
  if (at(answer, 'added') === true) await life(`join ${new URL(server).hostname}`);
  return need(answer, 'cluster');
}

/** Adds a learner to this server's etcd, unless it waits to start there already. */
export async function addMember(body: Json): Promise<{ added: boolean; cluster: string }> {
  const [name, address] = [need(body, 'name'), need(body, 'address')];
  const peer = `https://${address}:2380`;
  const before = await members();
  const waiting = before.some((member) => member.name === '' && member.peers.includes(peer));
  const known = before.some((member) => member.name === name);
  if (!waiting && !known) {
    if (before.some((member) => member.name !== '' && nodeOf(member) === nodeOf({ name })))
      throw new Error('duplicate node name found, please use a unique name for this node');
    await etcd('cluster/member/add', { peerURLs: [peer], isLearner: true }, 10);
    log('info', `Adding member ${name} as learner to etcd cluster`);
  }
  const cluster = (await members()).flatMap((member) =>
    member.peers.map((url) => `${url === peer ? name : member.name}=${url}`),
  );
  return { added: !waiting && !known, cluster: cluster.join(',') };
}
