/** The parts of the bootstrap program that only look at text. */
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { interfaceIn } from '../../functions/bootstrap/node/machine.ts';
import { configText, refusalIn } from '../../functions/bootstrap/node/k3s.ts';
import { membersOf, nodeOf, type Member } from '../../functions/bootstrap/node/etcd.ts';
import { serverUrl } from '../../functions/bootstrap/node/cluster.ts';
import { ciliumManifest } from '../../functions/bootstrap/node/cilium.ts';
import { kubeconfigText } from '../../functions/bootstrap/operations/kubeconfig.ts';
import { lastLines } from '../../functions/bootstrap/ssh.ts';
import { cilium } from '../../functions/catalogue/cilium.ts';

const ADDRESSES = `1: lo    inet 127.0.0.1/8 scope host lo\\       valid_lft forever preferred_lft forever
2: eth0    inet 203.0.113.1/32 metric 100 scope global dynamic eth0\\       valid_lft 84961sec
2: eth0    inet6 2001:db8::1/64 scope global \\       valid_lft forever preferred_lft forever
3: enp7s0    inet 10.0.1.10/32 brd 10.0.1.10 scope global dynamic enp7s0\\       valid_lft 84963sec
4: veth1@if5    inet 10.0.1.100/24 scope global veth1\\       valid_lft forever
`;

describe('the interface with an address', () => {
  it.each([
    ['is found by the address, whatever its name', '10.0.1.10', 'enp7s0'],
    ['is not one whose address begins alike', '10.0.1.1', undefined],
    ['may have an address of IPv6', '2001:db8::1', 'eth0'],
    ['is named without its other end', '10.0.1.100', 'veth1'],
  ])('%s', (_, address, name) => {
    expect(interfaceIn(ADDRESSES, address)).toBe(name);
  });
});

describe('the configuration of K3s', () => {
  it('is the same text for the same words in another order', () => {
    const text = configText({ 'tls-san': ['b', 'a'], disable: ['traefik'], 'secrets-encryption': true });
    expect(text).toBe(
      configText({ 'secrets-encryption': true, disable: ['traefik'], 'tls-san': ['b', 'a'] }),
    );
    expect(parse(text)).toEqual({ disable: ['traefik'], 'secrets-encryption': true, 'tls-san': ['b', 'a'] });
  });

  it('keeps what looks like something else, and long words on one line', () => {
    const config = {
      'node-label': ['a=true', 'b=1.10'],
      token: '0123',
      'etcd-snapshot-schedule-cron': '0 */6 * * *',
    };
    expect(parse(configText(config))).toEqual(config);
    expect(configText({ token: 'x '.repeat(100) }).split('\n')).toHaveLength(2);
  });
});

describe('a refusal in the journal', () => {
  it.each([
    [
      'of other words than the servers have',
      'level=fatal msg="starting kubernetes: preparing server: critical configuration value mismatch between servers"',
      'its configuration differs',
    ],
    [
      'of another token',
      'msg="bootstrap data already found and encrypted with different token"',
      'another token',
    ],
    ['of nothing', 'msg="Waiting to retrieve agent configuration; server is not ready"', undefined],
  ])('%s', (_, line, reason) => {
    const refusal = refusalIn(['level=info msg="Starting k3s"', line]);
    if (reason === undefined) expect(refusal).toBeUndefined();
    else expect(refusal?.reason).toContain(reason);
  });
});

describe('members of etcd', () => {
  const member = (name: string, address: string): Member => ({
    id: address,
    name,
    peerUrls: [`https://${address}:2380`],
    learner: false,
  });
  const list = [
    member('server-1-0a1b2c3d', '10.0.0.1'),
    member('server-11-0a1b2c3e', '10.0.0.11'),
    member('', '10.0.0.2'),
    member('web-cafebabe-0a1b2c3f', '10.0.0.3'),
    member('server-6-0a1b2c40', '[fd00::6]'),
  ];

  it.each([
    ['by its name', { name: 'server-1', nodeAddress: '10.9.9.9' }, ['10.0.0.1']],
    ['by the address of one that never came', { name: 'server-2', nodeAddress: '10.0.0.2' }, ['10.0.0.2']],
    ['whose name ends like a suffix of K3s', { name: 'web-cafebabe', nodeAddress: '10.9.9.9' }, ['10.0.0.3']],
    ['of which there is none', { name: 'server', nodeAddress: '10.9.9.9' }, []],
  ])('are those of a machine %s', (_, machine, found) => {
    expect(membersOf(list, machine).map(({ id }) => id)).toEqual(found);
  });

  it('say their node', () => {
    expect(list.map(nodeOf)).toEqual(['server-1', 'server-11', '', 'web-cafebabe', 'server-6']);
  });
});

describe('addresses', () => {
  it.each([
    ['10.0.0.1', 'https://10.0.0.1:6443'],
    ['fd00::1', 'https://[fd00::1]:6443'],
  ])('of servers: %s', (nodeAddress, url) => {
    const target = { name: 'one', address: nodeAddress, nodeAddress, port: 22, identity: '1' };
    expect(serverUrl(target)).toBe(url);
    expect(kubeconfigText({ target, context: 'acme' }, { token: 't', authority: 'CA' })).toContain(
      `server: ${url}\n`,
    );
  });
});

describe('a kubeconfig', () => {
  it('has one name for all, so that several can be merged', () => {
    const target = { name: 'one', address: '203.0.113.1', nodeAddress: '10.0.0.1', port: 22, identity: '1' };
    expect(parse(kubeconfigText({ target, context: 'acme' }, { token: 'a: "b"', authority: 'CA' }))).toEqual({
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: 'acme',
          cluster: { server: 'https://203.0.113.1:6443', 'certificate-authority-data': 'Q0E=' },
        },
      ],
      users: [{ name: 'acme', user: { token: 'a: "b"' } }],
      contexts: [{ name: 'acme', context: { cluster: 'acme', user: 'acme' } }],
      'current-context': 'acme',
    });
  });
});

describe('Cilium without Crossplane', () => {
  it('is the chart of the catalogue, and takes the place of kube-proxy where there is none', () => {
    const { spec }: { spec: Record<string, string> } = parse(ciliumManifest({ 'disable-kube-proxy': true }));
    expect(spec).toMatchObject({ chart: 'cilium', version: cilium.chart?.version, bootstrap: true });
    expect(parse(spec['valuesContent'] ?? '')).toMatchObject({ kubeProxyReplacement: true });
  });
});

describe('the last lines of a log', () => {
  it('are those that say something', () => {
    expect(lastLines('one\n\ntwo  \n\n', 1)).toEqual(['two']);
    expect(lastLines('')).toEqual([]);
  });
});
