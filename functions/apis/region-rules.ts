/** What must be true across the fields of a region, and so of each region of a cluster. */
import { contains, isCidr, isCidr4, overlaps } from './cidr.ts';
import { AVAILABLE_CLOUDS } from './fields.ts';
import { ARM_PREFIX, architectureOf, LOCATIONS, NETWORK_SIZE } from './hetzner.ts';
import type { RegionGiven } from './region.ts';
import { shown, unless, type Breach, type CelRule, type Rule, type Transition } from './rules.ts';

const quoted = (values: readonly string[]) => `[${values.map((value) => `'${value}'`).join(', ')}]`;
const HETZNER = "self.cloud.provider == 'hetzner'";
const EXISTING = "self.cloud.provider == 'existing'";

const hetzner = (spec: RegionGiven) => spec.cloud.provider === 'hetzner';
const existing = (spec: RegionGiven) => spec.cloud.provider === 'existing';

/** Breaches of what existing machines forbid. */
function forbidden(spec: RegionGiven, value: unknown, path?: string): readonly Breach[] {
  const breach: Breach = { given: shown(value), ...(path === undefined ? {} : { path }) };
  return unless(!existing(spec) || value === undefined, breach);
}

/** In a cluster: the rule for its own value, and for that of every region that has one. */
function everywhere(cel: (scope: string) => string, section: string): string {
  return `${cel(`self.${section}`)} && self.regions.all(r, !has(r.${section}) || ${cel(`r.${section}`)})`;
}

/** In a cluster: a region's value, else the cluster's. */
const effective = (section: string, field: string) =>
  `(has(r.${section}) && has(r.${section}.${field}) ? r.${section}.${field} : self.${section}.${field})`;

const RANGES = 'must be a range of addresses such as 192.0.2.0/24, without bits set behind its prefix';
const RANGES4 = 'must be an IPv4 range such as 10.0.0.0/16, without bits set behind its prefix';

/** CEL: a text is a range whose host bits are zero. */
const range = (value: string) => `isCIDR(${value}) && cidr(${value}) == cidr(${value}).masked()`;
const range4 = (value: string) => `${range(value)} && cidr(${value}).ip().family() == 4`;
/** CEL: neither range holds the other; true where one of them is none, which another rule says. */
export const apart = (left: string, right: string) =>
  `!isCIDR(${left}) || !isCIDR(${right}) || !(cidr(${left}).containsCIDR(cidr(${right})) || cidr(${right}).containsCIDR(cidr(${left})))`;

const ACCESS_LISTS = ['apiAllowedCidrs', 'managementCidrs', 'sshAllowedCidrs'] as const;

function accessRanges(list: (typeof ACCESS_LISTS)[number]): Rule<RegionGiven> {
  const cel = (scope: string) => `${scope}.${list}.all(c, ${range('c')})`;
  const guarded = (scope: string) =>
    scope.startsWith('self') ? cel(scope) : `(!has(${scope}.${list}) || ${cel(scope)})`;
  return {
    path: `access.${list}`,
    cel: cel('self.access'),
    clusterCel: everywhere(guarded, 'access'),
    message: RANGES,
    check: (spec) =>
      spec.access[list].flatMap((value, index) =>
        unless(isCidr(value), { path: `access.${list}[${index}]`, given: shown(value) }),
      ),
  };
}

const NETWORK_RANGES = ['cidr', 'podCidr', 'serviceCidr'] as const;

function networkRange(field: (typeof NETWORK_RANGES)[number]): Rule<RegionGiven> {
  const cel = range4(`self.network.${field}`);
  return {
    path: `network.${field}`,
    cel,
    ...(field === 'cidr'
      ? {}
      : {
          clusterCel: `${cel} && self.regions.all(r, !has(r.network.${field}) || (${range4(`r.network.${field}`)}))`,
        }),
    message: RANGES4,
    check: ({ network }) => unless(isCidr4(network[field]), { given: shown(network[field]) }),
  };
}

/** In a cluster: the range that a region names, else the cluster's. */
const inRegion = (field: (typeof NETWORK_RANGES)[number]) =>
  field === 'cidr'
    ? 'self.network.cidr'
    : `(has(r.network.${field}) ? r.network.${field} : self.network.${field})`;

