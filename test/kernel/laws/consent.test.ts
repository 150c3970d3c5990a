/** Consent: a newer package alone changes nothing that runs. */
import type { RunFunctionResponse } from '@crossplane-org/function-sdk-typescript';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { inputOf } from '../../../functions/region/jobs.ts';
import { runFunction } from '../../../functions/functions.ts';
import { objectAt, textAt, withField, type Manifest } from '../../../functions/kernel/manifest.ts';
import { claimsOf } from '../../../functions/simulator/claims.ts';
import { editSpec, garbageStatus } from '../../../functions/simulator/faults.ts';
import { idOf, type World } from '../../../functions/simulator/world.ts';
import { changes, happen } from './changes.ts';
import { runs, sampled } from './claims.ts';
import { editions, NEWER, newerPackage, type NewerPackage } from './edition.ts';
import { drained, withoutBookkeeping } from './laws.ts';
import {
  childhoodOf,
  composedIn,
  conditionsOf,
  DEFINITIONS,
  desiredIn,
  keyOf,
  Life,
  type Step,
} from './life.ts';

const CLAIMS = sampled(1);
const TIMEOUT = { timeout: 300_000 };

let newer: NewerPackage;
beforeAll(async () => {
  newer = await newerPackage();
  for (const documents of CLAIMS) await childhoodOf(documents);
}, 300_000);

const chosen = fc.constantFrom(...CLAIMS);

async function grown(documents: readonly Manifest[]): Promise<World> {
  const world = (await childhoodOf(documents)).worlds.at(-1);
  if (world === undefined) throw new Error('a childhood without a moment');
  return world;
}

/** The last question of each composite, at rest. */
async function lastSteps(documents: readonly Manifest[]): Promise<readonly Step[]> {
  const { steps } = await childhoodOf(documents);
  return [...new Map(steps.map((step) => [step.id, step])).values()];
}

function butUpdates({ conditions }: RunFunctionResponse) {
  return conditions.filter(({ type }) => type !== 'UpdateAvailable');
}

/** What a person would compare: every object but the composites' and claims' word on updates. */
function compared(world: World): Map<string, unknown> {
  return new Map(
    [...world.objects].map(([id, object]) => {
      const conditions = conditionsOf(object).filter(({ type }) => type !== 'UpdateAvailable');
      const plain = conditions.map((one) => ({ ...one, lastTransitionTime: '' }));
      const status = { ...objectAt(object, 'status'), conditions: plain };
      const isOurs = object.apiVersion.startsWith('platform.openova.io/');
      return [
        id,
        isOurs ? { ...withoutBookkeeping(object), metadata: undefined, status } : withoutBookkeeping(object),
      ];
    }),
  );
}

/** Of those, what is no composite or claim. */
function managed(world: World): ReadonlyMap<string, unknown> {
  const isOurs = (id: string) => world.objects.get(id)?.apiVersion.startsWith('platform.openova.io/');
  return new Map([...compared(world)].filter(([id]) => isOurs(id) !== true));
}

function edited(world: World, path: string, to: string | number): World {
  return claimsOf(world, DEFINITIONS)
    .filter(([, { claimKind }]) => claimKind !== 'DataService')
    .reduce((next, [id]) => editSpec(next, id, (spec) => withField(spec, path.split('.'), to)), world);
}

function composites(world: World, kind: string): readonly Manifest[] {
  return [...world.objects.values()].filter((object) => object.kind === kind);
}

function status(object: Manifest, type: string): unknown {
  return conditionsOf(object).find((condition) => condition['type'] === type)?.['status'];
}

