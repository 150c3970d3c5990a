/** Secrets, results and Leases of the management cluster, on a real API server. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CoordinationV1Api, type KubeConfig } from '@kubernetes/client-node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readResult, RESULT_KEY, type Result } from '../../../functions/bootstrap/contract.ts';
import { KubernetesLeases } from '../../../functions/bootstrap/kubernetes-leases.ts';
import { kubeConfig, KubernetesStore } from '../../../functions/bootstrap/kubernetes-store.ts';
import { textAt } from '../../../functions/kernel/manifest.ts';
import { startApiServer, startEtcd, type ApiServer } from '../../live/api-server.ts';
import type { Running } from '../../live/processes.ts';
import { NAMESPACE } from './support.ts';

const at = (name: string) => ({ namespace: NAMESPACE, name });
const RESULT = at('acme-result');

let folder: string;
let etcd: Running;
let server: ApiServer;
let config: KubeConfig;
let store: KubernetesStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'openova-store-'));
  const logs = join(folder, 'logs');
  await mkdir(logs);
  const { url, process } = await startEtcd(folder, logs);
  etcd = process;
  server = await startApiServer('management', { folder, logs, etcd: url });
  const { kube } = server;
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  await kube.apply({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { ...RESULT } });
  config = kubeConfig({ KUBECONFIG: server.kubeconfig });
  store = new KubernetesStore(config, RESULT);
});

afterAll(async () => {
  server.kube.close();
  await Promise.all([...server.processes, etcd].map((one) => one.stop()));
  await rm(folder, { recursive: true });
});

describe('a Secret', () => {
  const TOKENS = at('acme-tokens');

  it('is made once, and stays as it is', async () => {
    expect(await store.secret(TOKENS)).toBeUndefined();
    expect(await store.create(TOKENS, { labels: { whose: 'acme' }, data: { server: 'käse' } })).toBe(true);
    expect(await store.create(TOKENS, { data: { server: 'another' } })).toBe(false);
    expect(await store.secret(TOKENS)).toMatchObject({
      labels: { whose: 'acme' },
      type: 'Opaque',
      data: { server: 'käse' },
    });
  });

  it('is made by one of two that want to at the same time', async () => {
    const made = ['one', 'two'].map((by) => store.create(at('acme-ssh'), { data: { by } }));
    expect((await Promise.all(made)).sort()).toEqual([false, true]);
  });

  it('takes further keys, and none from who has not seen the last', async () => {
    const seen = (await store.secret(TOKENS))?.version;
    expect(await store.merge(TOKENS, { agent: 'one' }, seen)).toBe(true);
    expect(await store.merge(TOKENS, { agent: 'two', server: 'two' }, seen)).toBe(false);
    expect((await store.secret(TOKENS))?.data).toEqual({ server: 'käse', agent: 'one' });
    expect(await store.merge(TOKENS, { agent: 'three' })).toBe(true);
    expect((await store.secret(TOKENS))?.data).toEqual({ server: 'käse', agent: 'three' });
  });
});

it('a result is what the ConfigMap holds', async () => {
  const result: Result = {
    version: 1,
    operation: 'care',
    phase: 'Running',
    step: 'see the nodes',
    since: '2026-11-21T03:00:00.000Z',
  };
  await store.writeResult({ ...result, phase: 'Failed' });
  await store.writeResult(result);
  const map = await server.kube.need({ apiVersion: 'v1', kind: 'ConfigMap', ...RESULT });
  expect(readResult(textAt(map, 'data', RESULT_KEY))).toEqual(result);
});

describe('a Lease', () => {
  const LEASE = at('acme-at-work');

  it('is held by one, who may renew it, until that one lets go', async () => {
    const { leases } = store;
    expect(await leases.hold(LEASE, 'one', 60)).toBeUndefined();
    expect(await leases.hold(LEASE, 'two', 60)).toBe('one');
    expect(await leases.hold(LEASE, 'one', 60)).toBeUndefined();
    await leases.release(LEASE, 'two');
    expect(await leases.hold(LEASE, 'two', 60)).toBe('one');
    await leases.release(LEASE, 'one');
    expect(await leases.hold(LEASE, 'two', 60)).toBeUndefined();
  });

  it('is free once its time is over', async () => {
    const later = new KubernetesLeases(
      config.makeApiClient(CoordinationV1Api),
      () => new Date(Date.now() + 61_000),
    );
    expect(await later.hold(LEASE, 'one', 60)).toBeUndefined();
    expect(await store.leases.hold(LEASE, 'two', 60)).toBe('one');
  });

  it.each([
    ['new', at('acme-new')],
    ['let go of', LEASE],
  ])('that is %s is taken by one of two that want it at the same time', async (_, lease) => {
    await store.leases.release(LEASE, 'one');
    const takers = ['three', 'four'].map((holder) => store.leases.hold(lease, holder, 60));
    const others = await Promise.all(takers);
    expect(others.filter((other) => other === undefined)).toHaveLength(1);
  });
});
