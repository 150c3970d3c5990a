/** OpenOvaCluster: one or two regions, and what joins them. */
import * as z from 'zod';
import type { Parsed, Problem } from '../kernel/graph.ts';
import { isObject, listAt, type Json, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { claimNameProblems } from './claim-name.ts';
import { clusterRules, clusterTransitions } from './cluster-rules.ts';
import { group, live, named, overriding, refused } from './describe.ts';
import * as fields from './fields.ts';
import { distinct, read, specOf, type Contract } from './parse.ts';
import { keptInCluster, regionRules, regionTransitions } from './region-rules.ts';
import { readRegion, regionNetwork, RegionSchema, shared, type RegionSpec } from './region.ts';

/** A region's own words for something that the cluster says for all. */
const override = (schema: z.ZodType) => {
  const inner = overriding(schema);
  return inner.optional().meta({ ...inner.meta(), override: true });
};

const ranges = regionNetwork().shape;

const clusterRegion = z.strictObject({
  name: refused(fields.regionName(), 'Name of the region; part of the names of its machines and records'),
  location: RegionSchema.shape.location,
  role: live(
    z.enum(fields.ROLES).default('primary'),
    'primary serves, standby follows; exactly one region is primary',
  ),
  machines: fields.machines(),
  network: group(
    z
      .strictObject({
        subnetCidr: refused(fields.cidr4().optional(), "Range of the region's machines, in network.cidr", {
          otherwise: 'the next free /20 of network.cidr',
        }),
        podCidr: refused(fields.cidr4().optional(), "Range of the region's pods", {
          otherwise: 'the next free one',
        }),
        serviceCidr: refused(fields.cidr4().optional(), "Range of the region's services", {
          otherwise: 'the next free one',
        }),
        clusterId: refused(z.int().min(1).max(255).optional(), ranges.clusterId.description ?? '', {
          otherwise: 'the next free one',
        }),
      })
      .prefault({}),
    'Ranges of the region, where the cluster should not choose them',
  ),
  kubernetes: override(shared.kubernetes),
  image: override(shared.image),
  controlPlane: override(shared.controlPlane),
  pools: override(shared.pools),
  access: override(shared.access),
  loadBalancer: override(shared.loadBalancer),
  archival: override(shared.archival),
  certificates: override(shared.certificates),
  platform: override(shared.platform),
  blueprints: override(shared.blueprints),
  backup: override(shared.backup),
  maintenance: override(shared.maintenance),
  restoreFrom: group(shared.restoreFrom, 'A snapshot with which this region begins, instead of an empty one', {
    otherwise: "the cluster's, where the region is made as the primary",
  }),
});

const ClusterSchema = z.strictObject({
  ...shared,
  restoreFrom: group(
    shared.restoreFrom,
    'A snapshot with which the primary region begins, instead of an empty one',
  ),
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

/** A region as its cluster's claim describes it. */
export interface ClusterRegion {
  /** Complete, with the cluster's fields under its own. Its ranges are provisional: the cluster gives them. */
  readonly spec: RegionSpec;
  /** The ranges that the claim fixes for this region. */
  readonly ranges: ClusterGiven['regions'][number]['network'];
}

/** A cluster's spec: every region complete. */
export type ClusterSpec = Omit<ClusterGiven, 'regions'> & { readonly regions: readonly ClusterRegion[] };

export const clusterContract: Contract<ClusterGiven> = {
  schema: ClusterSchema,
  rules: clusterRules,
  transitions: clusterTransitions,
  cel: [
    ...clusterRules,
    ...clusterTransitions,
    ...[...regionRules, ...regionTransitions].map(({ clusterCel, ...rule }) => ({
      ...rule,
      cel: clusterCel ?? rule.cel,
    })),
    ...keptInCluster,
  ],
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

const ONLY_IN_REGIONS: readonly string[] = ['network.clusterId', 'network.subnetCidr'];
const FROM_CLUSTER: readonly string[] = [...Object.keys(shared), 'network'];

/** What one region of a cluster would be given if it stood alone, as raw as the cluster's spec is. */
function rawRegion(raw: JsonObject, region: JsonObject): JsonObject {
  const base: JsonObject = {};
  const follows = (region['role'] ?? 'primary') !== 'primary';
  for (const field of FROM_CLUSTER) {
    if (raw[field] !== undefined && !(follows && field === 'restoreFrom')) base[field] = raw[field];
  }
  const merged = over(base, region);
  return isObject(merged) ? merged : base;
}

/** The regions of a cluster's spec, each as it would be given alone; for comparing two specs of a cluster. */
export function regionsGiven(raw: JsonObject): readonly JsonObject[] {
  return listAt(raw, 'regions')
    .filter(isObject)
    .map((region) => rawRegion(raw, region));
}

/** The same field as the cluster's claim has it: under the region where that says it, else at the cluster. */
export function inCluster(problem: Problem, region: JsonObject): Problem {
  const path = problem.field.replace(/^spec\./, '');
  const [first = ''] = path.split(/[.[]/);
  const name = region['name'];
  const own = `spec.regions[${typeof name === 'string' ? name : ''}].${path}`;
  if (!FROM_CLUSTER.includes(first) || ONLY_IN_REGIONS.includes(path)) return { ...problem, field: own };
  let here: Json | undefined = region;
  for (const step of path.replace(/\[.*$/, '').split('.')) here = isObject(here) ? here[step] : undefined;
  return here === undefined ? problem : { ...problem, field: own };
}

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
  const joined = given.regions.flatMap(({ network }, index) => {
    const spec = specs[index];
    return spec === undefined ? [] : [{ spec, ranges: network }];
  });
  return { ok: true, spec: { ...given, regions: joined } };
}

/** The input of an XOpenOvaCluster or its claim. */
export function parseCluster(xr: Manifest): Parsed<ClusterSpec> {
  const parsed = readCluster(specOf(xr));
  const wrong = claimNameProblems(xr);
  if (wrong.length === 0) return parsed;
  return { ok: false, problems: [...wrong, ...(parsed.ok ? [] : parsed.problems)] };
}
