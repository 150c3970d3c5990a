/** Specs of platforms for tests, through the same parsing as real ones. */
import type { PlatformSpec } from '../../functions/apis/platform.ts';
import { parsePlatform } from '../../functions/apis/platform.ts';
import { merged } from '../../functions/catalogue/render.ts';
import type { Context, Engines } from '../../functions/catalogue/component.ts';
import { isHa, selected } from '../../functions/catalogue/select.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';

const least: JsonObject = {
  region: { name: 'fsn', location: 'fsn1' },
  cluster: { name: 'acme' },
  domain: 'acme.example.com',
  cloud: { provider: 'hetzner', tokenSecretRef: { name: 'acme-hcloud' } },
  network: {
    cidr: '10.0.0.0/16',
    podCidr: '10.42.0.0/16',
    serviceCidr: '10.43.0.0/16',
    clusterId: 1,
    clusterName: 'fsn',
    networkName: 'acme',
  },
  providerConfigName: 'acme-fsn',
  nodes: { servers: 1, agents: 2, names: ['acme-fsn-cp-1', 'acme-fsn-general-1', 'acme-fsn-general-2'] },
  secretNamespace: 'acme-platform',
  api: { host: 'api.fsn.acme.example.com' },
  certificates: { email: 'ops@acme.example.com' },
};

const dns = (provider: string, more: JsonObject = {}): JsonObject => ({
  dns: { provider, zone: 'example.com', secretRef: { name: 'acme-dns' }, ...more },
});

/** A composite whose spec is the least one with this merged over it. */
export function platformXr(over: JsonObject = {}, status: JsonObject = {}): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XOpenOvaPlatform',
    metadata: {
      name: 'acme-fsn-platform',
      labels: { 'crossplane.io/claim-name': 'acme', 'crossplane.io/claim-namespace': 'acme-platform' },
    },
    spec: merged(least, over),
    status,
  };
}

/** The typed spec; throws where it is not valid, which is the test's own mistake. */
export function platformSpec(over: JsonObject = {}): PlatformSpec {
  const parsed = parsePlatform(platformXr(over));
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.spec;
}

export function contextOf(spec: PlatformSpec, engines: Engines = new Set()): Context {
  return {
    spec,
    ha: isHa(spec, spec.nodes.servers + spec.nodes.agents),
    on: new Set(selected(spec, engines).map(({ id }) => id)),
  };
}

/** Regions that together make every component and every branch of their values. */
export const regions: Readonly<Record<string, JsonObject>> = {
  'cloudflare, load balancer of the cloud': dns('cloudflare', { zoneId: '023e105f4ecef8ad9ca31a8372d0c353' }),
  'hetzner dns, one small machine': {
    ...dns('hetzner'),
    nodes: { servers: 1, agents: 0, names: ['acme-fsn-cp-1'] },
    platform: { profile: 'minimal' },
    deletion: { volumes: 'Delete' },
  },
  'route53, archival on r2': {
    ...dns('route53', { zoneId: 'Z123' }),
    archival: {
      provider: 'r2',
      bucket: 'acme',
      endpoint: 'https://a.r2.cloudflarestorage.com',
      secretRef: { name: 'acme-r2' },
    },
    platform: { profile: 'full' },
  },
  'clouddns, archival on azureblob': {
    ...dns('clouddns', { zoneId: 'acme-zone', project: 'acme-prod' }),
    archival: { provider: 'azureblob', bucket: 'acme', secretRef: { name: 'acme-blob' } },
  },
  'azure, archival on gcs': {
    ...dns('azure', {
      resourceGroup: 'dns',
      servicePrincipal: {
        tenantId: '11111111-1111-1111-1111-111111111111',
        subscriptionId: '22222222-2222-2222-2222-222222222222',
        clientId: '33333333-3333-3333-3333-333333333333',
      },
    }),
    archival: { provider: 'gcs', bucket: 'acme', secretRef: { name: 'acme-gcs' } },
  },
  'no dns, http01': {},
  'existing machines, k8gb': {
    region: { name: 'con' },
    cloud: { provider: 'existing' },
    network: {
      cidr: '10.0.0.0/16',
      podCidr: '10.42.0.0/16',
      serviceCidr: '10.43.0.0/16',
      clusterId: 1,
      clusterName: 'con',
    },
    loadBalancer: { type: 'k8gb' },
    peers: [{ name: 'hel', podCidr: '10.44.0.0/16', serviceCidr: '10.45.0.0/16' }],
    ...dns('cloudflare'),
  },
  'existing machines, addresses on a segment': {
    cloud: { provider: 'existing' },
    loadBalancer: { type: 'cilium-l2', addresses: ['192.0.2.0/28'] },
  },
};

/** Every engine that a region may host. */
export const engines: Engines = new Set(['postgres']);
