/** The cloud objects of a region on Hetzner. Kinds and fields: provider-hetzner v0.2.1, cluster-scoped. */
import { stringify } from 'yaml';
import type { RegionSpec } from '../apis/region.ts';
import { networkZone } from '../apis/hetzner.ts';
import type { After, Node, Template } from '../kernel/graph.ts';
import { at, numberAt, type Json, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { bounded, nameFor } from '../kernel/names.ts';
import { isReady, type Observed } from '../kernel/observed.ts';
import { policiesFor } from '../providers/policies.ts';
import { escapeTemplate } from '../providers/terraform.ts';
import {
  CONTROL_PLANE,
  isRefused,
  machineKey,
  serverTypeOf,
  cloudId,
  type Addresses,
  type Machine,
} from './machines.ts';
import { DNS_PORTS, FIREWALL_PORTS, GATEWAY_PORTS } from './ports.ts';

const NETWORK = 'network.hetzner.crossplane.io/v1alpha1';
const SERVER = 'server.hetzner.crossplane.io/v1alpha1';
const LOAD_BALANCER = 'loadbalancer.hetzner.crossplane.io/v1alpha1';
/** At Hetzner, `true` on the servers that the load balancer sends the Gateway's traffic to. */
export const CLOUD_GATEWAY_LABEL = 'openova.io/gateway';
/** Hetzner spreads at most ten servers of one placement group. Source: docs.hetzner.com, placement groups, 2026-11. */
const SPREAD = 10;

/**
 * Fields of a server that must not change while it lives: the provider refuses to change the first four, the others
 * would power it off or take it from its network. Source: terraform-provider-hcloud 1.59.0, resource hcloud_server.
 */
const FROZEN = [
  'userData',
  'image',
  'location',
  'sshKeysRefs',
  'serverType',
  'publicNet',
  'network',
  'placementGroupIdRef',
  'name',
].map((field) => `spec.forProvider.${field}`);
/** The address of a machine is given once, also while the cloud refuses to make it. */
const FROZEN_ALWAYS = ['spec.forProvider.network'];

export interface Cloud {
  readonly xrName: string;
  readonly spec: RegionSpec;
  readonly machines: readonly Machine[];
  readonly addresses: Addresses;
  /** Ids of the machines that the load balancer sends the Gateway's traffic to. */
  readonly gateways: ReadonlySet<string>;
  readonly observed: Observed;
  /** The public key of the region's own key pair; undefined before prepare has made it. */
  readonly publicKey: string | undefined;
  /** What comes before anything that costs money. */
  readonly prepared: readonly After[];
}

/** What says whether the real thing goes too: the claim's own word, whatever release runs. */
const DELETION = ['spec.deletionPolicy', 'spec.managementPolicies'];

/** Every cloud object of the region, without those that protect them from going too early. */
export function planCloud(cloud: Cloud): Node[] {
  return objects(cloud)
    .filter(({ key }) => !refersToLost(cloud, key))
    .map((node) => ({ ...node, live: [...DELETION, ...(node.live ?? [])] }));
}

/**
 * Whether an object belongs to a firewall or load balancer that the cloud has lost and the provider made anew. Providers
 * resolve a reference once, so it stays with the lost one: it goes, with nothing that is still there, and is made again.
 */
export function refersToLost({ observed }: Pick<Cloud, 'observed'>, key: string): boolean {
  const owner = key === 'firewall-attachment' ? 'firewall' : key.split('/', 1)[0];
  if (owner !== 'firewall' && owner !== 'load-balancer') return false;
  const field = owner === 'firewall' ? 'firewallId' : 'loadBalancerId';
  const told = at(observed.get(key), 'spec', 'forProvider', field);
  const id = cloudId(observed.get(owner));
  return (typeof told === 'number' || typeof told === 'string') && id !== undefined && String(told) !== id;
}

function objects(cloud: Cloud): Node[] {
  const boot = escapeTemplate(userData(cloud.spec.access.authorizedKeys));
  return [
    ...(cloud.spec.network.networkRef ? [] : [network(cloud)]),
    subnet(cloud),
    firewall(cloud),
    firewallAttachment(cloud),
    sshKey(cloud),
    ...placementGroups(cloud),
    ...cloud.machines.map((machine) => server(cloud, machine, boot)),
    ...(cloud.spec.loadBalancer.type === 'cloud' ? loadBalancer(cloud) : []),
  ];
}

/** Name of the managed resource of the private network. */
export function networkName({ xrName, spec }: Pick<Cloud, 'xrName' | 'spec'>): string {
  return spec.network.networkRef?.name ?? nameFor(xrName, 'network');
}

/**
 * One managed resource. Without late initialisation, which would copy into the spec what other objects attach and then
 * defend it.
 */
function managed(
  { spec }: Pick<Cloud, 'spec'>,
  apiVersion: string,
  kind: string,
  forProvider: JsonObject,
): Template {
  return {
    apiVersion,
    kind,
    spec: {
      ...policiesFor(spec.deletion.machines),
      providerConfigRef: { name: spec.cloud.providerConfigRef.name },
      forProvider,
    },
  };
}

/** Labels at Hetzner, by which firewall and load balancer find their servers. */
function labels(
  { xrName }: Pick<Cloud, 'xrName'>,
  more: Record<string, string> = {},
): Record<string, string> {
  return { 'openova.io/region': bounded(xrName), ...more };
}

function selector(map: Record<string, string>): string {
  return Object.entries(map)
    .map(([name, value]) => `${name}=${value}`)
    .join(',');
}

function network(cloud: Cloud): Node {
  const { cidr } = cloud.spec.network;
  return {
    key: 'network',
    step: 'MachinesReady',
    after: cloud.prepared,
    manifest: managed(cloud, NETWORK, 'Network', {
      name: networkName(cloud),
      ipRange: cidr,
      labels: labels(cloud),
    }),
    frozen: ['spec.forProvider.ipRange'],
  };
}

function subnet(cloud: Cloud): Node {
  const { spec } = cloud;
  return {
    key: 'subnet',
    step: 'MachinesReady',
    after: [...cloud.prepared, ...(spec.network.networkRef ? [] : ['network'])],
    manifest: managed(cloud, NETWORK, 'Subnet', {
      type: 'cloud',
      ipRange: spec.network.subnetCidr,
      networkZone: networkZone(spec.location ?? ''),
      networkIdRef: { name: networkName(cloud) },
    }),
    frozen: ['ipRange', 'networkZone', 'networkIdRef', 'type'].map((field) => `spec.forProvider.${field}`),
  };
}

function firewall(cloud: Cloud): Node {
  const { spec } = cloud;
  const { type } = spec.loadBalancer;
  const open = [
    ...FIREWALL_PORTS,
    ...(type === 'cloud' ? [] : GATEWAY_PORTS),
    ...(type === 'k8gb' && spec.dns !== undefined ? DNS_PORTS : []),
  ];
  const rules = open.flatMap(({ port, protocol, description, from }): Json[] => {
    const sourceIps = [...new Set(from(spec.access))].sort();
    return sourceIps.length === 0 ? [] : [{ direction: 'in', protocol, port, sourceIps, description }];
  });
  return {
    key: 'firewall',
    step: 'MachinesReady',
    after: cloud.prepared,
    manifest: managed(cloud, NETWORK, 'Firewall', {
      name: nameFor(cloud.xrName, 'firewall'),
      labels: labels(cloud),
      rule: rules,
    }),
    live: ['spec.forProvider.rule.*.sourceIps'],
  };
}

/** One attachment by label: it owns the whole list of a firewall, and covers servers added later. */
function firewallAttachment(cloud: Cloud): Node {
  return {
    key: 'firewall-attachment',
    step: 'MachinesReady',
    after: ['firewall'],
    manifest: managed(cloud, SERVER, 'FirewallAttachment', {
      firewallIdRef: { name: nameFor(cloud.xrName, 'firewall') },
      labelSelectors: [selector(labels(cloud))],
    }),
    frozen: ['spec.forProvider.firewallIdRef'],
  };
}

/** The region's own key: Hetzner refuses the same key twice in a project, so regions do not share one. */
function sshKey(cloud: Cloud): Node {
  return {
    key: 'ssh-key',
    step: 'MachinesReady',
    after: cloud.prepared,
    manifest: managed(cloud, SERVER, 'SSHKey', {
      name: nameFor(cloud.xrName, 'ssh-key'),
      publicKey: cloud.publicKey,
      labels: labels(cloud),
    }),
    frozen: ['spec.forProvider.publicKey', 'spec.forProvider.name'],
  };
}

/** The placement group of a machine, by its ordinal, so that membership never moves. */
function placementGroupKey({ pool, ordinal }: Machine): string {
  return `placement-group/${pool}/${Math.ceil(ordinal / SPREAD)}`;
}

function placementGroups(cloud: Cloud): Node[] {
  return [...new Set(cloud.machines.map(placementGroupKey))].map((key) => ({
    key,
    step: 'MachinesReady',
    scales: true,
    after: cloud.prepared,
    manifest: managed(cloud, SERVER, 'PlacementGroup', {
      name: nameFor(cloud.xrName, key),
      type: 'spread',
      labels: labels(cloud),
    }),
  }));
}

/** The network's id, as the provider has resolved it for the subnet. */
function networkIdIn(subnetObject: Manifest | undefined): number | undefined {
  return numberAt(subnetObject, 'spec', 'forProvider', 'networkId');
}

/**
 * A server names its network by id, not by reference: the list it stands in is one value, so a provider that resolves a
 * reference in it takes the whole list from us.
 */
const NETWORK_ID: After = {
  key: 'subnet',
  until: "it knows its network's id",
  test: (one) => networkIdIn(one) !== undefined,
};

function server(cloud: Cloud, machine: Machine, boot: string): Node {
  const { xrName, spec, observed } = cloud;
  const key = machineKey(machine.id);
  const exists = observed.get(key);
  const address = cloud.addresses.machines.get(machine.id);
  return {
    key,
    step: 'MachinesReady',
    scales: true,
    after: ['subnet', NETWORK_ID, 'firewall-attachment', 'ssh-key', placementGroupKey(machine)],
    manifest: {
      ...managed(cloud, SERVER, 'Server', {
        name: machine.name,
        serverType: serverTypeOf(machine, exists),
        image: spec.image,
        location: spec.location,
        labels: labels(cloud, {
          'openova.io/pool': machine.pool,
          'openova.io/role': machine.role,
          [CLOUD_GATEWAY_LABEL]: String(cloud.gateways.has(machine.id)),
        }),
        sshKeysRefs: [{ name: nameFor(xrName, 'ssh-key') }],
        placementGroupIdRef: { name: nameFor(xrName, placementGroupKey(machine)) },
        publicNet: [{ ipv4Enabled: true, ipv6Enabled: true }],
        network: [{ networkId: networkIdIn(observed.get('subnet')), ip: address, aliasIps: [] }],
        userData: boot,
      }),
    },
    live: ['spec.forProvider.labels'],
    // Its Jobs are known by the cloud's id, so without one it is of no use yet.
    ready: (one) => isReady(one) && cloudId(one) !== undefined,
    frozen: exists !== undefined && isRefused(exists) ? FROZEN_ALWAYS : FROZEN,
  };
}

/**
 * What a machine starts with: people's keys and nothing that changes. It can not change later and any pod can read it,
 * so no version, no token, no address; and no upgrade at boot, which would hold the package lock for minutes.
 */
export function userData(authorizedKeys: readonly string[]): string {
  const config = {
    package_update: false,
    package_upgrade: false,
    ssh_pwauth: false,
    ...(authorizedKeys.length > 0 && { users: [{ name: 'root', ssh_authorized_keys: [...authorizedKeys] }] }),
  };
  return `#cloud-config\n${stringify(config, { lineWidth: 0 })}`;
}

/** The ingress load balancer: its targets are found by label, so they follow the machines. */
function loadBalancer(cloud: Cloud): Node[] {
  const { xrName, spec, machines, addresses, gateways } = cloud;
  const named = { name: nameFor(xrName, 'load-balancer') };
  const services = [
    ...GATEWAY_PORTS.map(({ name, port }) => ({ name, port, proxy: true })),
    ...(spec.loadBalancer.api ? [{ name: 'api', port: '6443', proxy: false }] : []),
  ];
  const targets = [
    { name: 'gateway', select: labels(cloud, { [CLOUD_GATEWAY_LABEL]: 'true' }) },
    ...(spec.loadBalancer.api && !machines.some(({ role, id }) => role === 'server' && gateways.has(id))
      ? [{ name: 'api', select: labels(cloud, { 'openova.io/role': 'server' }) }]
      : []),
  ];
  return [
    {
      key: 'load-balancer',
      step: 'MachinesReady',
      after: machines.filter(({ pool }) => pool === CONTROL_PLANE).map(({ id }) => machineKey(id)),
      manifest: managed(cloud, LOAD_BALANCER, 'LoadBalancer', {
        name: named.name,
        loadBalancerType: spec.loadBalancer.size,
        location: spec.location,
        algorithm: [{ type: 'round_robin' }],
        labels: labels(cloud),
      }),
      frozen: ['spec.forProvider.location'],
      live: ['spec.forProvider.loadBalancerType'],
    },
    {
      key: 'load-balancer/network',
      step: 'MachinesReady',
      after: ['load-balancer', 'subnet'],
      manifest: managed(cloud, LOAD_BALANCER, 'NetworkAttachment', {
        loadBalancerIdRef: named,
        subnetIdRef: { name: nameFor(xrName, 'subnet') },
        ip: addresses.loadBalancer,
        enablePublicInterface: true,
      }),
      frozen: ['loadBalancerIdRef', 'subnetIdRef', 'ip'].map((field) => `spec.forProvider.${field}`),
    },
    ...services.map(({ name, port, proxy }): Node => ({
      key: `load-balancer/service/${name}`,
      step: 'MachinesReady',
      scales: true,
      after: ['load-balancer'],
      manifest: managed(cloud, LOAD_BALANCER, 'LoadBalancerService', {
        loadBalancerIdRef: named,
        protocol: 'tcp',
        listenPort: Number(port),
        destinationPort: Number(port),
        proxyprotocol: proxy,
        // A TCP check: the proxies answer HTTP only to names that they know.
        healthCheck: [{ protocol: 'tcp', port: Number(port), interval: 15, timeout: 10, retries: 3 }],
      }),
      frozen: ['loadBalancerIdRef', 'listenPort', 'protocol'].map((field) => `spec.forProvider.${field}`),
    })),
    ...targets.map(({ name, select }): Node => ({
      key: `load-balancer/target/${name}`,
      step: 'MachinesReady',
      scales: true,
      after: ['load-balancer/network'],
      manifest: managed(cloud, LOAD_BALANCER, 'LoadBalancerTarget', {
        loadBalancerIdRef: named,
        type: 'label_selector',
        labelSelector: selector(select),
        usePrivateIp: true,
      }),
      frozen: ['loadBalancerIdRef', 'labelSelector', 'type'].map((field) => `spec.forProvider.${field}`),
    })),
  ];
}
