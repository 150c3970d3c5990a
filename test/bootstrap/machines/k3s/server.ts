/** `k3s server`. */
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readFile, rename, rm } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { ChildProcess } from 'node:child_process';
import { Kube } from '../../../live/kube.ts';
import { sleep } from '../../../live/processes.ts';
import { startApiServer } from './api-server.ts';
import { readConfig, type Config } from './config.ts';
import { beginEtcd, bootstrapKey, encode, etcd, isHealthy, status, type Begin } from './etcd.ts';
import { checkKernel } from './kernel.ts';
import { lead } from './leader.ts';
import { createKinds } from './kinds.ts';
import { keepManifests } from './manifests.ts';
import { fetchBootstrap, requestMembership } from './membership.ts';
import { again, register, tend, type Kubelet } from './node.ts';
import { checkPassword, ownPassword, REJECTED } from './node-password.ts';
import { ETCD, exists, life, lightSetting, log, notifyReady, place, readOr, SERVER, TLS } from './place.ts';
import { createAuthorities, issueKubelet, issueLeaves, readBootstrap, readPair } from './pki.ts';
import { clusterReset } from './snapshot.ts';
import { supervise, type Upstream } from './supervisor.ts';
import { parseToken, secureToken, type Token } from './token.ts';

const TOMBSTONE = `${ETCD}/tombstone`;
/** Tells a member that joined from the one that began the cluster. */
const JOINED = `${ETCD}/joined`;

export async function server(version: string, args: readonly string[]): Promise<void> {
  const config = await readConfig(args);
  if (config.is('cluster-reset')) return clusterReset(config);
  await rm(`${SERVER}/db/reset-flag`, { force: true });
  await checkKernel(config);
  log('info', `Starting k3s ${version}`);
  await leaveOldData();
  const peer = config.text('server');
  const given = config.text('token');
  const token = parseToken(
    given ?? (await readOr(`${SERVER}/token`, randomBytes(16).toString('hex'))),
    'server',
  );
  const hasData = await exists(`${ETCD}/member`);
  if (hasData) await checkToken(token);
  else if (peer !== undefined) await fetchBootstrap(peer, token, config);
  else if (config.is('cluster-init')) await createAuthorities();
  else throw new Error('the stand-in has no datastore but etcd: cluster-init or server must be set');
  await issueLeaves(config);
  const agentSecret = parseToken(config.text('agent-token') ?? token.secret, 'node').secret;
  await placeTokens(token, agentSecret, config.text('agent-token') !== undefined);

  const begin = await beginning(config, hasData ? 'restart' : peer === undefined ? 'init' : 'join', token);
  const state: { upstream?: Upstream; votes: boolean; leads: boolean } = { votes: false, leads: false };
  const local = await kubeAt(`https://127.0.0.1:6443`);
  const remote = peer === undefined ? undefined : await kubeAt(peer);
  const kube = () => (state.upstream !== undefined ? local : state.votes ? undefined : remote);
  await supervise({
    config,
    secrets: { server: token.secret, agent: agentSecret },
    upstream: () => state.upstream,
    kube: () => local,
  });
  endWith(await beginEtcd(begin));

  const kubelet: Kubelet = { config, version, role: 'server', kube, voter: () => state.votes };
  again('kubelet', 500, keepNode(kubelet));
  const upstreamOf = apiServer(config);
  again('etcd', 300, async () => {
    const found = await status();
    const healthy = found !== undefined && !found.learner && (await isHealthy());
    if (healthy && !state.votes) await firstVote(begin);
    if (found !== undefined) state.votes = !found.learner;
    state.leads = found?.leader === true;
    if (healthy) state.upstream = await upstreamOf();
    else delete state.upstream;
  });
  while (state.upstream === undefined) await sleep(20);
  await placeKubeconfig();
  await createKinds(local);
  await notifyReady();
  again('manifests', 1000, keepManifests(local));
  again('leader', 500, async () => {
    if (state.leads && state.upstream !== undefined) await lead(local);
  });
}

/** A member that was removed comes back as a new one. */
async function leaveOldData(): Promise<void> {
  if (!(await exists(TOMBSTONE))) return;
  log('info', 'tombstone file has been detected, removing data dir to rejoin the cluster');
  await rename(ETCD, `${ETCD}-old-${Math.floor(Date.now() / 1000)}`);
}

async function checkToken(token: Token): Promise<void> {
  const known = parseToken(await readOr(`${SERVER}/token`, ''), 'server').secret;
  if (known !== '' && known !== token.secret)
    throw new Error(
      'failed to bootstrap cluster data: bootstrap data already found and encrypted with different token',
    );
}

