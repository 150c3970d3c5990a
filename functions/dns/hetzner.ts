import { absolute, credential, type DnsProvider, nameInZone, secretVariable } from './provider.ts';

const WEBHOOK = {
  image: 'ghcr.io/mconfalonieri/external-dns-hetzner-webhook',
  // renovate: datasource=docker depName=ghcr.io/mconfalonieri/external-dns-hetzner-webhook
  version: 'v1.0.2',
};

/**
 * Zones of Hetzner's Cloud API, with a token of the zone's project that may write.
 * ExternalDNS has no provider for it: a webhook beside it speaks to Hetzner. Sources: its README at v1.0.2
 * (mconfalonieri/external-dns-hetzner-webhook, 2026-07-25); hetzner/cert-manager-webhook-hetzner, reference of issuer
 * configuration at v0.9.0 (2026-08-19).
 */
export const hetzner: DnsProvider = {
  id: 'hetzner',
  package: 'provider-hetzner',
  // The zone goes by name: the package's own kind Zone can not be used. Source: CRD of provider-hetzner v0.2.1.
  records: (record, { zone }) => [
    {
      apiVersion: 'dns.hetzner.crossplane.io/v1alpha1',
      kind: 'ZoneRRSet',
      forProvider: {
        zone,
        name: nameInZone(record.name, zone),
        type: record.type,
        records: absolute(record).map((value) => ({ value })),
        ttl: record.ttl,
      },
      fixed: ['zone', 'name', 'type'],
    },
  ],
  credentials: () => ({ keys: ['token'] }),
  externalDns: () => ({
    provider: {
      name: 'webhook',
      webhook: {
        image: { repository: WEBHOOK.image, tag: WEBHOOK.version },
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