function networkPair(
  left: (typeof NETWORK_RANGES)[number],
  right: (typeof NETWORK_RANGES)[number],
): Rule<RegionGiven> {
  return {
    path: `network.${right}`,
    cel: apart(`self.network.${left}`, `self.network.${right}`),
    clusterCel: `self.regions.all(r, ${apart(inRegion(left), inRegion(right))})`,
    message: `must not overlap network.${left}`,
    check: ({ network }) =>
      unless(!overlaps(network[left], network[right]), {
        given: shown(network[right]),
        message: `is ${shown(network[right])}, must not overlap network.${left}, which is ${shown(network[left])}`,
      }),
  };
}

/** CEL: the subnet of a scope lies in the network. */
const subnetCel = (scope: string) =>
  `(${range4(`${scope}.network.subnetCidr`)} && (!isCIDR(self.network.cidr) || cidr(self.network.cidr).containsCIDR(${scope}.network.subnetCidr)))`;

const ONE_ARCHITECTURE = `must be of one architecture: all begin with ${ARM_PREFIX} or none does`;
const oneArchitecture = (types: readonly string[] | undefined) =>
  new Set(types?.map(architectureOf)).size <= 1;
const oneArchitectureCel = (list: string) =>
  `${list}.all(t, t.startsWith('${ARM_PREFIX}')) || !${list}.exists(t, t.startsWith('${ARM_PREFIX}'))`;

const NETWORK_FULL = `must have at most ${NETWORK_SIZE - 1} machines, those of the control plane included: a Hetzner network holds ${NETWORK_SIZE} servers and load balancers`;

/** CEL: machines of a scope that has its own control plane and pools, with our defaults where nothing is said. */
const MACHINES_CEL =
  '(has(self.controlPlane.count) ? self.controlPlane.count : 3) + (has(self.pools) ? self.pools.map(p, has(p.count) ? p.count : 2).sum() : 2)';

const machinesOf = (spec: RegionGiven) =>
  (spec.controlPlane.count ?? 3) + (spec.pools?.reduce((sum, { count }) => sum + (count ?? 2), 0) ?? 2);

