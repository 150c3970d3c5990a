/** OpenOvaCluster: one or two regions, and what joins them. */
import * as z from 'zod';
import type { Parsed, Problem } from '../kernel/graph.ts';
import { isObject, listAt, type Json, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { claimNameProblems } from './claim-name.ts';
import { clusterRules } from './cluster-rules.ts';
import { group, live, named, overriding, refused } from './describe.ts';
import * as fields from './fields.ts';
import { claimNameOf, distinct, read, specOf, type Contract } from './parse.ts';
import { readRegion, regionNetwork, RegionSchema, shared, type RegionSpec } from './region.ts';

/** Fields of a cluster that each region may override, in part or whole. */
export const OVERRIDES = [
  'kubernetes',
  'image',
  'controlPlane',
  'pools',
  'access',
  'loadBalancer',
  'archival',
  'certificates',
  'platform',
  'blueprints',
  'backup',
  'maintenance',
] as const;

const { networkRef: _, cidr: __, ...ranges } = regionNetwork().shape;

const clusterRegion = z.strictObject({
  name: refused(fields.regionName(), 'Name of the region; part of the names of its machines and records'),
  location: RegionSchema.shape.location,
  role: live(
    z.enum(fields.ROLES).default('primary'),
    'primary serves, standby follows; exactly one region is primary',
  ),
  machines: fields.machines(),
  network: group(
    overriding(z.strictObject(ranges)).optional(),
    'Ranges of the region, where the cluster should not choose them',
  ),
  restoreFrom: shared.restoreFrom,
  kubernetes: overriding(shared.kubernetes).optional(),
  image: overriding(shared.image).optional(),
  controlPlane: overriding(shared.controlPlane).optional(),
  pools: overriding(shared.pools).optional(),
  access: overriding(shared.access).optional(),
  loadBalancer: overriding(shared.loadBalancer).optional(),
  archival: overriding(shared.archival).optional(),
  certificates: overriding(shared.certificates).optional(),
  platform: overriding(shared.platform).optional(),
  blueprints: overriding(shared.blueprints).optional(),
  backup: overriding(shared.backup).optional(),
  maintenance: overriding(shared.maintenance).optional(),
});

const { restoreFrom: ___, ...sharedByRegions } = shared;

export const ClusterSchema = z.strictObject({
  ...sharedByRegions,
  regions: group(
    named(clusterRegion, { min: 1, max: 2 }),
    "One region, or two that back each other up. Every other field of a region overrides the cluster's: objects by key, lists whole",
  ),
  network: group(
    z
      .strictObject({
        cidr: refused(
          fields.cidr4().default('10.0.0.0/16'),
          'Range of the private network, shared by the regions of one network zone',
        ),
        podCidr: refused(
          fields.cidr4().default('10.42.0.0/16'),
          'Range of the pods of the first region; a second one gets ranges of its own',
        ),
        serviceCidr: refused(
          fields.cidr4().default('10.43.0.0/16'),
          'Range of the services of the first region; a second one gets ranges of its own',
        ),
      })
      .prefault({}),
    'Ranges of addresses; no two may overlap',
  ),
  deletionProtection: live(
    z.boolean().default(true),
    'Whether deleting the claim is refused; while it is true, regions cannot be removed or renamed either',
  ),
});

/** A cluster's spec as given, with the defaults that do not depend on other fields. */
export type ClusterGiven = z.output<typeof ClusterSchema>;

/** A cluster's spec: every region complete, with the cluster's fields under its own. */
export type ClusterSpec = Pick<
  ClusterGiven,
  'domain' | 'cloud' | 'dns' | 'network' | 'deletionProtection' | 'deletion'
> & {
  readonly regions: readonly ClusterRegion[];
};

/** A region as the cluster's claim describes it; `given` tells which of its ranges the claim itself fixes. */
export type ClusterRegion = RegionSpec & {
  readonly given: {
    readonly subnetCidr?: string;
    readonly podCidr?: string;
    readonly serviceCidr?: string;
    readonly clusterId?: number;
  };
};

export const clusterContract: Contract<ClusterGiven> = {
  schema: ClusterSchema,
  rules: clusterRules,
  least: { domain: 'example.com', cloud: {}, regions: [{ name: 'main' }] },
};

/** One value over another: objects by key, everything else whole. */
function over(base: Json | undefined, top: Json | undefined): Json | undefined {
  if (top === undefined) return base;
  if (!isObject(base) || !isObject(top)) return top;
  const merged: JsonObject = { ...base };
  for (const [field, value] of Object.entries(top)) merged[field] = over(merged[field], value);
  return merged;
}

const FROM_CLUSTER: readonly string[] = [...Object.keys(shared), 'network'];

/** What one region of a cluster would be given if it stood alone, as raw as the cluster's spec is. */
function rawRegion(raw: JsonObject, region: JsonObject): JsonObject {
  const base: JsonObject = {};
  for (const field of FROM_CLUSTER) if (raw[field] !== undefined) base[field] = raw[field];
  const merged = over(base, region);
  return isObject(merged) ? merged : base;
}

/** The same field as the cluster's claim has it: under the region where that says it, else at the cluster. */
function inCluster(problem: Problem, region: JsonObject): Problem {
  const path = problem.field.replace(/^spec\./, '');
  const [first = ''] = path.split(/[.[]/);
  const name = region['name'];
  const own = `spec.regions[${typeof name === 'string' ? name : ''}].${path}`;
  if (!FROM_CLUSTER.includes(first) || RANGES_OF_REGION.has(path)) return { ...problem, field: own };
  let here: Json | undefined = region;
  for (const step of path.replace(/\[.*$/, '').split('.')) here = isObject(here) ? here[step] : undefined;
  return here === undefined ? problem : { ...problem, field: own };
}

const RANGES_OF_REGION: ReadonlySet<string> = new Set(
  Object.keys(ranges)
    .map((field) => `network.${field}`)
    .filter((path) => !['network.podCidr', 'network.serviceCidr'].includes(path)),
);

/** Every mistake in a cluster's spec, or the typed spec. */
export function readCluster(raw: JsonObject): Parsed<ClusterSpec> {
  const { given, problems } = read(clusterContract, raw);
  const rawRegions = listAt(raw, 'regions').filter(isObject);
  const regions = rawRegions.map((region) => ({ region, parsed: readRegion(rawRegion(raw, region)) }));
  const inRegions = regions.flatMap(({ region, parsed }) =>
    parsed.ok ? [] : parsed.problems.map((problem) => inCluster(problem, region)),
  );
  const specs = regions.flatMap(({ parsed }) => (parsed.ok ? [parsed.spec] : []));
  if (given === undefined || inRegions.length > 0)
    return { ok: false, problems: distinct([...problems, ...inRegions]) };
  const { domain, cloud, dns, network, deletionProtection, deletion } = given;
  return {
    ok: true,
    spec: {
      domain,
      cloud,
      ...(dns === undefined ? {} : { dns }),
      network,
      deletionProtection,
      deletion,
      regions: specs.map((spec, index) => ({ ...spec, given: rangesGiven(rawRegions[index]) })),
    },
  };
}

function rangesGiven(region: JsonObject | undefined): ClusterRegion['given'] {
  const network = region?.['network'];
  if (!isObject(network)) return {};
  const { subnetCidr, podCidr, serviceCidr, clusterId } = network;
  return {
    ...(typeof subnetCidr === 'string' ? { subnetCidr } : {}),
    ...(typeof podCidr === 'string' ? { podCidr } : {}),
    ...(typeof serviceCidr === 'string' ? { serviceCidr } : {}),
    ...(typeof clusterId === 'number' ? { clusterId } : {}),
  };
}

/** The input of an XOpenOvaCluster or its claim. */
export function parseCluster(xr: Manifest): Parsed<ClusterSpec> {
  const parsed = readCluster(specOf(xr));
  const wrong = claimNameProblems(xr, claimNameOf(xr));
  if (wrong.length === 0) return parsed;
  return { ok: false, problems: [...wrong, ...(parsed.ok ? [] : parsed.problems)] };
}
