import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { held } from '../../functions/kernel/hold.ts';
import type { Json, JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { apply, update, type Schema } from '../../functions/simulator/fields.ts';
import { fieldsOfManager } from './toy.ts';

const CORE = 'apiextensions.crossplane.io/composed/abc';
const MAP = { 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['name'] };
const SCHEMA: Schema = {
  properties: {
    spec: {
      properties: {
        items: { ...MAP, items: {} },
        set: { 'x-kubernetes-list-type': 'set' },
        values: { 'x-kubernetes-preserve-unknown-fields': true },
        labels: { additionalProperties: {} },
        atomic: { 'x-kubernetes-map-type': 'atomic' },
      },
    },
  },
};

function thing(spec: JsonObject, metadata: Manifest['metadata'] = {}): Manifest {
  return { apiVersion: 'a/v1', kind: 'Thing', metadata: { name: 'x', ...metadata }, spec };
}

function applied(live: Manifest | undefined, manifest: Manifest, manager = CORE, time = '1'): Manifest {
  return apply(live, { manager, manifest, time, schema: SCHEMA });
}

describe('apply names exactly the fields that were applied', () => {
  const cases: Record<string, { reason: string; spec: JsonObject; fields: Json }> = {
    scalars: {
      reason: 'each is a leaf',
      spec: { a: 1, b: { c: true } },
      fields: { 'f:a': {}, 'f:b': { 'f:c': {} } },
    },
    'an empty object': { reason: 'it is owned as such', spec: { a: {} }, fields: { 'f:a': {} } },
    'a plain list': { reason: 'it is replaced whole', spec: { a: [{ b: 1 }] }, fields: { 'f:a': {} } },
    'a list map': {
      reason: 'each item is owned by its key, and as an item',
      spec: { items: [{ name: 'one', size: 2 }] },
      fields: { 'f:items': { 'k:{"name":"one"}': { '.': {}, 'f:name': {}, 'f:size': {} } } },
    },
    'an empty list map': {
      reason: 'there is no item to own',
      spec: { a: 1, items: [] },
      fields: { 'f:a': {} },
    },
    'a set': {
      reason: 'each item is owned by its value',
      spec: { set: ['x'] },
      fields: { 'f:set': { 'v:"x"': {} } },
    },
    'free-form values': {
      reason: 'an object that no schema declares is owned as such too',
      spec: { values: { hubble: { ui: { on: true } } } },
      fields: { 'f:values': { 'f:hubble': { '.': {}, 'f:ui': { '.': {}, 'f:on': {} } } } },
    },
    'an atomic object': { reason: 'it is one value', spec: { atomic: { a: 1 } }, fields: { 'f:atomic': {} } },
  };
  for (const [name, { reason, spec, fields }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(fieldsOfManager(applied(undefined, thing(spec)), CORE)).toEqual([{ 'f:spec': fields }]);
    });
  }

  it('metadata: labels, annotations and owner references, but neither name nor uid', () => {
    const metadata = { uid: 'u', labels: { a: 'b' }, ownerReferences: [{ uid: 'owner', kind: 'X' }] };

    expect(fieldsOfManager(applied(undefined, { ...thing({}), metadata }), CORE)).toEqual([
      {
        'f:metadata': {
          'f:labels': { 'f:a': {} },
          'f:ownerReferences': { 'k:{"uid":"owner"}': { '.': {}, 'f:kind': {}, 'f:uid': {} } },
        },
        'f:spec': {},
      },
    ]);
  });
});

describe('apply changes what was applied before', () => {
  const cases: Record<
    string,
    { reason: string; first: JsonObject; then: JsonObject; want: JsonObject | undefined }
  > = {
    'a field left out': {
      reason: 'nobody else owns it',
      first: { a: 1, b: 2 },
      then: { a: 1 },
      want: { a: 1 },
    },
    'the last field of an object': {
      reason: 'an empty container goes too',
      first: { a: 1, b: { c: 2 } },
      then: { a: 1 },
      want: { a: 1 },
    },
    'a shorter list': {
      reason: 'lists are atomic',
      first: { a: [1, 2] },
      then: { a: [2] },
      want: { a: [2] },
    },
    'an item of a list map': {
      reason: 'items go by key, those that stay are in the new order',
      first: { items: [{ name: 'a' }, { name: 'b', size: 1 }, { name: 'c' }] },
      then: { items: [{ name: 'c' }, { name: 'b' }] },
      want: { items: [{ name: 'c' }, { name: 'b' }] },
    },
    'an item of a set': {
      reason: 'items go by value',
      first: { set: ['a', 'b'] },
      then: { set: ['b'] },
      want: { set: ['b'] },
    },
    'free-form values': {
      reason: 'as deep as they are',
      first: { values: { a: { b: 1, c: 2 } } },
      then: { values: { a: { c: 2 } } },
      want: { values: { a: { c: 2 } } },
    },
  };
  for (const [name, { reason, first, then, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      const after = applied(applied(undefined, thing(first)), thing(then), CORE, '2');

      expect(after['spec']).toEqual(want);
    });
  }

  it('the same again changes nothing, not even the time', () => {
    const once = applied(undefined, thing({ a: 1 }, { labels: { x: 'y' } }));

    expect(applied(once, thing({ a: 1 }, { labels: { x: 'y' } }), CORE, '2')).toEqual(once);
  });
});

