import { describe, expect, it } from 'vitest';
import { listed } from '../../functions/cli/keys.ts';

describe('listed', () => {
  const cases: Record<string, { reason: string; keys: string[]; want: string }> = {
    'a Job': {
      reason: 'the id of its machine at the cloud is no name',
      keys: ['agent/general-1-g1/76501086/result'],
      want: 'agent/general-1-g1/result',
    },
    'an upgrade': {
      reason: 'the version is worth reading',
      keys: ['upgrade/general-1-g1/76501086-v1.36.4+k3s1'],
      want: 'upgrade/general-1-g1-v1.36.4+k3s1',
    },
    'records of several addresses': {
      reason: 'hashes tell them apart, and say nothing',
      keys: ['dns/cloudflare/a.com/api/fsn/a/0e9ef79f', 'dns/cloudflare/a.com/api/fsn/a/10d965de'],
      want: 'dns/cloudflare/a.com/api/fsn/a ×2',
    },
    'what has a folder in common': {
      reason: 'it is said once',
      keys: ['machine/b', 'machine/a'],
      want: 'machine/{a, b}',
    },
    'a small number': {
      reason: 'it is the ordinal of a group, no id',
      keys: ['placement-group/general/1'],
      want: 'placement-group/general/1',
    },
    'a key that is the folder of another': {
      reason: 'no name is left empty',
      keys: ['role', 'role/claim'],
      want: 'role, role/claim',
    },
    'more than fit': {
      reason: 'their number is told',
      keys: ['a', 'b', 'c', 'd'],
      want: 'a, b, c and 1 more',
    },
  };
  for (const [name, { reason, keys, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(listed(keys, 3)).toBe(want);
    });
  }
});
