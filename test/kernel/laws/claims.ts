/** Random claims that are valid: clusters, regions alone, machines that exist already, data services. */
import * as fc from 'fast-check';
import { parseCluster } from '../../../functions/apis/cluster.ts';
import { parseDataService } from '../../../functions/apis/data-service.ts';
import { parseRegion } from '../../../functions/apis/region.ts';
import { checkPlatform } from '../../../functions/catalogue/select.ts';
import type { JsonObject, Manifest } from '../../../functions/kernel/manifest.ts';

/** A property without these two would look at other claims in each run. */
export const SEED = Number(process.env['OPENOVA_SEED'] ?? 20261121);
/** How many times the usual number of runs. */
export const RUNS = Number(process.env['OPENOVA_RUNS'] ?? 1);

/** Settings of a property that takes this many runs as a rule. */
export function runs(usual: number): fc.Parameters<unknown> {
  return { seed: SEED, numRuns: Math.max(1, Math.round(usual * RUNS)), endOnFailure: RUNS < 1 };
}

const API_VERSION = 'platform.openova.io/v1alpha1';
const NAMESPACE = 'acme-platform';

export function claim(kind: string, name: string, spec: JsonObject, namespace = NAMESPACE): Manifest {
  return { apiVersion: API_VERSION, kind, metadata: { name, namespace }, spec };
}

/** A name of at most so many characters that is likely to be short, to be as long as may be, or to look like another. */
function name(most: number): fc.Arbitrary<string> {
  const letters = Array.from('abcdefghijklmnopqrstuvwxyz');
  const first = fc.constantFrom(...letters);
  const inner = fc.string({
    unit: fc.constantFrom(...letters, '0', '1', '-'),
    minLength: most - 2,
    maxLength: most - 2,
  });
  const last = fc.constantFrom(...letters, '1', '9');
  const longest = fc.tuple(first, inner, last).map((parts) => parts.join(''));
  const short = fc.constantFrom(
    'a',
    'a-1',
    'acme',
    'fsn',
    'general',
    'g1',
    'x-2-g1',
    'network',
    'server',
    'm',
  );
  return fc.oneof({ weight: 3, arbitrary: short }, { weight: 1, arbitrary: longest });
}

export const claimName = name(40);
export const regionName = name(12);
export const poolName = name(16).filter((one) => one !== 'control-plane');

const serverTypes = fc.constantFrom<string[]>(['cx33'], ['cx33', 'cpx31'], ['cax21']);

const pool = fc.record(
  {
    name: poolName,
    count: fc.integer({ min: 0, max: 2 }),
    serverTypes,
    labels: fc.constant({ tier: 'gold' }),
    taints: fc.constant<JsonObject[]>([{ key: 'tier', value: 'gold', effect: 'NoSchedule' }]),
  },
  { requiredKeys: ['name', 'count'] },
);

const pools = fc.uniqueArray(pool, { maxLength: 2, selector: (one) => one.name });

const loadBalancer = fc.constantFrom<JsonObject>(
  {},
  { type: 'cloud', size: 'lb21' },
  { type: 'cloud', api: true },
  { type: 'k8gb' },
);

/** One of each provider, with and without a Secret for the region's own use. */
export const dnsChoices: readonly JsonObject[] = [
  { provider: 'cloudflare', zone: 'example.com', zoneId: '023e105f4ecef8ad9ca31a8372d0c353' },
  {
    provider: 'cloudflare',
    zone: 'example.com',
    zoneId: '023e105f4ecef8ad9ca31a8372d0c353',
    secretRef: { name: 'acme-dns' },
  },
  { provider: 'hetzner', zone: 'example.com', secretRef: { name: 'acme-dns' } },
  {
    provider: 'route53',
    zone: 'example.com',
    zoneId: 'Z0123456789ABCDEFGHIJ',
    secretRef: { name: 'acme-dns' },
  },
  {
    provider: 'clouddns',
    zone: 'example.com',
    zoneId: 'example-com',
    project: 'acme-prod',
    secretRef: { name: 'acme-dns' },
  },
  { provider: 'azure', zone: 'example.com', resourceGroup: 'dns' },
];

