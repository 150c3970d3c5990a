import { absolute, credential, type DnsProvider, secretVariable, zoneRef } from './provider.ts';

/** Route 53 is global; its API is signed for this region. */
const REGION = 'us-east-1';

/**
 * Amazon Route 53, with an access key that may change the hosted zone.
 * Sources: ExternalDNS 0.21.0 docs/tutorials/aws, cert-manager 1.21.1 ClusterIssuer CRD, read 2026-11-21.
 */
export const route53: DnsProvider = {
  id: 'route53',
  package: 'provider-aws-route53',
  // Source: CRD of provider-upjet-aws v2.6.0.
  records: (record, dns) => [
    {
      apiVersion: 'route53.aws.upbound.io/v1beta2',
      kind: 'Record',
      forProvider: {
        ...(dns.zoneId === undefined ? { zoneIdRef: zoneRef(dns) } : { zoneId: dns.zoneId }),
        name: record.name,
        type: record.type,
        records: absolute(record),
        ttl: record.ttl,
      },
      fixed: ['zoneId', 'zoneIdRef', 'name', 'type'],
    },
  ],
  credentials: () => ({ keys: ['accessKeyId', 'secretAccessKey'] }),
  externalDns: ({ zoneId }) => ({
    provider: { name: 'aws' },
    env: [
      secretVariable('AWS_ACCESS_KEY_ID', 'accessKeyId'),
      secretVariable('AWS_SECRET_ACCESS_KEY', 'secretAccessKey'),
      { name: 'AWS_DEFAULT_REGION', value: REGION },
    ],
    extraArgs: {
      // Finds the zone also when it lies above the domain.
      'aws-zone-match-parent': true,
      ...(zoneId !== undefined && { 'zone-id-filter': zoneId }),
    },
  }),
  dns01: ({ zoneId }) => ({
    route53: {
      region: REGION,
      ...(zoneId !== undefined && { hostedZoneID: zoneId }),
      accessKeyIDSecretRef: credential('accessKeyId'),
      secretAccessKeySecretRef: credential('secretAccessKey'),
    },
  }),
};
