/** The Secret in the claim's namespace that applications connect with. docs/decisions says why it is made this way. */
import type { Node } from '../kernel/graph.ts';
import type { Manifest } from '../kernel/manifest.ts';
import type { Site } from './home.ts';
import { remote } from './objects.ts';

/** One key of the connection Secret, and where its value is read in the workload cluster. */
export interface Detail {
  readonly key: string;
  readonly from: { readonly apiVersion: string; readonly kind: string; readonly name: string };
  /** Path of the field; what lies under `data` of a Secret is decoded. */
  readonly fieldPath: string;
}

/** The name is part of the key: under another name it is another Secret, and the old one goes when the new one is there. */
export const connectionKey = (secret: string) => `connection/${secret}`;
const ANY = 'connection/';

/**
 * Observes an object without secrets, and has provider-kubernetes read the values beside it and write them straight into
 * the claim's namespace: they pass through no function, no spec and no status.
 *
 * Facts, from provider-kubernetes v1.2.1 and crossplane-runtime v2.0.0-rc.1, and tried on a live control plane (2026-11):
 * the Secret is written in the namespace of the reference, of type connection.crossplane.io/v1alpha1, controlled by the
 * Object; a Secret of that name that something else made or controls is refused, never overwritten; values are read again
 * at each poll; while one is missing Synced is False; an Object that only observes is gone at once when it is deleted,
 * whether its API answers or not, and the Secret with it.
 */
export function connection(
  site: Site,
  {
    observed,
    details,
    after,
  }: { observed: Manifest; details: readonly Detail[]; after: NonNullable<Node['after']> },
): Node {
  const { name } = site.spec.connectionSecret;
  return remote(site, {
    key: connectionKey(name),
    step: 'ConnectionReady',
    after,
    manifest: observed,
    deletionPolicy: 'Orphan',
    more: {
      managementPolicies: ['Observe'],
      connectionDetails: details.map(({ key, from, fieldPath }) => ({
        ...from,
        namespace: site.namespace,
        fieldPath,
        toConnectionSecretKey: key,
      })),
      writeConnectionSecretToRef: { name, namespace: site.claimNamespace },
    },
  });
}

/** Connections under former names, each to go when the present one is ready. */
export function formerConnections({ observed, spec }: Site): ReadonlyMap<string, readonly string[]> {
  const present = connectionKey(spec.connectionSecret.name);
  return new Map(
    observed.ours
      .map(([key]) => key)
      .filter((key) => key.startsWith(ANY) && key !== present)
      .map((key) => [key, [present]]),
  );
}