export const regionRules: readonly Rule<RegionGiven>[] = [
  {
    path: 'cloud.provider',
    cel: `self.cloud.provider in ${quoted(AVAILABLE_CLOUDS)}`,
    message: 'this cloud is not available yet, only hetzner and existing are',
    messageCel: "'cloud \"' + self.cloud.provider + '\" is not available yet, only hetzner and existing are'",
    check: ({ cloud: { provider } }) =>
      unless(hetznerOrExisting(provider), {
        message: `is "${provider}", which is not available yet, only hetzner and existing are`,
      }),
  },
  {
    path: 'cloud.tokenSecretRef',
    cel: `!(${HETZNER}) || has(self.cloud.tokenSecretRef)`,
    message: 'must name a Secret with the key token when cloud.provider is hetzner',
    check: (spec) => unless(!hetzner(spec) || spec.cloud.tokenSecretRef !== undefined, { given: 'missing' }),
  },
  {
    path: 'cloud.tokenSecretRef',
    cel: `!(${EXISTING}) || !has(self.cloud.tokenSecretRef)`,
    message: 'must be left out when cloud.provider is existing',
    check: (spec) => forbidden(spec, spec.cloud.tokenSecretRef),
  },
  {
    path: 'blueprints',
    cel: 'self.blueprints.size() == 0',
    clusterCel: everywhere((scope) => `${scope}.size() == 0`, 'blueprints'),
    message: 'must be empty: blueprints are not available yet',
    check: ({ blueprints }) => unless(blueprints.length === 0, { given: shown(blueprints[0]) }),
  },
  {
    path: 'backup.velero',
    cel: '!has(self.backup.velero)',
    clusterCel: everywhere((scope) => `!has(${scope}.velero)`, 'backup'),
    message: 'is not available yet, must be left out',
    check: ({ backup: { velero } }) => unless(velero === undefined),
  },
  {
    path: 'restoreFrom',
    cel: '!has(self.restoreFrom) || has(self.archival)',
    clusterCel:
      "has(self.archival) || self.regions.all(r, has(r.archival) || !(has(r.restoreFrom) || (r.role == 'primary' && has(self.restoreFrom))))",
    message: 'must be left out without archival, the store of the snapshot',
    check: ({ archival, restoreFrom }) => unless(restoreFrom === undefined || archival !== undefined),
  },
  {
    path: 'restoreFrom',
    cel: "!has(self.restoreFrom) || !has(self.archival) || self.archival.provider != 'azureblob'",
    clusterCel:
      "self.regions.all(r, !(has(r.restoreFrom) || (r.role == 'primary' && has(self.restoreFrom))) || (has(r.archival) ? r.archival.provider : (has(self.archival) ? self.archival.provider : '')) != 'azureblob')",
    message: 'must be left out with archival.provider azureblob, which K3s keeps no snapshots in',
    check: ({ archival, restoreFrom }) =>
      unless(restoreFrom === undefined || archival?.provider !== 'azureblob'),
  },
  {
    path: 'location',
    cel: `!(${HETZNER}) || (has(self.location) && self.location in ${quoted(LOCATIONS)})`,
    clusterCel: `!(${HETZNER}) || self.regions.all(r, has(r.location) && r.location in ${quoted(LOCATIONS)})`,
    message: `must be one of ${LOCATIONS.join(', ')} when cloud.provider is hetzner`,
    check: (spec) =>
      unless(!hetzner(spec) || (spec.location !== undefined && LOCATIONS.includes(spec.location)), {
        given: shown(spec.location),
      }),
  },
  {
    path: 'location',
    cel: `!(${EXISTING}) || !has(self.location)`,
    clusterCel: `!(${EXISTING}) || self.regions.all(r, !has(r.location))`,
    message: 'must be left out when cloud.provider is existing',
    check: (spec) => forbidden(spec, spec.location),
  },
  {
    path: 'controlPlane',
    cel: `!(${EXISTING}) || (!has(self.controlPlane.count) && !has(self.controlPlane.serverTypes))`,
    clusterCel: `!(${EXISTING}) || (!has(self.controlPlane.count) && !has(self.controlPlane.serverTypes) && self.regions.all(r, !has(r.controlPlane)))`,
    message: 'must be left out when cloud.provider is existing, whose machines are listed',
    check: (spec) => [
      ...forbidden(spec, spec.controlPlane.count, 'controlPlane.count'),
      ...forbidden(spec, spec.controlPlane.serverTypes, 'controlPlane.serverTypes'),
    ],
  },
  {
    path: 'pools',
    cel: `!(${EXISTING}) || !has(self.pools) || self.pools.all(p, !has(p.count) && !has(p.serverTypes))`,
    clusterCel: `!(${EXISTING}) || ((!has(self.pools) || self.pools.all(p, !has(p.count) && !has(p.serverTypes))) && self.regions.all(r, !has(r.pools) || r.pools.all(p, !has(p.count) && !has(p.serverTypes))))`,
    message:
      'must have no count and no serverTypes when cloud.provider is existing, whose machines are listed',
    check: (spec) =>
      (spec.pools ?? []).flatMap(({ name, count, serverTypes }) => [
        ...forbiddenInPool(spec, count, `pools[${name}].count`),
        ...forbiddenInPool(spec, serverTypes, `pools[${name}].serverTypes`),
      ]),
  },
  {
    path: 'machines',
    cel: `!(${HETZNER}) || size(self.machines) == 0`,
    clusterCel: `!(${HETZNER}) || self.regions.all(r, !has(r.machines) || size(r.machines) == 0)`,
    message: 'must be left out when cloud.provider is hetzner, which makes its machines from pools',
    check: (spec) =>
      unless(!hetzner(spec) || spec.machines.length === 0, { given: `a list of ${spec.machines.length}` }),
  },
  {
    path: 'machines',
    cel: `!(${EXISTING}) || size(self.machines.filter(m, m.role == 'server')) in [1, 3, 5]`,
    clusterCel: `!(${EXISTING}) || self.regions.all(r, has(r.machines) && size(r.machines.filter(m, m.role == 'server')) in [1, 3, 5])`,
    message: 'must have 1, 3 or 5 machines with role server when cloud.provider is existing',
    check: (spec) => {
      const servers = spec.machines.filter(({ role }) => role === 'server').length;
      return unless(!existing(spec) || [1, 3, 5].includes(servers), {
        message: `has ${servers} with role server, must have 1, 3 or 5 when cloud.provider is existing`,
      });
    },
  },
  {
    path: 'machines',
    cel: "self.machines.all(m, m.role == 'server' || (has(self.pools) ? self.pools.exists(p, p.name == m.pool) : m.pool == 'general'))",
    clusterCel:
      "self.regions.all(r, !has(r.machines) || r.machines.all(m, m.role == 'server' || (has(r.pools) ? r.pools.exists(p, p.name == m.pool) : (has(self.pools) ? self.pools.exists(p, p.name == m.pool) : m.pool == 'general'))))",
    message: 'must name pools that are listed in pools',
    check: (spec) => {
      const pools = (spec.pools ?? [{ name: 'general' }]).map(({ name }) => name).sort();
      return spec.machines
        .filter(({ role, pool }) => role === 'agent' && !pools.includes(pool))
        .map(({ name, pool }) => ({
          path: `machines[${name}].pool`,
          message: `is "${pool}", must be one of ${pools.join(', ')}`,
        }));
    },
  },
  {
    path: 'access.managementCidrs',
    cel: `!(${HETZNER}) || size(self.access.managementCidrs) > 0`,
    clusterCel: `!(${HETZNER}) || self.regions.all(r, size(${effective('access', 'managementCidrs')}) > 0)`,
    message:
      "must name the ranges from which this control plane's traffic comes when cloud.provider is hetzner",
    check: (spec) =>
      unless(!hetzner(spec) || spec.access.managementCidrs.length > 0, {
        given: 'empty',
      }),
  },
  ...ACCESS_LISTS.map(accessRanges),
  {
    path: 'loadBalancer.api',
    cel: '!self.loadBalancer.api || size(self.access.apiAllowedCidrs) == 0',
    clusterCel: `self.regions.all(r, !${effective('loadBalancer', 'api')} || size(${effective('access', 'apiAllowedCidrs')}) == 0)`,
    message: 'must be false with access.apiAllowedCidrs: firewalls do not filter load balancers',
    check: (spec) =>
      unless(!spec.loadBalancer.api || spec.access.apiAllowedCidrs.length === 0, { given: 'true' }),
  },
  {
    path: 'loadBalancer.api',
    cel: `!self.loadBalancer.api || (${HETZNER} && (!has(self.loadBalancer.type) || self.loadBalancer.type == 'cloud'))`,
    clusterCel: `self.regions.all(r, !${effective('loadBalancer', 'api')} || (${HETZNER} && (has(r.loadBalancer) && has(r.loadBalancer.type) ? r.loadBalancer.type == 'cloud' : (!has(self.loadBalancer.type) || self.loadBalancer.type == 'cloud'))))`,
    message: 'must be false when there is no load balancer of the cloud',
    check: (spec) =>
      unless(!spec.loadBalancer.api || (hetzner(spec) && (spec.loadBalancer.type ?? 'cloud') === 'cloud'), {
        given: 'true',
      }),
  },
  {
    path: 'loadBalancer.type',
    cel: `!(${HETZNER}) || !has(self.loadBalancer.type) || self.loadBalancer.type != 'cilium-l2'`,
    clusterCel: `!(${HETZNER}) || ${everywhere((scope) => `(!has(${scope}.type) || ${scope}.type != 'cilium-l2')`, 'loadBalancer')}`,
    message: 'must be cloud or k8gb when cloud.provider is hetzner, whose networks carry no ARP',
    check: (spec) =>
      unless(!hetzner(spec) || spec.loadBalancer.type !== 'cilium-l2', {
        given: shown(spec.loadBalancer.type),
      }),
  },
  {
    path: 'loadBalancer.type',
    cel: `!(${EXISTING}) || !has(self.loadBalancer.type) || self.loadBalancer.type != 'cloud'`,
    clusterCel: `!(${EXISTING}) || ${everywhere((scope) => `(!has(${scope}.type) || ${scope}.type != 'cloud')`, 'loadBalancer')}`,
    message: 'must be cilium-l2 or k8gb when cloud.provider is existing, which has no load balancer',
    check: (spec) =>
      unless(!existing(spec) || spec.loadBalancer.type !== 'cloud', { given: shown(spec.loadBalancer.type) }),
  },
  {
    path: 'loadBalancer.addresses',
    cel: "(has(self.loadBalancer.type) && self.loadBalancer.type == 'cilium-l2') == (size(self.loadBalancer.addresses) > 0)",
    clusterCel:
      "self.regions.all(r, (has(r.loadBalancer) && has(r.loadBalancer.type) ? r.loadBalancer.type == 'cilium-l2' : (has(self.loadBalancer.type) && self.loadBalancer.type == 'cilium-l2')) == " +
      `(size(${effective('loadBalancer', 'addresses')}) > 0))`,
    message: 'must be given with loadBalancer.type cilium-l2, and only there',
    check: ({ loadBalancer }) =>
      unless((loadBalancer.type === 'cilium-l2') === loadBalancer.addresses.length > 0, {
        given: loadBalancer.addresses.length > 0 ? shown(loadBalancer.addresses) : 'empty',
      }),
  },
  {
    path: 'loadBalancer.addresses',
    cel: `self.loadBalancer.addresses.all(c, ${range('c')})`,
    clusterCel: everywhere(
      (scope) => `(!has(${scope}.addresses) || ${scope}.addresses.all(c, ${range('c')}))`,
      'loadBalancer',
    ),
    message: RANGES,
    check: ({ loadBalancer }) =>
      loadBalancer.addresses.flatMap((value, index) =>
        unless(isCidr(value), { path: `loadBalancer.addresses[${index}]`, given: shown(value) }),
      ),
  },
  {
    path: 'dns.zone',
    cel: "!has(self.dns) || self.domain == self.dns.zone || self.domain.endsWith('.' + self.dns.zone)",
    message: 'must be the domain or a zone above it',
    check: ({ dns, domain }) =>
      unless(dns === undefined || domain === dns.zone || domain.endsWith(`.${dns.zone}`), {
        message: `is ${shown(dns?.zone)}, must be the domain "${domain}" or a zone above it`,
      }),
  },
  {
    path: 'dns.resourceGroup',
    cel: "!has(self.dns) || (self.dns.provider == 'azure') == has(self.dns.resourceGroup)",
    message: 'must be given with dns.provider azure, and only there',
    check: ({ dns }) =>
      unless(dns === undefined || (dns.provider === 'azure') === (dns.resourceGroup !== undefined), {
        given: shown(dns?.resourceGroup),
      }),
  },
  {
    path: 'dns.project',
    cel: "!has(self.dns) || (self.dns.provider == 'clouddns') == has(self.dns.project)",
    message: 'must be given with dns.provider clouddns, and only there',
    check: ({ dns }) =>
      unless(dns === undefined || (dns.provider === 'clouddns') === (dns.project !== undefined), {
        given: shown(dns?.project),
      }),
  },
  {
    path: 'dns.servicePrincipal',
    cel: "!has(self.dns) || self.dns.provider != 'azure' || !has(self.dns.secretRef) || has(self.dns.servicePrincipal)",
    message: 'must be given with dns.provider azure and dns.secretRef',
    check: ({ dns }) =>
      unless(dns?.provider !== 'azure' || dns.secretRef === undefined || dns.servicePrincipal !== undefined, {
        given: shown(dns?.servicePrincipal),
      }),
  },
  {
    path: 'certificates.solver',
    cel: "!has(self.certificates.solver) || self.certificates.solver != 'dns01' || (has(self.dns) && has(self.dns.secretRef))",
    clusterCel:
      "(has(self.dns) && has(self.dns.secretRef)) || ((!has(self.certificates.solver) || self.certificates.solver != 'dns01') && self.regions.all(r, !has(r.certificates) || !has(r.certificates.solver) || r.certificates.solver != 'dns01'))",
    message: 'must be http01 without dns.secretRef',
    check: ({ certificates, dns }) =>
      unless(certificates.solver !== 'dns01' || dns?.secretRef !== undefined, {
        given: shown(certificates.solver),
      }),
  },
  {
    path: 'archival.endpoint',
    cel: "!has(self.archival) || self.archival.provider != 'r2' || has(self.archival.endpoint)",
    message: 'must be given when archival.provider is r2',
    check: ({ archival }) =>
      unless(archival?.provider !== 'r2' || archival.endpoint !== undefined, { given: 'missing' }),
  },
  {
    path: 'kubernetes.version',
    // Source: the versions that the cloud controller manager is tested with, 2026-11.
    cel: "int(self.kubernetes.version.split('.')[1]) >= 33",
    clusterCel:
      "int(self.kubernetes.version.split('.')[1]) >= 33 && self.regions.all(r, !has(r.kubernetes) || !has(r.kubernetes.version) || int(r.kubernetes.version.split('.')[1]) >= 33)",
    message: 'must be v1.33 or newer',
    check: ({ kubernetes }) =>
      unless(Number(kubernetes.version.split('.')[1]) >= 33, { given: shown(kubernetes.version) }),
  },
  {
    path: 'controlPlane.serverTypes',
    cel: `!has(self.controlPlane.serverTypes) || ${oneArchitectureCel('self.controlPlane.serverTypes')}`,
    clusterCel: everywhere(
      (scope) => `(!has(${scope}.serverTypes) || ${oneArchitectureCel(`${scope}.serverTypes`)})`,
      'controlPlane',
    ),
    message: ONE_ARCHITECTURE,
    check: ({ controlPlane }) =>
      unless(oneArchitecture(controlPlane.serverTypes), { given: shown(controlPlane.serverTypes) }),
  },
  {
    path: 'pools',
    cel: `!has(self.pools) || self.pools.all(p, !has(p.serverTypes) || ${oneArchitectureCel('p.serverTypes')})`,
    clusterCel:
      `(!has(self.pools) || self.pools.all(p, !has(p.serverTypes) || ${oneArchitectureCel('p.serverTypes')})) && ` +
      `self.regions.all(r, !has(r.pools) || r.pools.all(p, !has(p.serverTypes) || ${oneArchitectureCel('p.serverTypes')}))`,
    message: `serverTypes ${ONE_ARCHITECTURE}`,
    check: (spec) =>
      (spec.pools ?? []).flatMap(({ name, serverTypes }) =>
        unless(oneArchitecture(serverTypes), {
          path: `pools[${name}].serverTypes`,
          message: `is ${shown(serverTypes)}, ${ONE_ARCHITECTURE}`,
        }),
      ),
  },
  {
    path: 'pools',
    cel: `!(${HETZNER}) || ${MACHINES_CEL} < ${NETWORK_SIZE}`,
    clusterCel: `!(${HETZNER}) || self.regions.all(r, ${[
      '(has(r.controlPlane) && has(r.controlPlane.count) ? r.controlPlane.count : (has(self.controlPlane.count) ? self.controlPlane.count : 3))',
      '(has(r.pools) ? r.pools.map(p, has(p.count) ? p.count : 2).sum() : (has(self.pools) ? self.pools.map(p, has(p.count) ? p.count : 2).sum() : 2))',
    ].join(' + ')} < ${NETWORK_SIZE})`,
    message: NETWORK_FULL,
    check: (spec) =>
      unless(!hetzner(spec) || machinesOf(spec) < NETWORK_SIZE, {
        message: `has ${machinesOf(spec)}, ${NETWORK_FULL}`,
      }),
  },
  ...NETWORK_RANGES.map(networkRange),
  networkPair('cidr', 'podCidr'),
  networkPair('cidr', 'serviceCidr'),
  networkPair('podCidr', 'serviceCidr'),
  {
    path: 'network.subnetCidr',
    cel: `!has(self.network.subnetCidr) || ${subnetCel('self')}`,
    clusterCel: `self.regions.all(r, !has(r.network.subnetCidr) || ${subnetCel('r')})`,
    message: 'must be an IPv4 range in network.cidr, without bits set behind its prefix',
    check: ({ network: { cidr, subnetCidr } }) =>
      unless(
        subnetCidr === undefined || (isCidr4(subnetCidr) && (!isCidr4(cidr) || contains(cidr, subnetCidr))),
        { given: shown(subnetCidr) },
      ),
  },
];

