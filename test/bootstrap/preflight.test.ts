import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import {
  percentile,
  portsOf,
  problemsOf,
  questions,
  readFacts,
} from '../../functions/bootstrap/node/preflight.ts';

const NOW = 1_795_000_000;
const GOOD = [
  'system debian',
  'version 13',
  'architecture x86_64',
  `clock ${NOW}`,
  'synchronized yes',
  'nft yes',
  'ss yes',
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
    [
      'a port that is taken',
      () => problems(['listener 6443/tcp users:(("nginx",pid=7,fd=3))']),
      '"6443/tcp nginx"',
    ],
    ['ports of which nobody knows', () => without('ss'), '"ss" does not say'],
    ['a disk of which nobody knows', () => without('fsync'), '"dd" does not say'],
    ['a K3s of somebody else', () => problems(['k3s v1.30.1+k3s1']), 'not installed by this program'],
    ['a K3s that says no version', () => problems(['k3s ']), 'not installed by this program'],
    [
      'a K3s of somebody else that runs',
      () => problems([`k3s ${WANTED.version}`, 'active k3s', 'listener 6443/tcp users:(("k3s",pid=7,fd=3))']),
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
    expect(problems(['active docker', 'listener 6443/tcp users:(("nginx",pid=7,fd=3))'])).toHaveLength(2);
  });

  it('that is no server may have a slow disk', () => {
    const facts = readFacts([...GOOD, 'fsync 3', 'fsync 3', 'fsync 3'].join('\n'));
    expect(problemsOf(facts, { ...WANTED, role: 'agent' })).toEqual([]);
  });

  it.each([
    [
      'server',
      ['80/tcp', '443/tcp', '2380/tcp', '4240/tcp', '4244/tcp', '6443/tcp', '8472/udp', '51871/udp'],
      [],
    ],
    [
      'agent',
      ['80/tcp', '443/tcp', '10250/tcp', '4240/tcp', '8472/udp', '51871/udp'],
      ['6443/tcp', '2379/tcp'],
    ],
  ] as const)('that becomes an %s must have the ports of the region free', (role, needed, others) => {
    expect(portsOf(role)).toEqual(expect.arrayContaining([...needed]));
    for (const port of others) expect(portsOf(role)).not.toContain(port);
  });

  it.each([
    ['udp UNCONN 0 0 0.0.0.0:8472 0.0.0.0:* users:(("flanneld",pid=7,fd=3))', ['8472/udp flanneld']],
    ['tcp LISTEN 0 0 [::]:443 [::]:* users:(("nginx",pid=7,fd=3))', ['443/tcp nginx']],
    ['tcp LISTEN 0 0 127.0.0.1:8472 0.0.0.0:* users:(("other",pid=7,fd=3))', []],
    ['', []],
    [undefined, undefined],
  ])('says what listens: %j', (line, want) => {
    // Only what this machine's own ss would say.
    const ss = line === undefined ? 'ss() { return 127; }' : `ss() { echo '${line}'; }`;
    const asked = questions('agent')
      .split('\n')
      .filter((one) => one.includes('ss -Htulnp'));
    const { stdout } = spawnSync('sh', ['-c', [ss, ...asked].join('\n')], { encoding: 'utf8' });
    expect(readFacts(stdout).listeners).toEqual(want);
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
