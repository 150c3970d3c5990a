/** Objects in a workload cluster, as provider-kubernetes and provider-helm make them. */
import type { Node, Template } from '../kernel/graph.ts';
import { conditionOf, isTrue, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { isServed, type Site } from './home.ts';

/** Path of a field of the manifest inside an Object. */
export const inner = (path: string) => `spec.forProvider.manifest.${path}`;

/** What makes an object: the region never changes, the rest as the caller says. */
type Rest = Omit<Node, 'key' | 'manifest'> & {
  /** Component of the catalogue without which the kind is not served, in the region's own words. */
  readonly operator?: string;
};

interface Remote extends Rest {
  readonly key: string;
  readonly manifest: Manifest;
  /** CEL over `object`, of static type bool; left out, it is ready when it was applied. */
  readonly readyWhen?: string;
  /** Orphan: it goes with the namespace that it lives in, which alone needs an API that answers. */
  readonly deletionPolicy: 'Delete' | 'Orphan';
  /** Further fields of the Object's spec. */
  readonly more?: JsonObject;
}

/** An object that provider-kubernetes applies in the service's region. */
export function remote(
  site: Site,
  { key, manifest, readyWhen, deletionPolicy, more, ...rest }: Remote,
): Node {
  const template: Template = {
    apiVersion: 'kubernetes.crossplane.io/v1alpha2',
    kind: 'Object',
    spec: {
      deletionPolicy,
      providerConfigRef: { name: site.home.providerConfig },
      readiness:
        readyWhen === undefined
          ? { policy: 'SuccessfulCreate' }
          : { policy: 'DeriveFromCelQuery', celQuery: readyWhen },
      ...more,
      forProvider: { manifest },
    },
  };
  return inRegion(site, { ...rest, key, manifest: template });
}

/** A node of the service's region: it never moves to another, and waits for its operator before it is made. */
export function inRegion(
  site: Site,
  { operator, after = [], frozen = [], ...node }: Rest & Pick<Node, 'key' | 'manifest'>,
): Node {
  const made = site.observed.get(node.key) !== undefined;
  const waits = operator !== undefined && !made && !isServed(site, operator);
  return {
    ...node,
    ready: node.ready ?? isSettled,
    // Nothing has this key, so the node waits for as long as the platform does not say otherwise.
    after: [...after, ...(waits ? [`operator "${operator}" of region "${site.home.region}"`] : [])],
    frozen: ['spec.providerConfigRef', ...frozen],
  };
}

/** Ready, and the last look or change did not fail: a refused change leaves Ready as it was. */
export function isSettled(object: Manifest): boolean {
  return isTrue(object, 'Ready') && conditionOf(object, 'Synced')?.['status'] !== 'False';
}