/** Rules over fields that only a region has. */
export const regionOnlyRules: readonly Rule<RegionGiven>[] = [
  {
    path: 'peers',
    cel: `self.peers.all(p, (${apart('p.podCidr', 'self.network.podCidr')}) && (${apart('p.podCidr', 'self.network.serviceCidr')}) && (${apart('p.serviceCidr', 'self.network.podCidr')}) && (${apart('p.serviceCidr', 'self.network.serviceCidr')}))`,
    message: "must have ranges that do not overlap the region's own",
    check: ({ network, peers }) =>
      peers.flatMap((peer) =>
        (['podCidr', 'serviceCidr'] as const).flatMap((field) =>
          unless(!overlaps(peer[field], network.podCidr) && !overlaps(peer[field], network.serviceCidr), {
            path: `peers[${peer.name}].${field}`,
            message: `is "${peer[field]}", must not overlap network.podCidr or network.serviceCidr`,
          }),
        ),
      ),
  },
];

const MINOR_UP = 'must go up by one minor version at most, and never down';

/** The numbers in `v1.36.3+k3s1`: 36, 3 and 1. */
function numbersOf(version: string): readonly [number, number, number] {
  const [, minor = 0, patch = 0, build = 0] = (/^v1\.(\d+)\.(\d+)\+k3s(\d+)$/.exec(version) ?? []).map(
    Number,
  );
  return [minor, patch, build];
}

