/** The records of a region that stands alone; in a cluster they are the cluster's. */
import { isOlder } from '../catalogue/release.ts';
import { selected } from '../catalogue/select.ts';
import { isDelegated, planRecords, type PlannedRecords } from '../dns/records.ts';
import { textAt } from '../kernel/manifest.ts';
import { gatewayAddresses } from './gateway.ts';
import { apiAddresses, type Region } from './region.ts';

/** Condition that the records belong to. */
export const DNS_READY = 'DNSReady';

export function planDns(region: Region): PlannedRecords {
  const { xr, spec, observed } = region;
  if (spec.cluster !== undefined || spec.dns === undefined) return { nodes: [], leaving: new Map() };
  // What an older release has, the installed package does not know.
  const k8gb = isOlder(spec, textAt(xr, 'status', 'release'))
    ? isDelegated(observed, spec.name)
    : selected(spec, new Set()).some(({ id }) => id === 'k8gb');
  return planRecords({
    dns: spec.dns,
    domain: spec.domain,
    regions: [{ name: spec.name, api: apiAddresses(region), gateway: gatewayAddresses(region) }],
    primary: spec.name,
    delegated: spec.loadBalancer.type === 'k8gb' && k8gb ? [spec.name] : [],
    deletionPolicy: spec.deletion.machines,
    observed,
    step: DNS_READY,
  });
}
