/**
 * How K3s is configured: the flags of OpenOva's technology stack (2026-02), corrected and completed. docs/k3s.md is made of this table.
 * Source: docs.k3s.io, server and agent configuration, and K3s v1.36.3 (2026-08); what else is named at the flag.
 */
import type { RegionSpec } from '../apis/region.ts';
import { hostOf } from '../apis/cidr.ts';
import type { Config } from '../bootstrap/contract.ts';
import { GATEWAY_NODE_LABEL } from '../kernel/names.ts';
import type { Machine } from './machines.ts';

type Value = Config[string];

interface Flag {
  readonly flag: string;
  /** Undefined where the flag is not set. */
  readonly value: (spec: RegionSpec) => Value | undefined;
  readonly reason: string;
}

const onCloud =
  (value: Value) =>
  ({ cloud }: RegionSpec) =>
    cloud.provider === 'existing' ? undefined : value;

/** Equal on every server, byte for byte: a difference makes a joining server refuse. */
export const SERVER_FLAGS: readonly Flag[] = [
  {
    flag: 'disable',
    value: ({ cloud }) => [
      'traefik',
      'servicelb',
      ...(cloud.provider === 'existing' ? [] : ['local-storage']),
    ],
    reason:
      'The Gateway API of Cilium and our load balancer take their place. Local storage goes where cloud volumes come; existing machines keep it, or no StorageClass would be left',
  },
  { flag: 'flannel-backend', value: () => 'none', reason: 'Cilium is the CNI' },
  { flag: 'disable-network-policy', value: () => true, reason: 'Cilium enforces network policies' },
  {
    flag: 'disable-kube-proxy',
    value: () => true,
    reason: "Not in the stack document: Cilium's kubeProxyReplacement only adds to a kube-proxy that runs",
  },
  {
    flag: 'disable-cloud-controller',
    value: onCloud(true),
    reason:
      "Not in the stack document: Hetzner's cloud controller takes the place of the embedded one, which existing machines keep",
  },
  {
    flag: 'cluster-cidr',
    value: ({ network }) => network.podCidr,
    reason: 'Disjoint from the other region, so that both can be meshed',
  },
  {
    flag: 'service-cidr',
    value: ({ network }) => network.serviceCidr,
    reason: 'Disjoint from the other region',
  },
  {
    flag: 'cluster-dns',
    value: ({ network }) => hostOf(network.serviceCidr, 10),
    reason: 'The tenth address of service-cidr, said because service-cidr may differ from the default',
  },
  {
    flag: 'secrets-encryption',
    value: () => true,
    reason: 'From the first start: turning it on later takes several steps',
  },
  {
    flag: 'kube-controller-manager-arg',
    value: () => ['node-monitor-period=5s', 'node-monitor-grace-period=20s'],
    reason:
      'As in the stack document: a lost node is noticed after 20 s instead of 50 s. It needs the faster kubelet reports below',
  },
  {
    flag: 'kube-apiserver-arg',
    value: () => ['default-watch-cache-size=50'],
    reason: 'As in the stack document; without effect since Kubernetes 1.19, where caches size themselves',
  },
  {
    flag: 'etcd-arg',
    value: () => ['quota-backend-bytes=2147483648'],
    reason:
      "The stack document says 1 GiB, half of etcd's default; Helm's revisions and reports of scanners fill it and the API turns read-only, so 2 GiB",
  },
];

/** The same on servers and agents, but read by each kubelet for itself. */
export const NODE_FLAGS: readonly Flag[] = [
  {
    flag: 'kubelet-arg',
    value: ({ cloud, kubernetes }) => [
      `max-pods=${kubernetes.maxPods}`,
      'node-status-update-frequency=4s',
      ...(cloud.provider === 'existing' ? [] : ['cloud-provider=external']),
    ],
    reason:
      "The stack document says 50 pods, the platform alone needs more on a single machine; a /24 for each node allows 110. Reports every 4 s go with the 20 s above. cloud-provider=external waits for Hetzner's cloud controller: K3s sets it only for its own",
  },
  {
    flag: 'protect-kernel-defaults',
    value: () => true,
    reason:
      'The kubelet refuses to run on kernel settings it would have to change; the bootstrap program sets them first',
  },
];

/** The part common to all servers. */
export function serverConfig(spec: RegionSpec): Config {
  return config(spec, SERVER_FLAGS);
}

/** The part of one machine. The program adds cluster-init or server, and the tokens from their Secret. */
export function nodeConfig(spec: RegionSpec, machine: Machine, place: Place): Config {
  const { address, nodeAddress } = place;
  return {
    ...config(spec, NODE_FLAGS),
    'node-name': machine.name,
    'node-ip': nodeAddress,
    ...(machine.existing && address !== nodeAddress && { 'node-external-ip': address }),
    ...(machine.role === 'server' && {
      'advertise-address': nodeAddress,
      'tls-san': [...new Set([apiHost(spec), address, nodeAddress, ...place.apiAddresses])],
    }),
    'node-label': Object.entries({
      ...poolLabels(machine),
      ...(machine.gateway && { [GATEWAY_NODE_LABEL]: 'true' }),
    }).map(([name, value]) => `${name}=${value}`),
    'node-taint': [...machine.taints, ownTaint],
  };
}

/** Cilium takes it away when it runs on the node. Source: docs.cilium.io, taints, 2026-11. */
export const ownTaint = 'node.cilium.io/agent-not-ready=true:NoExecute';

/** Labels that a node has of its pool. */
export function poolLabels({ labels, pool }: Machine): Record<string, string> {
  return { ...labels, 'platform.openova.io/pool': pool };
}

export interface Place {
  readonly address: string;
  readonly nodeAddress: string;
  /** Further addresses at which the API is reached, such as the load balancer's. */
  readonly apiAddresses: readonly string[];
}

/** The name that names every server of the region. */
export function apiHost({ name, domain }: Pick<RegionSpec, 'name' | 'domain'>): string {
  return `api.${name}.${domain}`;
}

function config(spec: RegionSpec, flags: readonly Flag[]): Config {
  return Object.fromEntries(
    flags.flatMap(({ flag, value }): [string, Value][] => {
      const given = value(spec);
      return given === undefined ? [] : [[flag, given]];
    }),
  );
}
