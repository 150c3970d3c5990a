/**
 * Claims, good and bad, with what is said about each: by our own parsing (`problems`) and by the API server
 * (`breaks`, or `refusedBy` where it is the schema or the function alone that refuses).
 *
 * The unit tests run them through parsing, the engine's tests through the XRDs.
 */
import { withField, type Json, type JsonObject } from '../../functions/kernel/manifest.ts';

export type ClaimKind = 'OpenOvaCluster' | 'OpenOvaRegion' | 'DataService';

export interface Case {
  readonly kind: ClaimKind;
  readonly reason: string;
  /** `metadata.name`, where it matters. */
  readonly name?: string;
  readonly spec: JsonObject;
  /** The spec before an edit; left out for a new claim. */
  readonly before?: JsonObject;
  /** What our own parsing says, `field message` each; of an edit, what `refusedChanges` says. */
  readonly problems: readonly string[];
  /**
   * The CEL rules that the API server names, `path: message` each, `[]` for any index. For a new claim these are all;
   * of an edit there may be more, because what is new can be wrong by itself too.
   */
  readonly breaks: readonly string[];
  /**
   * Who else refuses it: the schema by type, bound or pattern; the API server because a list map has a name twice
   * (which the command line does not look at); or the function alone.
   */
  readonly refusedBy?: 'schema' | 'list' | 'function';
}

type Edits = Readonly<Record<string, Json | undefined>>;

/** A copy with fields set by dotted path, or left out where undefined. */
export function edited(spec: JsonObject, edits: Edits): JsonObject {
  let copy = spec;
  for (const [path, value] of Object.entries(edits)) copy = withField(copy, path.split('.'), value);
  return copy;
}

export const region: JsonObject = {
  name: 'fsn',
  location: 'fsn1',
  domain: 'acme.example.com',
  cloud: { provider: 'hetzner', tokenSecretRef: { name: 'acme-hcloud' } },
  access: { managementCidrs: ['192.0.2.10/32'] },
};

export const cluster: JsonObject = {
  domain: 'acme.example.com',
  cloud: { provider: 'hetzner', tokenSecretRef: { name: 'acme-hcloud' } },
  regions: [
    { name: 'fsn', location: 'fsn1', role: 'primary' },
    { name: 'hel', location: 'hel1', role: 'standby' },
  ],
  access: { managementCidrs: ['192.0.2.10/32'] },
};

const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN';
const server = (number: number): JsonObject => ({
  name: `server-${String(number)}`,
  address: `203.0.113.${String(number)}`,
  hostKey: HOST_KEY,
  role: 'server',
});
const agent: JsonObject = { name: 'agent-1', address: '203.0.113.9', hostKey: HOST_KEY, role: 'agent' };

export const existingRegion: JsonObject = {
  name: 'contabo',
  domain: 'acme.example.com',
  cloud: { provider: 'existing' },
  machines: [server(1), agent],
};

export const existingCluster: JsonObject = {
  domain: 'acme.example.com',
  cloud: { provider: 'existing' },
  regions: [{ name: 'contabo', machines: [server(1), agent] }],
};

export const service: JsonObject = { clusterRef: { name: 'acme' }, engine: 'postgres' };

const STORE: JsonObject = { provider: 's3', bucket: 'acme-archive', secretRef: { name: 'acme-s3' } };
const NO_S3 = 'must be left out with archival.provider azureblob, which K3s keeps no snapshots in';
const NO_STORE = 'must be left out without archival, the store of the snapshot';

const BASES = { OpenOvaCluster: cluster, OpenOvaRegion: region, DataService: service } as const;

/** The full example of a cluster, as its design has it. */
export const fullCluster: JsonObject = {
  domain: 'acme.example.com',
  cloud: {
    provider: 'hetzner',
    providerConfigRef: { name: 'default' },
    tokenSecretRef: { name: 'acme-hcloud' },
  },
  regions: [
    { name: 'fsn', location: 'fsn1', role: 'primary' },
    {
      name: 'hel',
      location: 'hel1',
      role: 'standby',
      pools: [{ name: 'general', count: 3, serverTypes: ['cx43'] }],
    },
  ],
  kubernetes: { version: 'v1.36.3+k3s1' },
  controlPlane: { count: 3, serverTypes: ['cx33', 'cpx31'] },
  pools: [{ name: 'general', count: 2, serverTypes: ['cx43'], labels: {}, taints: [] }],
  network: { cidr: '10.0.0.0/16', podCidr: '10.42.0.0/16', serviceCidr: '10.43.0.0/16' },
  access: {
    managementCidrs: ['192.0.2.10/32'],
    authorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIK0wmN ops'],
    apiAllowedCidrs: ['203.0.113.0/24'],
    sshAllowedCidrs: ['203.0.113.7/32', '2001:db8::/32'],
  },
  loadBalancer: { type: 'cloud', size: 'lb11', api: false },
  dns: {
    provider: 'cloudflare',
    zone: 'example.com',
    providerConfigRef: { name: 'default' },
    secretRef: { name: 'acme-dns' },
  },
  archival: {
    provider: 'r2',
    bucket: 'acme-archive',
    endpoint: 'https://0123.r2.cloudflarestorage.com',
    secretRef: { name: 'acme-r2' },
  },
  certificates: { email: 'ops@acme.example.com', solver: 'dns01' },
  platform: {
    release: '0.1',
    profile: 'full',
    mesh: 'cilium',
    secrets: 'openbao',
    metrics: 'mimir',
    logs: 'loki',
    registry: 'harbor',
    components: {
      backstage: { enabled: false },
      cilium: { values: { hubble: { ui: { enabled: false } } } },
      stalwart: { enabled: true },
    },
  },
  blueprints: [],
  backup: { etcd: { schedule: '0 */6 * * *', retention: 28 } },
  maintenance: { window: 'Sun 02:00-04:00 UTC' },
  deletionProtection: true,
  deletion: { machines: 'Delete', volumes: 'Retain' },
  restoreFrom: { snapshot: 's3://acme-archive/etcd/old', tokenSecretRef: { name: 'old-token' } },
};

export const fullService: JsonObject = {
  clusterRef: { name: 'acme' },
  engine: 'postgres',
  version: '18',
  instances: 3,
  storage: { size: '50Gi' },
  resources: { memory: '2Gi', cpu: '1' },
  placement: { primary: 'fsn' },
  activeRegion: 'fsn',
  failover: 'planned',
  backup: { enabled: true, retention: '7d', schedule: '0 0 2 * * *' },
  parameters: { max_connections: 200, log_statement: 'ddl', jit: false },
  connectionSecret: { name: 'orders-conn' },
};

function good(kind: ClaimKind, reason: string, spec: JsonObject): Case {
  return { kind, reason, spec, problems: [], breaks: [] };
}

/** A claim that breaks rules which the API server knows too. */
function bad(
  kind: ClaimKind,
  reason: string,
  edits: Edits,
  problems: readonly string[],
  breaks: readonly string[],
  base: JsonObject = BASES[kind],
): Case {
  return { kind, reason, spec: edited(base, edits), problems, breaks };
}

/** A claim with values that the schema refuses before any rule is looked at. */
function mistyped(kind: ClaimKind, reason: string, edits: Edits, problems: readonly string[]): Case {
  return { kind, reason, spec: edited(BASES[kind], edits), problems, breaks: [], refusedBy: 'schema' };
}

/** An edit of a claim. */
function edit(
  kind: ClaimKind,
  reason: string,
  from: Edits,
  to: Edits,
  problems: readonly string[],
  breaks: readonly string[],
  base: JsonObject = BASES[kind],
): Case {
  return { kind, reason, before: edited(base, from), spec: edited(base, to), problems, breaks };
}

const RANGE = 'must be a range of addresses such as 192.0.2.0/24, without bits set behind its prefix';
const RANGE4 = 'must be an IPv4 range such as 10.0.0.0/16, without bits set behind its prefix';
const SCHEDULE = 'minute 0-59, hour 0-23, day 1-31, month 1-12, weekday 0-6';
const CANNOT = 'cannot change after creation';
const OF_A_CLUSTER = 'must be left out of a claim: only a cluster says it, of the regions that it makes';
const ARCHITECTURE = 'must be of one architecture: all begin with cax or none does';
const LISTED = 'must be left out when cloud.provider is existing, whose machines are listed';
const UPGRADE = 'must go up by one minor version at most, and never down';
const PROTECTED = 'cannot be removed or renamed while deletionProtection is true';
const NETWORK_FULL =
  'must have at most 99 machines, those of the control plane included: a Hetzner network holds 100 servers and load balancers';