describe('Consent', () => {
  it('a newer package answers the same, but for UpdateAvailable', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(editions, chosen, async (edition, documents) => {
        newer.publish(edition);
        for (const { request } of await lastSteps(documents)) {
          const [before, after] = [runFunction(request), newer.run(request)];
          expect([...desiredIn(after).keys()]).toEqual([...desiredIn(before).keys()]);
          expect(butUpdates(after)).toEqual(butUpdates(before));
          expect(after.desired?.composite).toEqual(before.desired?.composite);
          expect(after.requirements).toEqual(before.requirements);
          expect(after.results).toEqual(before.results);
        }
      }),
      runs(60),
    );
  });

  it('a newer package alone changes no object, also after a while', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(editions, chosen, async (edition, documents) => {
        newer.publish(edition);
        const before = await grown(documents);
        const life = new Life(before, { run: newer.run });
        expect(await life.rest()).toBe(true);
        expect(compared(life.world)).toEqual(compared(before));
        const [platform] = composites(life.world, 'XOpenOvaPlatform');
        expect(platform && status(platform, 'UpdateAvailable')).toBe('True');
      }),
      runs(10),
    );
  });

  it(
    'a newer package changes nothing either where a restore has lost what a status said',
    TIMEOUT,
    async () => {
      await fc.assert(
        fc.asyncProperty(editions, chosen, async (edition, documents) => {
          newer.publish(edition);
          const before = await grown(documents);
          const ids = ['XOpenOvaRegion', 'XOpenOvaPlatform']
            .flatMap((kind) => composites(before, kind))
            .map(idOf);
          const life = new Life(
            ids.reduce((world, id) => garbageStatus(world, id, {}), before),
            { run: newer.run },
          );
          expect(await life.rest()).toBe(true);
          expect(managed(life.world)).toEqual(managed(before));
        }),
        runs(6),
      );
    },
  );

  it('asked for, the newer release comes in order, and then it runs', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(editions, chosen, async (edition, documents) => {
        newer.publish({ ...edition, dropped: [] });
        const life = new Life(await grown(documents), { run: newer.run });
        await life.rest();
        const before = life.world;
        life.world = edited(life.world, 'platform.release', NEWER);
        expect(await life.rest()).toBe(true);
        expect(life.failures).toEqual([]);
        for (const kind of ['XOpenOvaPlatform', 'XOpenOvaRegion'])
          for (const composite of composites(life.world, kind)) {
            expect(textAt(composite, 'status', 'release')).toBe(NEWER);
            expect(status(composite, 'UpdateAvailable')).toBe('False');
            expect(status(composite, 'Ready')).toBe('True');
          }
        if (edition.port && composites(life.world, 'Firewall').length > 0)
          expect(compared(life.world)).not.toEqual(compared(before));
      }),
      runs(8),
    );
  });

  it(
    'while an older release runs, what flaps, is lost or scaled is looked after as ever',
    TIMEOUT,
    async () => {
      const plan = fc.record({
        documents: chosen,
        edition: editions,
        happens: changes(['edit', 'resize', 'flap', 'heal', 'lose', 'vanish', 'garbage'], { most: 4 }),
      });
      await fc.assert(
        fc.asyncProperty(plan, async ({ documents, edition, happens }) => {
          newer.publish(edition);
          const life = new Life(await grown(documents), { run: newer.run });
          for (const change of happens) {
            life.world = happen(life.world, change);
            await life.live(2);
          }
          life.world = happen(life.world, { what: 'heal', pick: 0, value: 0 });
          expect(await life.rest()).toBe(true);
          expect(drained(life.steps)).toEqual([]);
          expect(life.failures).toEqual([]);
          expect(leftovers(life.world)).toEqual([]);
        }),
        runs(15),
      );
    },
  );

  it('servers added while an older release runs are configured as those that run', TIMEOUT, async () => {
    for (const documents of CLAIMS) {
      newer.publish({
        charts: [],
        values: [],
        dropped: [],
        demoted: [],
        added: [],
        ofNewKind: false,
        port: false,
        flag: true,
      });
      const life = new Life(edited(await grown(documents), 'controlPlane.count', 3), { run: newer.run });
      await life.rest();
      const common = new Map<string, Set<string>>();
      for (const object of composedIn(life.world).values()) {
        const input = object.kind === 'Job' ? inputOf(object) : undefined;
        if (input?.operation !== 'server') continue;
        common.set(
          input.region,
          (common.get(input.region) ?? new Set()).add(JSON.stringify(input.k3s.common)),
        );
      }
      for (const found of common.values()) expect([...found]).toHaveLength(1);
    }
  });
});

/** Objects of machines that there are no longer. */
function leftovers(world: World): string[] {
  const all = [...composedIn(world).values()];
  const servers = all.filter(({ kind }) => kind === 'Server');
  const known = new Set(
    servers.flatMap((server) => [
      keyOf(server)?.split('/')[1],
      textAt(server, 'spec', 'forProvider', 'name'),
    ]),
  );
  return all.flatMap((object) => {
    const machine = MACHINE.exec(keyOf(object) ?? '')?.[1];
    return machine === undefined || known.has(machine)
      ? []
      : [`"${keyOf(object) ?? ''}" of a machine that is gone`];
  });
}

/** What a key says of a machine: it is the machine's, or the node's in the region's own cluster. */
const MACHINE =
  /^(?:agent|machine|node|server|upgrade|usage\/machine|usage\/subnet)\/([^/]+-\d+-g\d+)(?:\/|$)/;
