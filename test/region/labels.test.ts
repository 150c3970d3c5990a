import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../functions/kernel/manifest.ts';
import { inputOf } from '../../functions/region/jobs.ts';
import { after, jobsOf, LEAST, type History } from './history.ts';

const pools = (pool: JsonObject): JsonObject => ({
  ...LEAST,
  pools: [{ name: 'general', count: 1, ...pool }],
});
const BLUE = { labels: { colour: 'blue' }, taints: [{ key: 'gpu', value: 'a', effect: 'NoSchedule' }] };

const inputs = (history: History) => jobsOf(history, 'label').map((key) => inputOf(history.get(key)));

describe('labels and taints of a pool', () => {
  it('go to the nodes that have joined with others, and what was given before is taken away', () => {
    const { history, made } = after((one) => {
      one.spec = pools({ labels: { shape: 'round' }, taints: [{ key: 'gpu', effect: 'NoExecute' }] });
    }, pools(BLUE));

    expect(made).toEqual([
      expect.stringMatching(/^label\/general-1-g1\/\d+-[0-9a-f]{8}$/),
      expect.stringMatching(/^label\/general-1-g1\/\d+-[0-9a-f]{8}\/result$/),
    ]);
    expect(inputs(history)).toMatchObject([
      {
        labels: { shape: 'round', 'platform.openova.io/pool': 'general' },
        taints: ['gpu=:NoExecute'],
        removeLabels: ['colour'],
        removeTaints: ['gpu:NoSchedule'],
      },
    ]);
  });

  it('that only get another value take nothing away', () => {
    const { history } = after((one) => {
      one.spec = pools({
        labels: { colour: 'red' },
        taints: [{ key: 'gpu', value: 'b', effect: 'NoSchedule' }],
      });
    }, pools(BLUE));

    expect(inputs(history)).toMatchObject([
      { labels: { colour: 'red' }, taints: ['gpu=b:NoSchedule'], removeLabels: [], removeTaints: [] },
    ]);
  });

  it('that come back are given again, each time anew', () => {
    const keys: string[] = [];
    const { history } = after((one) => {
      for (const labels of [{ a: '1' }, {}, { a: '1' }]) {
        one.spec = pools({ labels });
        one.settle();
        keys.push(...jobsOf(one, 'label'));
      }
    }, pools({}));

    expect(keys).toHaveLength(3);
    expect(keys[0]).toBe(keys[2]);
    expect(inputs(history)).toMatchObject([{ labels: { a: '1' }, removeLabels: [] }]);
  });

  it('changed twice at once: what the first has given goes with the second', () => {
    const { history } = after((one) => {
      one.spec = pools({ labels: { a: '1' } });
      while (jobsOf(one, 'label').length === 0) one.turn();
      one.spec = pools({ labels: { b: '1' } });
    }, pools({}));

    expect(inputs(history)).toMatchObject([{ labels: { b: '1' }, removeLabels: ['a'] }]);
  });

  it('are at hand when a machine joins: no further Job', () => {
    const { history } = after((one) => {
      one.spec = pools({ ...BLUE, count: 2 });
    }, pools(BLUE));

    expect(jobsOf(history, 'label')).toEqual([]);
    expect(inputOf(history.get(jobsOf(history, 'agent')[1] ?? ''))).toMatchObject({
      k3s: {
        node: {
          'node-label': expect.arrayContaining(['colour=blue']),
          'node-taint': expect.arrayContaining(['gpu=a:NoSchedule']),
        },
      },
    });
  });

  it("do not make the Gateway's nodes others", () => {
    const { history } = after((one) => {
      one.spec = { ...one.spec, pools: [{ name: 'general', count: 0 }] };
      one.settle();
    }, pools({}));

    expect(jobsOf(history, 'label').every((key) => key.endsWith('-gateway'))).toBe(true);
    expect(history.status).toMatchObject({ phase: 'Ready' });
  });
});
