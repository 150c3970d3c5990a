import { absolute, credential, DNS_SECRET, type DnsProvider, zoneRef } from './provider.ts';

const KEY = 'serviceAccount';
const FOLDER = '/etc/dns-credentials';

/**
 * Google Cloud DNS, with the JSON key of a service account that may change the managed zone.
 * Sources: ExternalDNS 0.21.0 docs/tutorials/gke, cert-manager 1.21.1 ClusterIssuer CRD, read 2026-11-21.
 */
export const clouddns: DnsProvider = {
  id: 'clouddns',
  package: 'provider-gcp-dns',
  // The managed zone goes by its own name, not by its domain. Source: CRD of provider-upjet-gcp v3.0.0.
  records: (record, dns) => [
    {
      apiVersion: 'dns.gcp.upbound.io/v1beta2',
      kind: 'RecordSet',
      forProvider: {
        ...(dns.zoneId === undefined ? { managedZoneRef: zoneRef(dns) } : { managedZone: dns.zoneId }),
        ...(dns.project !== undefined && { project: dns.project }),
        name: `${record.name}.`,
        type: record.type,
        rrdatas: absolute(record),
        ttl: record.ttl,
      },
      fixed: ['managedZone', 'managedZoneRef', 'project', 'name', 'type'],
    },
  ],
  credentials: () => ({ keys: [], json: KEY }),
  externalDns: ({ project, zone }) => ({
    provider: { name: 'google' },
    // Zones above the domain are found only when the filter names them.
    domainFilters: [zone],
    env: [{ name: 'GOOGLE_APPLICATION_CREDENTIALS', value: `${FOLDER}/${KEY}` }],
    extraVolumes: [{ name: 'dns-credentials', secret: { secretName: DNS_SECRET } }],
    extraVolumeMounts: [{ name: 'dns-credentials', mountPath: FOLDER, readOnly: true }],
    ...(project !== undefined && { extraArgs: { 'google-project': project } }),
  }),
  dns01: ({ project, zoneId }) => ({
    cloudDNS: {
      ...(project !== undefined && { project }),
      ...(zoneId !== undefined && { hostedZoneName: zoneId }),
      serviceAccountSecretRef: credential(KEY),
    },
  }),
};
