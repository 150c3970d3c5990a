/** The private network that the regions of a network zone share. */
import type { Node } from '../kernel/graph.ts';
import { textAt } from '../kernel/manifest.ts';
import { bounded, nameFor } from '../kernel/names.ts';
import { policiesFor } from '../providers/policies.ts';
import { escapeTemplates } from '../providers/terraform.ts';
import { NETWORK, networkKey, type Cluster } from './cluster.ts';

/** Condition that the networks belong to. */
export const NETWORK_READY = 'NetworkReady';

/**
 * One network per network zone: Hetzner has none that spans two. Existing machines have none. It stays as long as the
 * cluster, also without a region in it: a region that goes is not seen any more, but still uses it, and it costs nothing.
 * Kinds and fields: provider-hetzner v0.2.1.
 */
export function planNetworks({ xrName, spec, observed, regions, existing }: Cluster): Node[] {
  if (spec.cloud.provider !== 'hetzner') return [];
  const locations = [
    ...regions.map((region) => region.spec.location),
    ...[...existing.values()].flatMap((region) => textAt(region, 'spec', 'location') ?? []),
  ];
  const made = observed.ours.map(([key]) => key).filter((key) => key.startsWith(NETWORK));
  const keys = [...new Set([...locations.map(networkKey), ...made])].sort();
  return keys.map((key) => ({
    key,
    step: NETWORK_READY,
    manifest: {
      apiVersion: 'network.hetzner.crossplane.io/v1alpha1',
      kind: 'Network',
      spec: {
        ...policiesFor(spec.deletion.machines),
        providerConfigRef: { name: spec.cloud.providerConfigRef.name },
        forProvider: escapeTemplates({
          name: nameFor(xrName, key),
          ipRange: spec.network.cidr,
          labels: { 'openova.io/cluster': bounded(xrName) },
        }),
      },
    },
    frozen: ['spec.forProvider.ipRange'],
  }));
}
