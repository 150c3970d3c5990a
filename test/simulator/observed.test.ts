import { describe, expect, it } from 'vitest';
import type { Manifest } from '../../functions/kernel/manifest.ts';
import { adopt, bound } from '../../functions/simulator/observed.ts';
import { simulate } from '../../functions/simulator/simulate.ts';
import { EMPTY, put, type World } from '../../functions/simulator/world.ts';
import { API_VERSION, CLAIM_ID, DEFINITIONS, NETWORK_ID, toy, TOYS } from './toy.ts';

/** Objects as `kubectl get -o yaml` prints them: without managed fields. */
function printed(world: World, keep: (object: Manifest) => boolean): Manifest[] {
  return [...world.objects.values()].filter(keep).map(({ metadata, ...object }) => ({
    ...object,
    apiVersion: object.apiVersion,
    kind: object.kind,
    metadata: { ...metadata, managedFields: undefined },
  }));
}

function again(observed: readonly Manifest[], claim = toy()): World {
  const world = adopt(EMPTY, DEFINITIONS, observed);
  return put(world, bound(world, DEFINITIONS, claim));
}

describe('a world that begins with what exists', () => {
  it('changes nothing when the claim is the same', async () => {
    const first = await simulate(TOYS, put(EMPTY, toy()));
    const { waves, unready } = await simulate(
      TOYS,
      again(printed(first.world, ({ kind }) => kind !== 'Toy')),
    );

    expect(waves.flatMap(({ objects }) => objects.map(({ key }) => key))).toEqual([]);
    expect([...unready]).toEqual([]);
  });

  it('finds the composite by its objects alone', async () => {
    const first = await simulate(TOYS, put(EMPTY, toy()));
    const renamed = JSON.stringify(printed(first.world, ({ kind }) => kind === 'Network')).replaceAll(
      'one-local',
      'one-x7k2p',
    );
    const observed: Manifest[] = JSON.parse(renamed);
    const { world } = await simulate(TOYS, again(observed), { until: 1 });

    expect(world.objects.get(CLAIM_ID)).toMatchObject({ spec: { resourceRef: { name: 'one-x7k2p' } } });
    expect([...world.objects.keys()].filter((id) => id.startsWith('Network'))).toEqual([
      NETWORK_ID.replace('one-local', 'one-x7k2p'),
    ]);
  });

  it('leaves objects of others alone', () => {
    const secret: Manifest = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 's', namespace: 'team' } };
    const world = adopt(EMPTY, DEFINITIONS, [secret]);

    expect([...world.objects.keys()]).toEqual(['Secret/team/s']);
  });

  it('makes no composite of an owner that is none of ours', () => {
    const pod: Manifest = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {
        name: 'p',
        namespace: 'team',
        ownerReferences: [
          { apiVersion: 'apps/v1', kind: 'ReplicaSet', name: 'r', uid: 'u', controller: true },
        ],
      },
    };

    expect([...adopt(EMPTY, DEFINITIONS, [pod]).objects.keys()]).toEqual(['Pod/team/p']);
    expect(API_VERSION).toBe('toys.openova.io/v1');
  });
});
