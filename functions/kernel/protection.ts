/** Protection of the claim: `kubectl delete` is refused with the reason. */
import { claimBehind } from './claim.ts';
import type { Node } from './graph.ts';
import type { Manifest } from './manifest.ts';
import { GROUP } from './names.ts';

export const PROTECTION = 'protection';

/** A Usage without a user: it holds until it goes itself. A composite without a claim has nothing to protect. */
export function protectClaim(xr: Manifest, kind: string, reason: string): Node[] {
  const claim = claimBehind(xr);
  if (claim === undefined) return [];
  return [
    {
      key: PROTECTION,
      manifest: {
        apiVersion: 'protection.crossplane.io/v1beta1',
        kind: 'Usage',
        metadata: { namespace: claim.namespace },
        spec: {
          of: { apiVersion: `${GROUP}/v1alpha1`, kind, resourceRef: { name: claim.name } },
          reason,
        },
      },
    },
  ];
}
