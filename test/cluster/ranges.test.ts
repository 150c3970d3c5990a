import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { contains, overlaps } from '../../functions/apis/cidr.ts';
import {
  assignRanges,
  rangesOf,
  type Base,
  type Fixed,
  type Full,
  type Ranges,
} from '../../functions/cluster/ranges.ts';
import type { Json } from '../../functions/kernel/manifest.ts';

const BASE: Base = { cidr: '10.0.0.0/16', podCidr: '10.42.0.0/16', serviceCidr: '10.43.0.0/16' };
const FIRST: Ranges = {
  subnetCidr: '10.0.0.0/20',
  podCidr: '10.42.0.0/16',
  serviceCidr: '10.43.0.0/16',
  clusterId: 1,
};
const SECOND: Ranges = {
  subnetCidr: '10.0.16.0/20',
  podCidr: '10.44.0.0/16',
  serviceCidr: '10.45.0.0/16',
  clusterId: 2,
};

function assign(
  wanted: Readonly<Record<string, Fixed>>,
  taken: Readonly<Record<string, Fixed>> = {},
  base = BASE,
): Record<string, Ranges | Full> {
  return Object.fromEntries(
    assignRanges(base, new Map(Object.entries(wanted)), new Map(Object.entries(taken))),
  );
}

describe('ranges of regions', () => {
  const cases: {
    reason: string;
    wanted: Readonly<Record<string, Fixed>>;
    taken?: Readonly<Record<string, Fixed>>;
    base?: Base;
    expected: Record<string, Ranges | Full>;
  }[] = [
    { reason: 'one region has what the claim says', wanted: { fsn: {} }, expected: { fsn: FIRST } },
    {
      reason: 'the second has what follows',
      wanted: { fsn: {}, hel: {} },
      expected: { fsn: FIRST, hel: SECOND },
    },
    {
      reason: 'the order of the list means nothing',
      wanted: { hel: {}, fsn: {} },
      expected: { fsn: FIRST, hel: SECOND },
    },
    {
      reason: 'a region that exists keeps its ranges, whatever its name',
      wanted: { fsn: {}, aaa: {} },
      taken: { fsn: FIRST },
      expected: { fsn: FIRST, aaa: SECOND },
    },
    {
      reason: 'a region that goes still has its ranges',
      wanted: { aaa: {} },
      taken: { fsn: FIRST },
      expected: { aaa: SECOND },
    },
    {
      reason: 'a gap is used again',
      wanted: { hel: {}, nbg: {} },
      taken: { hel: SECOND },
      expected: { hel: SECOND, nbg: FIRST },
    },
    {
      reason: 'what the claim fixes is given, and free of it are the others',
      wanted: { fsn: {}, hel: { podCidr: '10.42.0.0/16', subnetCidr: '10.0.0.0/24', clusterId: 1 } },
      expected: {
        fsn: {
          subnetCidr: '10.0.16.0/20',
          podCidr: '10.43.0.0/16',
          serviceCidr: '10.44.0.0/16',
          clusterId: 2,
        },
        hel: {
          subnetCidr: '10.0.0.0/24',
          podCidr: '10.42.0.0/16',
          serviceCidr: '10.45.0.0/16',
          clusterId: 1,
        },
      },
    },
    {
      reason: 'what exists wins over what the claim fixes later',
      wanted: { fsn: { clusterId: 9 } },
      taken: { fsn: FIRST },
      expected: { fsn: FIRST },
    },
    {
      reason: 'a small network is halved',
      wanted: { fsn: {}, hel: {} },
      base: { ...BASE, cidr: '10.0.0.0/24' },
      expected: {
        fsn: { ...FIRST, subnetCidr: '10.0.0.0/25' },
        hel: { ...SECOND, subnetCidr: '10.0.0.128/25' },
      },
    },
    {
      reason: 'after the last range of a private block comes its first',
      wanted: { fsn: {}, hel: {} },
      base: { cidr: '10.0.0.0/16', podCidr: '172.31.0.0/16', serviceCidr: '10.255.0.0/16' },
      expected: {
        fsn: {
          subnetCidr: '10.0.0.0/20',
          podCidr: '172.31.0.0/16',
          serviceCidr: '10.255.0.0/16',
          clusterId: 1,
        },
        hel: {
          subnetCidr: '10.0.16.0/20',
          podCidr: '172.16.0.0/16',
          serviceCidr: '10.1.0.0/16',
          clusterId: 2,
        },
      },
    },
    {
      reason: 'a block with room for one alone',
      wanted: { fsn: {}, hel: {} },
      base: { ...BASE, podCidr: '192.168.0.0/16' },
      expected: { fsn: { ...FIRST, podCidr: '192.168.0.0/16' }, hel: { full: 'podCidr' } },
    },
    {
      reason: 'a range outside of all private blocks has no neighbours of ours',
      wanted: { fsn: {}, hel: {} },
      base: { ...BASE, serviceCidr: '203.0.113.0/24' },
      expected: { fsn: { ...FIRST, serviceCidr: '203.0.113.0/24' }, hel: { full: 'serviceCidr' } },
    },
    {
      reason: 'a network that is used up',
      wanted: { fsn: { subnetCidr: '10.0.0.0/16' }, hel: {} },
      expected: { fsn: { ...FIRST, subnetCidr: '10.0.0.0/16' }, hel: { full: 'cidr' } },
    },
  ];
  test.each(cases)('$reason', ({ wanted, taken, base, expected }) => {
    expect(assign(wanted, taken, base)).toEqual(expected);
  });

  test('a region is read back, and what is no range is not', () => {
    const region = (network: Json) => ({
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XOpenOvaRegion',
      metadata: {},
      spec: { network },
    });
    expect(rangesOf(region({ ...FIRST }))).toEqual(FIRST);
    expect(rangesOf(region({ podCidr: 'x', serviceCidr: 7, clusterId: '1' }))).toEqual({});
    expect(rangesOf(region(null))).toEqual({});
  });
});

