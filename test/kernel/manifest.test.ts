import { describe, expect, it } from 'vitest';
import { canonical, same, type Json } from '../../functions/kernel/manifest.ts';

describe('same', () => {
  const cases: Record<
    string,
    { reason: string; left: Json | undefined; right: Json | undefined; want: boolean }
  > = {
    'fields in another order': {
      reason: 'maps have none',
      left: { a: 1, b: { c: [1], d: 2 } },
      right: { b: { d: 2, c: [1] }, a: 1 },
      want: true,
    },
    'items in another order': { reason: 'lists have one', left: [1, 2], right: [2, 1], want: false },
    'one more field': { reason: 'it is there', left: { a: 1 }, right: { a: 1, b: null }, want: false },
    'one field less': { reason: 'it is not there', left: { a: 1, b: 2 }, right: { a: 1 }, want: false },
    'another field': { reason: 'as many are not the same', left: { a: 1 }, right: { b: 1 }, want: false },
    'an undefined field': {
      reason: 'undefined is not there',
      left: { a: 1, b: undefined },
      right: { a: 1, c: undefined },
      want: true,
    },
    'a list and a map': { reason: 'they are not the same', left: [], right: {}, want: false },
    'a number and its text': { reason: 'types count', left: 1, right: '1', want: false },
    'nothing and null': { reason: 'null is a value', left: undefined, right: null, want: false },
    'nothing twice': { reason: 'nothing is the same', left: undefined, right: undefined, want: true },
    'inherited names': {
      reason: 'only own fields count',
      left: { toString: 1 },
      right: { a: 1 },
      want: false,
    },
  };
  for (const [name, { reason, left, right, want }] of Object.entries(cases))
    it(`${name}: ${reason}`, () => {
      expect(same(left, right)).toBe(want);
      expect(same(right, left)).toBe(want);
    });
});

describe('canonical', () => {
  it('sorts fields at every depth, keeps lists, and leaves out what is undefined', () => {
    const value = { b: [{ d: 1, c: 2 }, 1], a: undefined, A: null };

    expect(JSON.stringify(canonical(value))).toBe('{"A":null,"b":[{"c":2,"d":1},1]}');
  });
});
