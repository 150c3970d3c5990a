/** The composites of the regions: what each is told, and how one goes. */
import type { ClusterRegion } from '../apis/cluster.ts';
import type { Peer } from '../apis/fields.ts';
import { regionInput } from '../apis/region.ts';
import type { Node, Problem } from '../kernel/graph.ts';
import { held } from '../kernel/hold.ts';
import {
  conditionOf,
  isObject,
  listAt,
  numberAt,
  objectAt,
  textAt,
  withField,
  type Manifest,
} from '../kernel/manifest.ts';
import { CLUSTER_LABEL, GROUP, REGION_LABEL, RETRY_ANNOTATION } from '../kernel/names.ts';
import {
  apiEndpointOf,
  keptRegions,
  networkKey,
  networkObject,
  regionKey,
  regionXrName,
  type Cluster,
} from './cluster.ts';
import { assignRanges, rangesOf, type Full, type Ranges } from './ranges.ts';

const API_VERSION = `${GROUP}/v1alpha1`;
const KIND = 'XOpenOvaRegion';
/** On a region that goes and whose machines would have stayed: they were told to go first. */
const DELETING_ANNOTATION = `${GROUP}/deleting-machines`;

export interface PlannedRegions {
  readonly nodes: readonly Node[];
  readonly problems: readonly Problem[];
  /** Observed keys that stay, with the reason. */
  readonly kept: ReadonlyMap<string, string>;
}

export function planRegions(cluster: Cluster): PlannedRegions {
  const { regions, existing, spec, unlisted } = cluster;
  const ranges = assignRanges(
    spec.network,
    new Map(regions.map((region) => [region.spec.name, region.ranges])),
    new Map([...existing].map(([name, region]) => [name, rangesOf(region)])),
  );
  const planned = regions.map((region) => ({ region, ranges: ranges.get(region.spec.name) }));
  const kept = keptRegions(cluster);
  const given = new Map([
    ...kept.map((name): [string, Ranges | Full] => [name, completeOf(existing.get(name))]),
    ...ranges,
  ]);
  const going = unlisted.filter((name) => !kept.includes(name));
  return {
    nodes: [
      ...planned.flatMap(({ region, ranges: own }) => {
        if (own === undefined) return [];
        if (!('full' in own)) return [regionNode(cluster, region, own, peersOf(cluster, region, given))];
        return going.length > 0 ? [waitingNode(region, going)] : [];
      }),
      ...going.flatMap((name) => goingNode(name, existing.get(name))),
    ],
    // While a region goes, what it frees may be enough.
    problems:
      going.length > 0 ? [] : planned.flatMap(({ region, ranges: own }) => problemOf(cluster, region, own)),
    kept: new Map(
      kept.map((name) => [regionKey(name), `spec.deletionProtection is true, and region "${name}" exists`]),
    ),
  };
}

/** The ranges of a region that exists, for the others to know. */
function completeOf(region: Manifest | undefined): Ranges | Full {
  const { subnetCidr, podCidr, serviceCidr, clusterId } = region === undefined ? {} : rangesOf(region);
  if (podCidr === undefined || serviceCidr === undefined) return { full: 'podCidr' };
  return { subnetCidr: subnetCidr ?? '', podCidr, serviceCidr, clusterId: clusterId ?? 0 };
}

function problemOf({ spec }: Cluster, region: ClusterRegion, ranges: Ranges | Full | undefined): Problem[] {
  if (ranges === undefined || !('full' in ranges)) return [];
  const message = `is "${spec.network[ranges.full]}", which leaves no free range for region "${region.spec.name}", must be larger or elsewhere`;
  return [{ field: `spec.network.${ranges.full}`, message }];
}

