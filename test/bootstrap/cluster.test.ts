import { describe, expect, it } from 'vitest';
import { lackOf } from '../../functions/bootstrap/node/cluster.ts';
import type { JsonObject } from '../../functions/kernel/manifest.ts';

const withConditions = (conditions: Readonly<Record<string, string>>): JsonObject => ({
  status: { conditions: Object.entries(conditions).map(([type, status]) => ({ type, status })) },
});

describe('what a node lacks for others to count on it', () => {
  it.each([
    ['a server that votes', withConditions({ Ready: 'True', EtcdIsVoter: 'True' }), 'server', undefined],
    ['a learner', withConditions({ Ready: 'True', EtcdIsVoter: 'False' }), 'server', 'EtcdIsVoter'],
    [
      'one that says nothing any more',
      withConditions({ Ready: 'Unknown' }),
      'server',
      'Ready and EtcdIsVoter',
    ],
    ['an agent, which never votes', withConditions({ Ready: 'True' }), 'agent', undefined],
    ['a Node that is not there', undefined, 'agent', 'Ready'],
  ] as const)('%s', (_, node, role, lack) => {
    expect(lackOf(node, role)).toBe(lack);
  });
});