describe('apply beside other managers', () => {
  const base = applied(undefined, thing({ a: 1, list: [1] }, { labels: { ours: 'yes' } }));

  it('leaves what only they own', () => {
    const theirs = update(
      base,
      { spec: { b: 2 }, metadata: { labels: { theirs: 'yes' } } },
      'other',
      '2',
      SCHEMA,
    );
    const after = applied(theirs, thing({ a: 1 }, { labels: { ours: 'yes' } }), CORE, '3');

    expect(after['spec']).toEqual({ a: 1, b: 2 });
    expect(after.metadata.labels).toEqual({ ours: 'yes', theirs: 'yes' });
  });

  it('takes back by force what they changed', () => {
    const theirs = update(base, { spec: { a: 5 } }, 'other', '2', SCHEMA);
    const after = applied(theirs, thing({ a: 1, list: [1] }), CORE, '3');

    expect(after['spec']).toEqual({ a: 1, list: [1] });
    expect(fieldsOfManager(after, 'other')).toEqual([]);
  });

  it('what another manager applies over a list is theirs: leaving it out then leaves it there', () => {
    const resolved = applied(base, thing({ list: [1, 2] }), 'resolver', '2');

    expect(fieldsOfManager(resolved, CORE)).toEqual([
      { 'f:metadata': { 'f:labels': { 'f:ours': {} } }, 'f:spec': { 'f:a': {} } },
    ]);
    expect(applied(resolved, thing({ a: 1 }), CORE, '3')['spec']).toEqual({ a: 1, list: [1, 2] });
  });

  it('an item of a list map goes whole, with the defaults in it that nobody owns', () => {
    const two = applied(undefined, thing({ items: [{ name: 'a', size: 1 }, { name: 'b' }] }));
    const defaulted = { ...two, spec: { items: [{ name: 'a', size: 1, list: [] }, { name: 'b' }] } };

    expect(applied(defaulted, thing({ items: [{ name: 'b' }] }), CORE, '2')['spec']).toEqual({
      items: [{ name: 'b' }],
    });
  });

  it('an item of a list map in which they own a field stays, with that', () => {
    const item = { name: 'a', size: 1 };
    const two = applied(undefined, thing({ items: [item, { name: 'b' }] }));
    const theirs = applied(two, thing({ items: [{ name: 'a', note: 'theirs' }] }), 'other', '2');

    expect(applied(theirs, thing({ items: [{ name: 'b' }] }), CORE, '3')['spec']).toEqual({
      items: [{ name: 'b' }, { name: 'a', note: 'theirs' }],
    });
  });

  it('an update of the status owns nothing of the spec', () => {
    const ready = { ...base, status: { phase: 'Ready' } };

    expect(applied(ready, thing({ a: 1, list: [1] }), CORE, '3')['status']).toEqual({ phase: 'Ready' });
  });
});

describe('what was applied is what the kernel holds', () => {
  const name = fc.constantFrom('a', 'b', 'c', 'items', 'values', 'labels');
  const scalar = fc.oneof(fc.integer({ min: 0, max: 9 }), fc.constantFrom('x', 'y'), fc.boolean());
  const { value } = fc.letrec<{ value: Json }>((tie) => ({
    value: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.array(scalar, { maxLength: 3 }),
      fc.dictionary(fc.constantFrom('p', 'q', 'r'), tie('value'), { minKeys: 1, maxKeys: 3 }),
    ),
  }));
  const items = fc.uniqueArray(fc.record({ name: fc.constantFrom('one', 'two', 'three'), size: scalar }), {
    selector: (item) => item.name,
    minLength: 1,
  });
  const spec = fc
    .dictionary(name, value, { minKeys: 1 })
    .chain((base) => items.map((list): JsonObject => ({ ...base, items: list })));

  it('whatever was there before and whatever others wrote', () => {
    fc.assert(
      fc.property(spec, spec, fc.dictionary(fc.constantFrom('z'), scalar), (first, then, theirs) => {
        const manifest = (one: JsonObject) => thing(one, { labels: { mine: 'yes' } });
        const others = update(applied(undefined, manifest(first)), { spec: theirs }, 'other', '2', SCHEMA);
        const after = applied(others, manifest(then), CORE, '3');

        expect(held(after)).toEqual(manifest(then));
      }),
      { numRuns: 300 },
    );
  });
});
