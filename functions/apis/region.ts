/** OpenOvaRegion: one Kubernetes cluster with its machines and its platform. */
import * as z from 'zod';
import type { Parsed } from '../kernel/graph.ts';
import type { JsonObject, Manifest } from '../kernel/manifest.ts';
import { subnet } from './cidr.ts';
import { group, live, refused } from './describe.ts';
import * as fields from './fields.ts';
import { read, specOf, type Contract } from './parse.ts';
import { regionClaimProblems } from './region-claim.ts';
import { regionOnlyRules, regionRules, regionTransitions } from './region-rules.ts';
import { claimNameProblems } from './claim-name.ts';

export const regionNetwork = () =>
  z.strictObject({
    cidr: refused(fields.cidr4().default('10.0.0.0/16'), 'Range of the private network'),
    subnetCidr: refused(fields.cidr4().optional(), "Range of the region's machines, in the private network", {
      otherwise: 'the first /20 of cidr, or all of a smaller one',
    }),
    podCidr: refused(fields.cidr4().default('10.42.0.0/16'), 'Range of the pods'),
    serviceCidr: refused(fields.cidr4().default('10.43.0.0/16'), 'Range of the services'),
    networkRef: group(
      z.strictObject({ name: refused(fields.objectName(), 'Name of the managed resource') }).optional(),
      'Managed resource of the private network, when a cluster owns it',
      { otherwise: 'the region makes its own' },
    ),
    clusterId: refused(
      z.int().min(1).max(255).default(1),
      "Cilium's number of the region, different in each region of a cluster",
    ),
    clusterName: refused(
      z
        .string()
        .min(1)
        .max(32)
        .regex(/^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/)
        .meta({ example: 'fsn' })
        .optional(),
      "Cilium's name of the region, different in each region of a cluster",
      { otherwise: 'name' },
    ),
  });

/** What cluster and region say in the same words. */
export const shared = {
  domain: refused(fields.domainName(), 'Domain under which applications and the API are reached'),
  cloud: group(fields.cloud(), 'Where the machines come from'),
  kubernetes: group(fields.kubernetes().prefault({}), 'The Kubernetes distribution, K3s'),
  image: fields.image(),
  controlPlane: group(fields.controlPlane().prefault({}), 'Machines that run the Kubernetes API and etcd'),
  pools: fields.pools(),
  access: group(fields.access().prefault({}), 'Who may reach the machines'),
  loadBalancer: group(fields.loadBalancer().prefault({}), "How traffic reaches the region's Gateway"),
  dns: group(fields.dns().optional(), 'Where records are made; left out, none are made'),
  archival: group(
    fields.archival().optional(),
    'Object storage outside of the region, for backups; left out, etcd snapshots stay on the machines and nothing else is saved',
  ),
  certificates: group(fields.certificates().prefault({}), 'Certificates from an ACME authority'),
  platform: group(fields.platform().prefault({}), 'The platform on top of Kubernetes'),
  blueprints: fields.blueprints(),
  backup: group(fields.backup().prefault({}), 'What is saved, and how often'),
  maintenance: group(fields.maintenance().prefault({}), 'When disturbing work may happen'),
  deletion: group(fields.deletion().prefault({}), 'What is left when the claim is deleted'),
  restoreFrom: group(
    fields.restoreFrom().optional(),
    'A snapshot to begin with, instead of an empty cluster',
  ),
} as const;

export const RegionSchema = z.strictObject({
  name: refused(
    fields.regionName().default('main'),
    'Name of the region; part of the names of its machines and records',
  ),
  location: refused(
    z
      .string()
      .min(2)
      .max(32)
      .regex(/^[a-z][-a-z0-9]*$/)
      .meta({ example: 'fsn1' })
      .optional(),
    'Location of the machines: on Hetzner one of ash, fsn1, hel1, hil, nbg1, sin',
  ),
  role: live(z.enum(fields.ROLES).default('primary'), 'primary serves, standby follows'),
  cluster: group(
    z.strictObject({ name: refused(fields.objectName(), 'Name of the OpenOvaCluster') }).optional(),
    'The cluster that the region is part of; a cluster sets this',
  ),
  ...shared,
  machines: fields.machines(),
  network: group(
    regionNetwork().prefault({}),
    'Ranges of addresses; no two may overlap, nor those of a peer',
  ),
  peers: fields.peers(),
  deletionProtection: live(z.boolean().default(false), 'Whether deleting the claim is refused'),
});

/** A region's spec as given, with the defaults that do not depend on other fields. */
export type RegionGiven = z.output<typeof RegionSchema>;

interface ControlPlane {
  readonly count: 1 | 3 | 5;
  /** Empty with existing machines. */
  readonly serverTypes: readonly string[];
}

export type Pool = Omit<z.output<ReturnType<typeof fields.pool>>, 'count' | 'serverTypes'> & {
  readonly count: number;
  /** Empty with existing machines. */
  readonly serverTypes: readonly string[];
};

type RegionNetwork = Omit<RegionGiven['network'], 'subnetCidr' | 'clusterName'> & {
  readonly subnetCidr: string;
  readonly clusterName: string;
};

export type LoadBalancer = Omit<RegionGiven['loadBalancer'], 'type'> & {
  readonly type: (typeof fields.LOAD_BALANCERS)[number];
};

export type Certificates = Omit<RegionGiven['certificates'], 'solver'> & {
  readonly solver: 'dns01' | 'http01';
};

