import { describe, expect, it } from 'vitest';
import { PACKAGES } from '../../functions/providers/packages.ts';
import { checkManifest } from './check.ts';
import { fieldOf, fileOf, readTables } from './table.ts';

const server = {
  apiVersion: 'server.hetzner.crossplane.io/v1alpha1',
  kind: 'Server',
  metadata: { name: 'acme-general-1-g1' },
};
const object = {
  apiVersion: 'kubernetes.crossplane.io/v1alpha2',
  kind: 'Object',
  metadata: { name: 'orders' },
};
const cluster = {
  apiVersion: 'postgresql.cnpg.io/v1',
  kind: 'Cluster',
  metadata: { name: 'orders', namespace: 'data-orders' },
};

describe('checkManifest', () => {
  it.each([
    {
      reason: 'everything that is required is there, with the types of the CRD',
      manifest: {
        ...server,
        spec: { forProvider: { name: 'a', serverType: 'cx33', network: [{ ip: '10.0.0.2' }] } },
      },
      wrong: [],
    },
    {
      reason: 'upjet requires parameters by rule, not by `required`',
      manifest: { ...server, spec: { forProvider: { name: 'a' } } },
      wrong: ['spec.forProvider.serverType: is missing'],
    },
    {
      reason: 'what only observes needs no parameters',
      manifest: { ...server, spec: { managementPolicies: ['Observe'], forProvider: {} } },
      wrong: [],
    },
    {
      reason: 'initProvider gives a parameter too',
      manifest: { ...server, spec: { forProvider: { name: 'a' }, initProvider: { serverType: 'cx33' } } },
      wrong: [],
    },
    {
      reason: 'a field that the CRD does not have would be pruned in silence',
      manifest: { ...server, spec: { forProvider: { name: 'a', serverType: 'cx33', datacentre: 'fsn1' } } },
      wrong: ['spec.forProvider.datacentre: is not a field'],
    },
    {
      reason: 'ids are numbers in one field and strings in another',
      manifest: {
        ...server,
        spec: { forProvider: { name: 'a', serverType: 'cx33', placementGroupId: '7' } },
      },
      wrong: ['spec.forProvider.placementGroupId: is "7", must be number'],
    },
    {
      reason: 'a nested Terraform block is a list even when there is at most one',
      manifest: {
        ...server,
        spec: { forProvider: { name: 'a', serverType: 'cx33', network: { ip: '10.0.0.2' } } },
      },
      wrong: ['spec.forProvider.network: is {"ip":"10.0.0.2"}, must be array'],
    },
    {
      reason: 'status is written by the provider',
      manifest: { ...server, spec: { forProvider: { name: 'a', serverType: 'cx33' } }, status: {} },
      wrong: ['status: is not a field'],
    },
    {
      reason: 'enums hold in lists too',
      manifest: { ...server, spec: { managementPolicies: ['Look'], forProvider: {} } },
      wrong: [
        'spec.managementPolicies[0]: is "Look", must be one of Observe, Create, Update, Delete, LateInitialize, *',
      ],
    },
    {
      reason: 'an undefined field is a field that is not there',
      manifest: { ...server, spec: { forProvider: { name: 'a', serverType: 'cx33', colour: undefined } } },
      wrong: [],
    },
    {
      reason: 'null is a value of its own',
      manifest: { ...server, spec: { forProvider: { name: 'a', serverType: null } } },
      wrong: ['spec.forProvider.serverType: is null, must be string'],
    },
    {
      reason: 'a cluster-scoped kind cannot be put into a namespace',
      manifest: {
        ...server,
        metadata: { name: 'a', namespace: 'acme' },
        spec: { managementPolicies: ['Observe'], forProvider: {} },
      },
      wrong: ['metadata.namespace: Server has no namespace'],
    },
    {
      reason: 'the manifest inside an Object is checked by its own table',
      manifest: {
        ...object,
        spec: { forProvider: { manifest: { ...cluster, spec: { instances: 3, storage: { size: 10 } } } } },
      },
      wrong: ['spec.forProvider.manifest.spec.storage.size: is 10, must be string'],
    },
    {
      reason: 'nothing defaults the namespace inside an Object',
      manifest: {
        ...object,
        spec: {
          forProvider: { manifest: { ...cluster, metadata: { name: 'orders' }, spec: { instances: 3 } } },
        },
      },
      wrong: ['spec.forProvider.manifest.metadata.namespace: is missing'],
    },
    {
      reason: 'kinds of Kubernetes itself are known elsewhere, inside an Object too',
      manifest: {
        ...object,
        spec: {
          forProvider: {
            manifest: { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'data-orders' } },
          },
        },
      },
      wrong: [],
    },
    {
      reason: 'a required field of a list item is looked for in each',
      manifest: { ...cluster, spec: { instances: 1, plugins: [{ name: 'a' }, { enabled: true }] } },
      wrong: ['spec.plugins[1].name: is missing'],
    },
    {
      reason: 'quantities are text or whole numbers',
      manifest: { ...cluster, spec: { instances: 1, resources: { limits: { memory: '1Gi', cpu: 1.5 } } } },
      wrong: ['spec.resources.limits.cpu: is 1.5, must be int-or-string'],
    },
    {
      reason: 'a list that is a map has every key once',
      manifest: {
        apiVersion: 'gateway.networking.k8s.io/v1',
        kind: 'Gateway',
        metadata: { name: 'main', namespace: 'gateway' },
        spec: {
          gatewayClassName: 'cilium',
          listeners: [
            { name: 'http', port: 80, protocol: 'HTTP' },
            { name: 'http', port: 443, protocol: 'HTTPS' },
          ],
        },
      },
      wrong: ['spec.listeners[1]: is there twice'],
    },
    {
      reason: 'a kind without a table is a kind that nobody checked',
      manifest: { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 'a' } },
      wrong: ['kind: no field table for example.org/v1 Thing'],
    },
    {
      reason: 'a group of Kubernetes that is served by a CRD needs a table',
      manifest: { apiVersion: 'gateway.networking.k8s.io/v1', kind: 'Nothing', metadata: { name: 'a' } },
      wrong: ['kind: no field table for gateway.networking.k8s.io/v1 Nothing'],
    },
    {
      reason: 'a label value is short and plain',
      manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', labels: { node: 'a/b' } } },
      wrong: ['metadata.labels.node: is "a/b", which no label can hold'],
    },
    {
      reason: 'what the API server writes is not ours to set',
      manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'a', resourceVersion: '7' } },
      wrong: ['metadata.resourceVersion: is not ours to set'],
    },
    {
      reason: 'not every value is an object',
      manifest: 'text',
      wrong: ['object: has no apiVersion, kind or metadata'],
    },
  ])('$reason', ({ manifest, wrong }) => {
    expect(checkManifest(manifest)).toEqual(wrong);
  });
});

describe('field tables', () => {
  const tables = readTables();

  it.each(PACKAGES.flatMap(({ managed }) => managed.map(({ apiVersion, kind }) => `${apiVersion}/${kind}`)))(
    'there is one for %s, which a provider package serves and we emit',
    (kind) => {
      expect(tables.get(kind)?.source).toBeDefined();
    },
  );

  it('lie in files named as their kinds, and every entry can be read', () => {
    for (const table of tables.values()) {
      expect(fileOf(table)).toMatch(/^[a-z0-9.-]+_v[a-z0-9]+_[A-Za-z0-9]+\.json$/);
      expect(Object.values(table.fields).map(fieldOf).length).toBeGreaterThan(0);
    }
  });
});
