import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../functions/kernel/manifest.ts';
import { regionComposer } from '../../functions/region/index.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { History, LEAST } from './history.ts';

const protects = (history: History) => history.observed.has('protection');

function settled(spec: JsonObject): History {
  const history = new History({ ...LEAST, ...spec });
  history.settle();
  return history;
}

describe('deletionProtection of a region that stands alone', () => {
  it('is a Usage of its claim, whose reason says what to do', () => {
    expect(settled({ deletionProtection: true }).get('protection')).toMatchObject({
      apiVersion: 'protection.crossplane.io/v1beta1',
      kind: 'Usage',
      metadata: { namespace: 'acme-platform' },
      spec: {
        of: {
          apiVersion: 'platform.openova.io/v1alpha1',
          kind: 'OpenOvaRegion',
          resourceRef: { name: 'acme' },
        },
        reason: expect.stringContaining('set it to false'),
      },
    });
  });

  it('goes with the wish, and comes with it, also while an older release runs', () => {
    const history = settled({});
    history.status = { ...history.status, release: '0.0' };
    expect(protects(history)).toBe(false);

    for (const deletionProtection of [true, false]) {
      history.spec = { ...LEAST, deletionProtection };
      history.settle();
      expect(history.status['release']).toBe('0.0');
      expect(protects(history)).toBe(deletionProtection);
    }
  });

  it('is not made in a cluster: the claim behind it is that of the cluster', () => {
    expect(protects(settled({ deletionProtection: true, cluster: { name: 'acme' } }))).toBe(false);
  });

  it('is not made without a claim: there is nothing to protect', () => {
    const xr = new History({ ...LEAST, deletionProtection: true }).xr();
    const unclaimed = { ...xr, metadata: { name: 'acme' } };
    const parsed = regionComposer.parse(unclaimed);
    if (!parsed.ok) throw new Error('the claim of this test is wrong');
    const input = { xr: unclaimed, spec: parsed.spec, observed: observe(new Map()), required: {} };

    expect(regionComposer.plan(input).nodes.map(({ key }) => key)).not.toContain('protection');
  });
});
