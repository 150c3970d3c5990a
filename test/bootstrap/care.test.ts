import { describe, expect, it } from 'vitest';
import { needs, reconfigured } from '../../functions/bootstrap/operations/care.ts';
import { parseSnapshot } from '../../functions/bootstrap/node/restore.ts';
import { rulesText } from '../../functions/bootstrap/node/firewall.ts';

const NOW = new Date('2026-11-21T00:00:00Z');
const inDays = (days: number) => new Date(NOW.getTime() + days * 86_400_000);
const FINE = { reboot: false, certificatesExpire: inDays(200), config: undefined, outdated: false };

describe('what care does to a machine', () => {
  it.each([
    ['nothing', FINE, []],
    ['nothing while its certificates last', { ...FINE, certificatesExpire: inDays(90) }, []],
    ['a restart, which renews certificates', { ...FINE, certificatesExpire: inDays(89) }, ['restart']],
    ['a restart for another configuration', { ...FINE, config: 'a: b' }, ['restart']],
    ['a restart that was due when another run ended', { ...FINE, outdated: true }, ['restart']],
    ['a reboot', { ...FINE, reboot: true }, ['reboot']],
    [
      'a restart that does not wait for a reboot',
      { ...FINE, reboot: true, certificatesExpire: inDays(1) },
      ['restart', 'reboot'],
    ],
    ['nothing where it has no certificates', { ...FINE, certificatesExpire: undefined }, []],
  ])('%s', (_, state, want) => {
    const works = (['restart', 'reboot'] as const).filter((work) => needs(work, state, NOW, 90));
    expect(works).toEqual(want);
  });

  it('tells a server of other snapshots, and leaves the rest as it is', () => {
    const before = [
      'agent-token: secret',
      'etcd-arg:',
      '  - quota-backend-bytes=1',
      'etcd-s3: true',
      'etcd-s3-bucket: old',
      'etcd-snapshot-retention: 5',
      '',
    ].join('\n');

    const after = reconfigured(before, { 'etcd-snapshot-retention': 7 });

    expect(after).toBe(
      [
        'agent-token: secret',
        'etcd-arg:',
        '  - quota-backend-bytes=1',
        'etcd-snapshot-retention: 7',
        '',
      ].join('\n'),
    );
    expect(reconfigured(after, { 'etcd-snapshot-retention': 7 })).toBe(after);
  });
});

describe('the address of a snapshot', () => {
  it.each([
    ['s3://acme/a/b/etcd-1', { bucket: 'acme', folder: 'a/b', name: 'etcd-1' }],
    ['s3://acme/etcd-1', { bucket: 'acme', folder: '', name: 'etcd-1' }],
  ])('%s', (address, want) => {
    expect(parseSnapshot(address)).toEqual(want);
  });

  it.each(['s3://acme', 's3://acme/a/', 'etcd-1'])('%s is none', (address) => {
    expect(() => parseSnapshot(address)).toThrow(`the snapshot is "${address}"`);
  });
});

describe('rules of a firewall', () => {
  it('name addresses of both families apart, and nobody where nobody is listed', () => {
    const text = rulesText([
      { protocol: 'tcp', ports: ['22', '2222'], from: ['2001:db8::/32', '192.0.2.1', '0.0.0.0/0'] },
      { protocol: 'udp', ports: ['8472'], from: [] },
    ]);

    expect(text).toContain(
      'set from0 { type ipv4_addr; flags interval; auto-merge; elements = { 0.0.0.0/0, 192.0.2.1 }; }',
    );
    expect(text).toContain('    ip saddr @from0 tcp dport { 22, 2222 } accept');
    expect(text).toContain('    ip6 saddr @from1 tcp dport { 22, 2222 } accept');
    expect(text).not.toContain('8472');
    expect(text).toContain('policy drop');
  });
});