const LOCATION = 'must be one of ash, fsn1, hel1, hil, nbg1, sin when cloud.provider is hetzner';

const goodClaims: readonly Case[] = [
  good('OpenOvaCluster', 'two regions and all defaults', cluster),
  good('OpenOvaCluster', 'every field of the design', fullCluster),
  good('OpenOvaCluster', 'existing machines', existingCluster),
  good('OpenOvaRegion', 'a region alone and all defaults', region),
  good('OpenOvaRegion', 'existing machines', existingRegion),
  good(
    'OpenOvaRegion',
    'existing machines on a shared segment',
    edited(existingRegion, { loadBalancer: { type: 'cilium-l2', addresses: ['192.0.2.64/28'] } }),
  ),
  good('OpenOvaRegion', 'no pool at all: workloads run on the control plane', edited(region, { pools: [] })),
  good(
    'OpenOvaRegion',
    'Azure DNS with its application',
    edited(region, {
      dns: {
        provider: 'azure',
        zone: 'example.com',
        resourceGroup: 'dns',
        secretRef: { name: 'dns' },
        servicePrincipal: {
          tenantId: '3f2504e0-4f89-41d3-9a0c-0305e82c3301',
          subscriptionId: '3f2504e0-4f89-41d3-9a0c-0305e82c3302',
          clientId: '3f2504e0-4f89-41d3-9a0c-0305e82c3303',
        },
      },
    }),
  ),
  good('OpenOvaRegion', 'an API load balancer that filters nothing', edited(region, { 'loadBalancer.api': true })),
  good(
    'OpenOvaCluster',
    'regions that override the cluster in part',
    edited(cluster, {
      'platform.mesh': 'cilium',
      regions: [
        { name: 'fsn', location: 'fsn1', kubernetes: { maxPods: 50 }, network: { podCidr: '10.60.0.0/16' } },
        { name: 'hel', location: 'hel1', role: 'standby', loadBalancer: { type: 'k8gb' } },
      ],
    }),
  ),
  good('DataService', 'all defaults', service),
  good('DataService', 'every field that is available', fullService),
  good('DataService', 'in a region that stands alone', { regionRef: { name: 'fsn' }, engine: 'postgres' }),
];

