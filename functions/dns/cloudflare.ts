import { credential, secretVariable, type DnsProvider } from './provider.ts';

/**
 * Cloudflare, with an API token that may read the zone and edit its records.
 * Sources: ExternalDNS 0.21.0 docs/tutorials/cloudflare, cert-manager 1.21.1 ClusterIssuer CRD, read 2026-11-21.
 */
export const cloudflare: DnsProvider = {
  id: 'cloudflare',
  credentials: () => ({ keys: ['token'] }),
  externalDns: ({ zoneId }) => ({
    provider: { name: 'cloudflare' },
    env: [secretVariable('CF_API_TOKEN', 'token')],
    ...(zoneId !== undefined && { extraArgs: { 'zone-id-filter': zoneId } }),
  }),
  dns01: () => ({ cloudflare: { apiTokenSecretRef: credential('token') } }),
};