/** What a region is told of the others; where an API answers is not forgotten when its region is silent for a moment. */
function peersOf(
  { existing }: Cluster,
  { spec: { name } }: ClusterRegion,
  ranges: ReadonlyMap<string, Ranges | Full>,
): Peer[] {
  const told = listAt(existing.get(name), 'spec', 'peers').filter(isObject);
  return [...ranges]
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([other, own]) => {
      if (other === name || 'full' in own) return [];
      const apiEndpoint =
        apiEndpointOf(existing.get(other)) ??
        textAt(
          told.find((peer) => peer['name'] === other),
          'apiEndpoint',
        );
      const { podCidr, serviceCidr } = own;
      return [{ name: other, ...(apiEndpoint !== undefined && { apiEndpoint }), podCidr, serviceCidr }];
    });
}

function regionNode(
  cluster: Cluster,
  { spec }: ClusterRegion,
  { subnetCidr, podCidr, serviceCidr, clusterId }: Ranges,
  peers: readonly Peer[],
): Node {
  const { xr, xrName, name } = cluster;
  const retry = xr.metadata.annotations?.[RETRY_ANNOTATION];
  const claimRef = objectAt(xr, 'spec', 'claimRef');
  const onHetzner = spec.cloud.provider === 'hetzner';
  return {
    key: regionKey(spec.name),
    follows: true,
    after: onHetzner ? [networkKey(spec.location)] : [],
    // What a region was made with stays its own when the roles change, with which the cluster's snapshot goes.
    frozen: ['spec.restoreFrom'],
    manifest: {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: {
        name: regionXrName(xrName, spec.name),
        labels: { [CLUSTER_LABEL]: name, [REGION_LABEL]: spec.name },
        ...(retry !== undefined && { annotations: { [RETRY_ANNOTATION]: retry } }),
      },
      spec: {
        // Core binds any claim to a composite that has none: without this a tenant's claim could take the region over.
        ...(claimRef && { claimRef }),
        ...regionInput(spec, {
          cluster: { name },
          network: {
            cidr: cluster.spec.network.cidr,
            subnetCidr,
            podCidr,
            serviceCidr,
            clusterId,
            clusterName: spec.name,
            ...(onHetzner && { networkRef: { name: networkObject(cluster, spec.location) } }),
          },
          peers,
        }),
      },
    },
  };
}

/** A region for which nothing is free until another one has gone: never made while that is so. */
function waitingNode({ spec: { name } }: ClusterRegion, going: readonly string[]): Node {
  return {
    key: regionKey(name),
    follows: true,
    after: going.map((other) => ({
      key: regionKey(other),
      until: 'gone, with its ranges',
      test: () => false,
    })),
    manifest: { apiVersion: API_VERSION, kind: KIND },
  };
}

/**
 * A region that leaves the cluster takes its machines with it, whatever `deletion.machines` says of the claim: it is
 * told so, and goes when it has told its own objects. Then the kernel lets it go.
 */
function goingNode(name: string, region: Manifest | undefined): Node[] {
  if (region === undefined) return [];
  const orphans = textAt(region, 'spec', 'deletion', 'machines') === 'Orphan';
  if (!orphans && (!isTold(region) || hasApplied(region))) return [];
  const manifest = withField(held(region), ['spec', 'deletion', 'machines'], 'Delete');
  return [
    {
      key: regionKey(name),
      follows: true,
      ready: () => false,
      manifest: {
        ...manifest,
        apiVersion: region.apiVersion,
        kind: region.kind,
        metadata: {
          ...held(region).metadata,
          annotations: { ...held(region).metadata.annotations, [DELETING_ANNOTATION]: 'true' },
        },
      },
    },
  ];
}

function isTold(region: Manifest): boolean {
  return objectAt(region, 'metadata', 'annotations')?.[DELETING_ANNOTATION] !== undefined;
}

/** Whether the region has applied all that follows from its present spec; true where nothing counts generations. */
function hasApplied(region: Manifest): boolean {
  const generation = numberAt(region, 'metadata', 'generation');
  const synced = conditionOf(region, 'Synced');
  const seen = numberAt(synced, 'observedGeneration');
  if (generation === undefined || seen === undefined) return synced?.['status'] !== 'False';
  return synced?.['status'] === 'True' && seen >= generation;
}
