import { describe, expect, it } from 'vitest';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { differences } from './differences.ts';

function object(key: string, fields: JsonObject = {}): Manifest {
  const annotations = { 'crossplane.io/composition-resource-name': key };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: key, annotations }, ...fields };
}

describe('differences', () => {
  const cases = {
    'the same, in another order': {
      reason: 'neither the order of objects nor that of fields means anything',
      ours: [object('a', { x: 1, y: 2 }), object('b')],
      theirs: [object('b'), object('a', { y: 2, x: 1 })],
      want: [],
    },
    'another value': {
      reason: 'the line names the object, the field and both values',
      ours: [object('a', { spec: { list: [{ port: 1 }] } })],
      theirs: [object('a', { spec: { list: [{ port: 2 }] } })],
      want: ['a: spec.list[0].port is 1, the engine has 2'],
    },
    'fields of one side': {
      reason: 'a field that only one side has is a difference',
      ours: [object('a', { mine: true })],
      theirs: [object('a', { other: null })],
      want: ['a: mine is true, the engine has none', 'a: other is missing, the engine has null'],
    },
    'a list in another order': {
      reason: 'the order of a list is part of it',
      ours: [object('a', { list: [1, 2] })],
      theirs: [object('a', { list: [2, 1] })],
      want: ['a: list[0] is 1, the engine has 2', 'a: list[1] is 2, the engine has 1'],
    },
    'objects of one side': {
      reason: 'an object too many is as wrong as one too few',
      ours: [object('a'), object('b')],
      theirs: [object('b'), object('c')],
      want: ['a: the engine does not have it', 'c: only the engine has it'],
    },
  };
  for (const [name, { reason, ours, theirs, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(differences(ours, theirs)).toEqual(want);
    });
  }

  it('refuses two objects under one key, of which one would go unseen', () => {
    expect(() => differences([object('a'), object('a')], [])).toThrow('two are called "a"');
  });
});
