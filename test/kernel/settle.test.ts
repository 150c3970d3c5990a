import { describe, expect, it } from 'vitest';
import type { Graph, Node } from '../../functions/kernel/graph.ts';
import type { JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { nameFor, NODE_LABEL } from '../../functions/kernel/names.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { settle } from '../../functions/kernel/settle.ts';

const xr: Manifest = {
  apiVersion: 'platform.openova.io/v1alpha1',
  kind: 'XThing',
  metadata: { name: 'acme' },
};

function node(key: string, more: Partial<Node> & { spec?: JsonObject } = {}): Node {
  const { spec = { size: 1 }, ...rest } = more;
  return { key, manifest: { apiVersion: 'example.org/v1', kind: 'Thing', spec }, ...rest };
}

/** An observed object of ours: `up` is Ready, `down` is not. */
function object(key: string, state: 'up' | 'down', more: JsonObject = {}, after = ''): Manifest {
  return {
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    spec: { size: 1 },
    status: { conditions: [{ type: 'Ready', status: state === 'up' ? 'True' : 'False' }] },
    ...more,
    metadata: {
      name: nameFor('acme', key),
      labels: { [NODE_LABEL]: key },
      ...(after && { annotations: { 'platform.openova.io/after': after } }),
    },
  };
}

function usage(key: string, of: string, by: string, after = ''): Manifest {
  const named = (one: string) => ({
    apiVersion: 'example.org/v1',
    kind: 'Thing',
    resourceRef: { name: nameFor('acme', one) },
  });
  return {
    apiVersion: 'protection.crossplane.io/v1beta1',
    kind: 'ClusterUsage',
    metadata: {
      name: key,
      labels: { [NODE_LABEL]: key },
      ...(after && { annotations: { 'platform.openova.io/after': after } }),
    },
    spec: { of: named(of), by: named(by) },
  };
}

interface Case {
  reason: string;
  graph: Graph;
  observed?: Record<string, Manifest>;
  served?: boolean;
  want: string[];
}

const pair: Graph = { nodes: [node('network'), node('server', { after: ['network'] })] };
const cases: Record<string, Case> = {
  'nothing exists': { reason: 'what waits is not made', graph: pair, want: ['network'] },
  'the first is not ready': {
    reason: 'order: made only when all it waits for is ready',
    graph: pair,
    observed: { network: object('network', 'down') },
    want: ['network'],
  },
  'the first is ready': {
    reason: 'order: now the second',
    graph: pair,
    observed: { network: object('network', 'up') },
    want: ['network', 'server'],
  },
  'the first flaps afterwards': {
    reason: 'latch: an absent key is a deletion, so what exists stays',
    graph: pair,
    observed: { network: object('network', 'down'), server: object('server', 'up') },
    want: ['network', 'server'],
  },
  'the first is lost': {
    reason: 'latch: what exists stays although what it waited for has to be made again',
    graph: pair,
    observed: { server: object('server', 'up') },
    want: ['network', 'server'],
  },
  'a stage of another node': {
    reason: 'order: a node may wait for less than readiness',
    graph: {
      nodes: [
        node('platform'),
        node('join', {
          after: [{ key: 'platform', until: 'it has a network', test: ({ spec }) => spec !== undefined }],
        }),
      ],
    },
    observed: { platform: object('platform', 'down') },
    want: ['join', 'platform'],
  },
  'a kind that nobody serves': {
    reason: 'served: emitting it would kill the XR before any function is asked again',
    graph: pair,
    served: false,
    want: [],
  },
  'a kind that nobody serves, but that exists': {
    reason: 'served: an observed object proves its kind',
    graph: pair,
    observed: { network: object('network', 'up') },
    served: false,
    want: ['network', 'server'],
  },
  'bad input': {
    reason: 'honest answer: nothing new is made, nothing that exists is dropped',
    graph: { nodes: [node('network')], problems: [{ field: 'spec.size', message: 'is 0' }] },
    observed: { server: object('server', 'up') },
    want: ['server'],
  },
  'no longer wanted': {
    reason: 'decommission: what nothing needs may go',
    graph: { nodes: [node('network')] },
    observed: { network: object('network', 'up'), server: object('server', 'up') },
    want: ['network'],
  },
  'no longer wanted, with something made after it': {
    reason: 'decommission: the reverse of the order in which it was made',
    graph: { nodes: [] },
    observed: { network: object('network', 'up'), server: object('server', 'up', {}, 'network') },
    want: ['network'],
  },
  'no longer wanted, before its drain is done': {
    reason: 'decommission: the drain comes first',
    graph: { nodes: [node('drain')], leaving: new Map([['server', ['drain']]]) },
    observed: { drain: object('drain', 'down'), server: object('server', 'up') },
    want: ['drain', 'server'],
  },
  'no longer wanted, and drained': {
    reason: 'decommission: now it may go',
    graph: { nodes: [node('drain')], leaving: new Map([['server', ['drain']]]) },
    observed: { drain: object('drain', 'up'), server: object('server', 'up') },
    want: ['drain'],
  },
  'protected by a Usage whose user goes too': {
    reason: 'decommission: first the user, or the deletion would be refused and freeze the XR',
    graph: { nodes: [] },
    observed: {
      network: object('network', 'up'),
      server: object('server', 'up'),
      use: usage('use', 'network', 'server'),
    },
    want: ['network', 'use'],
  },
  'using what a Usage protects, which was made after it': {
    reason: 'decommission: the user goes before the Usage, though the Usage waited for it',
    graph: { nodes: [node('network')] },
    observed: {
      network: object('network', 'up'),
      server: object('server', 'up'),
      use: usage('use', 'network', 'server', 'network,server'),
    },
    want: ['network', 'use'],
  },
  'protected by a Usage whose user is gone': {
    reason: 'decommission: then the Usage',
    graph: { nodes: [] },
    observed: { network: object('network', 'up'), use: usage('use', 'network', 'server') },
    want: ['network'],
  },
  kept: {
    reason: 'a protected object stays although the spec left it out',
    graph: { nodes: [], kept: new Map([['server', 'protected']]) },
    observed: { server: object('server', 'up') },
    want: ['server'],
  },
  "another step's object": {
    reason: 'only what carries our label is ours to keep or to drop',
    graph: { nodes: [] },
    observed: { theirs: { ...object('theirs', 'up'), metadata: { name: 'theirs' } } },
    want: [],
  },
  'an older release, nothing asked for': {
    reason: 'consent: a new package alone makes nothing and drops nothing',
    graph: { nodes: [node('fresh')], release: { running: '0.1', wanted: '0.1', installed: '0.2' } },
    observed: { dropped: object('dropped', 'up') },
    want: ['dropped'],
  },
  'an older release, what was there is lost': {
    reason: 'consent: making again what others were made after is no change',
    graph: {
      nodes: [node('lost'), node('user', { after: ['lost'] })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    },
    observed: { user: object('user', 'up', {}, 'lost') },
    want: ['lost', 'user'],
  },
  'an older release, a machine that would wait for something new': {
    reason: 'consent: what only the newer release has is not waited for',
    graph: {
      nodes: [node('fresh'), node('machine', { scales: true, after: ['fresh'] })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    },
    want: ['machine'],
  },
  'an older release, a machine added': {
    reason: 'consent: scaling up needs none',
    graph: {
      nodes: [node('machine', { scales: true })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    },
    want: ['machine'],
  },
  'an older release, a machine gone that something dropped was made after': {
    reason: 'consent: what stays for the sake of the older release holds nothing else back',
    graph: {
      nodes: [],
      leaving: new Map([['machine', []]]),
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    },
    observed: { machine: object('machine', 'up'), dropped: object('dropped', 'up', {}, 'machine') },
    want: ['dropped'],
  },
  'an older release, a component switched off': {
    reason: 'consent: what the claim itself gave up may go',
    graph: {
      nodes: [],
      leaving: new Map([['component', []]]),
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    },
    observed: { component: object('component', 'up') },
    want: [],
  },
  'a first build while the package changes': {
    reason: 'consent: what was never ready follows the package',
    graph: { nodes: [node('fresh')], release: { running: undefined, wanted: '0.2', installed: '0.2' } },
    want: ['fresh'],
  },
};

describe('settle', () => {
  for (const [name, { reason, graph, observed = {}, served = true, want }] of Object.entries(cases))
    it(`${name}: ${reason}`, () => {
      const got = settle(xr, graph, observe(new Map(Object.entries(observed))), () => served);

      expect([...got.desired.keys()].sort()).toEqual(want);
    });

  it('consent: what runs keeps every field, and the change is announced', () => {
    const graph: Graph = {
      nodes: [node('component', { spec: { size: 2 } })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    };

    const got = settle(xr, graph, observe(new Map([['component', object('component', 'up')]])), () => true);

    expect(got.desired.get('component')?.manifest).toMatchObject({ spec: { size: 1 } });
    expect(got.updates).toEqual(['component']);
  });

  it('consent: what a user may change at any time follows the claim, and is no update', () => {
    const graph: Graph = {
      nodes: [node('component', { spec: { size: 2, policy: 'Orphan' }, live: ['spec.policy'] })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    };
    const settled = (size: number) =>
      settle(
        xr,
        graph,
        observe(new Map([['component', object('component', 'up', { spec: { size, policy: 'Delete' } })]])),
        () => true,
      );

    expect(settled(1).desired.get('component')?.manifest).toMatchObject({
      spec: { size: 1, policy: 'Orphan' },
    });
    expect(settled(1).updates).toEqual(['component']);
    expect(settled(2).updates).toEqual([]);
  });

  it('consent: what a newer package adds and drops is announced, and is no reason not to be ready', () => {
    const graph: Graph = {
      nodes: [node('component', { after: ['fresh'] }), node('fresh', { step: 'FreshReady' })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    };
    const observed = observe(
      new Map([
        ['component', object('component', 'up')],
        ['dropped', object('dropped', 'up')],
      ]),
    );

    const got = settle(xr, graph, observed, () => false);

    expect(got).toMatchObject({
      ready: true,
      updates: ['fresh', 'dropped'],
      retained: ['dropped'],
      leaving: [],
      probes: [],
      unserved: [],
    });
    expect([...got.states.keys()]).toEqual(['component']);
  });

  it('consent: what a newer package dropped still counts when it fails', () => {
    const graph: Graph = { nodes: [], release: { running: '0.1', wanted: '0.1', installed: '0.2' } };

    const got = settle(xr, graph, observe(new Map([['dropped', object('dropped', 'down')]])), () => true);

    expect(got.ready).toBe(false);
  });

  it('consent: what core still refers to was there, and is made again', () => {
    const graph: Graph = {
      nodes: [node('lost')],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    };
    const refs = {
      resourceRefs: [{ apiVersion: 'example.org/v1', kind: 'Thing', name: nameFor('acme', 'lost') }],
    };

    const got = settle({ ...xr, spec: refs }, graph, observe(new Map()), () => true);

    expect([...got.desired.keys()]).toEqual(['lost']);
  });

  it('consent: a composed composite that has an update is named', () => {
    const graph: Graph = {
      nodes: [node('platform', { follows: true })],
      release: { running: '0.1', wanted: '0.1', installed: '0.2' },
    };
    const status = { conditions: [{ type: 'UpdateAvailable', status: 'True' }] };

    const got = settle(
      xr,
      graph,
      observe(new Map([['platform', object('platform', 'up', { status })]])),
      () => true,
    );

    expect(got.updates).toEqual(['platform']);
  });

  it('consent: asked for, the new release is applied', () => {
    const graph: Graph = {
      nodes: [node('component', { spec: { size: 2 } })],
      release: { running: '0.1', wanted: '0.2', installed: '0.2' },
    };

    const got = settle(xr, graph, observe(new Map([['component', object('component', 'up')]])), () => true);

    expect(got.desired.get('component')?.manifest).toMatchObject({ spec: { size: 2 } });
  });

  it('a Job is held whole as soon as it exists: its template is immutable', () => {
    const graph: Graph = { nodes: [node('job', { once: true, spec: { size: 2 } })] };

    const got = settle(xr, graph, observe(new Map([['job', object('job', 'up')]])), () => true);

    expect(got.desired.get('job')?.manifest).toMatchObject({ spec: { size: 1 } });
  });

  it('what leaves is switched to deletionPolicy Delete and seen so before it is dropped', () => {
    const kept = ['Observe', 'Create', 'Update'];
    const orphan = object('server', 'up', { spec: { deletionPolicy: 'Orphan', managementPolicies: kept } });
    const observed = object('server', 'up', {
      spec: { deletionPolicy: 'Orphan', managementPolicies: ['Observe'] },
    });
    const deletable = object('server', 'up', { spec: { deletionPolicy: 'Delete' } });
    const settled = (one: Manifest) =>
      settle(xr, { nodes: [] }, observe(new Map([['server', one]])), () => true);

    expect(settled(orphan).desired.get('server')?.manifest).toMatchObject({
      spec: { deletionPolicy: 'Delete', managementPolicies: [...kept, 'Delete'] },
    });
    expect(settled(observed).desired.get('server')?.manifest).toMatchObject({
      spec: { managementPolicies: ['Observe'] },
    });
    expect(settled(deletable).desired.has('server')).toBe(false);
  });

  it('two nodes of one key are a defect of ours', () => {
    expect(() => settle(xr, { nodes: [node('a'), node('a')] }, observe(new Map()), () => true)).toThrow(
      'same key',
    );
  });
});
