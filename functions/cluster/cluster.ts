import type { ClusterRegion, ClusterSpec } from '../apis/cluster.ts';
import { networkZone } from '../apis/hetzner.ts';
import { claimNameOf } from '../kernel/claim.ts';
import type { Input } from '../kernel/graph.ts';
import { listAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { bounded, nameFor, sha256 } from '../kernel/names.ts';
import type { Observed } from '../kernel/observed.ts';

/** A cluster as it is planned: shared by the parts of the plan and by the report. */
export interface Cluster {
  readonly xr: Manifest;
  readonly xrName: string;
  /** Name of the claim; of the composite itself where it has none. */
  readonly name: string;
  readonly spec: ClusterSpec;
  readonly observed: Observed;
  /** By name, sorted. */
  readonly regions: readonly ClusterRegion[];
  /** Regions that exist, by name. */
  readonly existing: ReadonlyMap<string, Manifest>;
  /** Names of regions that exist and the claim does not list, sorted. */
  readonly unlisted: readonly string[];
}

const REGION = 'region/';
/** Keys of networks begin with it. */
export const NETWORK = 'network/';

export function clusterOf({ xr, spec, observed }: Input<ClusterSpec>): Cluster {
  const listed = new Set(spec.regions.map(({ spec: { name } }) => name));
  const existing = new Map(
    observed.ours.flatMap(([key, object]): [string, Manifest][] =>
      key.startsWith(REGION) ? [[key.slice(REGION.length), object]] : [],
    ),
  );
  return {
    xr,
    xrName: xr.metadata.name ?? '',
    name: claimNameOf(xr),
    spec,
    observed,
    regions: [...spec.regions].sort((left, right) => (left.spec.name < right.spec.name ? -1 : 1)),
    existing,
    unlisted: [...existing.keys()].filter((name) => !listed.has(name)).sort(),
  };
}

/** The key of a region's composite. */
export function regionKey(name: string): string {
  return `${REGION}${name}`;
}

/**
 * Name of a region's composite, and so the first part of the names of its machines: short, because they are long. A dash in
 * the region's name could as well begin the name of a pool, so what follows is told apart by a hash.
 */
export function regionXrName(xrName: string, name: string): string {
  const whole = `${xrName}-${name}`;
  return bounded(name.includes('-') ? `${whole}-${sha256(name, 8)}` : whole);
}

/** Key of the private network of a location's network zone: no network spans two. */
export function networkKey(location: string | undefined): string {
  return `${NETWORK}${networkZone(location ?? '') ?? 'none'}`;
}

/** Name of the managed resource of that network. */
export function networkObject({ xrName, observed }: Cluster, location: string | undefined): string {
  const key = networkKey(location);
  return observed.get(key)?.metadata.name ?? nameFor(xrName, key);
}

/** The addresses that a region says it has. */
export function addressesOf(
  region: Manifest | undefined,
  field: 'apiAddresses' | 'gatewayAddresses',
): string[] {
  return listAt(region, 'status', field).filter((address) => typeof address === 'string');
}

/** Regions that stay although the claim no longer lists them. */
export function keptRegions({ spec, unlisted }: Cluster): readonly string[] {
  return spec.deletionProtection ? unlisted : [];
}

/** Where the region's API answers, once it is known. */
export function apiEndpointOf(region: Manifest | undefined): string | undefined {
  return textAt(region, 'status', 'apiEndpoint');
}
