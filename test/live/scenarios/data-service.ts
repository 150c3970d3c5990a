/** A data service in a cluster: what it keeps from being deleted, and how both go when their namespace does. */
import { expect, it } from 'vitest';
import { isTrue } from '../../../functions/kernel/manifest.ts';
import type { Reference } from '../kube.ts';
import {
  askToRemove,
  atCloud,
  clustersOf,
  edit,
  kubectl,
  mayBeOrphaned,
  untilGone,
  until,
  waysInto,
  type Scenario,
} from '../scenario.ts';

const API_VERSION = 'platform.openova.io/v1alpha1';

/** @param cluster is Ready, leaves its machines when it is deleted, and goes with its namespace. */
export function dataService(cluster: Reference): Scenario {
  return (given) => {
    const namespace = cluster.namespace ?? '';
    const service = { apiVersion: API_VERSION, kind: 'DataService', namespace, name: 'orders' };

    it('protects its cluster as soon as its namespace is there', async () => {
      const live = given();
      // A newer package that has come meanwhile would add no operator to the release that runs.
      await edit(live, cluster, { platform: { release: 'latest' } });
      await live.kube.apply({
        apiVersion: API_VERSION,
        kind: 'DataService',
        metadata: { name: service.name, namespace },
        spec: { clusterRef: { name: cluster.name }, engine: 'postgres', instances: 1 },
      });
      await until(live, service, 'the service to be protected', 500, (claim) => isTrue(claim, 'Protected'));

      await expect(askToRemove(live, cluster)).rejects.toThrow(
        /in-use" \(in namespace "[\w-]+"\) by resource Object\/orders-\w+-fsn-namespace/,
      );
      const [way] = await waysInto(live, cluster);
      await expect(way && live.kube.delete(way)).rejects.toThrow(
        /by resource Object\/orders-\w+-fsn-namespace/,
      );
    });

    it('goes with its cluster when the namespace of both is deleted: nothing waits for ever, and what is to stay at the cloud does', async () => {
      const live = given();
      const before = atCloud(live, cluster);
      const [own] = clustersOf(live, cluster);
      mayBeOrphaned(live, cluster);
      await kubectl(live, 'delete', 'namespace', namespace, '--wait=false');
      await Promise.all([untilGone(live, service), untilGone(live, cluster)]);
      const inside = (await own?.[1].kube.list('v1', 'Namespace')) ?? [];

      expect(before.length).toBeGreaterThan(5);
      expect(atCloud(live, cluster)).toEqual(before);
      expect(inside.map(({ metadata }) => metadata.name)).toContain('kube-system');
      expect(inside.map(({ metadata }) => metadata.name)).not.toContain('openova-data-orders');
    });
  };
}
