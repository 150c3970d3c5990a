import { describe, expect, it } from 'vitest';
import { patchOf } from '../../functions/bootstrap/operations/label.ts';
import type { JsonObject } from '../../functions/kernel/manifest.ts';

const CILIUM = { key: 'node.cilium.io/agent-not-ready', value: 'true', effect: 'NoExecute' };
const GPU = { key: 'gpu', value: 'a', effect: 'NoSchedule' };
const NOTHING = { labels: {}, taints: [], removeLabels: [], removeTaints: [] };

const node = (labels: JsonObject, taints: JsonObject[] = []): JsonObject => ({
  metadata: { name: 'a', resourceVersion: '7', labels },
  spec: { ...(taints.length > 0 && { taints }) },
});

describe('what a node is patched with', () => {
  it.each<[string, JsonObject, Partial<Parameters<typeof patchOf>[1]>, JsonObject | undefined]>([
    [
      'nothing',
      node({ colour: 'blue' }, [GPU]),
      { labels: { colour: 'blue' }, taints: ['gpu=a:NoSchedule'] },
      undefined,
    ],
    [
      'a label, and what else it has stays',
      node({ os: 'linux' }),
      { labels: { colour: 'blue' } },
      { metadata: { resourceVersion: '7', labels: { colour: 'blue' } } },
    ],
    [
      'a label goes, and one that it never had is no matter',
      node({ colour: 'blue' }),
      { removeLabels: ['colour', 'shape'] },
      { metadata: { resourceVersion: '7', labels: { colour: null } } },
    ],
    [
      'a taint, behind those of others',
      node({}, [CILIUM]),
      { taints: ['gpu=a:NoSchedule'] },
      { metadata: { resourceVersion: '7', labels: {} }, spec: { taints: [CILIUM, GPU] } },
    ],
    [
      'a taint gets another value in its place',
      node({}, [GPU, CILIUM]),
      { taints: ['gpu=b:NoSchedule'] },
      { metadata: { resourceVersion: '7', labels: {} }, spec: { taints: [{ ...GPU, value: 'b' }, CILIUM] } },
    ],
    [
      'a taint goes by key and effect, and that of another effect stays',
      node({}, [GPU, { key: 'gpu', effect: 'NoExecute' }]),
      { removeTaints: ['gpu:NoSchedule'] },
      {
        metadata: { resourceVersion: '7', labels: {} },
        spec: { taints: [{ key: 'gpu', effect: 'NoExecute' }] },
      },
    ],
    [
      'an empty value is none',
      node({}, [{ key: 'gpu', effect: 'NoSchedule' }]),
      { taints: ['gpu=:NoSchedule'] },
      undefined,
    ],
  ])('%s', (_, before, marks, want) => {
    expect(patchOf(before, { ...NOTHING, ...marks })).toEqual(want);
  });
});