/** Whether K3s may be upgraded so: by one minor version at most, never down. */
function isUpgrade(from: string, to: string): boolean {
  const [[minor, patch, build], [minorTo, patchTo, buildTo]] = [numbersOf(from), numbersOf(to)];
  if (minor !== minorTo) return minorTo === minor + 1;
  return patchTo > patch || (patchTo === patch && buildTo >= build);
}

const isUpgradeCel = (from: string, to: string) =>
  `[[${to}, ${from}].map(v, [int(v.split('.')[1]), int(v.split('.')[2].split('+')[0]), int(v.split('+k3s')[1])])]` +
  '.all(v, v[0][0] == v[1][0] ? v[0][1] > v[1][1] || (v[0][1] == v[1][1] && v[0][2] >= v[1][2]) : v[0][0] == v[1][0] + 1)';

/** In a cluster: a rule between what a region had and what it shall have, its own word before the cluster's. */
function kept(
  section: string,
  field: string,
  cel: (from: string, to: string) => string,
  none?: string,
): string {
  const said = (region: string, cluster: string) => {
    const common = `${cluster}.${section}.${field}`;
    const otherwise = none === undefined ? common : `(has(${common}) ? ${common} : ${none})`;
    return `(has(${region}.${section}) && has(${region}.${section}.${field}) ? ${region}.${section}.${field} : ${otherwise})`;
  };
  return `self.regions.all(r, oldSelf.regions.filter(o, o.name == r.name).all(o, ${cel(said('o', 'oldSelf'), said('r', 'self'))}))`;
}

export const regionTransitions: readonly Transition<RegionGiven>[] = [
  {
    path: 'kubernetes.version',
    cel: isUpgradeCel('oldSelf.kubernetes.version', 'self.kubernetes.version'),
    clusterCel: kept('kubernetes', 'version', isUpgradeCel),
    message: MINOR_UP,
    check: ({ kubernetes: { version } }, before) =>
      unless(isUpgrade(before.kubernetes.version, version), {
        message: `is "${version}" and was "${before.kubernetes.version}", ${MINOR_UP}`,
      }),
  },
];

/** A region's fields that are refused to change, and that a cluster says for all: no region may change them either. */
export const keptInCluster: readonly CelRule[] = [
  {
    path: 'platform.secrets',
    cel: kept('platform', 'secrets', (from, to) => `${from} == ${to}`, "''"),
    message: 'cannot change after creation',
  },
];

function hetznerOrExisting(provider: string): boolean {
  return AVAILABLE_CLOUDS.some((available) => available === provider);
}

function forbiddenInPool(spec: RegionGiven, value: unknown, path: string): readonly Breach[] {
  const message = `is ${shown(value)}, must be left out when cloud.provider is existing, whose machines are listed`;
  return unless(!existing(spec) || value === undefined, { path, message });
}
