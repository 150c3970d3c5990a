import { delegationOf } from '../dns/records.ts';
import { defineComponent } from './component.ts';

/**
 * Answers DNS for `gslb.<domain>` from the machines themselves, and leaves out regions that are not well. The control
 * plane delegates the zone to it, so it writes to no DNS provider and needs no credentials: its own ExternalDNS stays
 * out. Sources: chart k8gb v0.20.0, controllers/resolver at that tag, read 2026-11-21.
 */
export const k8gb = defineComponent({
  id: 'k8gb',
  summary: 'k8gb: balances regions by DNS, without a load balancer',
  category: 'network',
  step: 'GatewayReady',
  profile: 'minimal',
  fit: {
    needs: 'dns and loadBalancer.type "k8gb"',
    test: ({ dns, loadBalancer }) => dns !== undefined && loadBalancer.type === 'k8gb',
  },
  needs: ['gateway-api-crds', 'cilium', 'hcloud-ccm'],
  chart: {
    repository: 'https://www.k8gb.io',
    name: 'k8gb',
    // renovate: datasource=helm depName=k8gb registryUrl=https://www.k8gb.io
    version: 'v0.20.0',
  },
  namespace: 'k8gb',
  memory: { perNode: 0, fixed: 160, source: 'requests of chart v0.20.0, 2026-11-21' },
  values: ({ spec }) => {
    const { zone, parent } = delegationOf(spec.domain, spec.dns?.zone ?? spec.domain);
    return {
      k8gb: {
        dnsZones: [{ parentZone: parent, loadBalancedZone: zone, dnsZoneNegTTL: 30 }],
        clusterGeoTag: spec.region.name,
        // The region's own among them: an empty list would make k8gb ask the parent zone for the others.
        extGslbClustersGeoTags: [spec.region.name, ...spec.peers.map(({ name }) => name)].sort().join(','),
        // Only for objects of a group that k8gb has left.
        installLegacyCrds: false,
      },
      coredns: {
        serviceType: 'LoadBalancer',
        // The machines' own addresses: load balancers of clouds carry TCP alone, and DNS asks by UDP.
        service: { loadBalancerClass: 'io.cilium/node' },
      },
      extdns: { enabled: false },
      gatewayapi: { enabled: true },
      istio: { enabled: false },
    };
  },
});
