/** The records of a cluster: what each region says of its addresses, under the cluster's domain. */
import type { RegionSpec } from '../apis/region.ts';
import { isOlder } from '../catalogue/release.ts';
import { selected } from '../catalogue/select.ts';
import { textAt } from '../kernel/manifest.ts';
import { isDelegated, planRecords, type PlannedRecords } from '../dns/records.ts';
import { addressesOf, keptRegions, regionKey, type Cluster } from './cluster.ts';

/** Condition that the records belong to. */
export const DNS_READY = 'DNSReady';

export function planDns(cluster: Cluster): PlannedRecords {
  const { spec, regions, existing, observed } = cluster;
  if (spec.dns === undefined) return { nodes: [], leaving: new Map() };
  const kept = keptRegions(cluster);
  const names = [...regions.map((region) => region.spec.name), ...kept];
  return planRecords({
    dns: spec.dns,
    domain: spec.domain,
    regions: names.map((name) => ({
      name,
      api: addressesOf(existing.get(name), 'apiAddresses'),
      gateway: addressesOf(existing.get(name), 'gatewayAddresses'),
      key: regionKey(name),
    })),
    primary: regions.find((region) => region.spec.role === 'primary')?.spec.name,
    delegated: [
      ...regions.filter((region) => answers(cluster, region.spec)).map((region) => region.spec.name),
      ...kept.filter((name) => textAt(existing.get(name), 'spec', 'loadBalancer', 'type') === 'k8gb'),
    ],
    deletionPolicy: spec.deletion.machines,
    observed,
    step: DNS_READY,
  });
}

/**
 * Whether k8gb answers for the region: a delegation to where nobody answers would be worse than none. Of a region that
 * runs an older release only its records tell.
 */
function answers({ observed, existing }: Cluster, spec: RegionSpec): boolean {
  if (spec.loadBalancer.type !== 'k8gb') return false;
  if (isOlder(spec, textAt(existing.get(spec.name), 'status', 'release')))
    return isDelegated(observed, spec.name);
  return selected(spec, new Set()).some(({ id }) => id === 'k8gb');
}
