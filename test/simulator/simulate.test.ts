import { Ready, RunFunctionResponse, type RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import { describe, expect, it } from 'vitest';
import { conditionOf, isTrue, listAt, textAt } from '../../functions/kernel/manifest.ts';
import { inProcess } from '../../functions/simulator/call.ts';
import {
  deleteObject,
  editSpec,
  failJob,
  garbageStatus,
  heal,
  pause,
  replace,
  resume,
  unready,
  vanish,
} from '../../functions/simulator/faults.ts';
import { simulate } from '../../functions/simulator/simulate.ts';
import { EMPTY, put, type World } from '../../functions/simulator/world.ts';
import { CLAIM_ID, DEFINITIONS, NETWORK_ID, PART_ID, runToys, serverId, toy, TOY_ID, TOYS } from './toy.ts';

const start = (spec = {}) => put(EMPTY, toy(spec));
const at = (world: World, id: string) => world.objects.get(id);
const keysOf = (waves: Awaited<ReturnType<typeof simulate>>['waves']) =>
  waves.map(({ objects }) => objects.map(({ key, id }) => key || id));

describe('simulate', () => {
  it('goes wave by wave to the end, and into nested composites', async () => {
    const { waves, world, unready: left } = await simulate(TOYS, start({ servers: 2 }));

    expect(keysOf(waves)).toEqual([
      [TOY_ID, 'group', 'network'],
      ['server/1'],
      ['part', 'server/2', 'config'],
    ]);
    expect(waves.map(({ number }) => number)).toEqual([1, 2, 3]);
    expect([...left]).toEqual([]);
    expect(isTrue(at(world, CLAIM_ID) ?? toy(), 'Ready')).toBe(true);
  });

  it('lets the status of a nested composite reach its parent and the claim', async () => {
    const { world } = await simulate(TOYS, start());

    expect(at(world, TOY_ID)).toMatchObject({ status: { phase: 'Ready' } });
    expect(at(world, CLAIM_ID)).toMatchObject({ status: { phase: 'Ready' } });
  });

  it('drops what no status declares, as the API server does', async () => {
    const { world } = await simulate(TOYS, start());

    expect(at(world, TOY_ID)?.['status']).not.toHaveProperty('unknown');
  });

  it('stops in a wave before anything of it becomes ready', async () => {
    const { waves, world } = await simulate(TOYS, start(), { until: 2 });

    expect(waves).toHaveLength(2);
    expect(at(world, serverId(1))).not.toHaveProperty('status');
    expect(isTrue(at(world, NETWORK_ID) ?? toy(), 'Ready')).toBe(true);
  });

  it('gives the same every time', async () => {
    const [one, two] = await Promise.all([simulate(TOYS, start()), simulate(TOYS, start())]);

    expect(JSON.stringify([...one.world.objects])).toBe(JSON.stringify([...two.world.objects]));
  });

  it('tells of every wave as it comes', async () => {
    const told: number[] = [];
    await simulate(TOYS, start(), { onWave: ({ number }) => told.push(number) });

    expect(told).toEqual([1, 2, 3]);
  });

  it('ends with what is not ready and why, when something stays so', async () => {
    const first = await simulate(TOYS, start(), { until: 1 });
    const { unready: left } = await simulate(TOYS, unready(first.world, NETWORK_ID, 'limit reached'));

    expect(left.get(NETWORK_ID)).toBe('limit reached');
    expect([...left.keys()]).toEqual([NETWORK_ID, CLAIM_ID, TOY_ID]);
  });

  it('names composites that never come to rest', async () => {
    let turn = 0;
    const restless = (request: RunFunctionRequest) => {
      turn += 1;
      const response = runToys(request);
      const composite = response.desired?.composite?.resource ?? {};
      return {
        ...response,
        desired: {
          resources: {},
          composite: {
            connectionDetails: {},
            ready: Ready.READY_TRUE,
            resource: { ...composite, status: { phase: `turn ${turn}` } },
          },
        },
      };
    };
    const run = simulate({ definitions: DEFINITIONS, call: inProcess(restless) }, start());

    await expect(run).rejects.toThrow(`${TOY_ID} (status`);
  });

  it('a claim of the same name in another namespace gets another composite', async () => {
    const other = { ...toy(), metadata: { name: 'one', namespace: 'other' } };
    const { world } = await simulate(TOYS, put(start(), other), { until: 1 });

    expect([...world.objects.keys()].filter((id) => id.startsWith('XToy')).sort()).toEqual([
      'XToy.toys.openova.io/one-e46ab',
      TOY_ID,
    ]);
  });
});

describe('edits and removals', () => {
  it('an edit of the claim reaches the composite and what it composes', async () => {
    const first = await simulate(TOYS, start());
    const { world, waves } = await simulate(
      TOYS,
      editSpec(first.world, CLAIM_ID, (spec) => ({ ...spec, servers: 3 })),
    );

    expect(keysOf(waves)).toEqual([['server/2'], ['server/3']]);
    expect(at(world, TOY_ID)).toMatchObject({ spec: { servers: 3 } });
  });

  it('what is no longer wanted goes, nested composites with all they have', async () => {
    const first = await simulate(TOYS, start({ servers: 2 }));
    const edited = editSpec(first.world, CLAIM_ID, (spec) => ({ ...spec, servers: 1, part: false }));
    const { world, waves } = await simulate(TOYS, edited);

    expect(waves.flatMap(({ gone }) => gone).sort()).toEqual(
      ['ConfigMap/team/one-local-part-config', serverId(2), PART_ID].sort(),
    );
    expect(at(world, PART_ID)).toBeUndefined();
    expect(listAt(at(world, TOY_ID), 'spec', 'resourceRefs')).toHaveLength(3);
  });

  it('deleting the claim takes everything with it, children first', async () => {
    const first = await simulate(TOYS, start());
    const { world, waves } = await simulate(TOYS, deleteObject(first.world, CLAIM_ID));

    expect([...world.objects]).toEqual([]);
    expect(waves.at(-1)?.gone).toEqual([CLAIM_ID, TOY_ID]);
    const order = waves.flatMap(({ gone }) => gone);
    expect(order.indexOf('ConfigMap/team/one-local-part-config')).toBeLessThan(order.indexOf(PART_ID));
    expect(order.indexOf(PART_ID)).toBeLessThan(order.indexOf(TOY_ID));
  });
});

describe('faults', () => {
  it('unready until healed: what waits for it is not made meanwhile', async () => {
    const first = await simulate(TOYS, start(), { until: 1 });
    const stuck = await simulate(TOYS, unready(first.world, NETWORK_ID));
    const healed = await simulate(TOYS, heal(stuck.world, NETWORK_ID));

    expect(stuck.world.objects.has(serverId(1))).toBe(false);
    expect(healed.world.objects.has(serverId(1))).toBe(true);
    expect([...healed.unready]).toEqual([]);
  });

  it('paused: nothing is applied until it is resumed', async () => {
    const first = await simulate(TOYS, start());
    const edited = editSpec(pause(first.world, TOY_ID), CLAIM_ID, (spec) => ({ ...spec, servers: 2 }));
    const held = await simulate(TOYS, edited);
    const resumed = await simulate(TOYS, resume(held.world, TOY_ID));

    expect(held.world.objects.has(serverId(2))).toBe(false);
    expect(conditionOf(at(held.world, TOY_ID) ?? {}, 'Synced')?.['reason']).toBe('ReconcilePaused');
    expect(resumed.world.objects.has(serverId(2))).toBe(true);
  });

  it('vanished: what is wanted is made again', async () => {
    const first = await simulate(TOYS, start());
    const { waves } = await simulate(TOYS, vanish(first.world, NETWORK_ID));

    expect(keysOf(waves)).toEqual([['network']]);
  });

  it('replaced: the same object with another id and other addresses', async () => {
    const first = await simulate(TOYS, start());
    const { world } = await simulate(TOYS, replace(first.world, serverId(1)));
    const [before, after] = [at(first.world, serverId(1)), at(world, serverId(1))];

    for (const field of ['id', 'ipv4Address', 'ipv6Address']) {
      expect(textAt(after, 'status', 'atProvider', field)).toBeTypeOf('string');
      expect(textAt(after, 'status', 'atProvider', field)).not.toBe(
        textAt(before, 'status', 'atProvider', field),
      );
    }
  });

  it('a garbage status is shown to the function as it is', async () => {
    const first = await simulate(TOYS, start());
    const { world } = await simulate(TOYS, garbageStatus(first.world, PART_ID, { phase: 7 }), { until: 1 });

    expect(world.objects.has(PART_ID)).toBe(true);
  });

  it('of a Job only', () => {
    const world = put(EMPTY, {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'j', namespace: 'n' },
    });

    expect(isTrue(at(failJob(world, 'Job.batch/n/j'), 'Job.batch/n/j') ?? toy(), 'Failed')).toBe(true);
    expect(failJob(world, 'nobody')).toBe(world);
  });
});

describe('inProcess', () => {
  it('passes values only: a function cannot change the request of its caller', async () => {
    const request = {
      observed: {
        composite: undefined,
        resources: { a: { resource: { x: 1 }, connectionDetails: {}, ready: 0 } },
      },
    };
    const call = inProcess((received) => {
      const inner = received.observed?.resources['a']?.resource;
      if (inner !== undefined) inner['x'] = 2;
      return RunFunctionResponse.fromPartial({});
    });
    const { RunFunctionRequest: type } = await import('@crossplane-org/function-sdk-typescript');
    const given = type.fromPartial(request);
    await call(given);

    expect(given.observed?.resources['a']?.resource).toEqual({ x: 1 });
  });
});
