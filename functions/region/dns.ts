/** The records of a region that stands alone; in a cluster they are the cluster's. */
import { selected } from '../catalogue/select.ts';
import { planRecords, type PlannedRecords } from '../dns/records.ts';
import { apiAddresses, gatewayAddresses, type Region } from './region.ts';

/** Condition that the records belong to. */
export const DNS_READY = 'DNSReady';

export function planDns(region: Region): PlannedRecords {
  const { spec, observed } = region;
  if (spec.cluster !== undefined || spec.dns === undefined) return { nodes: [], leaving: new Map() };
  const k8gb = selected(spec, new Set()).some(({ id }) => id === 'k8gb');
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
