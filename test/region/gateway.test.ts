/** The Gateway moves between servers and machines of pools, and traffic never goes where nobody serves. */
import { describe, expect, it } from 'vitest';
import { textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { inputOf } from '../../functions/region/jobs.ts';
import { History, jobsOf, LEAST, machine } from './history.ts';

const region = (agents: number, more: JsonObject = {}): JsonObject => ({
  ...LEAST,
  controlPlane: { count: 1 },
  pools: [{ name: 'general', count: agents }],
  ...more,
});

function isTarget(history: History, id: string): string | undefined {
  return textAt(history.observed.get(machine(id)), 'spec', 'forProvider', 'labels', 'openova.io/gateway');
}

/** A region at rest, then another spec. */
function moving(from: JsonObject, to: JsonObject): History {
  const history = new History(from);
  history.settle();
  history.spec = to;
  return history;
}

describe('from the servers to a pool', () => {
  it('the load balancer leaves the servers only when every machine of the pool has joined', () => {
    const history = moving(region(0), region(2));
    while (jobsOf(history, 'agent').length < 2) history.turn();
    history.change(jobsOf(history, 'agent')[1] ?? '', 'status', { active: 1 });
    history.settle();
    expect(['control-plane-1', 'general-1', 'general-2'].map((id) => isTarget(history, id))).toEqual([
      'true',
      'true',
      'true',
    ]);

    history.change(jobsOf(history, 'agent')[1] ?? '', 'status', { succeeded: 1 });
    history.settle();
    expect(['control-plane-1', 'general-1', 'general-2'].map((id) => isTarget(history, id))).toEqual([
      'false',
      'true',
      'true',
    ]);
    expect(jobsOf(history, 'label')).toEqual([]);
  });

  it('also while an older release runs', () => {
    const history = new History(region(0));
    history.settle();
    history.change('platform', 'status.release', '0.0');
    history.status = { ...history.status, release: '0.0' };
    history.spec = region(1);
    history.settle();

    expect(history.status['release']).toBe('0.0');
    expect(isTarget(history, 'control-plane-1')).toBe('false');
  });

  it('a machine that joins later moves nothing', () => {
    const history = moving(region(1), region(2));
    while (!history.observed.has(machine('general-2'))) history.turn();

    expect(isTarget(history, 'control-plane-1')).toBe('false');
  });
});

describe('from a pool to the servers', () => {
  const history = moving(region(1), region(0));
  while (jobsOf(history, 'label').length === 0) history.turn();
  const [label = ''] = jobsOf(history, 'label');

  it('nodes that joined before are labelled by a Job', () => {
    const input = inputOf(history.get(label));

    expect(label).toMatch(/^label\/control-plane-1-g1\/\d+-gateway$/);
    expect(input).toMatchObject({
      operation: 'label',
      target: { name: 'acme-x7k2p-control-plane-1-g1' },
      labels: { 'platform.openova.io/gateway': 'true' },
    });
  });

  it('nothing is drained before they are', () => {
    history.change(label, 'status', { active: 1 });
    history.settle();
    expect(jobsOf(history, 'drain-and-remove')).toEqual([]);
    expect(isTarget(history, 'general-1')).toBe('true');

    history.change(label, 'status', { succeeded: 1 });
    history.settle();
    expect(history.observed.has(machine('general-1'))).toBe(false);
    expect(isTarget(history, 'control-plane-1')).toBe('true');
  });

  it('the Job stays, whatever the one before it says: what it did is still needed', () => {
    history.change(jobsOf(history, 'server')[0] ?? '', 'status', {});
    history.settle();

    expect(jobsOf(history, 'label')).toEqual([label]);
  });
});

describe('from a pool to another', () => {
  it('no machine that serves is drained before one of the others does', () => {
    const other = region(1, { pools: [{ name: 'large', count: 1 }] });
    const history = moving(region(1), other);
    while (!history.observed.has(machine('large-1'))) history.turn();
    history.change(machine('large-1'), 'status', { conditions: [{ type: 'Ready', status: 'False' }] });
    history.settle();
    expect(jobsOf(history, 'drain-and-remove')).toEqual([]);

    history.change(machine('large-1'), 'status', {
      conditions: [{ type: 'Ready', status: 'True' }],
      atProvider: { id: '777', ipv4Address: '203.0.113.77' },
    });
    history.settle();
    expect(jobsOf(history, 'agent')).toEqual(['agent/large-1-g1/777']);
    expect(history.observed.has(machine('general-1'))).toBe(false);
  });
});

describe('without a load balancer', () => {
  const k8gb = { loadBalancer: { type: 'k8gb' } };
  const addressesOf = (history: History) => history.turn().report.status['gatewayAddresses'];

  it('the addresses stay until the nodes that they move to serve', () => {
    const history = new History(region(1, k8gb));
    history.settle();
    const before = addressesOf(history);
    history.spec = region(0, k8gb);
    while (jobsOf(history, 'label').length === 0) history.turn();
    const [label = ''] = jobsOf(history, 'label');
    history.change(label, 'status', { active: 1 });
    expect(addressesOf(history)).toEqual(before);

    history.change(label, 'status', { succeeded: 1 });
    const server = history.get(machine('control-plane-1'));
    expect(addressesOf(history)).toEqual([textAt(server, 'status', 'atProvider', 'ipv4Address')]);
  });

  it('an address goes with its machine, also while not all serve that it moves to', () => {
    const history = new History(region(1, { ...k8gb, controlPlane: { count: 3 } }));
    history.settle();
    const [address] = [addressesOf(history)].flat();
    history.observed.delete(machine('general-1'));
    history.spec = region(0, { ...k8gb, controlPlane: { count: 3 } });
    history.fail(jobsOf(history, 'server')[2] ?? '');

    expect([addressesOf(history)].flat()).not.toContain(address);
  });

  it('the first ones are said as soon as they are known: records take time', () => {
    const history = new History(region(2, k8gb));
    while (!history.observed.has(machine('general-2'))) history.turn();
    const address = history.get(machine('general-2'));
    history.change(machine('general-2'), 'status.atProvider.ipv4Address', '');
    expect(addressesOf(history)).toHaveLength(1);

    history.observed.set(machine('general-2'), address);
    expect(addressesOf(history)).toHaveLength(2);
  });
});

describe('the API behind the load balancer', () => {
  const api = { loadBalancer: { api: true } };

  it('never reaches a server twice', () => {
    const history = moving(region(0, api), region(1, api));
    while (jobsOf(history, 'agent').length === 0) history.turn();
    history.change(jobsOf(history, 'agent')[0] ?? '', 'status', { active: 1 });
    history.settle();
    expect(history.observed.has('load-balancer/target/api')).toBe(false);

    history.change(jobsOf(history, 'agent')[0] ?? '', 'status', { succeeded: 1 });
    history.settle();
    expect(history.observed.has('load-balancer/target/api')).toBe(true);
  });
});
