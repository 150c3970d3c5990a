/** Machines that leave, and such as are wanted again after their way out has begun. */
import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../functions/kernel/manifest.ts';
import { inputOf } from '../../functions/region/jobs.ts';
import { after, History, idOf, jobsOf, LEAST, machine } from './history.ts';

const pool = (count: number): JsonObject => ({ ...LEAST, pools: [{ name: 'general', count }] });

/** A region of machines that exist: servers `s…`, agents `a…`. */
const existing = (...names: readonly string[]): JsonObject => ({
  name: 'home',
  domain: 'acme.example.com',
  cloud: { provider: 'existing' },
  pools: [{ name: 'general' }],
  machines: names.map((name, index) => ({
    name,
    address: `203.0.113.${index + 1}`,
    hostKey: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIA==',
    role: name.startsWith('s') ? 'server' : 'agent',
    ...(name.startsWith('a') && { pool: 'general' }),
  })),
});

/** A region whose drain Job of the last machine exists and still runs. */
function draining(before: JsonObject, less: JsonObject): { history: History; drain: string } {
  const history = new History(before);
  history.settle();
  history.spec = less;
  while (jobsOf(history, 'drain-and-remove').length === 0) history.turn();
  const drain = jobsOf(history, 'drain-and-remove')[0] ?? '';
  history.change(drain, 'status', { active: 1 });
  return { history, drain };
}

describe('a machine that is wanted again while its node leaves', () => {
  it('goes to the end, and is then made anew: its node would have been gone for ever', () => {
    const { history, drain } = draining(pool(3), pool(2));
    const old = idOf(history.get(machine('general-3')));
    history.spec = pool(3);

    expect(history.settle().flatMap(({ dropped }) => dropped)).toEqual([]);
    history.change(drain, 'status', { succeeded: 1 });
    const turns = history.settle();

    const gone = turns.findIndex(({ dropped }) => dropped.includes(machine('general-3')));
    const again = turns.findIndex(({ made }) => made.includes(machine('general-3')));
    const fresh = idOf(history.get(machine('general-3')));
    expect(gone).toBeGreaterThanOrEqual(0);
    expect(again).toBeGreaterThan(gone);
    expect(fresh).not.toBe(old);
    expect(jobsOf(history, 'agent')).toContain(`agent/general-3-g1/${fresh}`);
    expect(jobsOf(history, 'drain-and-remove')).toEqual([]);
    expect(history.status).toMatchObject({ phase: 'Ready' });
  });

  it('keeps its drain Job until its server is gone: what is only half gone is not joined again', () => {
    // Its server is told to go at the cloud too before it goes: one turn more.
    const orphans = { deletion: { machines: 'Orphan' } };
    const { history, drain } = draining({ ...pool(3), ...orphans }, { ...pool(2), ...orphans });
    const old = idOf(history.get(machine('general-3')));
    history.spec = { ...pool(3), ...orphans };
    history.change(drain, 'status', { succeeded: 1 });

    const isThere = () => {
      const server = history.observed.get(machine('general-3'));
      return server !== undefined && idOf(server) === old;
    };
    let turns = 0;
    for (; isThere(); turns++) {
      expect(history.observed.has(drain)).toBe(true);
      history.turn();
    }
    expect(turns).toBeGreaterThan(1);
  });

  it('also one of the servers: etcd has let it go', () => {
    const servers = (count: number) => ({ ...LEAST, controlPlane: { count } });
    const { history, drain } = draining(servers(3), servers(1));
    const old = idOf(history.get(machine('control-plane-3')));
    history.spec = servers(3);
    history.change(drain, 'status', { succeeded: 1 });
    history.settle();

    expect(idOf(history.get(machine('control-plane-3')))).not.toBe(old);
    expect(jobsOf(history, 'server')).toHaveLength(3);
  });

  it('a machine that exists already is joined once more', () => {
    const { history, drain } = draining(existing('s1', 'a1', 'a2'), existing('s1', 'a1'));
    const join = jobsOf(history, 'agent').find((key) => key.startsWith('agent/a2/')) ?? '';
    history.spec = existing('s1', 'a1', 'a2');
    history.change(drain, 'status', { succeeded: 1 });
    const turns = history.settle();

    expect(turns.flatMap(({ dropped }) => dropped)).toContain(join);
    expect(turns.flatMap(({ made }) => made)).toContain(join);
    expect(jobsOf(history, 'drain-and-remove')).toEqual([]);
  });
});

