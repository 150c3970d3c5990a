import { expect, it } from 'vitest';
import type { Manifest } from '../../functions/kernel/manifest.ts';
import { validate } from './crossplane.ts';
import { schemaFolders, withEmbedded } from './schemas.ts';

const release: Manifest = {
  apiVersion: 'helm.crossplane.io/v1beta1',
  kind: 'Release',
  metadata: { name: 'a' },
  spec: {
    forProvider: {
      chart: { name: 'a', repository: 'https://charts.example.org', version: '1.0.0' },
      namespace: 'a',
    },
  },
};

const objectOf = (manifest: Manifest): Manifest => ({
  apiVersion: 'kubernetes.crossplane.io/v1alpha2',
  kind: 'Object',
  metadata: { name: 'a' },
  spec: { forProvider: { manifest } },
});

const usage: Manifest = {
  apiVersion: 'protection.crossplane.io/v1beta1',
  kind: 'ClusterUsage',
  metadata: { name: 'a' },
  spec: { of: { apiVersion: 'v1', kind: 'Namespace', resourceRef: { name: 'a' } }, reason: 'a test' },
};

const role: Manifest = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'Role',
  metadata: { name: 'a' },
  rules: [],
};

it('has a schema for the kinds of Crossplane, of both providers, and of Kubernetes itself', async () => {
  const objects = withEmbedded([release, objectOf(role), usage]);

  expect(objects).toHaveLength(4);
  expect(await validate(await schemaFolders(), objects)).toEqual({ errors: [], missing: [], passed: 4 });
});

it('looks into the manifests that an Object carries', async () => {
  const { errors } = await validate(await schemaFolders(), withEmbedded([objectOf({ ...role, rolls: [] })]));

  expect(errors).toEqual([
    { object: 'rbac.authorization.k8s.io/v1/Role a', field: '', message: 'unknown field "rolls"' },
  ]);
});
