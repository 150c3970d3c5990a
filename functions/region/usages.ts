/**
 * What must not go before what uses it, when the claim is deleted and no function is asked any more.
 * The `by` of a Usage is always a leaf with a finalizer of its own: composites let go at once.
 */
import type { Node } from '../kernel/graph.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { nameFor, SYSTEM_NAMESPACE } from '../kernel/names.ts';
import { protectClaim } from '../kernel/protection.ts';
import { machineKey, type Machine } from './machines.ts';
import type { Region } from './region.ts';
import type { RegionSpec } from '../apis/region.ts';
import { networkName } from './hcloud.ts';

const API_VERSION = 'protection.crossplane.io/v1beta1';
const STEP = 'Protected';

interface Subject {
  readonly key?: string;
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
}

/** Every Usage of a region. Network by subnet, subnet by servers, machines and load balancer by the ways into the cluster. */
export function planUsages(xrName: string, spec: RegionSpec, machines: readonly Machine[]): Node[] {
  const composed = (key: string, apiVersion: string, kind: string): Subject => ({
    key,
    apiVersion,
    kind,
    name: nameFor(xrName, key),
  });
  const server = ({ id }: Machine) =>
    composed(machineKey(id), 'server.hetzner.crossplane.io/v1alpha1', 'Server');
  const subnet = composed('subnet', 'network.hetzner.crossplane.io/v1alpha1', 'Subnet');
  const network: Subject = {
    ...(spec.network.networkRef ? {} : { key: 'network' }),
    apiVersion: 'network.hetzner.crossplane.io/v1alpha1',
    kind: 'Network',
    name: networkName({ xrName, spec }),
  };
  const configs: (Subject & { of: string })[] = [
    {
      of: 'helm',
      key: 'provider-config/helm',
      apiVersion: 'helm.crossplane.io/v1beta1',
      kind: 'ProviderConfig',
      name: xrName,
    },
    {
      of: 'kubernetes',
      key: 'provider-config/kubernetes',
      apiVersion: 'kubernetes.crossplane.io/v1alpha1',
      kind: 'ProviderConfig',
      name: xrName,
    },
  ];
  const ways = (key: string, used: Subject, reason: string): Node[] =>
    configs.map((config) => usage(`${key}/${config.of}`, used, config, reason));
  const kubeconfig: Subject = {
    key: 'kubeconfig',
    apiVersion: 'v1',
    kind: 'Secret',
    name: nameFor(xrName, 'kubeconfig'),
  };
  const kubeconfigUsages = ways(
    'usage/kubeconfig',
    kubeconfig,
    'The cluster is reached with this kubeconfig',
  ).map(namespaced);
  if (spec.cloud.provider === 'existing') return kubeconfigUsages;

  const loadBalancer = composed(
    'load-balancer',
    'loadbalancer.hetzner.crossplane.io/v1alpha1',
    'LoadBalancer',
  );
  const attachment = composed(
    'load-balancer/network',
    'loadbalancer.hetzner.crossplane.io/v1alpha1',
    'NetworkAttachment',
  );
  return [
    usage('usage/network/subnet', network, subnet, 'A network goes after its subnets'),
    ...machines.flatMap((machine) => [
      usage(`usage/subnet/${machine.id}`, subnet, server(machine), 'A subnet goes after its servers', true),
      ...ways(
        `usage/machine/${machine.id}`,
        server(machine),
        'Machines go after what is taken down in their cluster',
      ).map((node) => ({ ...node, scales: true })),
    ]),
    ...(spec.loadBalancer.type === 'cloud'
      ? [
          usage('usage/subnet/load-balancer', subnet, attachment, 'A subnet goes after its load balancer'),
          ...ways(
            'usage/load-balancer',
            loadBalancer,
            'The load balancer goes after what is taken down behind it',
          ),
        ]
      : []),
    ...kubeconfigUsages,
  ];
}

/** Refuses to delete the claim of a region that stands alone; in a cluster the cluster's claim is what is protected. */
export function planProtection({ xr, spec }: Pick<Region, 'xr' | 'spec'>): Node[] {
  if (!spec.deletionProtection || spec.cluster !== undefined) return [];
  const reason = 'spec.deletionProtection is true: set it to false to delete this region and all it holds';
  // A wish of the claim, whatever release runs.
  return protectClaim(xr, 'OpenOvaRegion', reason).map((node) => ({ ...node, step: STEP, scales: true }));
}

function usage(key: string, of: Subject, by: Subject, reason: string, scales = false): Node {
  return {
    key,
    step: STEP,
    scales,
    after: [of.key, by.key].flatMap((one) => one ?? []),
    manifest: {
      apiVersion: API_VERSION,
      kind: 'ClusterUsage',
      spec: { of: subject(of), by: subject(by), reason, replayDeletion: true },
    },
  };
}

/** A Usage of a namespaced object of ours, by a cluster-scoped one. */
function namespaced(node: Node): Node {
  return {
    ...node,
    manifest: { ...node.manifest, kind: 'Usage', metadata: { namespace: SYSTEM_NAMESPACE } },
  };
}

function subject({ apiVersion, kind, name }: Subject): JsonObject {
  return { apiVersion, kind, resourceRef: { name } };
}
