/** Protection of the claim: `kubectl delete` is refused with the reason. */
import { claimBehind } from '../kernel/claim.ts';
import type { Node } from '../kernel/graph.ts';
import { GROUP } from '../kernel/names.ts';
import type { Cluster } from './cluster.ts';

export const PROTECTION = 'protection';
export const CLAIM_KIND = 'OpenOvaCluster';
export const REASON =
  'spec.deletionProtection is true: set it to false to delete this cluster and all it holds';

/** A Usage without a user: it holds until it goes itself. A composite without a claim has nothing to protect. */
export function planProtection({ xr, spec }: Pick<Cluster, 'xr' | 'spec'>): Node[] {
  const claim = claimBehind(xr);
  if (!spec.deletionProtection || claim === undefined) return [];
  return [
    {
      key: PROTECTION,
      manifest: {
        apiVersion: 'protection.crossplane.io/v1beta1',
        kind: 'Usage',
        metadata: { namespace: claim.namespace },
        spec: {
          of: { apiVersion: `${GROUP}/v1alpha1`, kind: CLAIM_KIND, resourceRef: { name: claim.name } },
          reason: REASON,
        },
      },
    },
  ];
}