/** The regions of a claim over time: which are listed, in which order, and which of those that are not are gone. */
const name = fc.constantFrom('ash', 'fsn', 'hel', 'nbg');
const claim = fc.record({
  listed: fc.uniqueArray(name, { minLength: 1, maxLength: 2 }),
  gone: fc.boolean(),
});
const prefix = (from: number, to: number) => fc.integer({ min: from, max: to });
const base = fc
  .record({ cidr: prefix(8, 24), pods: prefix(12, 20), services: prefix(12, 20) })
  .map(({ cidr, pods, services }) => ({
    cidr: `172.16.0.0/${Math.max(cidr, 16)}`,
    podCidr: `10.64.0.0/${pods}`,
    serviceCidr: `10.128.0.0/${services}`,
  }));

test('ranges are disjoint and never move, whatever comes, goes and changes places', () => {
  fc.assert(
    fc.property(base, fc.array(claim, { minLength: 1, maxLength: 12 }), (given, story) => {
      let existing = new Map<string, Ranges>();
      for (const { listed, gone } of story) {
        const ranges = assignRanges(given, new Map(listed.map((one) => [one, {}])), existing);
        const turned = assignRanges(given, new Map([...listed].reverse().map((one) => [one, {}])), existing);
        expect([...turned].sort()).toEqual([...ranges].sort());
        const next = new Map(existing);
        for (const [one, own] of ranges) {
          const before = existing.get(one);
          if (before !== undefined) expect(own).toEqual(before);
          if (!('full' in own)) next.set(one, own);
        }
        existing = new Map([...next].filter(([one]) => !gone || listed.some((other) => other === one)));
        disjoint(given, [...next.values()]);
      }
    }),
  );
});

function disjoint(given: Base, all: readonly Ranges[]): void {
  const ids = all.map(({ clusterId }) => clusterId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const { subnetCidr } of all) expect(contains(given.cidr, subnetCidr)).toBe(true);
  const pairs = (ranges: readonly string[]) =>
    ranges.flatMap((one, index) => ranges.slice(index + 1).map((other) => [one, other] as const));
  const clash = ([one, other]: readonly [string, string]) => overlaps(one, other);
  expect(pairs(all.map(({ subnetCidr }) => subnetCidr)).filter(clash)).toEqual([]);
  const others = [given.cidr, ...all.flatMap(({ podCidr, serviceCidr }) => [podCidr, serviceCidr])];
  expect(pairs(others).filter(clash)).toEqual([]);
}
