import type { Deletion } from '../apis/fields.ts';

/**
 * What becomes of the real thing when its managed resource goes. It takes both fields: where managementPolicies are not the
 * default, the deletionPolicy Orphan keeps nothing. Source: crossplane-runtime v2, pkg/reconciler/managed/policies.go, and a
 * live run of provider-hetzner, 2026-11. Late initialisation is left out: what we do not set stays the cloud's.
 */
export function policiesFor(deletionPolicy: Deletion['machines']) {
  return {
    deletionPolicy,
    managementPolicies: ['Observe', 'Create', 'Update', ...(deletionPolicy === 'Delete' ? ['Delete'] : [])],
  };
}
