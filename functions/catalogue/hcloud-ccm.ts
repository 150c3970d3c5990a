import { defineComponent, type Context } from './component.ts';
import { helm, object, replicas } from './render.ts';

/** Hetzner's cloud controller: it gives nodes their provider id and address, and lifts the taint that keeps pods away. */
export const hcloudCcm = defineComponent({
  id: 'hcloud-ccm',
  summary: 'Cloud controller of Hetzner: initialises nodes',
  category: 'cloud',
  step: 'CloudReady',
  profile: 'minimal',
  fit: { needs: 'cloud.provider "hetzner"', test: ({ cloud }) => cloud.provider === 'hetzner' },
  needs: ['cilium', 'openova-system'],
  chart: {
    repository: 'https://charts.hetzner.cloud',
    name: 'hcloud-cloud-controller-manager',
    // renovate: datasource=helm depName=hcloud-cloud-controller-manager registryUrl=https://charts.hetzner.cloud
    version: '1.35.0',
  },
  namespace: 'kube-system',
  memory: { perNode: 0, fixed: 50, ha: 100, source: 'requests of chart 1.35.0, 2026-11-21' },
  values: (context) => ({
    replicaCount: replicas(context),
    networking: { enabled: true, clusterCIDR: context.spec.network.podCidr },
    env: {
      // Pods travel in Cilium's tunnel; routes would use up the network's limit of 100 for nothing.
      HCLOUD_NETWORK_ROUTES_ENABLED: { value: 'false' },
      // Datacenters are gone from Hetzner's API since 2026-07; new clusters do without the label.
      HCLOUD_INSTANCES_ZONE_LABEL_ENABLED: { value: 'false' },
      // For Services of type LoadBalancer that users make themselves: without a location they stay pending.
      ...(context.spec.region.location !== undefined && {
        HCLOUD_LOAD_BALANCERS_LOCATION: { value: context.spec.region.location },
      }),
      HCLOUD_LOAD_BALANCERS_USE_PRIVATE_IP: { value: 'true' },
      // Upstream's advice with ExternalDNS, which would publish an address that the firewall closes.
      HCLOUD_LOAD_BALANCERS_DISABLE_IPV6: { value: 'true' },
    },
  }),
  nodes: (component, context) => [helm(component, context), ...nodesInitialised(component.id, context)],
});

/**
 * What the release itself does not tell: that every node has its provider id and lost its taint. One object per node of
 * which only the readiness is of interest, so that the first that lacks it can be named.
 */
function nodesInitialised(release: string, context: Context) {
  return context.spec.nodes.names.map((name) => ({
    ...object(
      {
        key: `node/${name}`,
        manifest: { apiVersion: 'v1', kind: 'Node', metadata: { name } },
        readiness: { policy: 'DeriveFromCelQuery', celQuery: INITIALISED },
        observeOnly: true,
      },
      context,
    ),
    after: [release],
    // A machine added while the region runs an older release is watched like the others.
    scales: true,
  }));
}

const INITIALISED = [
  "has(object.spec.providerID) && object.spec.providerID != ''",
  "(!has(object.spec.taints) || !object.spec.taints.exists(t, t.key == 'node.cloudprovider.kubernetes.io/uninitialized'))",
].join(' && ');
