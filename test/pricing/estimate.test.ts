import { describe, expect, test } from 'vitest';
import { readRegion, type RegionSpec } from '../../functions/apis/region.ts';
import type { JsonObject } from '../../functions/kernel/manifest.ts';
import {
  addEstimates,
  costWords,
  estimateOf,
  estimateRegion,
  estimateStatus,
  isSufficient,
  machineTypes,
  withWorkloads,
  type Footprint,
} from '../../functions/pricing/estimate.ts';

function region(more: JsonObject = {}): RegionSpec {
  const parsed = readRegion({
    domain: 'acme.example.com',
    location: 'fsn1',
    cloud: { provider: 'hetzner', tokenSecretRef: { name: 'token' } },
    access: { managementCidrs: ['192.0.2.10/32'] },
    ...more,
  });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.spec;
}

const existing = region({
  location: undefined,
  cloud: { provider: 'existing' },
  access: {},
  machines: [
    { name: 'one', address: '203.0.113.1', hostKey: 'ssh-ed25519 AAAA', role: 'server' },
    { name: 'two', address: '203.0.113.2', hostKey: 'ssh-ed25519 AAAA', role: 'agent' },
  ],
});

const none: Footprint = { memoryMiB: 0, volumesGb: [] };

describe('the estimate of a region', () => {
  test('counts servers, pools by name, an address each, the load balancer and volumes', () => {
    // 3 cx33 8.49 + 2 cx43 15.99 + 5 addresses 0.50 + lb11 7.49 + 50 GB 2.86
    const { memoryMiB, cost } = estimateRegion(region(), { memoryMiB: 12000, volumesGb: [50] });
    expect(cost).toEqual({ cents: 2547 + 3198 + 250 + 749 + 286, unknown: [] });
    expect(memoryMiB).toEqual({ needed: 12000, available: 3 * 8192 + 2 * 16384 });
  });

  test('a region without a load balancer of the cloud pays for none', () => {
    const with_ = estimateRegion(region(), none).cost.cents;
    expect(estimateRegion(region({ loadBalancer: { type: 'k8gb' } }), none).cost.cents).toBe(with_ - 749);
  });

  test('the order of pools means nothing', () => {
    const pools = [
      { name: 'a', count: 1, serverTypes: ['cx23'] },
      { name: 'b', count: 2, serverTypes: ['cx53'] },
    ];
    expect(machineTypes(region({ pools }))).toEqual(machineTypes(region({ pools: [...pools].reverse() })));
  });

  test('what a machine was made with counts more than what the spec would try first', () => {
    const spec = region({ controlPlane: { count: 1, serverTypes: ['cx33', 'cx43'] }, pools: [] });
    expect(estimateRegion(spec, none, ['cx43']).cost.cents).toBe(1599 + 50 + 749);
  });

  test('existing machines have a size and a price that nobody told', () => {
    const estimate = estimateRegion(existing, none);
    expect(estimate.memoryMiB.available).toBeUndefined();
    expect(isSufficient(estimate)).toBeUndefined();
    expect(estimateStatus(estimate)['monthlyEUR']).toBe('unknown');
  });

  test('an unknown price is explained, in the status and to a person', () => {
    const spec = region({
      location: 'ash',
      controlPlane: { count: 1, serverTypes: ['zx1'] },
      pools: [{ name: 'general', count: 1, serverTypes: ['cx43'] }],
      loadBalancer: { type: 'k8gb' },
    });
    const estimate = estimateRegion(spec, none);
    expect(estimateStatus(estimate)).toMatchObject({
      monthlyEUR: 'unknown',
      unpriced: ['cx43 in ash', 'zx1'],
    });
    expect(costWords(estimate)).toBe('EUR per month unknown: no price for cx43 in ash, zx1');
    expect(estimateOf(estimateStatus(estimate))?.cost.unknown).toEqual(['cx43 in ash', 'zx1']);
    expect(costWords(estimateRegion(region(), none))).toBe('67.44 EUR per month (prices of 2026-09-29)');
  });

  test('an unknown type leaves the sum unknown', () => {
    const spec = region({ controlPlane: { count: 1, serverTypes: ['zx1'] }, pools: [] });
    const estimate = estimateRegion(spec, none);
    expect(estimateStatus(estimate)).toMatchObject({ monthlyEUR: 'unknown', memoryMiB: { needed: 0 } });
    expect(estimate.memoryMiB.available).toBeUndefined();
  });

  test.each([
    { reason: 'as much as there is', memoryMiB: 57344, enough: true },
    { reason: 'one MiB more', memoryMiB: 57345, enough: false },
  ])('$reason is enough: $enough', ({ memoryMiB, enough }) => {
    expect(isSufficient(estimateRegion(region(), { memoryMiB, volumesGb: [] }))).toBe(enough);
  });
});

describe('several estimates', () => {
  const known = estimateRegion(region(), none);
  test('add up', () => {
    const both = addEstimates([known, known]);
    expect(both.cost.cents).toBe(2 * known.cost.cents);
    expect(both.memoryMiB.available).toBe(2 * 57344);
  });

  test('of machines and what lives on them have the memory of the machines alone', () => {
    const service = {
      memoryMiB: { needed: 1024, available: undefined },
      volumesGb: 150,
      cost: { cents: 858, unknown: [] },
      pricedAt: known.pricedAt,
    };
    const { memoryMiB, volumesGb, cost } = withWorkloads(known, [service, service]);
    expect(memoryMiB).toEqual({ needed: 2048, available: 57344 });
    expect([volumesGb, cost.cents]).toEqual([300, known.cost.cents + 2 * 858]);
  });

  test('are unknown as soon as one is', () => {
    expect(addEstimates([known, estimateRegion(existing, none)]).memoryMiB.available).toBeUndefined();
  });

  test('are of the earliest day', () => {
    expect(addEstimates([known, { ...known, pricedAt: '2025-01-01' }]).pricedAt).toBe('2025-01-01');
  });

  test('read back from a status as they were written', () => {
    expect(estimateOf(estimateStatus(known))).toEqual(known);
    for (const garbage of [undefined, 'x', {}, { memoryMiB: {} }])
      expect(estimateOf(garbage)).toBeUndefined();
  });
});