/** A region's spec with every default filled in. */
export type RegionSpec = Omit<
  RegionGiven,
  'controlPlane' | 'pools' | 'network' | 'loadBalancer' | 'certificates'
> & {
  readonly controlPlane: ControlPlane;
  readonly pools: readonly Pool[];
  readonly network: RegionNetwork;
  readonly loadBalancer: LoadBalancer;
  readonly certificates: Certificates;
};

const SUBNET_PREFIX = 20;

/** A region's spec with the defaults that follow from its other fields. */
export function completed(given: RegionGiven): RegionSpec {
  const existing = given.cloud.provider === 'existing';
  const servers = given.machines.filter(({ role }) => role === 'server').length;
  const agentsOf = (pool: string) =>
    given.machines.filter((machine) => machine.role === 'agent' && machine.pool === pool).length;
  const { cidr } = given.network;
  const pools = given.pools ?? [{ name: 'general', labels: {}, taints: [] }];
  return {
    ...given,
    controlPlane: existing
      ? { count: servers === 1 || servers === 5 ? servers : 3, serverTypes: [] }
      : {
          count: given.controlPlane.count ?? fields.DEFAULT_SERVERS,
          serverTypes: given.controlPlane.serverTypes ?? fields.DEFAULT_SERVER_TYPES,
        },
    pools: pools.map((pool) => ({
      ...pool,
      count: existing ? agentsOf(pool.name) : (pool.count ?? fields.DEFAULT_AGENTS),
      serverTypes: existing ? [] : (pool.serverTypes ?? fields.DEFAULT_AGENT_TYPES),
    })),
    network: {
      ...given.network,
      subnetCidr: given.network.subnetCidr ?? subnet(cidr, SUBNET_PREFIX, 0) ?? cidr,
      clusterName: given.network.clusterName ?? given.name,
    },
    ...chosen(given),
  };
}

/** What follows from the cloud and from the credentials for DNS where a claim does not choose; a platform chooses alike. */
export function chosen({
  cloud,
  dns,
  loadBalancer,
  certificates,
}: Pick<RegionGiven, 'cloud' | 'dns' | 'loadBalancer' | 'certificates'>): Pick<
  RegionSpec,
  'loadBalancer' | 'certificates'
> {
  return {
    loadBalancer: {
      ...loadBalancer,
      type: loadBalancer.type ?? (cloud.provider === 'existing' ? 'k8gb' : 'cloud'),
    },
    certificates: {
      ...certificates,
      solver: certificates.solver ?? (dns?.secretRef === undefined ? 'http01' : 'dns01'),
    },
  };
}

export const regionContract: Contract<RegionGiven> = {
  schema: RegionSchema,
  rules: [...regionRules, ...regionOnlyRules],
  transitions: regionTransitions,
  cel: [...regionRules, ...regionOnlyRules, ...regionTransitions],
  least: { domain: 'example.com', cloud: {} },
};

/** Every mistake in a region's spec, or the typed spec. */
export function readRegion(raw: JsonObject): Parsed<RegionSpec> {
  const { given, problems } = read(regionContract, raw);
  return given === undefined ? { ok: false, problems } : { ok: true, spec: completed(given) };
}

/** What can be read of a region's spec in spite of its mistakes: only to look for more of them. */
export function soundRegion(raw: JsonObject): RegionSpec | undefined {
  const { sound } = read(regionContract, raw);
  return sound && completed(sound);
}

/** The input of an XOpenOvaRegion or its claim. */
export function parseRegion(xr: Manifest): Parsed<RegionSpec> {
  const parsed = readRegion(specOf(xr));
  const wrong = [...claimNameProblems(xr), ...regionClaimProblems(xr)];
  if (wrong.length === 0) return parsed;
  return { ok: false, problems: [...wrong, ...(parsed.ok ? [] : parsed.problems)] };
}

/** What a cluster tells each of its regions. */
interface Wiring {
  readonly cluster: { readonly name: string };
  readonly network: RegionNetwork;
  readonly peers: readonly fields.Peer[];
}

/** The spec of the XOpenOvaRegion that a cluster composes: complete, without what existing machines forbid. */
export function regionInput(spec: RegionSpec, { cluster, network, peers }: Wiring): JsonObject {
  const existing = spec.cloud.provider === 'existing';
  const { controlPlane, pools } = spec;
  return {
    name: spec.name,
    role: spec.role,
    cluster: { ...cluster },
    domain: spec.domain,
    cloud: spec.cloud,
    kubernetes: spec.kubernetes,
    image: spec.image,
    ...(existing
      ? { machines: spec.machines }
      : {
          location: spec.location,
          controlPlane: { count: controlPlane.count, serverTypes: [...controlPlane.serverTypes] },
        }),
    pools: pools.map(({ count, serverTypes, ...pool }) =>
      existing ? pool : { ...pool, count, serverTypes: [...serverTypes] },
    ),
    network,
    peers: [...peers],
    access: spec.access,
    loadBalancer: spec.loadBalancer,
    dns: spec.dns,
    archival: spec.archival,
    certificates: spec.certificates,
    platform: spec.platform,
    blueprints: spec.blueprints,
    backup: spec.backup,
    maintenance: spec.maintenance,
    deletion: spec.deletion,
    // The claim of the cluster is what is protected.
    deletionProtection: false,
    restoreFrom: spec.restoreFrom,
  };
}
