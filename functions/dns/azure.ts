import { absolute, credential, DNS_SECRET, type DnsProvider, nameInZone } from './provider.ts';

const KEY = 'clientSecret';
const FILE = 'azure.json';

/**
 * Azure DNS, with the secret of an application (service principal) that may change the zone.
 * Sources: ExternalDNS 0.21.0 docs/tutorials/azure, cert-manager 1.21.1 ClusterIssuer CRD, read 2026-11-21.
 */
export const azure: DnsProvider = {
  id: 'azure',
  package: 'provider-azure-network',
  // A kind for each type, and no field for the name. Source: CRDs of provider-upjet-azure v2.7.0.
  records: (record, { zone, resourceGroup }) => [
    {
      apiVersion: 'network.azure.upbound.io/v1beta1',
      kind: `DNS${record.type}Record`,
      externalName: nameInZone(record.name, zone),
      forProvider: {
        zoneName: zone,
        resourceGroupName: resourceGroup,
        records: absolute(record),
        ttl: record.ttl,
      },
      fixed: ['zoneName', 'resourceGroupName'],
    },
  ],
  credentials: ({ servicePrincipal, resourceGroup }) => ({
    keys: [KEY],
    document: {
      key: FILE,
      fields: {
        tenantId: servicePrincipal?.tenantId,
        subscriptionId: servicePrincipal?.subscriptionId,
        resourceGroup,
        aadClientId: servicePrincipal?.clientId,
      },
      secrets: { aadClientSecret: KEY },
    },
  }),
  externalDns: ({ zone }) => ({
    provider: { name: 'azure' },
    // Finds the zone also when it lies above the domain.
    extraArgs: { 'zone-name-filter': zone },
    extraVolumes: [
      { name: 'azure-config', secret: { secretName: DNS_SECRET, items: [{ key: FILE, path: FILE }] } },
    ],
    // Where the provider looks for its file by default.
    extraVolumeMounts: [{ name: 'azure-config', mountPath: '/etc/kubernetes', readOnly: true }],
  }),
  dns01: ({ servicePrincipal, resourceGroup, zone }) => ({
    azureDNS: {
      environment: 'AzurePublicCloud',
      hostedZoneName: zone,
      resourceGroupName: resourceGroup,
      tenantID: servicePrincipal?.tenantId,
      subscriptionID: servicePrincipal?.subscriptionId,
      clientID: servicePrincipal?.clientId,
      clientSecretSecretRef: credential(KEY),
    },
  }),
};
