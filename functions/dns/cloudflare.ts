import { credential, type DnsProvider, secretVariable, zoneRef } from './provider.ts';

/**
 * Cloudflare, with an API token that may read the zone and edit its records.
 * Sources: ExternalDNS 0.21.0 docs/tutorials/cloudflare, cert-manager 1.21.1 ClusterIssuer CRD, read 2026-11-21.
 */
export const cloudflare: DnsProvider = {
  id: 'cloudflare',
  package: 'provider-cloudflare-dns',
  // Every value is a record of its own, with an id of its own. Names are complete, else they differ for ever from what
  // the API answers. Source: CRD of provider-upjet-cloudflare v0.2.14, terraform-provider-cloudflare 5.22.0.
  records: ({ name, type, values, ttl }, dns) =>
    values.map((value) => ({
      apiVersion: 'dns.upjet-cloudflare.upbound.io/v1alpha1',
      kind: 'Record',
      value,
      forProvider: {
        ...(dns.zoneId === undefined ? { zoneIdRef: zoneRef(dns) } : { zoneId: dns.zoneId }),
        name,
        type,
        content: value,
        ttl,
        // Through Cloudflare's proxy neither the Kubernetes API nor other ports would work.
        proxied: false,
      },
      fixed: ['zoneId', 'zoneIdRef'],
    })),
  credentials: () => ({ keys: ['token'] }),
  externalDns: ({ zone, zoneId }) => ({
    provider: { name: 'cloudflare' },
    env: [secretVariable('CF_API_TOKEN', 'token')],
    // By its id the zone is found whatever the filter for domains says; by that filter only when it names the zone.
    ...(zoneId === undefined ? { domainFilters: [zone] } : { extraArgs: { 'zone-id-filter': zoneId } }),
  }),
  dns01: () => ({ cloudflare: { apiTokenSecretRef: credential('token') } }),
};
