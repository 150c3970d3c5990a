/** Where a data service lives: its region, that region's platform, and what both say about it. */
import type { DataServiceSpec } from '../apis/data-service.ts';
import { archival as archivalSchema, type Archival } from '../apis/fields.ts';
import { claimNamespaceOf } from '../kernel/claim.ts';
import { releaseOn } from '../kernel/consent.ts';
import type { Input } from '../kernel/graph.ts';
import { objectAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { few } from '../kernel/report.ts';
import { RELEASE } from '../release.ts';
import { claimOf, hasOperator, platformOf, regionsFor } from './discover.ts';

/** A region that was found. */
export interface Home {
  /** The region's `spec.name`. */
  readonly region: string;
  /** Name of the XOpenOvaRegion and of its ProviderConfigs. */
  readonly providerConfig: string;
  /** Whether its machines are the user's own: then its volumes are their disks. */
  readonly existing: boolean;
  readonly archival: Archival | undefined;
  readonly platform: Manifest | undefined;
  /** Whether the region runs another release than the one installed: then no package changes what runs. */
  readonly older: boolean;
}

/** Everything that an engine plans with. */
export interface Site extends Pick<Input<DataServiceSpec>, 'xr' | 'spec' | 'observed'> {
  /** Name of the DataService. */
  readonly name: string;
  readonly claimNamespace: string;
  /** The service's own namespace in the workload cluster: nothing else lives there, so it goes as a whole. */
  readonly namespace: string;
  readonly home: Home;
}

/** Why there is no region. */
export interface Missing {
  /** Kind and name of the claim that should have it. */
  readonly object: string;
  readonly message: string;
}

/** The key under which the namespace of a service in a region is composed: the first object that a region gets. */
export const namespaceKey = (region: string) => `${region}/namespace`;

/**
 * The region that a service lives in: the one that holds anything of it, else the one that it names or was once given,
 * whatever roles the regions have meanwhile.
 */
export function findHome(input: Input<DataServiceSpec>): Home | Missing {
  const { spec, xr, required } = input;
  const claim = claimOf(spec);
  const object = `${claim.kind}/${claim.name}`;
  const where = `${claim.kind} "${claim.name}" in namespace "${claimNamespaceOf(xr) ?? ''}"`;
  const regions = regionsFor(spec, required['regions'] ?? []);
  const holder = holderOf(input);
  const wanted = spec.placement.primary ?? textAt(xr, 'status', 'activeRegion');
  const region = regions.find((candidate) =>
    holder === undefined ? isMeant(candidate, spec, wanted) : candidate.metadata.name === holder,
  );
  if (region !== undefined) return homeOf(region, required['platforms'] ?? [], object);

  const names = regions.map((candidate) => textAt(candidate, 'spec', 'name') ?? '');
  if (holder !== undefined)
    return { object, message: `The region that holds the service, XOpenOvaRegion "${holder}", is gone` };
  if (names.length === 0) return { object, message: `There is no ${where}, or it has no region yet` };
  return {
    object,
    message:
      wanted === undefined
        ? `${where} has no primary region, only ${few(names)}`
        : `${where} has no region "${wanted}", only ${few(names)}`,
  };
}

export function isMissing(found: Home | Missing): found is Missing {
  return 'message' in found;
}

/** Name of the ProviderConfig through which whatever there is of the service was made; undefined while there is nothing. */
function holderOf({ observed }: Input<DataServiceSpec>): string | undefined {
  return observed.ours.flatMap(([, object]) => textAt(object, 'spec', 'providerConfigRef', 'name') ?? [])[0];
}

function isMeant(region: Manifest, { clusterRef }: DataServiceSpec, wanted: string | undefined): boolean {
  if (clusterRef === undefined) return true;
  if (wanted !== undefined) return textAt(region, 'spec', 'name') === wanted;
  return (textAt(region, 'spec', 'role') ?? 'primary') === 'primary';
}

function homeOf(region: Manifest, platforms: readonly Manifest[], object: string): Home | Missing {
  const name = textAt(region, 'spec', 'name') ?? '';
  if (textAt(region, 'metadata', 'deletionTimestamp') !== undefined)
    return {
      object,
      message: `Region "${name}" is being deleted, as soon as nothing lives in it: delete this service`,
    };
  const platform = platformOf(platforms, region);
  // A restore loses a status, but not what is written on the platform.
  const release = textAt(region, 'status', 'release') ?? (platform && releaseOn(platform));
  const given = objectAt(region, 'spec', 'archival');
  const archival = given && archivalSchema().safeParse(given);
  // Taken for none, it would take the backups of what runs with it.
  if (archival?.success === false)
    return { object, message: `spec.archival of region "${name}" cannot be read` };
  return {
    region: name,
    providerConfig: region.metadata.name ?? '',
    existing: textAt(region, 'spec', 'cloud', 'provider') === 'existing',
    archival: archival?.data,
    platform,
    older: release !== undefined && release !== RELEASE,
  };
}

/** Whether the region's platform has this operator ready. */
export function isServed({ home }: Site, operator: string): boolean {
  return hasOperator(home.platform, operator);
}
