import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { lackOf, livingServer, standing } from '../../functions/bootstrap/node/cluster.ts';
import type { JsonObject } from '../../functions/kernel/manifest.ts';
import { failureOf, runOn, target, type Scripted } from './scripted.ts';

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
    [
      'a member without a network yet',
      withConditions({ Ready: 'False', EtcdIsVoter: 'True' }),
      'member',
      undefined,
    ],
    ['a Node that is not there', undefined, 'agent', 'Ready'],
  ] as const)('%s', (_, node, role, lack) => {
    expect(lackOf(node, role)).toBe(lack);
  });

  it.each([
    ['nothing', withConditions({ EtcdIsVoter: 'True' }), { done: undefined }],
    ['a vote', withConditions({ Ready: 'True' }), { waiting: 'Node "server-1" is not EtcdIsVoter' }],
    ['the Node', undefined, { waiting: 'the API shows no Node "server-1"' }],
  ])('is waited for: %s', (_, node, want) => {
    expect(standing('server-1', node, 'member')).toEqual(want);
  });
});

describe('no living server', () => {
  const servers = [target('server-1'), target('server-2')];
  const down = () => 'service k3s is "failed", its API answers ""';

  it.each<[string, Scripted, 'unreachable' | 'lost', object]>([
    [
      'may be our own fault where none lets us in',
      {},
      'unreachable',
      { code: EXIT.timeout, hint: expect.stringContaining('access.managementCidrs') },
    ],
    [
      'is a loss of quorum where one of them lets us in',
      { 'server-2': down },
      'unreachable',
      { code: EXIT.quorum, hint: expect.stringContaining('restoreFrom') },
    ],
    [
      'is a loss of quorum where another machine lets us in',
      {},
      'lost',
      { code: EXIT.quorum, hint: expect.stringContaining('restoreFrom') },
    ],
  ])('%s', async (_, machines, silent, want) => {
    const { run } = await runOn(machines);
    const failure = await failureOf(livingServer(run, servers, silent));
    expect(failure).toMatchObject(want);
    expect(failure.message).toContain('"server-1": SSH at');
  });

  it('is a loss of quorum where none is known', async () => {
    const { run } = await runOn({});
    expect(await failureOf(livingServer(run, []))).toMatchObject({ code: EXIT.quorum });
  });
});
