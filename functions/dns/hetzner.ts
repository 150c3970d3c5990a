import { credential, secretVariable, type DnsProvider } from './provider.ts';

/**
 * Zones of Hetzner's Cloud API, with a token of the zone's project that may write.
 * ExternalDNS has no provider for it: a webhook beside it speaks to Hetzner. Sources: its README at v1.0.2
 * (mconfalonieri/external-dns-hetzner-webhook, 2026-07-25); hetzner/cert-manager-webhook-hetzner, reference of issuer
 * configuration at v0.9.0 (2026-08-19).
 */
export const hetzner: DnsProvider = {
  id: 'hetzner',
  credentials: () => ({ keys: ['token'] }),
  externalDns: () => ({
    provider: {
      name: 'webhook',
      webhook: {
        image: {
          repository: 'ghcr.io/mconfalonieri/external-dns-hetzner-webhook',
          // renovate: datasource=docker depName=ghcr.io/mconfalonieri/external-dns-hetzner-webhook
          tag: 'v1.0.2',
        },
        env: [secretVariable('HETZNER_API_KEY', 'token')],
        livenessProbe: { httpGet: { path: '/health' } },
        readinessProbe: { httpGet: { path: '/ready' } },
      },
    },
  }),
  dns01: () => ({
    webhook: {
      groupName: 'acme.hetzner.com',
      solverName: 'hetzner',
      config: { tokenSecretKeyRef: credential('token') },
    },
  }),
};
