/** A data service in a small region: what it keeps from being deleted, and how both go when their namespace does. */
import { beforeAll, expect, it } from 'vitest';
import { at, isTrue } from '../../functions/kernel/manifest.ts';
import { startLive, type Live } from './live.ts';
import { eventually } from './processes.ts';
import { composed, kubectl, nameOf, until } from './scenario.ts';

const API_VERSION = 'platform.openova.io/v1alpha1';
const namespace = 'acme-platform';
const service = { apiVersion: API_VERSION, kind: 'DataService', namespace, name: 'orders' };

let live: Live;
beforeAll(async () => {
  live = await startLive(() => undefined);
  return () => live.stop();
});

it('is protected as soon as its namespace is there', async () => {
  await kubectl(live, 'apply', '--filename=examples/minimal.yaml');
  await live.kube.apply({
    apiVersion: API_VERSION,
    kind: 'DataService',
    metadata: { name: service.name, namespace },
    spec: { clusterRef: { name: 'mini' }, engine: 'postgres', instances: 1 },
  });
  await until(live, service, 'the service to be protected', 500, (claim) => isTrue(claim, 'Protected'));

  await expect(
    kubectl(live, 'delete', 'openovacluster', 'mini', `--namespace=${namespace}`, '--wait=false'),
  ).rejects.toThrow(/in-use" \(in namespace "acme-platform"\) by resource Object\/orders-\w+-fsn-namespace/);
  const way = { apiVersion: 'kubernetes.crossplane.io/v1alpha1', kind: 'ProviderConfig' };
  const [config] = await live.kube.list(way.apiVersion, way.kind);
  await expect(live.kube.delete({ ...way, name: config?.metadata.name ?? '' })).rejects.toThrow(
    /by resource Object\/orders-\w+-fsn-namespace/,
  );
});

it('goes with its cluster when the namespace of both is deleted, and nothing waits for ever', async () => {
  await kubectl(live, 'delete', 'namespace', namespace, '--wait=false');

  await eventually('all of it to go', 500, async () => {
    await live.check();
    const left = [...(await composed(live, service.name)), ...(await composed(live, 'mini'))];
    if (left.length > 0) throw new Error(`left: ${left.map(describe).join(', ')}`);
    return (await live.kube.get({ apiVersion: 'v1', kind: 'Namespace', name: namespace })) === undefined
      ? true
      : undefined;
  });

  expect(live.hcloud.project.all('servers')).toEqual([]);
  expect(live.hcloud.project.all('networks')).toEqual([]);
  const inside = await Promise.all(
    [...live.machines.clusters.values()].map(({ kube }) => kube.list('v1', 'Namespace')),
  );
  expect(inside.flat().map(({ metadata }) => metadata.name)).not.toContain('openova-data-orders');

  function describe(object: Parameters<typeof nameOf>[0]): string {
    const going = at(object, 'metadata', 'deletionTimestamp') !== undefined;
    return `${nameOf(object)}${going ? ` (deleted, held by ${JSON.stringify(object.metadata['finalizers'])})` : ''}`;
  }
});
