/** What keeps a cluster or region from being deleted under its data. */
import type { DataServiceSpec } from '../apis/data-service.ts';
import { claimNameOf, claimNamespaceOf } from '../kernel/claim.ts';
import type { Node } from '../kernel/graph.ts';
import type { Manifest } from '../kernel/manifest.ts';
import { GROUP, nameFor } from '../kernel/names.ts';
import { claimOf } from './discover.ts';

export const IN_USE = 'in-use';

/**
 * A Usage of the claim that the service lives in: `kubectl delete` of that claim is refused with the reason. It lies in the
 * claims' namespace, and `by` is a leaf with a finalizer of its own, the Object of the service's namespace: the first that
 * is made and, because deleting it waits for everything in the namespace, the last that goes. A composed Usage outlives its
 * `by` (Crossplane v2.4.0, internal/controller/protection/usage/reconciler.go), which may be cluster-scoped.
 */
export function inUse(xr: Manifest, spec: DataServiceSpec, by: string): Node {
  const claim = claimOf(spec);
  return {
    key: IN_USE,
    step: 'Protected',
    after: [{ key: by, until: 'it exists', test: () => true }],
    manifest: {
      apiVersion: 'protection.crossplane.io/v1beta1',
      kind: 'Usage',
      metadata: { namespace: claimNamespaceOf(xr) ?? '' },
      spec: {
        of: {
          apiVersion: `${GROUP}/v1alpha1`,
          kind: claim.kind,
          resourceRef: { name: claim.name },
        },
        by: {
          apiVersion: 'kubernetes.crossplane.io/v1alpha2',
          kind: 'Object',
          resourceRef: { name: nameFor(xr.metadata.name ?? '', by) },
        },
        reason: `DataService "${claimNameOf(xr)}" lives in it: delete that first`,
      },
    },
  };
}