describe('servers that leave', () => {
  const all = existing('s1', 's2', 's3');

  it.each([
    { to: existing('s4'), reason: 'one instead of all' },
    { to: existing('s4', 's5', 's6'), reason: 'as many instead of all' },
  ])('never all at once, $reason: nobody would know the cluster', ({ to }) => {
    const { history, made, dropped } = after((one) => {
      one.spec = to;
    }, all);

    expect({ made, dropped }).toEqual({ made: [], dropped: [] });
    expect(history.turn().graph.problems).toEqual([
      {
        field: 'spec.machines',
        message:
          'has no server that has joined, must keep at least one of "s1", "s2", "s3" until another has',
      },
    ]);
  });

  it('also not when the one that would stay is on its way out', () => {
    const { history } = draining(all, existing('s1'));
    history.spec = existing('s3');

    expect(history.turn().graph.problems).toMatchObject([{ field: 'spec.machines' }]);
  });

  it('before any has joined, all may be others', () => {
    const history = new History(existing('s1'));
    while (jobsOf(history, 'server').length === 0) history.turn();
    history.fail(jobsOf(history, 'server')[0] ?? '');
    history.spec = existing('s2');
    history.settle();

    expect(history.status).toMatchObject({ phase: 'Ready' });
  });

  it('are named to others while they are members', () => {
    const { history, drain } = draining(all, existing('s1'));

    expect(inputOf(history.get(drain))).toMatchObject({
      target: { name: 's3' },
      peers: [{ name: 's1' }, { name: 's2' }],
    });
  });
});

describe('one Job at a time changes etcd', () => {
  const servers = (count: number, version: string): JsonObject => ({
    ...LEAST,
    controlPlane: { count },
    pools: [],
    kubernetes: { version },
  });
  const [old, fresh] = ['v1.35.3+k3s1', 'v1.36.3+k3s1'];

  it.each([
    {
      from: servers(1, old),
      to: servers(3, fresh),
      order: ['server', 'upgrade'],
      reason: 'new servers join, then the first is upgraded',
    },
    {
      from: servers(3, old),
      to: servers(1, fresh),
      order: ['upgrade', 'drain-and-remove'],
      reason: 'the one that stays is upgraded, then drains',
    },
    {
      from: existing('s1', 's2', 's3'),
      to: existing('s1', 's4', 's5'),
      order: ['server', 'drain-and-remove'],
      reason: 'joins, then drains',
    },
  ])('$reason', ({ from, to, order }) => {
    const history = new History(from);
    history.settle();
    history.spec = to;
    const done: string[] = [];
    for (let count = 0; count < 60; count++) {
      const made = history
        .turn()
        .made.filter((key) => /^(server|upgrade|drain-and-remove)\//.test(key) && !key.endsWith('/result'));
      expect(made.length).toBeLessThan(2);
      for (const key of made) {
        done.push(key.split('/')[0] ?? '');
        history.change(key, 'status', { active: 1 });
        const others = history.settle().flatMap((turn) => turn.made);
        expect(others.filter((one) => /^(server|upgrade|drain-and-remove)\//.test(one))).toEqual([]);
        history.change(key, 'status', { succeeded: 1 });
      }
    }

    expect([...new Set(done)]).toEqual(order);
    expect(history.turn().settled.ready).toBe(true);
  });

  it.each(['active', 'failed'])('a drain waits for the end of the join of the same server: %s', (end) => {
    const history = new History(servers(1, fresh));
    history.settle();
    history.spec = servers(3, fresh);
    for (let count = 0; jobsOf(history, 'server').length < 2 && count < 20; count++) history.turn();
    const join = jobsOf(history, 'server')[1] ?? '';
    history.change(join, 'status', { active: 1 });
    history.spec = servers(1, fresh);
    history.settle();
    expect(jobsOf(history, 'drain-and-remove')).toEqual([]);

    if (end === 'failed') history.fail(join);
    history.settle();
    expect(history.observed.has(machine('control-plane-2'))).toBe(end === 'active');
  });
});

it('a machine that exists goes at once before its Job has begun: there is no node, and nobody to ask for one', () => {
  const history = new History(existing('s1', 'a1'));
  history.settle();
  history.spec = existing('s1', 'a1', 'a2');
  const keys = () => [...history.observed.keys()].filter((key) => key.includes('/a2/'));
  for (let count = 0; keys().length === 0 && count < 20; count++) history.turn();
  expect(keys()).toEqual([expect.stringMatching(/\/result$/)]);

  history.spec = existing('s1', 'a1');
  const turns = history.settle();

  expect(turns.flatMap(({ made }) => made)).toEqual([]);
  expect(keys()).toEqual([]);
});
