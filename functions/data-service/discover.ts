/**
 * Who finds whom between regions and their data services.
 *
 * A platform switches database operators on for the services that live in its region, so it has to find them. An XR's
 * labels come from its claim, which a user writes; only `crossplane.io/claim-namespace` and `crossplane.io/claim-name`
 * are Crossplane's own, are on every claimed XR and all XRs below it, and cannot be forged. So everything here selects
 * by those two, and reads the rest from specs. Nobody has to label anything, and nobody sees another tenant's services.
 */
import { claimNameOf } from '../kernel/claim.ts';
import type { ResourceSelector } from '../kernel/graph.ts';
import { isObject, listAt, objectAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, GROUP } from '../kernel/names.ts';

const API_VERSION = `${GROUP}/v1alpha1`;

/** Where a platform stands, as its region knows it. */
export interface Place {
  /** Name of the OpenOvaCluster claim; left out for an OpenOvaRegion that was claimed alone. */
  readonly cluster?: string;
  /** Name of the OpenOvaRegion claim, for a region that was claimed alone. */
  readonly regionClaim?: string;
  /** The region's `spec.name`. */
  readonly region: string;
}

/** One data service of a region. */
export interface FoundService {
  /** Name of the DataService claim. */
  readonly name: string;
  /** postgres, mongodb, … as in `spec.engine`. */
  readonly engine: string;
  readonly xr: Manifest;
}

/** Which composites a platform requires to find the data services of its claim's namespace. */
export function servicesSelector(claimNamespace: string): ResourceSelector {
  return {
    apiVersion: API_VERSION,
    kind: 'XDataService',
    labels: { [CLAIM_NAMESPACE_LABEL]: claimNamespace },
  };
}

/**
 * The services of one region among those that `servicesSelector` brought, sorted by name. One that is being deleted
 * counts until it is gone, because its operator still has work to do.
 */
export function servicesIn(items: readonly Manifest[], place: Place): FoundService[] {
  return items
    .filter((xr) => livesIn(xr, place))
    .map((xr) => ({
      name: claimNameOf(xr),
      engine: textAt(xr, 'spec', 'engine') ?? '',
      xr,
    }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
}

/** The engines that a region has services of, each once and sorted: whose operators it needs. */
export function enginesIn(items: readonly Manifest[], place: Place): string[] {
  return [...new Set(servicesIn(items, place).map(({ engine }) => engine))].sort();
}

/**
 * The engines of services that do not say in which region of the cluster they live, each once and sorted: they have not
 * chosen yet, or a restore lost their status.
 */
export function enginesUnplaced(items: readonly Manifest[], { cluster }: Place): string[] {
  const unplaced = items.filter((xr) => isOf(xr, cluster) && primaryOf(xr) === undefined);
  return [...new Set(unplaced.map((xr) => textAt(xr, 'spec', 'engine') ?? ''))].sort();
}

function livesIn(xr: Manifest, { cluster, regionClaim, region }: Place): boolean {
  if (cluster === undefined) return textAt(xr, 'spec', 'regionRef', 'name') === regionClaim;
  return isOf(xr, cluster) && [primaryOf(xr), textAt(xr, 'spec', 'placement', 'standby')].includes(region);
}

function isOf(xr: Manifest, cluster: string | undefined): boolean {
  return cluster !== undefined && textAt(xr, 'spec', 'clusterRef', 'name') === cluster;
}

/** Without a word of the user's the service chooses once, and stays there when regions change their roles. */
function primaryOf(xr: Manifest): string | undefined {
  return textAt(xr, 'spec', 'placement', 'primary') ?? textAt(xr, 'status', 'activeRegion');
}

/** What a data service says about where it lives. */
export interface Target {
  readonly clusterRef?: { readonly name: string } | undefined;
  readonly regionRef?: { readonly name: string } | undefined;
}

/** Name of the claim, an OpenOvaCluster or an OpenOvaRegion, that a service lives in. */
export function claimOf({ clusterRef, regionRef }: Target): { readonly kind: string; readonly name: string } {
  return clusterRef === undefined
    ? { kind: 'OpenOvaRegion', name: regionRef?.name ?? '' }
    : { kind: 'OpenOvaCluster', name: clusterRef.name };
}

/** What a data service requires to find its region: the regions and platforms under one claim of its namespace. */
export function homeSelectors(
  target: Target,
  claimNamespace: string,
): Readonly<Record<'regions' | 'platforms', ResourceSelector>> {
  const labels = {
    [CLAIM_NAMESPACE_LABEL]: claimNamespace,
    [CLAIM_NAME_LABEL]: claimOf(target).name,
  };
  return {
    regions: { apiVersion: API_VERSION, kind: 'XOpenOvaRegion', labels },
    platforms: { apiVersion: API_VERSION, kind: 'XOpenOvaPlatform', labels },
  };
}

/** The regions that a service may live in; a cluster and a region may be claimed under the same name. */
export function regionsFor(target: Target, regions: readonly Manifest[]): readonly Manifest[] {
  const inCluster = target.clusterRef !== undefined;
  return regions.filter((region) => (objectAt(region, 'spec', 'cluster') !== undefined) === inCluster);
}

/** The platform that a region composed. */
export function platformOf(platforms: readonly Manifest[], region: Manifest): Manifest | undefined {
  return platforms.find((platform) =>
    listAt(platform, 'metadata', 'ownerReferences')
      .filter(isObject)
      .some(({ kind, name }) => kind === region.kind && name === region.metadata.name),
  );
}

/** Whether a platform says in `status.operators`, a list of component ids, that this operator is ready. */
export function hasOperator(platform: Manifest | undefined, component: string): boolean {
  return listAt(platform, 'status', 'operators').includes(component);
}