async function placeTokens(token: Token, agentSecret: string, hasAgentToken: boolean): Promise<void> {
  const ca = await readFile(`${TLS}/server-ca.crt`, 'utf8');
  const text = `${secureToken(ca, 'server', token.secret)}\n`;
  await place(`${SERVER}/token`, text);
  await place(`${SERVER}/node-token`, text);
  await place(`${SERVER}/agent-token`, hasAgentToken ? `${secureToken(ca, 'node', agentSecret)}\n` : text);
}

interface Beginning extends Begin {
  readonly token: Token;
}

async function beginning(config: Config, way: 'init' | 'join' | 'restart', token: Token): Promise<Beginning> {
  const { address } = config;
  const there = (await readOr(`${ETCD}/name`, '')).trim();
  const name = there === '' ? `${config.name}-${randomBytes(4).toString('hex')}` : there;
  await place(`${ETCD}/name`, name);
  const common = { name, address, token };
  if (way === 'restart') return common;
  if (way === 'init') return { ...common, cluster: `${name}=https://${address}:2380`, state: 'new' };
  const cluster = await requestMembership(config.text('server') ?? '', token, name, address);
  await place(JOINED, address);
  return { ...common, cluster, state: 'existing' };
}

/** The cluster has begun, or this member has come to count in it. */
async function firstVote({ token }: Beginning): Promise<void> {
  const mark = `${ETCD}/voter`;
  if (await exists(mark)) return;
  const joined = await exists(JOINED);
  await place(mark, '');
  if (!joined)
    await etcd('kv/put', {
      key: encode(bootstrapKey(token.secret)),
      value: encode(JSON.stringify(await readBootstrap())),
    });
  await life(joined ? 'voter' : 'cluster-init');
}

/** Ends with its etcd, and ends it. A member that was removed leaves a mark. */
function endWith(member: ChildProcess): void {
  let asked = false;
  let removed = false;
  member.stderr?.on('data', (chunk: Buffer) => {
    removed ||= chunk.includes('permanently removed');
    process.stderr.write(chunk);
  });
  member.once('exit', () => {
    if (asked) process.exit(0);
    log('fatal', removed ? 'this server has been removed from the etcd cluster' : 'etcd has ended');
    if (removed) writeFileSync(TOMBSTONE, '');
    process.exit(1);
  });
  for (const name of ['SIGTERM', 'SIGINT'] as const)
    process.once(name, () => {
      asked = true;
      member.kill('SIGTERM');
    });
}

async function kubeAt(url: string): Promise<Kube> {
  const ca = await readFile(`${TLS}/server-ca.crt`, 'utf8');
  return new Kube({ url, ca, client: await readPair('client-admin') });
}

/** Registers once, as soon as the password is accepted; then tends. */
function keepNode(kubelet: Kubelet): () => Promise<void> {
  let registered = false;
  return async () => {
    const kube = kubelet.kube();
    if (kube === undefined) return;
    if (!registered) {
      const password = await ownPassword();
      if ((await checkPassword(kube, kubelet.config.name, password)) !== undefined) throw new Error(REJECTED);
      const { cert, key } = await issueKubelet(kubelet.config.name);
      await place('/var/lib/rancher/k3s/agent/client-kubelet.crt', cert);
      await place('/var/lib/rancher/k3s/agent/client-kubelet.key', key);
      await register(kubelet, kube);
      registered = true;
    }
    await tend(kubelet);
  };
}

/** The shared API server, or one of our own, begun when it is first needed. */
function apiServer(config: Config): () => Promise<Upstream> {
  const light = lightSetting();
  let own: Promise<Upstream> | undefined;
  return async () => {
    if (light !== undefined) return { url: light.url, ca: light.ca, proxy: light.proxy };
    own ??= startApiServer(config);
    return own;
  };
}

async function placeKubeconfig(): Promise<void> {
  const [ca, admin] = await Promise.all([readFile(`${TLS}/server-ca.crt`, 'utf8'), readPair('client-admin')]);
  const cluster = { server: 'https://127.0.0.1:6443', 'certificate-authority-data': encode(ca) };
  const user = { 'client-certificate-data': encode(admin.cert), 'client-key-data': encode(admin.key) };
  await place(
    '/etc/rancher/k3s/k3s.yaml',
    stringify({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [{ name: 'default', cluster }],
      contexts: [{ name: 'default', context: { cluster: 'default', user: 'default' } }],
      'current-context': 'default',
      preferences: {},
      users: [{ name: 'default', user }],
    }),
  );
  await place(`${SERVER}/admin-access.json`, JSON.stringify({ ca, ...admin }));
}
