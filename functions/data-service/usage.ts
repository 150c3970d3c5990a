/** What keeps a cluster or region from being deleted under its data, and the way to the data while there is some. */
import type { Node } from '../kernel/graph.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { GROUP, nameFor } from '../kernel/names.ts';
import { claimOf } from './discover.ts';
import { namespaceKey, type Site } from './home.ts';

export const IN_USE = 'in-use';

/**
 * The user is a leaf with a finalizer of its own, the Object of the service's namespace: the first that is made and,
 * because deleting it waits for everything in the namespace, the last that goes. A composed Usage outlives its `by`
 * (Crossplane v2.4.0, internal/controller/protection/usage/reconciler.go), which may be cluster-scoped.
 */
function used(
  site: Site,
  { kind, namespace, spec }: { kind: string; namespace?: string; spec: JsonObject },
): Omit<Node, 'key'> {
  const by = namespaceKey(site.home.region);
  return {
    step: 'Protected',
    after: [{ key: by, until: 'it exists', test: () => true }],
    manifest: {
      apiVersion: 'protection.crossplane.io/v1beta1',
      kind,
      ...(namespace !== undefined && { metadata: { namespace } }),
      spec: {
        ...spec,
        by: {
          apiVersion: 'kubernetes.crossplane.io/v1alpha2',
          kind: 'Object',
          resourceRef: { name: nameFor(site.xr.metadata.name ?? '', by) },
        },
      },
    },
  };
}

/** A Usage of the claim that the service lives in, in its namespace: `kubectl delete` of that claim is refused, and names this. */
export function inUse(site: Site): Node {
  const { kind, name } = claimOf(site.spec);
  return {
    key: IN_USE,
    ...used(site, {
      kind: 'Usage',
      namespace: site.claimNamespace,
      spec: {
        of: { apiVersion: `${GROUP}/v1alpha1`, kind, resourceRef: { name } },
        reason: `DataService "${site.name}" lives in it: delete that first`,
      },
    }),
  };
}

/**
 * A Usage of the way into the region, as the platform has one for what it uninstalls: a region that goes, whether its claim
 * does or its cluster lists it no more, keeps its API and machines until the service is gone from it. The provider's own
 * ProviderConfigUsages go with the deletion of what they belong to, before that is done.
 */
export function inReach(site: Site): Node {
  return {
    key: 'usage/provider-config',
    ...used(site, {
      kind: 'ClusterUsage',
      spec: {
        of: {
          apiVersion: 'kubernetes.crossplane.io/v1alpha1',
          kind: 'ProviderConfig',
          resourceRef: { name: site.home.providerConfig },
        },
        reason: `DataService "${site.name}" of namespace "${site.claimNamespace}" is reached this way until it is gone`,
        replayDeletion: true,
      },
    }),
  };
}