export const archivalChoices: readonly JsonObject[] = [
  {
    provider: 'r2',
    bucket: 'acme-archive',
    endpoint: 'https://0123456789abcdef0123456789abcdef.r2.cloudflarestorage.com',
    secretRef: { name: 'acme-archive' },
  },
  { provider: 's3', bucket: 'acme-archive', region: 'eu-central-1', secretRef: { name: 'acme-archive' } },
  { provider: 'gcs', bucket: 'acme-archive', secretRef: { name: 'acme-archive' } },
];

const components = fc.constantFrom<JsonObject>(
  {},
  { flux: { enabled: true } },
  { 'external-secrets': { enabled: false } },
  { cnpg: { enabled: true } },
  { 'cert-manager': { values: { replicaCount: 3 } } },
);

const platform = fc.record(
  { profile: fc.constantFrom('minimal', 'standard', 'full'), components },
  { requiredKeys: ['profile'] },
);

/** What regions and clusters on Hetzner say in the same words. */
const shared = fc
  .record({
    servers: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, { weight: 1, arbitrary: fc.constant(3) }),
    pools,
    loadBalancer,
    platform,
    dns: fc.option(fc.constantFrom(...dnsChoices), { nil: undefined }),
    archival: fc.option(fc.constantFrom(...archivalChoices), { nil: undefined }),
    orphan: fc.boolean(),
    people: fc.boolean(),
  })
  .map(
    ({
      servers,
      pools: machines,
      loadBalancer: balancer,
      platform: choices,
      dns,
      archival,
      orphan,
      people,
    }): JsonObject => ({
      domain: 'acme.example.com',
      cloud: { provider: 'hetzner', tokenSecretRef: { name: 'acme-hcloud' } },
      controlPlane: { count: servers },
      pools: machines,
      access: {
        managementCidrs: ['192.0.2.10/32'],
        ...(people && { sshAllowedCidrs: ['203.0.113.0/24', '2001:db8::/32'] }),
      },
      loadBalancer: balancer,
      platform: choices,
      ...(dns && { dns }),
      ...(archival && { archival }),
      ...(orphan && { deletion: { machines: 'Orphan' } }),
    }),
  );

const locations = fc.constantFrom('fsn1', 'nbg1', 'hel1', 'ash');

const clusterRegions = (count: 1 | 2) =>
  fc
    .record({
      names: fc.uniqueArray(regionName, { minLength: count, maxLength: count }),
      first: locations,
      second: locations,
    })
    .map(({ names, first, second }) =>
      names.map((one, index) => ({
        name: one,
        location: index === 0 ? first : second,
        ...(index > 0 && { role: 'standby' }),
      })),
    );

const clusterOf = (count: 1 | 2, deletionProtection: boolean) =>
  fc
    .record({ name: claimName, spec: shared, regions: clusterRegions(count) })
    .map(({ name: called, spec, regions }) =>
      claim('OpenOvaCluster', called, { ...spec, regions, deletionProtection }),
    );
const cluster = clusterOf(1, true);

const region = fc
  .record({ name: claimName, spec: shared, region: regionName, location: locations })
  .map(({ name: called, spec, region: own, location }) =>
    claim('OpenOvaRegion', called, { ...spec, name: own, location }),
  );

const HOST_KEYS = ['AQE', 'AgI', 'AwM', 'BAQ'].map(
  (part) => `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${part.repeat(14)}`,
);

export function existingMachine(called: string, index: number, role: 'agent' | 'server'): JsonObject {
  const hostKey = HOST_KEYS[index % HOST_KEYS.length] ?? '';
  return { name: called, role, address: `203.0.113.${11 + index}`, hostKey };
}

