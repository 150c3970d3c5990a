/** What every object at the cloud is like, and what of it never changes. */
import { describe, expect, it } from 'vitest';
import { at, listAt, textAt, type Json, type JsonObject } from '../../functions/kernel/manifest.ts';
import { History, LEAST, machine } from './history.ts';

function settled(spec: JsonObject = LEAST): History {
  const history = new History(spec);
  history.settle();
  return history;
}

const isHetzner = (apiVersion: string) => apiVersion.includes('.hetzner.crossplane.io/');
const forProvider = (field: string) => `spec.forProvider.${field}`;

/** Each field of a server as something else than this package would ask for. */
const OTHER: Record<string, Json> = {
  userData: '#cloud-config\n# of an older release\n',
  image: 'debian-13',
  location: 'hel1',
  sshKeysRefs: [{ name: 'of-an-older-release' }],
  serverType: 'cx53',
  publicNet: [{ ipv4Enabled: true, ipv6Enabled: false }],
  network: [{ networkId: 8, ip: '10.0.0.99', aliasIps: [] }],
  placementGroupIdRef: { name: 'of-an-older-release' },
  name: 'of-an-older-release',
};

describe('a server that the cloud has made', () => {
  it.each(Object.entries(OTHER))(
    'keeps its %s: to change it would replace it, stop it or cut it off',
    (field, other) => {
      const history = settled();
      history.change(machine('general-1'), forProvider(field), other);
      history.turn();

      expect(at(history.get(machine('general-1')), 'spec', 'forProvider', field)).toEqual(other);
    },
  );

  /** A server that the cloud has not made yet, with another value in a field, after the next turn. */
  function before(field: string, other: Json, conditions: Json[]): Json | undefined {
    const history = new History();
    while (!history.observed.has(machine('general-1'))) history.turn();
    history.change(machine('general-1'), 'status', { conditions });
    history.change(machine('general-1'), forProvider(field), other);
    const server = history.get(machine('general-1'));
    const metadata = { ...server.metadata, generation: 2 };
    history.observed.set(machine('general-1'), { ...server, metadata });
    history.turn();
    return at(history.get(machine('general-1')), 'spec', 'forProvider', field);
  }
  const begun = { type: 'Ready', status: 'False', reason: 'Creating', observedGeneration: 2 };

  it.each(Object.entries(OTHER))(
    'keeps its %s also while it is being made: the cloud has been asked for that',
    (field, other) => {
      expect(before(field, other, [begun, { type: 'Synced', status: 'True' }])).toEqual(other);
      expect(before(field, other, [])).toEqual(other);
    },
  );

  it.each(Object.entries(OTHER))(
    'may have another %s when it was refused, but for its address',
    (field, other) => {
      const refused = { type: 'Synced', status: 'False', message: 'create failed: invalid input' };
      const now = before(field, other, [begun, refused]);

      if (field === 'network') expect(now).toEqual(other);
      else expect(now).not.toEqual(other);
    },
  );
});

it('after a type that is sold out and no longer named, the first one is asked for', () => {
  const history = new History({ ...LEAST, controlPlane: { count: 1, serverTypes: ['cx33'] } });
  const key = machine('control-plane-1');
  while (!history.observed.has(key)) history.turn();
  const server = history.get(key);
  const conditions = [
    { type: 'Ready', status: 'False', observedGeneration: 1 },
    { type: 'Synced', status: 'False', message: 'error during placement (resource_unavailable): ' },
  ];
  const metadata = { ...server.metadata, generation: 1 };
  history.observed.set(key, { ...server, metadata, status: { conditions } });
  history.spec = { ...LEAST, controlPlane: { count: 1, serverTypes: ['cx43', 'cx53'] } };
  history.turn();

  expect(textAt(history.get(key), 'spec', 'forProvider', 'serverType')).toBe('cx43');
});

describe('private addresses', () => {
  const addressOf = (history: History, id: string) =>
    textAt(history.get(machine(id)), 'spec', 'forProvider', 'network', 0, 'ip');
  const pools = (...sizes: [name: string, count: number][]): JsonObject => ({
    ...LEAST,
    controlPlane: { count: 1 },
    pools: sizes.map(([name, count]) => ({ name, count })),
  });

  it('a machine keeps its own, whatever comes before it', () => {
    const history = settled(pools(['general', 2]));
    history.spec = { ...pools(['alpha', 1], ['general', 2]), controlPlane: { count: 3 } };
    history.settle();

    expect(['control-plane-1', 'general-1', 'general-2'].map((id) => addressOf(history, id))).toEqual([
      '10.0.0.11',
      '10.0.0.12',
      '10.0.0.13',
    ]);
    expect(['control-plane-2', 'control-plane-3', 'alpha-1'].map((id) => addressOf(history, id))).toEqual([
      '10.0.0.14',
      '10.0.0.15',
      '10.0.0.16',
    ]);
  });

  it('one of a machine that goes is free only when it has gone', () => {
    const history = settled(pools(['general', 1], ['old', 1]));
    history.spec = pools(['general', 1], ['fresh', 1]);
    while (!history.observed.has(machine('fresh-1'))) history.turn();
    expect(addressOf(history, 'fresh-1')).toBe('10.0.0.14');

    history.settle();
    history.spec = pools(['general', 2], ['fresh', 1]);
    history.settle();
    expect(addressOf(history, 'general-2')).toBe('10.0.0.13');
  });
});

