/** Protection of the claim: `kubectl delete` is refused with the reason. */
import type { Node } from '../kernel/graph.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, GROUP } from '../kernel/names.ts';
import type { Cluster } from './cluster.ts';

export const PROTECTION = 'protection';
export const CLAIM_KIND = 'OpenOvaCluster';
export const REASON =
  'spec.deletionProtection is true: set it to false to delete this cluster and all it holds';

/** A Usage without a user: it holds until it goes itself. A composite without a claim has nothing to protect. */
export function planProtection({ xr, spec }: Pick<Cluster, 'xr' | 'spec'>): Node[] {
  const name = xr.metadata.labels?.[CLAIM_NAME_LABEL];
  const namespace = xr.metadata.labels?.[CLAIM_NAMESPACE_LABEL];
  if (!spec.deletionProtection || name === undefined || namespace === undefined) return [];
  return [
    {
      key: PROTECTION,
      manifest: {
        apiVersion: 'protection.crossplane.io/v1beta1',
        kind: 'Usage',
        metadata: { namespace },
        spec: {
          of: { apiVersion: `${GROUP}/v1alpha1`, kind: CLAIM_KIND, resourceRef: { name } },
          reason: REASON,
        },
      },
    },
  ];
}
