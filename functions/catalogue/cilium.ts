import type { PlatformSpec } from '../apis/platform.ts';
import { GATEWAY_NODE_LABEL } from '../kernel/names.ts';
import { defineComponent } from './component.ts';
import { replicas } from './render.ts';

/** K3s serves the API here on every machine: a balancer over all servers on agents, the server itself on servers. */
const API = { host: '127.0.0.1', port: 6444 };

/**
 * The network of pods, services and gateways. No node is Ready before it runs, so nothing of its installation may wait
 * for one: Helm does not wait, and the chart has no hook (see `hubble.tls`). Keys and defaults: values.yaml and rendered
 * manifests of chart 1.20.0, 2026-11-21.
 */
export const cilium = defineComponent({
  id: 'cilium',
  summary: 'Pod network with WireGuard, service load balancing, Gateway API, Hubble',
  category: 'network',
  step: 'NetworkReady',
  profile: 'minimal',
  slot: { name: 'mesh', variant: 'cilium' },
  // K3s runs without a network and without kube-proxy.
  usedBy: () => 'every node for its network',
  needs: ['gateway-api-crds'],
  chart: {
    repository: 'https://helm.cilium.io/',
    name: 'cilium',
    // renovate: datasource=helm depName=cilium registryUrl=https://helm.cilium.io/
    version: '1.20.0',
  },
  namespace: 'kube-system',
  memory: {
    perNode: 320,
    fixed: 256,
    ha: 384,
    source:
      'estimate 2026-11-21: agent 256 and Envoy 64 per machine, operator, relay and UI; charts set no requests',
  },
  values: (context) => {
    const { spec } = context;
    const { network } = spec;
    return {
      // Given at the first install: changing them later restarts every workload, and a mesh of regions needs them.
      cluster: { id: network.clusterId, name: network.clusterName },
      kubeProxyReplacement: true,
      k8sServiceHost: API.host,
      k8sServicePort: API.port,
      // Each node takes its pods' addresses from the range that Kubernetes gave it; the default takes 10.0.0.0/8.
      ipam: { mode: 'kubernetes' },
      routingMode: 'tunnel',
      tunnelProtocol: 'vxlan',
      encryption: { enabled: true, type: 'wireguard', nodeEncryption: false },
      rollOutCiliumPods: true,
      operator: { replicas: replicas(context), rollOutPods: true },
      hubble: {
        enabled: true,
        relay: { enabled: true, rollOutPods: true },
        ui: { enabled: true, rollOutPods: true },
        // cronJob would run a post-install hook, which Helm awaits whatever `wait` says; on machines without a network
        // it could fail, and the release with it. Helm's own certificates change with each upgrade and outlive the
        // pause between two: three years.
        tls: { auto: { method: 'helm', certValidityDuration: 1095 } },
      },
      gatewayAPI: gateway(spec),
      envoy: {
        enabled: true,
        rollOutPods: true,
        // Envoy listens on ports 80 and 443 of the machines.
        securityContext: {
          capabilities: {
            keepCapNetBindService: true,
            envoy: ['NET_BIND_SERVICE', 'NET_ADMIN', 'SYS_ADMIN'],
          },
        },
      },
      // Gives the Service of k8gb's DNS server the machines' addresses: clouds' load balancers carry TCP alone.
      nodeIPAM: { enabled: spec.loadBalancer.type === 'k8gb' },
      l2announcements: { enabled: spec.loadBalancer.type === 'cilium-l2' },
      prometheus: { enabled: true },
    };
  },
});

/** On the host network there is one way in, and no Service that a cloud controller would make a second one for. */
function gateway({ loadBalancer: { type } }: PlatformSpec) {
  return {
    enabled: true,
    // A string, because Cilium 1.19 refuses a boolean. `auto` makes no class when the kinds are not served yet.
    gatewayClass: { create: 'true' },
    hostNetwork: {
      enabled: type !== 'cilium-l2',
      nodes: { matchLabels: { [GATEWAY_NODE_LABEL]: 'true' } },
    },
    // Both sides of the cloud's load balancer speak it; then Envoy takes nothing else.
    enableProxyProtocol: type === 'cloud',
  };
}
