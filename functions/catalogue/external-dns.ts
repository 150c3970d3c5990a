import { dnsProviders } from '../dns/index.ts';
import { defineComponent } from './component.ts';
import { merged } from './render.ts';

/** Records for the hosts of routes. The region's own records are made by the control plane, not by this. */
export const externalDns = defineComponent({
  id: 'external-dns',
  summary: 'ExternalDNS: records for the hosts of routes and services',
  category: 'network',
  step: 'ServicesReady',
  profile: 'standard',
  fit: { needs: 'dns.secretRef', test: ({ dns }) => dns?.secretRef !== undefined },
  needs: ['gateway-api-crds', 'cilium', 'openova-system', 'hcloud-ccm'],
  chart: {
    repository: 'https://kubernetes-sigs.github.io/external-dns/',
    name: 'external-dns',
    // renovate: datasource=helm depName=external-dns registryUrl=https://kubernetes-sigs.github.io/external-dns/
    version: '1.21.1',
  },
  namespace: 'external-dns',
  // DNSEndpoint is k8gb's to bring, in a template that cannot take over one that is there; no source here reads it.
  skipCrds: true,
  memory: { perNode: 0, fixed: 64, source: 'estimate 2026-11-21; one replica always: it elects no leader' },
  values: ({ spec }) =>
    merged(
      {
        // The next chart has no default for it. Records of routes that are gone are a person's to remove.
        policy: 'upsert-only',
        sources: ['gateway-httproute', 'gateway-grpcroute', 'service'],
        // Two regions with one owner would delete each other's records.
        txtOwnerId:
          spec.cluster === undefined ? spec.region.name : `${spec.cluster.name}-${spec.region.name}`,
        txtPrefix: `${spec.region.name}-`,
        domainFilters: [spec.domain],
        interval: '1m',
      },
      spec.dns === undefined ? {} : dnsProviders[spec.dns.provider].externalDns(spec.dns),
    ),
});