const badRegions: readonly Case[] = [
  bad(
    'OpenOvaRegion',
    'a cloud that comes later',
    { 'cloud.provider': 'aws', location: undefined },
    ['spec.cloud.provider is "aws", which is not available yet, only hetzner and existing are'],
    ['spec.cloud.provider: cloud "aws" is not available yet, only hetzner and existing are'],
  ),
  bad(
    'OpenOvaRegion',
    'no token for the cloud controller',
    { 'cloud.tokenSecretRef': undefined },
    ['spec.cloud.tokenSecretRef is missing, must name a Secret with the key token when cloud.provider is hetzner'],
    ['spec.cloud.tokenSecretRef: must name a Secret with the key token when cloud.provider is hetzner'],
  ),
  bad(
    'OpenOvaRegion',
    'a token for machines that no cloud controller knows',
    { 'cloud.tokenSecretRef': { name: 'x' } },
    ['spec.cloud.tokenSecretRef is {"name":"x"}, must be left out when cloud.provider is existing'],
    ['spec.cloud.tokenSecretRef: must be left out when cloud.provider is existing'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'a location that Hetzner does not have',
    { location: 'helsinki' },
    [`spec.location is "helsinki", ${LOCATION}`],
    [`spec.location: ${LOCATION}`],
  ),
  bad(
    'OpenOvaRegion',
    'no location on Hetzner',
    { location: undefined },
    [`spec.location is missing, ${LOCATION}`],
    [`spec.location: ${LOCATION}`],
  ),
  bad(
    'OpenOvaRegion',
    'a location for existing machines',
    { location: 'fsn1' },
    ['spec.location is "fsn1", must be left out when cloud.provider is existing'],
    ['spec.location: must be left out when cloud.provider is existing'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'a control plane beside existing machines',
    { controlPlane: { count: 3, serverTypes: ['cx33'] } },
    [`spec.controlPlane.count is 3, ${LISTED}`, `spec.controlPlane.serverTypes is ["cx33"], ${LISTED}`],
    [`spec.controlPlane: ${LISTED}`],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'pools to make beside existing machines',
    { pools: [{ name: 'general', count: 2 }] },
    [`spec.pools[general].count is 2, ${LISTED}`],
    ['spec.pools: must have no count and no serverTypes when cloud.provider is existing, whose machines are listed'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'machines beside those that Hetzner makes',
    { machines: [server(1)] },
    ['spec.machines is a list of 1, must be left out when cloud.provider is hetzner, which makes its machines from pools'],
    ['spec.machines: must be left out when cloud.provider is hetzner, which makes its machines from pools'],
  ),
  bad(
    'OpenOvaRegion',
    'two existing servers have no majority',
    { machines: [server(1), server(2)] },
    ['spec.machines has 2 with role server, must have 1, 3 or 5 when cloud.provider is existing'],
    ['spec.machines: must have 1, 3 or 5 machines with role server when cloud.provider is existing'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'a machine of a pool that is not listed',
    { pools: [{ name: 'build' }, { name: 'web' }] },
    ['spec.machines[agent-1].pool is "general", must be one of build, web'],
    ['spec.machines: must name pools that are listed in pools'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'blueprints that would be ignored',
    { blueprints: ['open-banking'] },
    ['spec.blueprints is "open-banking", must be empty: blueprints are not available yet'],
    ['spec.blueprints: must be empty: blueprints are not available yet'],
  ),
  ...['@daily', '5-55/10,0 0,12 ? JAN-jun mon-FRI', '*/15 */6 1,31 12 0'].map((schedule) =>
    good('OpenOvaRegion', `etcd is saved at ${schedule}`, edited(region, { 'backup.etcd.schedule': schedule })),
  ),
  bad(
    'OpenOvaRegion',
    'backups that would not be made',
    { backup: { velero: { retentionDays: 90 } } },
    ['spec.backup.velero is not available yet, must be left out'],
    ['spec.backup.velero: is not available yet, must be left out'],
  ),
  bad(
    'OpenOvaCluster',
    'backups of one region that would not be made',
    { regions: [{ name: 'fsn', location: 'fsn1', backup: { velero: {} } }] },
    ['spec.regions[fsn].backup.velero is not available yet, must be left out'],
    ['spec.backup.velero: is not available yet, must be left out'],
  ),
  bad(
    'OpenOvaRegion',
    'a restore from a store that K3s cannot read',
    {
      archival: { provider: 'azureblob', bucket: 'acme', secretRef: { name: 'acme-blob' } },
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
    },
    [`spec.restoreFrom ${NO_S3}`],
    [`spec.restoreFrom: ${NO_S3}`],
  ),
  bad(
    'OpenOvaCluster',
    'a restore from a store that K3s cannot read, for the primary alone',
    {
      archival: { provider: 'azureblob', bucket: 'acme', secretRef: { name: 'acme-blob' } },
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
    },
    [`spec.restoreFrom ${NO_S3}`],
    [`spec.restoreFrom: ${NO_S3}`],
  ),
  bad(
    'OpenOvaRegion',
    'a snapshot of a store that nobody named',
    { restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } } },
    [`spec.restoreFrom ${NO_STORE}`],
    [`spec.restoreFrom: ${NO_STORE}`],
  ),
  bad(
    'OpenOvaCluster',
    'a snapshot for the primary, whose own store is missing',
    {
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
      regions: [
        { name: 'fsn', location: 'fsn1' },
        { name: 'hel', location: 'hel1', role: 'standby', archival: STORE },
      ],
    },
    [`spec.restoreFrom ${NO_STORE}`],
    [`spec.restoreFrom: ${NO_STORE}`],
  ),
  bad(
    'OpenOvaCluster',
    'a snapshot for a standby, whose own store is missing',
    {
      regions: [
        { name: 'fsn', location: 'fsn1', archival: STORE },
        {
          name: 'hel',
          location: 'hel1',
          role: 'standby',
          restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
        },
      ],
    },
    [`spec.regions[hel].restoreFrom ${NO_STORE}`],
    [`spec.restoreFrom: ${NO_STORE}`],
  ),
  good(
    'OpenOvaCluster',
    'a snapshot for the primary, which alone has a store',
    edited(cluster, {
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
      regions: [
        { name: 'fsn', location: 'fsn1', archival: STORE },
        { name: 'hel', location: 'hel1', role: 'standby' },
      ],
    }),
  ),
  bad(
    'OpenOvaCluster',
    "blueprints of one region that would be ignored",
    { 'regions': [{ name: 'fsn', location: 'fsn1', role: 'primary', blueprints: ['open-banking'] }] },
    ['spec.regions[fsn].blueprints is "open-banking", must be empty: blueprints are not available yet'],
    ['spec.blueprints: must be empty: blueprints are not available yet'],
  ),
  bad(
    'OpenOvaRegion',
    'nobody could install the machines',
    { 'access.managementCidrs': [] },
    [
      "spec.access.managementCidrs is empty, must name the ranges from which this control plane's traffic comes when cloud.provider is hetzner",
    ],
    [
      "spec.access.managementCidrs: must name the ranges from which this control plane's traffic comes when cloud.provider is hetzner",
    ],
  ),
  ...(['apiAllowedCidrs', 'managementCidrs', 'sshAllowedCidrs'] as const).map((list) =>
    bad(
      'OpenOvaRegion',
      `${list} with bits behind the prefix, and with no address`,
      { [`access.${list}`]: ['192.0.2.10/24', '300.0.0.0/8', '10.0.0.0/8'] },
      [
        `spec.access.${list}[0] is "192.0.2.10/24", ${RANGE}`,
        `spec.access.${list}[1] is "300.0.0.0/8", ${RANGE}`,
      ],
      [`spec.access.${list}: ${RANGE}`],
    ),
  ),
  bad(
    'OpenOvaRegion',
    'an API load balancer beside ranges that it would not keep',
    { 'loadBalancer.api': true, 'access.apiAllowedCidrs': ['203.0.113.0/24'] },
    ['spec.loadBalancer.api is true, must be false with access.apiAllowedCidrs: firewalls do not filter load balancers'],
    ['spec.loadBalancer.api: must be false with access.apiAllowedCidrs: firewalls do not filter load balancers'],
  ),
  bad(
    'OpenOvaRegion',
    'an API load balancer where there is none',
    { loadBalancer: { type: 'k8gb', api: true } },
    ['spec.loadBalancer.api is true, must be false when there is no load balancer of the cloud'],
    ['spec.loadBalancer.api: must be false when there is no load balancer of the cloud'],
  ),
  bad(
    'OpenOvaRegion',
    'announced addresses in a routed network',
    { loadBalancer: { type: 'cilium-l2', addresses: ['192.0.2.64/28'] } },
    ['spec.loadBalancer.type is "cilium-l2", must be cloud or k8gb when cloud.provider is hetzner, whose networks carry no ARP'],
    ['spec.loadBalancer.type: must be cloud or k8gb when cloud.provider is hetzner, whose networks carry no ARP'],
  ),
  bad(
    'OpenOvaRegion',
    "a cloud's load balancer without a cloud",
    { loadBalancer: { type: 'cloud' } },
    ['spec.loadBalancer.type is "cloud", must be cilium-l2 or k8gb when cloud.provider is existing, which has no load balancer'],
    ['spec.loadBalancer.type: must be cilium-l2 or k8gb when cloud.provider is existing, which has no load balancer'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'nothing to announce',
    { loadBalancer: { type: 'cilium-l2' } },
    ['spec.loadBalancer.addresses is empty, must be given with loadBalancer.type cilium-l2, and only there'],
    ['spec.loadBalancer.addresses: must be given with loadBalancer.type cilium-l2, and only there'],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'addresses that are no range',
    { loadBalancer: { type: 'cilium-l2', addresses: ['192.0.2.65/28'] } },
    [`spec.loadBalancer.addresses[0] is "192.0.2.65/28", ${RANGE}`],
    [`spec.loadBalancer.addresses: ${RANGE}`],
    existingRegion,
  ),
  bad(
    'OpenOvaRegion',
    'a zone that the domain does not lie in',
    { dns: { provider: 'cloudflare', zone: 'e.com' } },
    ['spec.dns.zone is "e.com", must be the domain "acme.example.com" or a zone above it'],
    ['spec.dns.zone: must be the domain or a zone above it'],
  ),
  bad(
    'OpenOvaRegion',
    'Azure without a resource group, Google Cloud for Azure',
    { dns: { provider: 'azure', zone: 'example.com', project: 'acme-prod' } },
    [
      'spec.dns.project is "acme-prod", must be given with dns.provider clouddns, and only there',
      'spec.dns.resourceGroup is missing, must be given with dns.provider azure, and only there',
    ],
    [
      'spec.dns.project: must be given with dns.provider clouddns, and only there',
      'spec.dns.resourceGroup: must be given with dns.provider azure, and only there',
    ],
  ),
  bad(
    'OpenOvaRegion',
    'a secret of Azure without its application',
    { dns: { provider: 'azure', zone: 'example.com', resourceGroup: 'dns', secretRef: { name: 'dns' } } },
    ['spec.dns.servicePrincipal is missing, must be given with dns.provider azure and dns.secretRef'],
    ['spec.dns.servicePrincipal: must be given with dns.provider azure and dns.secretRef'],
  ),
  bad(
    'OpenOvaRegion',
    'dns01 without credentials',
    { 'certificates.solver': 'dns01' },
    ['spec.certificates.solver is "dns01", must be http01 without dns.secretRef'],
    ['spec.certificates.solver: must be http01 without dns.secretRef'],
  ),
  bad(
    'OpenOvaRegion',
    'R2 without its address',
    { archival: { provider: 'r2', bucket: 'acme', secretRef: { name: 'r2' } } },
    ['spec.archival.endpoint is missing, must be given when archival.provider is r2'],
    ['spec.archival.endpoint: must be given when archival.provider is r2'],
  ),
  bad(
    'OpenOvaRegion',
    'a version that is too old',
    { 'kubernetes.version': 'v1.32.9+k3s1' },
    ['spec.kubernetes.version is "v1.32.9+k3s1", must be v1.33 or newer'],
    ['spec.kubernetes.version: must be v1.33 or newer'],
  ),
  bad(
    'OpenOvaRegion',
    'servers of two architectures',
    { 'controlPlane.serverTypes': ['cx33', 'cax21'] },
    [`spec.controlPlane.serverTypes is ["cx33","cax21"], ${ARCHITECTURE}`],
    [`spec.controlPlane.serverTypes: ${ARCHITECTURE}`],
  ),
  bad(
    'OpenOvaRegion',
    'agents of two architectures',
    { pools: [{ name: 'general', serverTypes: ['cax31', 'cx43'] }] },
    [`spec.pools[general].serverTypes is ["cax31","cx43"], ${ARCHITECTURE}`],
    [`spec.pools: serverTypes ${ARCHITECTURE}`],
  ),
  bad(
    'OpenOvaRegion',
    'more machines than a network holds',
    { pools: [{ name: 'a', count: 60 }, { name: 'b', count: 40 }] },
    [`spec.pools has 103, ${NETWORK_FULL}`],
    [`spec.pools: ${NETWORK_FULL}`],
  ),
  ...(['cidr', 'podCidr', 'serviceCidr'] as const).map((field) =>
    bad(
      'OpenOvaRegion',
      `network.${field} with bits behind the prefix`,
      { [`network.${field}`]: '10.99.1.0/16' },
      [`spec.network.${field} is "10.99.1.0/16", ${RANGE4}`],
      [`spec.network.${field}: ${RANGE4}`],
    ),
  ),
  bad(
    'OpenOvaRegion',
    'ranges that all overlap',
    { network: { cidr: '10.0.0.0/8', podCidr: '10.42.0.0/16', serviceCidr: '10.42.128.0/20' } },
    [
      'spec.network.podCidr is "10.42.0.0/16", must not overlap network.cidr, which is "10.0.0.0/8"',
      'spec.network.serviceCidr is "10.42.128.0/20", must not overlap network.cidr, which is "10.0.0.0/8"',
      'spec.network.serviceCidr is "10.42.128.0/20", must not overlap network.podCidr, which is "10.42.0.0/16"',
    ],
    [
      'spec.network.podCidr: must not overlap network.cidr',
      'spec.network.serviceCidr: must not overlap network.cidr',
      'spec.network.serviceCidr: must not overlap network.podCidr',
    ],
  ),
  bad(
    'OpenOvaRegion',
    'machines outside of the network',
    { 'network.subnetCidr': '10.1.0.0/20' },
    ['spec.network.subnetCidr is "10.1.0.0/20", must be an IPv4 range in network.cidr, without bits set behind its prefix'],
    ['spec.network.subnetCidr: must be an IPv4 range in network.cidr, without bits set behind its prefix'],
  ),
  bad(
    'OpenOvaRegion',
    'a peer with the same ranges',
    { peers: [{ name: 'hel', podCidr: '10.42.0.0/16', serviceCidr: '10.45.0.0/16' }] },
    [
      `spec.peers is a list of 1, ${OF_A_CLUSTER}`,
      'spec.peers[hel].podCidr is "10.42.0.0/16", must not overlap network.podCidr or network.serviceCidr',
    ],
    ["spec.peers: must have ranges that do not overlap the region's own", `spec.peers: ${OF_A_CLUSTER}`],
  ),
  bad(
    'OpenOvaRegion',
    'a claim that calls itself a region of a cluster',
    { cluster: { name: 'acme' } },
    [`spec.cluster is {"name":"acme"}, ${OF_A_CLUSTER}`],
    [`spec.cluster: ${OF_A_CLUSTER}`],
  ),
  bad(
    'OpenOvaRegion',
    "a claim that reaches for a cluster's network",
    { 'network.networkRef': { name: 'acme-x7k2p-network-eu-central' } },
    [`spec.network.networkRef is {"name":"acme-x7k2p-network-eu-central"}, ${OF_A_CLUSTER}`],
    [`spec.network.networkRef: ${OF_A_CLUSTER}`],
  ),
];

const badClusters: readonly Case[] = [
  bad(
    'OpenOvaCluster',
    'two primaries',
    { regions: [{ name: 'fsn', location: 'fsn1' }, { name: 'hel', location: 'hel1' }] },
    ['spec.regions has regions fsn and hel with role primary, must have exactly one'],
    ['spec.regions: must have exactly one region with role primary'],
  ),
  bad(
    'OpenOvaCluster',
    'no primary',
    { regions: [{ name: 'fsn', location: 'fsn1', role: 'standby' }] },
    ['spec.regions has no region with role primary, must have exactly one'],
    ['spec.regions: must have exactly one region with role primary'],
  ),
  bad(
    'OpenOvaCluster',
    'ranges and number of two regions collide',
    {
      regions: [
        { name: 'fsn', location: 'fsn1', network: { podCidr: '10.60.0.0/16', clusterId: 7 } },
        { name: 'hel', location: 'hel1', role: 'standby', network: { serviceCidr: '10.60.0.0/20', clusterId: 7 } },
      ],
    },
    [
      'spec.regions must not name the same network.clusterId twice',
      'spec.regions[hel].network.serviceCidr is "10.60.0.0/20", must not overlap "10.60.0.0/16" of region "fsn"',
    ],
    [
      'spec.regions: must not name ranges of pods or services that overlap those of another region',
      'spec.regions: must not name the same network.clusterId twice',
    ],
  ),
  bad(
    'OpenOvaCluster',
    'a range of one region that is none',
    { regions: [{ name: 'fsn', location: 'fsn1', network: { podCidr: '10.60.1.0/16', subnetCidr: '10.9.0.0/24' } }] },
    [
      `spec.regions[fsn].network.podCidr is "10.60.1.0/16", ${RANGE4}`,
      'spec.regions[fsn].network.subnetCidr is "10.9.0.0/24", must be an IPv4 range in network.cidr, without bits set behind its prefix',
    ],
    [
      `spec.network.podCidr: ${RANGE4}`,
      'spec.regions: network.subnetCidr must be an IPv4 range in network.cidr, without bits set behind its prefix',
    ],
  ),
  bad(
    'OpenOvaCluster',
    'locations that Hetzner does not have, or none',
    { regions: [{ name: 'fsn', location: 'falkenstein' }, { name: 'hel', role: 'standby' }] },
    [`spec.regions[fsn].location is "falkenstein", ${LOCATION}`, `spec.regions[hel].location is missing, ${LOCATION}`],
    [`spec.regions: location ${LOCATION}`],
  ),
  bad(
    'OpenOvaCluster',
    'a mistake that every region inherits is told once',
    { 'cloud.provider': 'gcp', 'kubernetes.version': 'v1.30.0+k3s1' },
    [
      'spec.cloud.provider is "gcp", which is not available yet, only hetzner and existing are',
      'spec.kubernetes.version is "v1.30.0+k3s1", must be v1.33 or newer',
    ],
    [
      'spec.cloud.provider: cloud "gcp" is not available yet, only hetzner and existing are',
      'spec.kubernetes.version: must be v1.33 or newer',
    ],
  ),
  bad(
    'OpenOvaCluster',
    'a mistake in what one region overrides is told there',
    {
      regions: [
        {
          name: 'fsn',
          location: 'fsn1',
          kubernetes: { version: 'v1.30.0+k3s1' },
          access: { sshAllowedCidrs: ['10.0.0.1/8'], managementCidrs: [] },
          controlPlane: { serverTypes: ['cx33', 'cax11'] },
          pools: [{ name: 'general', count: 100, serverTypes: ['cx33', 'cax11'] }],
          loadBalancer: { type: 'cilium-l2', addresses: ['10.0.0.1/8'] },
          certificates: { solver: 'dns01' },
          machines: [server(1)],
        },
      ],
    },
    [
      "spec.regions[fsn].access.managementCidrs is empty, must name the ranges from which this control plane's traffic comes when cloud.provider is hetzner",
      `spec.regions[fsn].access.sshAllowedCidrs[0] is "10.0.0.1/8", ${RANGE}`,
      'spec.regions[fsn].certificates.solver is "dns01", must be http01 without dns.secretRef',
      `spec.regions[fsn].controlPlane.serverTypes is ["cx33","cax11"], ${ARCHITECTURE}`,
      'spec.regions[fsn].kubernetes.version is "v1.30.0+k3s1", must be v1.33 or newer',
      `spec.regions[fsn].loadBalancer.addresses[0] is "10.0.0.1/8", ${RANGE}`,
      'spec.regions[fsn].loadBalancer.type is "cilium-l2", must be cloud or k8gb when cloud.provider is hetzner, whose networks carry no ARP',
      'spec.regions[fsn].machines is a list of 1, must be left out when cloud.provider is hetzner, which makes its machines from pools',
      `spec.regions[fsn].pools has 103, ${NETWORK_FULL}`,
      `spec.regions[fsn].pools[general].serverTypes is ["cx33","cax11"], ${ARCHITECTURE}`,
    ],
    [
      "spec.access.managementCidrs: must name the ranges from which this control plane's traffic comes when cloud.provider is hetzner",
      `spec.access.sshAllowedCidrs: ${RANGE}`,
      'spec.certificates.solver: must be http01 without dns.secretRef',
      `spec.controlPlane.serverTypes: ${ARCHITECTURE}`,
      'spec.kubernetes.version: must be v1.33 or newer',
      `spec.loadBalancer.addresses: ${RANGE}`,
      'spec.loadBalancer.type: must be cloud or k8gb when cloud.provider is hetzner, whose networks carry no ARP',
      'spec.regions: machines must be left out when cloud.provider is hetzner, which makes its machines from pools',
      `spec.pools: ${NETWORK_FULL}`,
      `spec.pools: serverTypes ${ARCHITECTURE}`,
    ],
  ),
  bad(
    'OpenOvaCluster',
    "a region's load balancer against the cluster's ranges",
    {
      'access.apiAllowedCidrs': ['203.0.113.0/24'],
      regions: [{ name: 'fsn', location: 'fsn1', loadBalancer: { api: true } }],
    },
    [
      'spec.regions[fsn].loadBalancer.api is true, must be false with access.apiAllowedCidrs: firewalls do not filter load balancers',
    ],
    ['spec.loadBalancer.api: must be false with access.apiAllowedCidrs: firewalls do not filter load balancers'],
  ),
  bad(
    'OpenOvaCluster',
    "a region without the cloud's load balancer against the cluster's API on it",
    {
      'loadBalancer.api': true,
      regions: [{ name: 'fsn', location: 'fsn1', loadBalancer: { type: 'k8gb' } }],
    },
    ['spec.loadBalancer.api is true, must be false when there is no load balancer of the cloud'],
    ['spec.loadBalancer.api: must be false when there is no load balancer of the cloud'],
  ),
  bad(
    'OpenOvaCluster',
    'what existing machines forbid, here and in a region',
    {
      'cloud.tokenSecretRef': { name: 'x' },
      controlPlane: { count: 3 },
      pools: [{ name: 'general', count: 2 }],
      'loadBalancer.type': 'cloud',
      regions: [{ name: 'contabo', location: 'fsn1', machines: [server(1), server(2), { ...agent, pool: 'web' }] }],
    },
    [
      'spec.cloud.tokenSecretRef is {"name":"x"}, must be left out when cloud.provider is existing',
      `spec.controlPlane.count is 3, ${LISTED}`,
      'spec.loadBalancer.type is "cloud", must be cilium-l2 or k8gb when cloud.provider is existing, which has no load balancer',
      `spec.pools[general].count is 2, ${LISTED}`,
      'spec.regions[contabo].location is "fsn1", must be left out when cloud.provider is existing',
      'spec.regions[contabo].machines has 2 with role server, must have 1, 3 or 5 when cloud.provider is existing',
      'spec.regions[contabo].machines[agent-1].pool is "web", must be one of general',
    ],
    [
      'spec.cloud.tokenSecretRef: must be left out when cloud.provider is existing',
      `spec.controlPlane: ${LISTED}`,
      'spec.loadBalancer.type: must be cilium-l2 or k8gb when cloud.provider is existing, which has no load balancer',
      'spec.pools: must have no count and no serverTypes when cloud.provider is existing, whose machines are listed',
      'spec.regions: location must be left out when cloud.provider is existing',
      'spec.regions: machines must have 1, 3 or 5 machines with role server when cloud.provider is existing',
      'spec.regions: machines must name pools that are listed in pools',
    ],
    existingCluster,
  ),
  bad(
    'OpenOvaCluster',
    'mistakes in what all regions share',
    {
      'cloud.tokenSecretRef': undefined,
      'access.managementCidrs': ['192.0.2.1/24'],
      'access.apiAllowedCidrs': ['192.0.2.1/24'],
      dns: { provider: 'azure', zone: 'example.org', project: 'acme-prod', secretRef: { name: 'dns' } },
      archival: { provider: 'r2', bucket: 'acme', secretRef: { name: 'r2' } },
      'loadBalancer.addresses': ['192.0.2.0/24'],
    },
    [
      `spec.access.apiAllowedCidrs[0] is "192.0.2.1/24", ${RANGE}`,
      `spec.access.managementCidrs[0] is "192.0.2.1/24", ${RANGE}`,
      'spec.archival.endpoint is missing, must be given when archival.provider is r2',
      'spec.cloud.tokenSecretRef is missing, must name a Secret with the key token when cloud.provider is hetzner',
      'spec.dns.project is "acme-prod", must be given with dns.provider clouddns, and only there',
      'spec.dns.resourceGroup is missing, must be given with dns.provider azure, and only there',
      'spec.dns.servicePrincipal is missing, must be given with dns.provider azure and dns.secretRef',
      'spec.dns.zone is "example.org", must be the domain "acme.example.com" or a zone above it',
      'spec.loadBalancer.addresses is ["192.0.2.0/24"], must be given with loadBalancer.type cilium-l2, and only there',
    ],
    [
      `spec.access.apiAllowedCidrs: ${RANGE}`,
      `spec.access.managementCidrs: ${RANGE}`,
      'spec.archival.endpoint: must be given when archival.provider is r2',
      'spec.cloud.tokenSecretRef: must name a Secret with the key token when cloud.provider is hetzner',
      'spec.dns.project: must be given with dns.provider clouddns, and only there',
      'spec.dns.resourceGroup: must be given with dns.provider azure, and only there',
      'spec.dns.servicePrincipal: must be given with dns.provider azure and dns.secretRef',
      'spec.dns.zone: must be the domain or a zone above it',
      'spec.loadBalancer.addresses: must be given with loadBalancer.type cilium-l2, and only there',
    ],
  ),
  bad(
    'OpenOvaCluster',
    'ranges of the network that are none',
    { network: { cidr: '10.0.1.0/16', podCidr: '10.42.1.0/16', serviceCidr: '10.43.1.0/16' } },
    [
      `spec.network.cidr is "10.0.1.0/16", ${RANGE4}`,
      `spec.network.podCidr is "10.42.1.0/16", ${RANGE4}`,
      `spec.network.serviceCidr is "10.43.1.0/16", ${RANGE4}`,
    ],
    [
      `spec.network.cidr: ${RANGE4}`,
      `spec.network.podCidr: ${RANGE4}`,
      `spec.network.serviceCidr: ${RANGE4}`,
    ],
  ),
  bad(
    'OpenOvaCluster',
    'ranges that all overlap',
    { network: { cidr: '10.0.0.0/8', podCidr: '10.42.0.0/16', serviceCidr: '10.42.128.0/20' } },
    [
      'spec.network.podCidr is "10.42.0.0/16", must not overlap network.cidr, which is "10.0.0.0/8"',
      'spec.network.serviceCidr is "10.42.128.0/20", must not overlap network.cidr, which is "10.0.0.0/8"',
      'spec.network.serviceCidr is "10.42.128.0/20", must not overlap network.podCidr, which is "10.42.0.0/16"',
    ],
    [
      'spec.network.podCidr: must not overlap network.cidr',
      'spec.network.serviceCidr: must not overlap network.cidr',
      'spec.network.serviceCidr: must not overlap network.podCidr',
    ],
  ),
];

const badNames: readonly Case[] = (['OpenOvaCluster', 'OpenOvaRegion', 'DataService'] as const).flatMap((kind) =>
  ['9lives', 'a'.repeat(41)].map((name) => ({
    kind,
    reason: `${kind} named ${name}`,
    name,
    spec: BASES[kind],
    problems: [
      `metadata.name is "${name}", must be at most 40 lower-case letters, digits and dashes, and begin with a letter`,
    ],
    breaks: [
      ': metadata.name must be at most 40 lower-case letters, digits and dashes, and begin with a letter',
    ],
  })),
);

const badServices: readonly Case[] = [
  bad(
    'DataService',
    'an engine that comes later',
    { engine: 'mongodb', version: '8.0' },
    ['spec.engine is "mongodb", which is not available yet, only postgres is'],
    ['spec.engine: engine "mongodb" is not available yet, only postgres is'],
  ),
  bad(
    'DataService',
    'neither cluster nor region',
    { clusterRef: undefined },
    ['spec.clusterRef exactly one of clusterRef and regionRef must be given'],
    ['spec.clusterRef: exactly one of clusterRef and regionRef must be given'],
  ),
  bad(
    'DataService',
    'cluster and region, and a region within a region',
    { regionRef: { name: 'fsn' }, 'placement.primary': 'fsn' },
    [
      'spec.clusterRef exactly one of clusterRef and regionRef must be given',
      'spec.placement.primary is "fsn", must be left out with regionRef, which names the region',
    ],
    [
      'spec.clusterRef: exactly one of clusterRef and regionRef must be given',
      'spec.placement.primary: must be left out with regionRef, which names the region',
    ],
  ),
  bad(
    'DataService',
    'everything that is not built yet',
    {
      placement: { primary: 'fsn', standby: 'hel' },
      activeRegion: 'hel',
      failover: 'forced',
      restoreFrom: { service: 'orders-old' },
    },
    [
      'spec.activeRegion is "hel", must be placement.primary: a standby region is not available yet',
      'spec.failover forced is not available yet, must be planned',
      'spec.placement.standby is not available yet, must be left out',
      'spec.restoreFrom is not available yet, must be left out',
    ],
    [
      'spec.activeRegion: must be placement.primary: a standby region is not available yet',
      'spec.failover: forced is not available yet, must be planned',
      'spec.placement.standby: is not available yet, must be left out',
      'spec.restoreFrom: is not available yet, must be left out',
    ],
  ),
  bad(
    'DataService',
    'a version and sizes that cannot be',
    { version: '9', resources: { memory: '0', cpu: '0m' }, 'storage.size': '900Mi' },
    [
      'spec.resources.cpu is "0m", must be more than 0',
      'spec.resources.memory is "0", must be more than 0',
      'spec.storage.size is "900Mi", must be at least 1Gi',
      'spec.version is "9", must be one of 14, 15, 16, 17, 18 when engine is postgres',
    ],
    [
      'spec.resources.cpu: must be more than 0',
      'spec.resources.memory: must be more than 0',
      'spec.storage.size: must be at least 1Gi',
      'spec.version: must be one of 14, 15, 16, 17, 18 when engine is postgres',
    ],
  ),
];

const malformed: readonly Case[] = [
  mistyped('OpenOvaRegion', 'a number out of bounds', { pools: [{ name: 'general', count: 200 }] }, [
    'spec.pools[general].count is 200, must be between 0 and 100',
  ]),
  mistyped('OpenOvaRegion', 'a number that is none', { pools: [{ name: 'general', count: 'two' }] }, [
    'spec.pools[general].count is "two", must be a whole number between 0 and 100',
  ]),
  mistyped('OpenOvaRegion', 'an even control plane', { 'controlPlane.count': 2 }, [
    'spec.controlPlane.count is 2, must be one of 1, 3, 5',
  ]),
  mistyped('OpenOvaRegion', 'a choice that there is not', { 'platform.mesh': 'linkerd' }, [
    'spec.platform.mesh is "linkerd", must be one of cilium, istio-ambient',
  ]),
  mistyped('OpenOvaRegion', 'a text for a switch', { 'loadBalancer.api': 'yes' }, [
    'spec.loadBalancer.api is "yes", must be true or false',
  ]),
  mistyped('OpenOvaRegion', 'a version that is none', { 'kubernetes.version': 'stable' }, [
    'spec.kubernetes.version is "stable", must look like v1.36.3+k3s1',
  ]),
  mistyped('OpenOvaRegion', 'a name that is too long', { name: 'falkenstein-1' }, [
    'spec.name is "falkenstein-1", must have at most 12 characters',
  ]),
  {
    kind: 'OpenOvaRegion',
    reason: 'two pools of one name',
    spec: edited(region, { pools: [{ name: 'general' }, { name: 'general' }] }),
    problems: ['spec.pools[general].name is "general" twice, must be unique'],
    breaks: [],
    refusedBy: 'list',
  },
  mistyped(
    'OpenOvaRegion',
    'too many pools',
    { pools: Array.from({ length: 11 }, (_, index) => ({ name: `p${String(index)}`, count: 1 })) },
    ['spec.pools has 11 entries, must have at most 10'],
  ),
  mistyped('OpenOvaRegion', 'an item without a name', { pools: [{ count: 1 }] }, [
    'spec.pools[0].name is missing, must be lower-case letters, digits and dashes, beginning with a letter',
  ]),
  mistyped('OpenOvaRegion', 'an object for a list', { pools: { name: 'general' } }, [
    'spec.pools is {"name":"general"}, must be a list',
  ]),
  mistyped('OpenOvaRegion', 'a list for an object', { dns: ['cloudflare'] }, [
    'spec.dns is ["cloudflare"], must be an object with provider, zone',
  ]),
  mistyped('OpenOvaRegion', 'what is required left out', { domain: undefined, cloud: undefined }, [
    'spec.cloud is missing, must be an object of provider, providerConfigRef, tokenSecretRef',
    'spec.domain is missing, must look like acme.example.com',
  ]),
  {
    kind: 'OpenOvaRegion',
    reason: 'a null, which the API server would replace by the default',
    spec: edited(region, { 'network.cidr': null }),
    problems: ['spec.network.cidr is null, must look like 10.0.0.0/16'],
    breaks: [],
    refusedBy: 'function',
  },
  mistyped('OpenOvaCluster', 'no region', { regions: [] }, ['spec.regions has 0 entries, must have at least 1']),
  mistyped(
    'OpenOvaCluster',
    'three regions',
    {
      regions: [
        { name: 'fsn', location: 'fsn1' },
        { name: 'hel', location: 'hel1', role: 'standby' },
        { name: 'nbg', location: 'nbg1', role: 'standby' },
      ],
    },
    ['spec.regions has 3 entries, must have at most 2'],
  ),
  ...['99 99 * * *', '60 * * * *', '0 24 * * *', '0 0 0 * *', '0 0 * 13 *', '0 0 * * 7', '0 0 * *', '*/0 * * * *'].map(
    (schedule) =>
      mistyped('OpenOvaRegion', `a schedule that never comes, ${schedule}`, { 'backup.etcd.schedule': schedule }, [
        `spec.backup.etcd.schedule is "${schedule}", must be five fields such as 0 */6 * * *: ${SCHEDULE}`,
      ]),
  ),
  mistyped('DataService', 'backups of the wrong kind', { 'backup.retention': '1 week', 'backup.schedule': 'daily' }, [
    'spec.backup.retention is "1 week", must look like 7d',
    `spec.backup.schedule is "daily", must be six fields such as 0 0 2 * * *: second 0-59, ${SCHEDULE}`,
  ]),
  {
    kind: 'OpenOvaRegion',
    reason: 'unknown fields, with the one that was meant; a cluster prunes them with a warning',
    spec: edited(region, { pools: [{ name: 'general', serverType: ['cx43'] }], 'platform.colour': 'blue' }),
    problems: [
      'spec.platform.colour is not a field, must be one of components, logs, mesh, metrics, profile, registry, release, secrets',
      'spec.pools[general].serverType is not a field, did you mean "serverTypes"',
    ],
    breaks: [],
    refusedBy: 'function',
  },
  {
    kind: 'OpenOvaRegion',
    reason: 'a component that cannot be called so',
    spec: edited(region, { 'platform.components': { Backstage: { enabled: false } } }),
    problems: ['spec.platform.components.Backstage is not a name that can stand here'],
    breaks: [],
    refusedBy: 'function',
  },
  {
    kind: 'DataService',
    reason: 'a setting that is no single value',
    spec: edited(service, { parameters: { shared_preload_libraries: ['a'] } }),
    problems: ['spec.parameters.shared_preload_libraries must be a text, a number, true or false'],
    breaks: [],
    refusedBy: 'function',
  },
  mistyped(
    'OpenOvaCluster',
    'ten mistakes at once, of every sort',
    {
      domain: undefined,
      'cloud.provider': 'aws',
      controlPlane: { count: 2 },
      pools: [{ name: 'general', count: 200, serverType: ['cx43'] }],
      'access.sshAllowedCidrs': ['10.0.0.1/24'],
      'kubernetes.version': 'latest',
      'network.podCidr': '10.43.0.0/17',
      'platform.mesh': 'linkerd',
      regions: [{ name: 'fsn', location: 'fsn1' }, { name: 'hel', location: 'hel1' }],
    },
    [
      `spec.access.sshAllowedCidrs[0] is "10.0.0.1/24", ${RANGE}`,
      'spec.cloud.provider is "aws", which is not available yet, only hetzner and existing are',
      'spec.controlPlane.count is 2, must be one of 1, 3, 5',
      'spec.domain is missing, must look like acme.example.com',
      'spec.kubernetes.version is "latest", must look like v1.36.3+k3s1',
      'spec.network.serviceCidr is "10.43.0.0/16", must not overlap network.podCidr, which is "10.43.0.0/17"',
      'spec.platform.mesh is "linkerd", must be one of cilium, istio-ambient',
      'spec.pools[general].count is 200, must be between 0 and 100',
      'spec.pools[general].serverType is not a field, did you mean "serverTypes"',
      'spec.regions has regions fsn and hel with role primary, must have exactly one',
    ],
  ),
];

const version = (to: string) => ({ 'kubernetes.version': to });

/** Edits of running claims: the API server sees what was, our parsing does not. */
const edits: readonly Case[] = [
  edit('OpenOvaRegion', 'one minor version up', version('v1.35.6+k3s1'), version('v1.36.0+k3s2'), [], []),
  edit('OpenOvaRegion', 'another build of a patch', version('v1.36.3+k3s1'), version('v1.36.3+k3s2'), [], []),
  edit(
    'OpenOvaRegion',
    'a skipped minor version',
    version('v1.34.9+k3s1'),
    version('v1.36.3+k3s1'),
    [`spec.kubernetes.version is "v1.36.3+k3s1" and was "v1.34.9+k3s1", ${UPGRADE}`],
    [`spec.kubernetes.version: ${UPGRADE}`],
  ),
  edit(
    'OpenOvaRegion',
    'an older patch, whose text is greater',
    version('v1.36.10+k3s1'),
    version('v1.36.9+k3s1'),
    [`spec.kubernetes.version is "v1.36.9+k3s1" and was "v1.36.10+k3s1", ${UPGRADE}`],
    [`spec.kubernetes.version: ${UPGRADE}`],
  ),
  edit('OpenOvaRegion', 'what is live or rolling', {}, { role: 'standby', 'platform.profile': 'full' }, [], []),
  edit(
    'OpenOvaRegion',
    'what a region is made of',
    { cluster: undefined, 'platform.secrets': 'openbao' },
    {
      name: 'hel',
      location: 'hel1',
      domain: 'other.example.com',
      cluster: { name: 'acme' },
      'cloud.providerConfigRef.name': 'other',
      'platform.secrets': 'vault',
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
      network: {
        cidr: '10.1.0.0/16',
        podCidr: '10.60.0.0/16',
        serviceCidr: '10.61.0.0/16',
        clusterId: 2,
        clusterName: 'other',
        subnetCidr: '10.1.0.0/20',
        networkRef: { name: 'acme-network' },
      },
    },
    [
      `spec.cloud.providerConfigRef.name was "default" and is "other", ${CANNOT}`,
      `spec.cluster.name was left out and is "acme", ${CANNOT}`,
      `spec.domain was "acme.example.com" and is "other.example.com", ${CANNOT}`,
      `spec.location was "fsn1" and is "hel1", ${CANNOT}`,
      `spec.name was "fsn" and is "hel", ${CANNOT}`,
      `spec.network.cidr was "10.0.0.0/16" and is "10.1.0.0/16", ${CANNOT}`,
      `spec.network.clusterId was 1 and is 2, ${CANNOT}`,
      `spec.network.clusterName was left out and is "other", ${CANNOT}`,
      `spec.network.networkRef.name was left out and is "acme-network", ${CANNOT}`,
      `spec.network.podCidr was "10.42.0.0/16" and is "10.60.0.0/16", ${CANNOT}`,
      `spec.network.serviceCidr was "10.43.0.0/16" and is "10.61.0.0/16", ${CANNOT}`,
      `spec.network.subnetCidr was left out and is "10.1.0.0/20", ${CANNOT}`,
      `spec.platform.secrets was "openbao" and is "vault", ${CANNOT}`,
      `spec.restoreFrom.snapshot was left out and is "s3://a/b", ${CANNOT}`,
      `spec.restoreFrom.tokenSecretRef.name was left out and is "old", ${CANNOT}`,
    ],
    [
      `spec.cloud.providerConfigRef.name: ${CANNOT}`,
      `spec.cluster: ${CANNOT}`,
      `spec.domain: ${CANNOT}`,
      `spec.location: ${CANNOT}`,
      `spec.name: ${CANNOT}`,
      `spec.network.cidr: ${CANNOT}`,
      `spec.network.clusterId: ${CANNOT}`,
      `spec.network.clusterName: ${CANNOT}`,
      `spec.network.networkRef: ${CANNOT}`,
      `spec.network.podCidr: ${CANNOT}`,
      `spec.network.serviceCidr: ${CANNOT}`,
      `spec.network.subnetCidr: ${CANNOT}`,
      `spec.platform.secrets: ${CANNOT}`,
      `spec.restoreFrom: ${CANNOT}`,
    ],
  ),
  edit(
    'OpenOvaRegion',
    'another snapshot, cluster or network',
    {
      cluster: { name: 'acme' },
      'network.networkRef': { name: 'one' },
      archival: STORE,
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
    },
    {
      cluster: { name: 'other' },
      'network.networkRef': { name: 'two' },
      restoreFrom: { snapshot: 's3://a/c', tokenSecretRef: { name: 'older' } },
    },
    [
      `spec.cluster.name was "acme" and is "other", ${CANNOT}`,
      `spec.network.networkRef.name was "one" and is "two", ${CANNOT}`,
      `spec.restoreFrom.snapshot was "s3://a/b" and is "s3://a/c", ${CANNOT}`,
      `spec.restoreFrom.tokenSecretRef.name was "old" and is "older", ${CANNOT}`,
    ],
    [
      `spec.cluster.name: ${CANNOT}`,
      `spec.network.networkRef.name: ${CANNOT}`,
      `spec.restoreFrom.snapshot: ${CANNOT}`,
      `spec.restoreFrom.tokenSecretRef.name: ${CANNOT}`,
    ],
  ),
  edit(
    'OpenOvaRegion',
    'machines that become others under their names, and peers with other ranges',
    { peers: [{ name: 'hel', podCidr: '10.60.0.0/16', serviceCidr: '10.61.0.0/16' }] },
    {
      machines: [
        { ...agent, address: '203.0.113.10', privateAddress: '10.0.0.1', role: 'server' },
      ],
      peers: [{ name: 'hel', podCidr: '10.62.0.0/16', serviceCidr: '10.63.0.0/16' }],
    },
    [
      `spec.machines[agent-1].address was "203.0.113.9" and is "203.0.113.10", ${CANNOT}`,
      `spec.machines[agent-1].privateAddress was left out and is "10.0.0.1", ${CANNOT}`,
      `spec.machines[agent-1].role was "agent" and is "server", ${CANNOT}`,
      `spec.peers[hel].podCidr was "10.60.0.0/16" and is "10.62.0.0/16", ${CANNOT}`,
      `spec.peers[hel].serviceCidr was "10.61.0.0/16" and is "10.63.0.0/16", ${CANNOT}`,
    ],
    [
      `spec.machines[].address: ${CANNOT}`,
      `spec.machines[].privateAddress: ${CANNOT}`,
      `spec.machines[].role: ${CANNOT}`,
      `spec.peers[].podCidr: ${CANNOT}`,
      `spec.peers[].serviceCidr: ${CANNOT}`,
    ],
    existingRegion,
  ),
  edit(
    'OpenOvaRegion',
    'another cloud',
    {},
    { ...existingRegion, name: 'fsn', location: undefined, access: undefined, 'cloud.tokenSecretRef': undefined },
    [
      `spec.cloud.provider was "hetzner" and is "existing", ${CANNOT}`,
      `spec.location was "fsn1" and is left out, ${CANNOT}`,
    ],
    [`spec.cloud.provider: ${CANNOT}`, `spec.location: ${CANNOT}`],
  ),
  edit(
    'OpenOvaCluster',
    'a region that goes while all are protected',
    {},
    { regions: [{ name: 'fsn', location: 'fsn1' }] },
    [`spec.regions[hel] ${PROTECTED}`],
    [`spec.regions: ${PROTECTED}`],
  ),
  edit(
    'OpenOvaCluster',
    'a region that goes when none is protected',
    {},
    { deletionProtection: false, regions: [{ name: 'fsn', location: 'fsn1' }] },
    [],
    [],
  ),
  edit(
    'OpenOvaCluster',
    'a second region',
    { regions: [{ name: 'fsn', location: 'fsn1' }] },
    { regions: [{ name: 'hel', location: 'hel1', role: 'standby' }, { name: 'fsn', location: 'fsn1' }] },
    [],
    [],
  ),
  edit(
    'OpenOvaCluster',
    'the other region becomes the primary',
    {},
    {
      regions: [
        { name: 'fsn', location: 'fsn1', role: 'standby' },
        { name: 'hel', location: 'hel1', role: 'primary' },
      ],
    },
    [],
    [],
  ),
  edit(
    'OpenOvaCluster',
    'a region that gets an older version of its own',
    version('v1.36.3+k3s1'),
    {
      regions: [
        { name: 'fsn', location: 'fsn1' },
        { name: 'hel', location: 'hel1', role: 'standby', kubernetes: { version: 'v1.35.6+k3s1' } },
      ],
    },
    [`spec.regions[hel].kubernetes.version is "v1.35.6+k3s1" and was "v1.36.3+k3s1", ${UPGRADE}`],
    [`spec.kubernetes.version: ${UPGRADE}`],
  ),
  edit(
    'OpenOvaCluster',
    'a region that keeps its version while the cluster skips one',
    {
      'kubernetes.version': 'v1.34.9+k3s1',
      regions: [{ name: 'fsn', location: 'fsn1', kubernetes: { version: 'v1.35.6+k3s1' } }],
    },
    {
      'kubernetes.version': 'v1.36.3+k3s1',
      regions: [{ name: 'fsn', location: 'fsn1', kubernetes: { version: 'v1.36.3+k3s1' } }],
    },
    [],
    [],
  ),
  edit(
    'OpenOvaCluster',
    'a store of secrets that a region had from its cluster',
    { 'platform.secrets': 'openbao' },
    {
      'platform.secrets': 'openbao',
      regions: [
        { name: 'fsn', location: 'fsn1', platform: { secrets: 'vault' } },
        { name: 'hel', location: 'hel1', role: 'standby', platform: { secrets: 'openbao' } },
      ],
    },
    [`spec.regions[fsn].platform.secrets was "openbao" and is "vault", ${CANNOT}`],
    [`spec.platform.secrets: ${CANNOT}`],
  ),
  edit(
    'OpenOvaCluster',
    'what a cluster is made of',
    {
      archival: STORE,
      restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
      regions: [{ name: 'fsn', location: 'fsn1' }],
    },
    {
      domain: 'other.example.com',
      'cloud.providerConfigRef.name': 'other',
      network: { cidr: '10.1.0.0/16', podCidr: '10.60.0.0/16', serviceCidr: '10.61.0.0/16' },
      restoreFrom: { snapshot: 's3://a/c', tokenSecretRef: { name: 'older' } },
      regions: [
        {
          name: 'fsn',
          location: 'nbg1',
          network: {
            subnetCidr: '10.1.0.0/20',
            podCidr: '10.70.0.0/16',
            serviceCidr: '10.71.0.0/16',
            clusterId: 3,
          },
        },
      ],
    },
    [
      `spec.cloud.providerConfigRef.name was "default" and is "other", ${CANNOT}`,
      `spec.domain was "acme.example.com" and is "other.example.com", ${CANNOT}`,
      `spec.network.cidr was "10.0.0.0/16" and is "10.1.0.0/16", ${CANNOT}`,
      `spec.network.podCidr was "10.42.0.0/16" and is "10.60.0.0/16", ${CANNOT}`,
      `spec.network.serviceCidr was "10.43.0.0/16" and is "10.61.0.0/16", ${CANNOT}`,
      `spec.regions[fsn].location was "fsn1" and is "nbg1", ${CANNOT}`,
      `spec.regions[fsn].network.clusterId was left out and is 3, ${CANNOT}`,
      `spec.regions[fsn].network.podCidr was left out and is "10.70.0.0/16", ${CANNOT}`,
      `spec.regions[fsn].network.serviceCidr was left out and is "10.71.0.0/16", ${CANNOT}`,
      `spec.regions[fsn].network.subnetCidr was left out and is "10.1.0.0/20", ${CANNOT}`,
      `spec.restoreFrom.snapshot was "s3://a/b" and is "s3://a/c", ${CANNOT}`,
      `spec.restoreFrom.tokenSecretRef.name was "old" and is "older", ${CANNOT}`,
    ],
    [
      `spec.cloud.providerConfigRef.name: ${CANNOT}`,
      `spec.domain: ${CANNOT}`,
      `spec.network.cidr: ${CANNOT}`,
      `spec.network.podCidr: ${CANNOT}`,
      `spec.network.serviceCidr: ${CANNOT}`,
      `spec.regions[].location: ${CANNOT}`,
      `spec.regions[].network.clusterId: ${CANNOT}`,
      `spec.regions[].network.podCidr: ${CANNOT}`,
      `spec.regions[].network.serviceCidr: ${CANNOT}`,
      `spec.regions[].network.subnetCidr: ${CANNOT}`,
      `spec.restoreFrom.snapshot: ${CANNOT}`,
      `spec.restoreFrom.tokenSecretRef.name: ${CANNOT}`,
    ],
  ),
  edit(
    'OpenOvaCluster',
    'a snapshot for a cluster that exists',
    {},
    { restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } } },
    [
      `spec.restoreFrom.snapshot was left out and is "s3://a/b", ${CANNOT}`,
      `spec.restoreFrom.tokenSecretRef.name was left out and is "old", ${CANNOT}`,
    ],
    [`spec.restoreFrom: ${CANNOT}`],
  ),
  edit(
    'OpenOvaCluster',
    'snapshots of regions, a new one and another one',
    {
      archival: STORE,
      regions: [
        {
          name: 'fsn',
          location: 'fsn1',
          restoreFrom: { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } },
        },
        { name: 'hel', location: 'hel1', role: 'standby' },
      ],
    },
    {
      regions: [
        {
          name: 'fsn',
          location: 'fsn1',
          restoreFrom: { snapshot: 's3://a/c', tokenSecretRef: { name: 'older' } },
        },
        {
          name: 'hel',
          location: 'hel1',
          role: 'standby',
          restoreFrom: { snapshot: 's3://a/d', tokenSecretRef: { name: 'old' } },
        },
      ],
    },
    [
      `spec.regions[fsn].restoreFrom.snapshot was "s3://a/b" and is "s3://a/c", ${CANNOT}`,
      `spec.regions[fsn].restoreFrom.tokenSecretRef.name was "old" and is "older", ${CANNOT}`,
      `spec.regions[hel].restoreFrom.snapshot was left out and is "s3://a/d", ${CANNOT}`,
      `spec.regions[hel].restoreFrom.tokenSecretRef.name was left out and is "old", ${CANNOT}`,
    ],
    [
      `spec.regions[].restoreFrom: ${CANNOT}`,
      `spec.regions[].restoreFrom.snapshot: ${CANNOT}`,
      `spec.regions[].restoreFrom.tokenSecretRef.name: ${CANNOT}`,
    ],
  ),
  edit(
    'OpenOvaCluster',
    'machines that become others under their names',
    {},
    {
      regions: [
        {
          name: 'contabo',
          machines: [server(1), { ...agent, address: '203.0.113.10', privateAddress: '10.0.0.1', role: 'server' }],
        },
      ],
      'cloud.provider': 'existing',
    },
    [
      `spec.regions[contabo].machines[agent-1].address was "203.0.113.9" and is "203.0.113.10", ${CANNOT}`,
      `spec.regions[contabo].machines[agent-1].privateAddress was left out and is "10.0.0.1", ${CANNOT}`,
      `spec.regions[contabo].machines[agent-1].role was "agent" and is "server", ${CANNOT}`,
    ],
    [
      `spec.regions[].machines[].address: ${CANNOT}`,
      `spec.regions[].machines[].privateAddress: ${CANNOT}`,
      `spec.regions[].machines[].role: ${CANNOT}`,
    ],
    existingCluster,
  ),
  edit(
    'OpenOvaCluster',
    'another cloud',
    {},
    { 'cloud.provider': 'existing' },
    [`spec.cloud.provider was "hetzner" and is "existing", ${CANNOT}`],
    [`spec.cloud.provider: ${CANNOT}`],
  ),
  edit(
    'DataService',
    'what a service is made of',
    {},
    {
      clusterRef: { name: 'other' },
      database: 'orders',
      'storage.className': 'fast',
      'placement.primary': 'hel',
    },
    [
      `spec.clusterRef.name was "acme" and is "other", ${CANNOT}`,
      `spec.database was "app" and is "orders", ${CANNOT}`,
      `spec.placement.primary was left out and is "hel", ${CANNOT}`,
      `spec.storage.className was left out and is "fast", ${CANNOT}`,
    ],
    [
      `spec.clusterRef.name: ${CANNOT}`,
      `spec.database: ${CANNOT}`,
      `spec.placement.primary: ${CANNOT}`,
      `spec.storage.className: ${CANNOT}`,
    ],
  ),
  edit(
    'DataService',
    'from a cluster to a region of its own, and to another engine',
    {},
    { clusterRef: undefined, regionRef: { name: 'fsn' }, engine: 'valkey', version: '9' },
    [
      `spec.clusterRef.name was "acme" and is left out, ${CANNOT}`,
      `spec.engine was "postgres" and is "valkey", ${CANNOT}`,
      `spec.regionRef.name was left out and is "fsn", ${CANNOT}`,
    ],
    [`spec.clusterRef: ${CANNOT}`, `spec.engine: ${CANNOT}`, `spec.regionRef: ${CANNOT}`],
  ),
  edit(
    'DataService',
    'another region, and another backup to begin with',
    {
      clusterRef: undefined,
      regionRef: { name: 'fsn' },
      restoreFrom: { service: 'old', targetTime: '2026-11-20T03:00:00Z' },
    },
    {
      clusterRef: undefined,
      regionRef: { name: 'hel' },
      restoreFrom: { service: 'older', targetTime: '2026-11-21T03:00:00Z' },
    },
    [
      `spec.regionRef.name was "fsn" and is "hel", ${CANNOT}`,
      `spec.restoreFrom.service was "old" and is "older", ${CANNOT}`,
      `spec.restoreFrom.targetTime was "2026-11-20T03:00:00Z" and is "2026-11-21T03:00:00Z", ${CANNOT}`,
    ],
    [
      `spec.regionRef.name: ${CANNOT}`,
      `spec.restoreFrom.service: ${CANNOT}`,
      `spec.restoreFrom.targetTime: ${CANNOT}`,
    ],
  ),
  edit(
    'DataService',
    'a restore into a service that exists',
    {},
    { restoreFrom: { service: 'old' } },
    [`spec.restoreFrom.service was left out and is "old", ${CANNOT}`],
    [`spec.restoreFrom: ${CANNOT}`],
  ),
  edit('DataService', 'growth', { version: '17' }, { version: '18', 'storage.size': '20Gi' }, [], []),
  edit(
    'DataService',
    'a smaller volume and an older version',
    { 'storage.size': '1Ti' },
    { 'storage.size': '900Gi', version: '17' },
    [
      'spec.storage.size is "900Gi" and was "1Ti", must not shrink',
      'spec.version is "17" and was "18", must not go down',
    ],
    ['spec.storage.size: must not shrink', 'spec.version: must not go down'],
  ),
];

export const cases: readonly Case[] = [
  ...goodClaims,
  ...badRegions,
  ...badClusters,
  ...badNames,
  ...badServices,
  ...malformed,
  ...edits,
];
