import { describe, expect, it } from 'vitest';
import { follow, freeze, held } from '../../functions/kernel/hold.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';

/** An object as the API server returns it, with fieldsV1 for our manager. */
function observed(object: JsonObject, fieldsV1: JsonObject | undefined): Manifest {
  return {
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    ...object,
    metadata: {
      name: 'thing',
      uid: '0a',
      resourceVersion: '7',
      ...(typeof object['metadata'] === 'object' && !Array.isArray(object['metadata'])
        ? object['metadata']
        : {}),
      ...(fieldsV1 && {
        managedFields: [
          { manager: 'provider', operation: 'Update', fieldsV1: { 'f:spec': { 'f:late': {} } } },
          { manager: 'apiextensions.crossplane.io/composed/0a1b', operation: 'Apply', fieldsV1 },
        ],
      }),
    },
  };
}

const leaf = {};
const cases: Record<string, { reason: string; object: JsonObject; fields?: JsonObject; want: JsonObject }> = {
  'a field of another manager': {
    reason: 'holding what a provider wrote would take it from the provider',
    object: { spec: { size: 1, late: 2 } },
    fields: { 'f:spec': { 'f:size': leaf } },
    want: { spec: { size: 1 } },
  },
  'a list that is one value': {
    reason: 'an atomic list is owned whole',
    object: { spec: { zones: ['b', 'a'] } },
    fields: { 'f:spec': { 'f:zones': leaf } },
    want: { spec: { zones: ['b', 'a'] } },
  },
  'a list of named things': {
    reason: 'of a map by name only our items are ours, and of those only our fields',
    object: {
      spec: {
        ports: [
          { name: 'a', port: 1, seen: true },
          { name: 'b', port: 2 },
        ],
      },
    },
    fields: { 'f:spec': { 'f:ports': { 'k:{"name":"a"}': { '.': leaf, 'f:name': leaf, 'f:port': leaf } } } },
    want: { spec: { ports: [{ name: 'a', port: 1 }] } },
  },
  'a set': {
    reason: 'of a set only our values are ours',
    object: { spec: { ids: [1, 2, 3] } },
    fields: { 'f:spec': { 'f:ids': { 'v:2': leaf } } },
    want: { spec: { ids: [2] } },
  },
  'an empty object of ours': {
    reason: 'an object applied empty stays empty, whatever others put in it',
    object: { spec: { values: { theirs: 1 } } },
    fields: { 'f:spec': { 'f:values': { '.': leaf } } },
    want: { spec: { values: {} } },
  },
  'labels of Crossplane': {
    reason: 'core writes them itself under the same manager',
    object: {
      metadata: {
        labels: { 'crossplane.io/composite': 'acme', mine: 'yes', 'crossplane.io/claim-name': 'acme' },
        annotations: {
          'crossplane.io/composition-resource-name': 'thing',
          'crossplane.io/external-name': '42',
        },
      },
    },
    fields: {
      'f:metadata': {
        'f:labels': { 'f:crossplane.io/composite': leaf, 'f:mine': leaf, 'f:crossplane.io/claim-name': leaf },
        'f:annotations': { 'f:crossplane.io/composition-resource-name': leaf },
        'f:ownerReferences': { 'k:{"uid":"1"}': leaf },
      },
    },
    want: { metadata: { name: 'thing', labels: { mine: 'yes' } } },
  },
  'no managedFields': {
    reason: 'files of a render have none: everything but status and server fields',
    object: {
      spec: { size: 1, late: 2 },
      status: { ready: true },
      metadata: { generation: 3, finalizers: ['x'] },
    },
    want: { spec: { size: 1, late: 2 } },
  },
};

it('of a Secret no value is held, also where nobody says whose it is', () => {
  const secret = {
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    data: { key: 'dmFsdWU=' },
    stringData: { key: 'value' },
  };

  expect(held({ ...secret, metadata: { name: 'kubeconfig' } })).toEqual({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'Opaque',
    metadata: { name: 'kubeconfig' },
  });
});

describe('hold', () => {
  for (const [name, { reason, object, fields, want }] of Object.entries(cases))
    it(`${name}: ${reason}`, () => {
      expect(held(observed(object, fields))).toEqual({
        apiVersion: 'example.org/v1',
        kind: 'Thing',
        metadata: { name: 'thing' },
        ...want,
      });
    });
});

describe('freeze', () => {
  const desired: Manifest = {
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    metadata: { name: 'thing' },
    spec: { image: 'new', size: 2, network: ['mine'] },
  };
  const running = observed(
    { spec: { image: 'old', size: 1, network: ['theirs'] } },
    { 'f:spec': { 'f:image': leaf, 'f:size': leaf } },
  );

  it('a frozen field keeps what was applied, the others follow', () => {
    expect(freeze(desired, running, ['spec.image', 'spec.network']).manifest).toMatchObject({
      spec: { image: 'old', size: 2 },
    });
  });

  it('a frozen field that another manager took is left to it', () => {
    expect(freeze(desired, running, ['spec.network']).manifest['spec']).not.toHaveProperty('network');
  });

  it('a difference is told, but not about a field that was never ours', () => {
    expect(freeze(desired, running, ['spec.image', 'spec.network', 'spec.size']).outdated).toEqual([
      'spec.image',
      'spec.size',
    ]);
  });
});

describe('follow', () => {
  const thing = (spec: JsonObject): Manifest => ({
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    metadata: { name: 'thing' },
    spec,
  });
  const running = {
    policy: 'Delete',
    size: 1,
    rule: [
      { port: '22', from: ['a'] },
      { port: '80', from: ['b'] },
    ],
  };

  it.each([
    {
      reason: 'a field follows, the others stay',
      path: 'spec.policy',
      wanted: { ...running, policy: 'Orphan', size: 2 },
      want: { ...running, policy: 'Orphan' },
    },
    {
      reason: 'a field that is wanted no longer goes',
      path: 'spec.policy',
      wanted: { size: 1 },
      want: { size: running.size, rule: running.rule },
    },
    {
      reason: 'in a list an item follows its like, and none comes or goes',
      path: 'spec.rule.*.from',
      wanted: {
        rule: [
          { port: '443', from: ['c'] },
          { port: '22', from: ['c', 'd'] },
        ],
      },
      want: {
        ...running,
        rule: [
          { port: '22', from: ['c', 'd'] },
          { port: '80', from: ['b'] },
        ],
      },
    },
  ])('$reason', ({ path, wanted, want }) => {
    expect(follow(thing(running), thing(wanted), [path])).toEqual(thing(want));
  });
});
