import { describe, expect, it } from 'vitest';
import { bounded, labelFor, nameFor } from '../../functions/kernel/names.ts';

describe('a bounded name', () => {
  it.each([
    { reason: 'one that fits stays as it is', name: 'a'.repeat(63), want: 'a'.repeat(63) },
    {
      reason: 'a longer one is cut and told apart by its hash',
      name: 'a'.repeat(64),
      want: `${'a'.repeat(54)}-ffe054fe`,
    },
    {
      reason: 'the cut leaves no dash before the hash',
      name: `${'a'.repeat(50)}----${'b'.repeat(20)}`,
      want: expect.stringMatching(/^a{50}-[0-9a-f]{8}$/),
    },
  ])('$reason', ({ name, want }) => {
    expect(bounded(name)).toEqual(want);
  });

  it('two that begin alike differ', () => {
    const [left, right] = ['x', 'y'].map((end) => bounded('a'.repeat(70) + end));

    expect(left).not.toBe(right);
  });
});

describe('names and labels of keys', () => {
  it.each([
    {
      reason: 'plain',
      key: 'network',
      name: 'acme-network',
      label: 'network',
    },
    {
      reason: 'with slashes, upper case and dots, which Terraform identifiers may not have',
      key: 'server/CP-1-g1/42.7',
      name: 'acme-server-cp-1-g1-42-7',
      label: 'server.cp.1.g1.42.7',
    },
    {
      reason: 'with an end that neither name nor label may have',
      key: 'dns/*.',
      name: 'acme-dns',
      label: 'dns',
    },
  ])('$reason', ({ key, name, label }) => {
    expect(nameFor('acme', key)).toBe(name);
    expect(labelFor(key)).toBe(label);
  });
});
