import { describe, expect, it } from 'vitest';
import { percentile, problemsOf, readFacts } from '../../functions/bootstrap/node/preflight.ts';

const NOW = 1_795_000_000;
const GOOD = [
  'system debian',
  'version 13',
  'architecture x86_64',
  `clock ${NOW}`,
  'synchronized yes',
  'nft yes',
  ...Array.from({ length: 100 }, () => 'fsync 0.002'),
];

const WANTED = { role: 'server', version: 'v1.36.3+k3s1', from: NOW - 1, to: NOW + 1 } as const;

const problems = (lines: readonly string[]) => problemsOf(readFacts([...GOOD, ...lines].join('\n')), WANTED);
const without = (start: string, ...instead: string[]) =>
  problemsOf(readFacts([...GOOD.filter((line) => !line.startsWith(start)), ...instead].join('\n')), WANTED);

describe('a machine that exists already', () => {
  it('is taken when nothing is in the way', () => {
    expect(problems([])).toEqual([]);
  });

  it('may have the binary of the K3s that it is to have', () => {
    expect(problems([`k3s ${WANTED.version}`])).toEqual([]);
  });

  it.each([
    ['another system', () => without('system', 'system alpine'), 'its system is "alpine 13"'],
    [
      'an old system',
      () => without('version', 'version 11'),
      'must be one of debian 12 or newer, ubuntu 22.04',
    ],
    ['another architecture', () => without('architecture', 'architecture riscv64'), '"riscv64"'],
    ['a port that is taken', () => problems(['listener 6443 users:(("nginx",pid=7,fd=3))']), '"6443 nginx"'],
    ['a K3s of somebody else', () => problems(['k3s v1.30.1+k3s1']), 'not installed by this program'],
    ['a K3s that says no version', () => problems(['k3s ']), 'not installed by this program'],
    [
      'a K3s of somebody else that runs',
      () => problems([`k3s ${WANTED.version}`, 'active k3s', 'listener 6443 users:(("k3s",pid=7,fd=3))']),
      'not installed by this program',
    ],
    ['docker', () => problems(['active docker', 'active ufw']), '"docker", "ufw"'],
    ['no nftables', () => without('nft'), 'it has no nftables'],
    ['a clock of its own', () => without('synchronized', 'synchronized no'), 'not synchronised'],
    ['a clock ahead', () => without('clock', `clock ${NOW + 120}`), 'its clock is 119 s off'],
    ['a clock behind', () => without('clock', `clock ${NOW - 120}`), 'its clock is 119 s off'],
    [
      'a slow disk',
      () =>
        without('fsync', ...Array.from({ length: 100 }, (_, index) => `fsync ${index > 96 ? 0.2 : 0.001}`)),
      'takes 200 ms for a write',
    ],
  ])('is refused with %s', (_, found, why) => {
    expect(found()).toEqual([expect.stringContaining(why)]);
  });

  it('is refused once with everything that is in the way', () => {
    expect(problems(['active docker', 'listener 6443 users:(("nginx",pid=7,fd=3))'])).toHaveLength(2);
  });

  it('that is no server may have a slow disk', () => {
    const facts = readFacts([...GOOD, 'fsync 3', 'fsync 3', 'fsync 3'].join('\n'));
    expect(problemsOf(facts, { ...WANTED, role: 'agent' })).toEqual([]);
  });

  it('percentile', () => {
    expect(percentile([5, 1, 3], 0.99)).toBe(5);
    expect(
      percentile(
        Array.from({ length: 100 }, (_, index) => index),
        0.99,
      ),
    ).toBe(98);
    expect(percentile([], 0.99)).toBeUndefined();
  });
});