const existing = fc
  .record({
    name: claimName,
    region: regionName,
    machines: fc.uniqueArray(poolName, { minLength: 1, maxLength: 3 }),
    platform,
    balancer: fc.constantFrom<JsonObject>(
      { type: 'k8gb' },
      { type: 'cilium-l2', addresses: ['192.168.10.240/28'] },
    ),
    dns: fc.option(fc.constantFrom(...dnsChoices), { nil: undefined }),
    alone: fc.boolean(),
  })
  .map(({ name: called, region: own, machines, platform: choices, balancer, dns, alone }) => {
    const made = machines.map((one, index) => existingMachine(one, index, index === 0 ? 'server' : 'agent'));
    const common = {
      domain: 'acme.example.com',
      cloud: { provider: 'existing' },
      loadBalancer: balancer,
      platform: choices,
      ...(dns && { dns }),
    };
    return alone
      ? claim('OpenOvaRegion', called, { ...common, name: own, machines: made })
      : claim('OpenOvaCluster', called, {
          ...common,
          regions: [{ name: own, machines: made }],
          deletionProtection: false,
        });
  });

const dataService = fc.record(
  {
    version: fc.constantFrom('16', '17', '18'),
    instances: fc.integer({ min: 1, max: 3 }),
    backup: fc.constantFrom({ enabled: true }, { enabled: false }),
    parameters: fc.constantFrom({ max_connections: 200 }),
  },
  { requiredKeys: ['instances'] },
);

/** A service in what the other claim makes. */
function serviceOf(home: Manifest, called: string, spec: JsonObject): Manifest {
  const reference = home.kind === 'OpenOvaCluster' ? 'clusterRef' : 'regionRef';
  return claim('DataService', called, {
    ...spec,
    engine: 'postgres',
    [reference]: { name: home.metadata.name ?? '' },
  });
}

const withService = fc
  .record({ home: fc.oneof(cluster, region), name: claimName, spec: dataService })
  .map(({ home, name: called, spec }) => [home, serviceOf(home, called, spec)]);

/** Whether no function finds anything wrong with a claim. */
export function isValid(document: Manifest): boolean {
  switch (document.kind) {
    case 'OpenOvaCluster': {
      const parsed = parseCluster(document);
      return parsed.ok && parsed.spec.regions.every(({ spec }) => checkPlatform(spec).length === 0);
    }
    case 'OpenOvaRegion': {
      const parsed = parseRegion(document);
      return parsed.ok && checkPlatform(parsed.spec).length === 0;
    }
    default:
      return parseDataService(document).ok;
  }
}

const alone = (one: fc.Arbitrary<Manifest>) => one.map((document): readonly Manifest[] => [document]);

/** Kinds of claims, of which a run has several each. */
const SMALL: readonly fc.Arbitrary<readonly Manifest[]>[] = [
  alone(existing),
  alone(region),
  alone(cluster),
  withService,
];
/** Of these it has one each: they are dear to build. */
const LARGE = [alone(clusterOf(2, true)), alone(clusterOf(2, false))];

/**
 * Claims that the histories of a run begin with, the simplest first: few, because a region takes a second to build.
 * @param each how many of each small kind.
 */
export function sampled(each: number): readonly (readonly Manifest[])[] {
  const sample = (kind: fc.Arbitrary<readonly Manifest[]>, usual: number, index: number) =>
    fc.sample(
      kind.filter((documents) => documents.every(isValid)),
      { seed: SEED + index, numRuns: Math.max(1, Math.round(usual * RUNS)) },
    );
  return [
    ...SMALL.flatMap((kind, index) => sample(kind, each, index)),
    ...LARGE.flatMap((kind, index) => sample(kind, 1, SMALL.length + index)),
  ].sort((left, right) => JSON.stringify(left).length - JSON.stringify(right).length);
}
