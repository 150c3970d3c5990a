import { describe, expect, it } from 'vitest';
import type { Graph } from '../../functions/kernel/graph.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { explain, few, progress } from '../../functions/kernel/report.ts';
import { settle } from '../../functions/kernel/settle.ts';

const STEPS = ['First', 'Second'];
const SINCE = '2026-11-21T10:00:00Z';

function object(kind: string, status: JsonObject): Manifest {
  return { apiVersion: 'example.org/v1', kind, metadata: { name: 'one' }, status };
}

function condition(type: string, status: string, message?: string): JsonObject {
  return { type, status, lastTransitionTime: SINCE, ...(message !== undefined && { message }) };
}

const manifest = { apiVersion: 'example.org/v1', kind: 'Thing' };
const graph: Graph = {
  nodes: [
    { key: 'a', step: 'First', manifest },
    { key: 'b', step: 'Second', manifest, after: ['a'] },
  ],
};

/** What is reported while this is all there is. */
function reported(exists: Readonly<Record<string, Manifest>>, served = true) {
  const xr = { apiVersion: 'example.org/v1', kind: 'XThing', metadata: { name: 'acme' } };
  const settled = settle(xr, graph, observe(new Map(Object.entries(exists))), () => served);
  return progress(STEPS, settled, (message) => (message === 'no room' ? 'make room' : undefined));
}

describe('progress', () => {
  const up = object('Thing', { conditions: [condition('Ready', 'True')] });
  const down = object('Thing', { conditions: [condition('Ready', 'False', 'no room')] });

  it.each([
    {
      reason: 'what is made by this very answer is waited for',
      exists: {},
      want: {
        phase: 'Provisioning',
        step: { number: 1, of: 2, name: 'First' },
        waitingFor: [{ object: 'Thing/acme-a', step: 'First', message: 'Thing is being made' }],
      },
    },
    {
      reason: 'an object that is not ready says why, since when, and what helps',
      exists: { a: down },
      want: {
        phase: 'Provisioning',
        step: { number: 1, of: 2, name: 'First' },
        waitingFor: [
          { object: 'Thing/one', step: 'First', since: SINCE, message: 'no room', hint: 'make room' },
        ],
      },
    },
    {
      reason: 'all there and ready',
      exists: { a: up, b: up },
      want: { phase: 'Ready', step: { number: 2, of: 2, name: 'Second' }, waitingFor: [] },
    },
  ])('$reason', ({ exists, want }) => {
    expect(reported(exists)).toMatchObject(want);
  });

  it('nothing can be made: a package is missing', () => {
    expect(reported({}, false)).toMatchObject({ phase: 'Blocked', waitingFor: [] });
  });

  it('a step that has not begun names what it needs, one that has names what is not ready', () => {
    expect(reported({ a: down }).conditions).toEqual([
      { type: 'First', status: 'False', reason: 'Waiting', message: 'Waiting for 1 of 1: a' },
      { type: 'Second', status: 'False', reason: 'Pending', message: 'Not begun, needs a' },
    ]);
  });
});

describe('what an object says of itself', () => {
  it.each([
    {
      reason: 'a Job that has given up',
      one: object('Job', { conditions: [condition('Failed', 'True', 'BackoffLimitExceeded')] }),
      want: 'BackoffLimitExceeded',
    },
    {
      reason: 'that it could not be synced, before that it is not ready: the one is why of the other',
      one: object('Server', {
        conditions: [condition('Ready', 'False', 'creating'), condition('Synced', 'False', 'refused')],
      }),
      want: 'refused',
    },
    {
      reason: 'the first line of a long story',
      one: object('Server', { conditions: [condition('Synced', 'False', 'refused\nstack')] }),
      want: 'refused',
    },
    { reason: 'nothing at all', one: object('Server', {}), want: 'Server is not ready yet' },
  ])('$reason', ({ one, want }) => {
    expect(explain(one)).toEqual({ message: want });
  });
});

it.each([
  [['b', 'a'], 'a, b'],
  [['f', 'e', 'd', 'c', 'b', 'a'], 'a, b, c, d, e and 1 more'],
])('few of %j are %s', (names, want) => {
  expect(few(names)).toBe(want);
});
