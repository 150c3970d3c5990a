import { describe, expect, it } from 'vitest';
import type { Json, JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { defaulted, pruned, readDefinitions, schemaFor } from '../../functions/simulator/definitions.ts';

describe('defaulted', () => {
  const cases: Record<string, { reason: string; schema: JsonObject; value: Json; want: Json }> = {
    'a missing field': {
      reason: 'it gets its default',
      schema: { properties: { a: { default: 1 } } },
      value: {},
      want: { a: 1 },
    },
    'a field that is there': {
      reason: 'it stays',
      schema: { properties: { a: { default: 1 } } },
      value: { a: 0 },
      want: { a: 0 },
    },
    'an object with a default': {
      reason: 'what is below it gets its own',
      schema: { properties: { a: { default: {}, properties: { b: { default: true } } } } },
      value: {},
      want: { a: { b: true } },
    },
    'an object without one': {
      reason: 'it is not made for the sake of what is below',
      schema: { properties: { a: { properties: { b: { default: true } } } } },
      value: {},
      want: {},
    },
    'items and values': {
      reason: 'each gets them',
      schema: {
        properties: {
          l: { items: { properties: { n: { default: 2 } } } },
          m: { additionalProperties: { properties: { n: { default: 3 } } } },
        },
      },
      value: { l: [{}, { n: 1 }], m: { x: {} } },
      want: { l: [{ n: 2 }, { n: 1 }], m: { x: { n: 3 } } },
    },
  };
  for (const [name, { reason, schema, value, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(defaulted(value, schema)).toEqual(want);
    });
  }
});

describe('pruned', () => {
  const open = { 'x-kubernetes-preserve-unknown-fields': true };
  const cases: Record<string, { reason: string; schema: JsonObject; value: Json; want: Json }> = {
    'an unknown field': {
      reason: 'it goes',
      schema: { properties: { a: {} } },
      value: { a: 1, b: 2 },
      want: { a: 1 },
    },
    'below a list and a map': {
      reason: 'it goes there too',
      schema: {
        properties: {
          l: { items: { properties: { a: {} } } },
          m: { additionalProperties: { properties: { a: {} } } },
        },
      },
      value: { l: [{ a: 1, b: 2 }], m: { x: { a: 1, b: 2 } } },
      want: { l: [{ a: 1 }], m: { x: { a: 1 } } },
    },
    'an open object': {
      reason: 'everything stays',
      schema: { properties: { a: open } },
      value: { a: { b: { c: 1 } } },
      want: { a: { b: { c: 1 } } },
    },
  };
  for (const [name, { reason, schema, value, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(pruned(value, schema)).toEqual(want);
    });
  }
});

describe('readDefinitions', () => {
  it('refuses what is no definition, by name', () => {
    const broken: Manifest = {
      apiVersion: 'apiextensions.crossplane.io/v1',
      kind: 'CompositeResourceDefinition',
      metadata: { name: 'x' },
    };

    expect(() => readDefinitions([broken])).toThrow('cannot read the definition "x"');
  });
});

describe('schemaFor', () => {
  it('knows lists of Kubernetes that merge', () => {
    expect(JSON.stringify(schemaFor([], { apiVersion: 'batch/v1', kind: 'Job' }))).toContain('containerPort');
    expect(schemaFor([], { apiVersion: 'a/v1', kind: 'Unknown' })).toEqual({});
  });
});
