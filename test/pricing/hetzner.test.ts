import { describe, expect, test } from 'vitest';
import { architectureOf } from '../../functions/apis/hetzner.ts';
import {
  addCosts,
  costOf,
  euros,
  memoryOf,
  monthlyCost,
  PRICED_AT,
  SERVER_TYPES,
  type Parts,
} from '../../functions/pricing/hetzner.ts';

const nothing: Parts = { location: 'fsn1', servers: [], ipv4: 0, loadBalancers: [], volumesGb: [] };

describe('what a month costs', () => {
  const cases: { reason: string; parts: Partial<Parts>; cost: string; unknown?: string[] }[] = [
    { reason: 'nothing costs nothing', parts: {}, cost: '0.00' },
    { reason: 'a server without an address', parts: { servers: ['cx33'] }, cost: '8.49' },
    { reason: 'an address has a price of its own', parts: { servers: ['cx33'], ipv4: 1 }, cost: '8.99' },
    { reason: 'each server counts', parts: { servers: ['cx33', 'cx33', 'cx43'] }, cost: '32.97' },
    { reason: 'a load balancer', parts: { loadBalancers: ['lb11'] }, cost: '7.49' },
    { reason: '100 GB of volumes', parts: { volumesGb: [100] }, cost: '5.72' },
    { reason: 'no volume is smaller than 10 GB', parts: { volumesGb: [1] }, cost: '0.57' },
    { reason: 'volumes are rounded to a cent once', parts: { volumesGb: [10, 10, 10] }, cost: '1.72' },
    {
      reason: 'Singapore has prices of its own',
      parts: { location: 'sin', servers: ['cpx22'] },
      cost: '26.49',
    },
    {
      reason: 'types that only the United States still have',
      parts: { location: 'ash', servers: ['cpx31'] },
      cost: '62.49',
    },
    {
      reason: 'a type that is not sold there has no price there',
      parts: { location: 'ash', servers: ['cx33'] },
      cost: 'unknown',
      unknown: ['cx33 in ash'],
    },
    {
      reason: 'a type that nobody knows is unknown, never free',
      parts: { servers: ['cx33', 'zx1', 'zx1'] },
      cost: 'unknown',
      unknown: ['zx1'],
    },
    {
      reason: 'a load balancer without a sourced price is unknown',
      parts: { loadBalancers: ['lb31'] },
      cost: 'unknown',
      unknown: ['lb31'],
    },
    {
      reason: 'a place that Hetzner does not have',
      parts: { location: 'mars', servers: ['cx33'] },
      cost: 'unknown',
      unknown: ['cx33 in mars'],
    },
    {
      reason: 'the name of an inherited property is no server type',
      parts: { servers: ['constructor'] },
      cost: 'unknown',
      unknown: ['constructor'],
    },
  ];
  test.each(cases)('$reason', ({ parts, cost, unknown = [] }) => {
    const found = monthlyCost({ ...nothing, ...parts });
    expect(euros(found)).toBe(cost);
    expect(found.unknown).toEqual(unknown);
  });

  test('several costs add up, and one unknown part makes the sum unknown', () => {
    const known = { cents: 1234, unknown: [] };
    expect(euros(addCosts([known, known]))).toBe('24.68');
    expect(euros(addCosts([known, { cents: 1, unknown: ['zx1'] }]))).toBe('unknown');
  });

  test('an amount reads back as it was written', () => {
    for (const cents of [0, 5, 99, 100, 11842])
      expect(costOf(euros({ cents, unknown: [] })).cents).toBe(cents);
    expect(costOf('unknown').unknown).not.toEqual([]);
    expect(costOf('1.5').unknown).not.toEqual([]);
  });
});

describe('the table', () => {
  test('says of what day its prices are', () => {
    expect(PRICED_AT).toMatch(/^20[0-9]{2}-[01][0-9]-[0-3][0-9]$/);
  });

  test.each(Object.entries(SERVER_TYPES))(
    '%s has a price somewhere, a size, and whole cents',
    (name, type) => {
      const prices = Object.values(type?.cents ?? {});
      expect(prices.length).toBeGreaterThan(0);
      for (const cents of prices) expect(Number.isInteger(cents) && cents > 0).toBe(true);
      expect((type?.memoryMiB ?? 0) % 1024).toBe(0);
      expect(memoryOf(name)).toBe(type?.memoryMiB);
      expect(type?.architecture).toBe(architectureOf(name));
    },
  );

  test('has no memory for what it does not list', () => {
    expect(memoryOf('zx1')).toBeUndefined();
    expect(memoryOf('toString')).toBeUndefined();
  });
});
