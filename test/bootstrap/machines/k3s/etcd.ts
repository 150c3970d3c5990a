/** The member of etcd inside a server, and its gateway for HTTP. */
import type { ChildProcess } from 'node:child_process';
import { mkdir, readFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import {
  at,
  isObject,
  listAt,
  textAt,
  type Json,
  type JsonObject,
} from '../../../../functions/kernel/manifest.ts';
import { asJson } from '../../../live/kube.ts';
import { call } from './call.ts';
import { child } from './child.ts';
import { ETCD, TLS, tool } from './place.ts';
import { readPair } from './pki.ts';
import { sha256 } from './token.ts';

export interface Member {
  readonly id: string;
  /** Empty until it has started for the first time. */
  readonly name: string;
  readonly learner: boolean;
  readonly peers: readonly string[];
}

export interface Begin {
  readonly name: string;
  readonly address: string;
  /** `name=https://…:2380,…`, of all members; left out when there is data already. */
  readonly cluster?: string;
  readonly state?: 'new' | 'existing';
  /** Leaves the other members out. */
  readonly forceNew?: boolean;
}

/** Begins it; it ends with us, however we end. Its data is worth no wait for the disk here. */
export async function beginEtcd({ name, address, cluster, state, forceNew }: Begin): Promise<ChildProcess> {
  await mkdir(ETCD, { recursive: true, mode: 0o700 });
  const file = (path: string) => `${TLS}/etcd/${path}`;
  return child(tool('etcd'), [
    `--name=${name}`,
    `--data-dir=${ETCD}`,
    `--listen-client-urls=https://127.0.0.1:2379,https://${address}:2379`,
    '--listen-client-http-urls=https://127.0.0.1:2382',
    `--advertise-client-urls=https://${address}:2379`,
    `--listen-peer-urls=https://127.0.0.1:2380,https://${address}:2380`,
    `--initial-advertise-peer-urls=https://${address}:2380`,
    '--listen-metrics-urls=http://127.0.0.1:2381',
    '--client-cert-auth',
    `--trusted-ca-file=${file('server-ca.crt')}`,
    `--cert-file=${file('server-client.crt')}`,
    `--key-file=${file('server-client.key')}`,
    '--peer-client-cert-auth',
    `--peer-trusted-ca-file=${file('peer-ca.crt')}`,
    `--peer-cert-file=${file('peer-server-client.crt')}`,
    `--peer-key-file=${file('peer-server-client.key')}`,
    '--heartbeat-interval=100',
    '--election-timeout=1000',
    '--log-level=warn',
    '--unsafe-no-fsync',
    ...(forceNew === true ? ['--force-new-cluster'] : []),
    ...(cluster === undefined
      ? []
      : [`--initial-cluster=${cluster}`, `--initial-cluster-state=${state ?? 'new'}`]),
  ]);
}

/** Calls the member on this machine. @param path such as `cluster/member/list`. */
export async function etcd(path: string, body: JsonObject = {}, seconds = 3): Promise<Json> {
  return asJson(JSON.parse(await gateway(path, body, seconds)));
}

let agent: Agent | undefined;

/** Its answer as text. */
export async function gateway(path: string, body: JsonObject, seconds: number): Promise<string> {
  agent ??= new Agent({
    keepAlive: true,
    ca: await readFile(`${TLS}/etcd/server-ca.crt`, 'utf8'),
    ...(await readPair('etcd/client')),
  });
  return call(`https://127.0.0.1:2382/v3/${path}`, {
    method: 'POST',
    body: JSON.stringify(body),
    seconds,
    agent,
  });
}

/** Where the authorities are kept, for who has the token. */
export function bootstrapKey(secret: string): string {
  return `/bootstrap/${sha256(secret)}`;
}

export async function members(): Promise<Member[]> {
  return listAt(await etcd('cluster/member/list', { linearizable: false }), 'members').map((member) => ({
    id: textAt(member, 'ID') ?? '',
    name: textAt(member, 'name') ?? '',
    learner: at(member, 'isLearner') === true,
    peers: listAt(member, 'peerURLs').flatMap((url) => (typeof url === 'string' ? [url] : [])),
  }));
}

export interface Status {
  readonly leader: boolean;
  readonly learner: boolean;
}

/** Undefined while it cannot tell. */
export async function status(): Promise<Status | undefined> {
  const found = await etcd('maintenance/status').catch(() => null);
  if (!isObject(found)) return undefined;
  const leader = textAt(found, 'leader');
  return {
    leader: leader !== undefined && leader !== '0' && leader === textAt(found, 'header', 'member_id'),
    learner: found['isLearner'] === true,
  };
}

/** Whether a quorum agrees with it. */
export async function isHealthy(): Promise<boolean> {
  return etcd('kv/range', { key: encode('health') }, 2).then(
    () => true,
    () => false,
  );
}

export function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}

/** The node of a member: names of members end in a part of their own. */
export function nodeOf({ name }: Pick<Member, 'name'>): string {
  return name.replace(/-[0-9a-f]{8}$/, '');
}