describe('every object at the cloud', () => {
  const objects = (machines: 'Delete' | 'Orphan') =>
    [...settled({ ...LEAST, deletion: { machines } }).observed].filter(([, { apiVersion }]) =>
      isHetzner(apiVersion),
    );

  it.each(objects('Delete'))(
    '%s is managed without late initialisation, which would defend what others attach',
    (_key, object) => {
      expect(listAt(object, 'spec', 'managementPolicies')).toEqual(['Observe', 'Create', 'Update', 'Delete']);
      expect(textAt(object, 'spec', 'deletionPolicy')).toBe('Delete');
    },
  );

  it.each(objects('Orphan'))('%s stays at the cloud when the claim wants that', (_key, object) => {
    // Either field alone would not keep it.
    expect(listAt(object, 'spec', 'managementPolicies')).toEqual(['Observe', 'Create', 'Update']);
    expect(textAt(object, 'spec', 'deletionPolicy')).toBe('Orphan');
  });
});

it('user data is no template of Terraform: what looks like one comes out as it was written', () => {
  const history = new History({
    ...LEAST,
    access: {
      managementCidrs: ['192.0.2.10/32'],
      authorizedKeys: ['ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 ${HOME} %{ if true }'],
    },
  });
  while (!history.observed.has(machine('control-plane-1'))) history.turn();
  const userData = textAt(history.get(machine('control-plane-1')), 'spec', 'forProvider', 'userData');

  expect(userData).toContain('AAAAC3NzaC1lZDI1NTE5 $${HOME} %%{ if true }');
});

it('every Usage asks again for a deletion that it refused: without that the owner would wait for ever', () => {
  const usages = [...settled().observed].filter(([key]) => key.startsWith('usage/'));

  expect(usages.length).toBeGreaterThan(10);
  expect(usages.filter(([, usage]) => at(usage, 'spec', 'replayDeletion') !== true)).toEqual([]);
});

it('a platform that was opened stays open while another machine joins: its components would be taken away', () => {
  const history = settled();
  history.spec = { ...LEAST, pools: [{ name: 'general', count: 3 }] };
  const stages = new Set<string | undefined>();
  while (![...history.observed.keys()].some((key) => key.startsWith('agent/general-3-'))) {
    history.turn();
    stages.add(textAt(history.get('platform'), 'spec', 'stage'));
  }

  expect([...stages]).toEqual(['Platform']);
});

describe('a load balancer or firewall that the cloud has lost', () => {
  /** Keys of what belongs to it, and the field with its id that the provider has resolved. */
  const cases: { owner: string; field: string; belongs: (key: string) => boolean }[] = [
    { owner: 'load-balancer', field: 'loadBalancerId', belongs: (key) => key.startsWith('load-balancer/') },
    { owner: 'firewall', field: 'firewallId', belongs: (key) => key === 'firewall-attachment' },
  ];

  /** A region whose thing of the cloud is another one now. */
  function lost({ owner, field, belongs }: (typeof cases)[number], release?: string) {
    const history = settled();
    if (release !== undefined) {
      history.change('platform', 'status.release', release);
      history.status = { ...history.status, release };
    }
    const keys = [...history.observed.keys()].filter(belongs).sort();
    for (const key of keys) history.change(key, forProvider(field), key.includes('/service/') ? '555' : 555);
    history.change(owner, 'status.atProvider', { id: '555' });
    return { history, keys };
  }

  it.each(cases)('$owner: what belongs to it stays with the one it was made for', (one) => {
    const { history } = lost(one);

    expect(history.settle()).toEqual([]);
  });

  it.each(cases)(
    '$owner: what belongs to it is made anew, for the provider would never look again',
    (one) => {
      for (const release of [undefined, '0.0']) {
        const { history, keys } = lost(one, release);
        history.change(one.owner, 'status.atProvider', { id: '556' });
        const turns = history.settle();

        expect(keys.length).toBeGreaterThan(0);
        expect(turns.flatMap(({ dropped }) => dropped).sort()).toEqual(keys);
        expect(turns.flatMap(({ made }) => made).sort()).toEqual(keys);
        expect(at(history.get(keys[0] ?? ''), 'spec', 'forProvider', one.field)).toBeUndefined();
      }
    },
  );

  it.each(cases)('$owner: while nobody knows its id, nothing goes', (one) => {
    const { history } = lost(one);
    history.change(one.owner, 'status', {});

    expect(history.settle().flatMap(({ dropped }) => dropped)).toEqual([]);
  });
});
