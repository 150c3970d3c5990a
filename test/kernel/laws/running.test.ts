/** Laws over lives: claims are built, then things happen to them. */
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  at,
  isObject,
  isTrue,
  listAt,
  objectAt,
  type Json,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import type { World } from '../../../functions/simulator/world.ts';
import { changes, happen, type Change } from './changes.ts';
import { claim, runs, sampled } from './claims.ts';
import {
  conditionSets,
  decommission,
  drained,
  freeze,
  frozenServers,
  latch,
  milestones,
  names,
  order,
  wellFormed,
  type Verdict,
} from './laws.ts';
import { childhoodOf, composedIn, Life, observedIn, type Childhood, type Step } from './life.ts';

const CLAIMS = sampled(2);
/** Generous: the machine may be busy with other things, and no law speaks of time. */
const TIMEOUT = { timeout: 300_000 };

beforeAll(async () => {
  for (const documents of CLAIMS) await childhoodOf(documents);
}, 300_000);

/** A life that begins while everything is built, or when all is ready; and what happens in it. */
function lives(what: readonly Change['what'][], most = 5) {
  return fc.record({
    documents: fc.constantFrom(...CLAIMS),
    /** Percent of the way from nothing to ready. */
    begins: fc.oneof({ weight: 2, arbitrary: fc.constant(100) }, { weight: 1, arbitrary: fc.nat(100) }),
    happens: changes(what, { most }),
  });
}

type Plan = ReturnType<typeof lives> extends fc.Arbitrary<infer Found> ? Found : never;

function worldAt({ worlds }: Childhood, percent: number) {
  const world = worlds[Math.round(((worlds.length - 1) * percent) / 100)];
  if (world === undefined) throw new Error('a childhood without a moment');
  return world;
}

/** Lives it: after each change some minutes pass. */
async function lived({ documents, begins, happens }: Plan): Promise<Life> {
  const life = new Life(worldAt(await childhoodOf(documents), begins));
  await life.turn();
  for (const change of happens) {
    life.world = happen(life.world, change);
    await life.live(2);
  }
  return life;
}

/** Everything well again, and time to come to rest. */
async function recovered(life: Life): Promise<boolean> {
  for (const what of ['heal', 'resume'] as const)
    life.world = happen(life.world, { what, pick: 0, value: 0 });
  return life.rest();
}

const inEach = (steps: readonly Step[], law: (step: Step) => Verdict) => steps.flatMap(law);

const ANYTHING = [
  'edit',
  'resize',
  'retype',
  'unlist',
  'fail',
  'flap',
  'garbage',
  'heal',
  'lose',
  'pause',
  'resume',
  'retry',
  'vanish',
] as const;

describe('Order', () => {
  it('nothing is made before what it waits for: a claim from nothing', TIMEOUT, async () => {
    for (const documents of CLAIMS) {
      const { steps, failures } = await childhoodOf(documents);
      expect(inEach(steps, order)).toEqual([]);
      expect(inEach(steps, milestones)).toEqual([]);
      expect(failures).toEqual([]);
    }
  });

  it('nothing is made before what it waits for, whatever happens meanwhile', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(lives(ANYTHING), async (plan) => {
        const { steps } = await lived(plan);
        expect(inEach(steps, order)).toEqual([]);
        expect(inEach(steps, milestones)).toEqual([]);
      }),
      runs(25),
    );
  });
});

describe('Latch', () => {
  it('what is observed and wanted is never dropped, whatever happens', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(lives(ANYTHING), async (plan) => {
        const { steps } = await lived(plan);
        expect(inEach(steps, latch)).toEqual([]);
      }),
      runs(20),
    );
  });

  it(
    'without an edit nothing goes at all: no flap and no nonsense looks like a change of mind',
    TIMEOUT,
    async () => {
      await fc.assert(
        fc.asyncProperty(lives(['flap', 'garbage', 'heal', 'pause', 'resume']), async (plan) => {
          const life = await lived({ ...plan, begins: 100 });
          await recovered(life);
          const before = [...composedIn(worldAt(await childhoodOf(plan.documents), 100)).keys()];
          expect([...composedIn(life.world).keys()]).toEqual(expect.arrayContaining(before));
        }),
        runs(20),
      );
    },
  );
});

describe('Freeze', () => {
  it(
    'what a machine was made with stays while it has an id, whatever the spec becomes',
    TIMEOUT,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          lives(['retype', 'retype', 'resize', 'edit', 'flap', 'garbage', 'lose', 'heal'], 6),
          async (plan) => {
            const { steps } = await lived(plan);
            expect(inEach(steps, freeze)).toEqual([]);
            expect(frozenServers(steps)).toEqual([]);
          },
        ),
        runs(20),
      );
    },
  );
});

describe('Decommission', () => {
  it(
    'what the spec gives up leaves in reverse order, drained first, and never behind a Usage',
    TIMEOUT,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          lives(
            ['resize', 'resize', 'unlist', 'edit', 'flap', 'heal', 'pause', 'resume', 'fail', 'retry'],
            6,
          ),
          async (plan) => {
            const life = await lived(plan);
            await recovered(life);
            expect(inEach(life.steps, decommission)).toEqual([]);
            expect(drained(life.steps)).toEqual([]);
            expect(life.failures).toEqual([]);
          },
        ),
        runs(25),
      );
    },
  );

  it('a region that its cluster no longer lists goes, with all that it had', TIMEOUT, async () => {
    const documents = CLAIMS.find(
      ([claim]) =>
        listAt(claim, 'spec', 'regions').length === 2 && at(claim, 'spec', 'deletionProtection') === false,
    );
    if (documents === undefined) throw new Error('no cluster of two regions that may lose one');
    const life = new Life(worldAt(await childhoodOf(documents), 100));
    const before = regionsIn(life.world);

    life.world = happen(life.world, { what: 'unlist', pick: 0, value: 0 });

    expect(await life.rest(120)).toBe(true);
    const after = regionsIn(life.world);
    expect([before.length, after.length]).toEqual([2, 1]);
    const gone = before.filter((name) => !after.includes(name));
    const left = [...composedIn(life.world).values()].map(({ metadata }) => metadata.name ?? '');
    expect(left.filter((name) => gone.some((region) => name.startsWith(`${region}-`)))).toEqual([]);
  });

  it(
    'a region in a network zone of its own goes, and keeps nothing else from going on',
    TIMEOUT,
    async () => {
      const regions = [
        { name: 'ash', location: 'ash', role: 'standby' },
        { name: 'fsn', location: 'fsn1', role: 'primary' },
      ];
      const cluster = claim('OpenOvaCluster', 'acme', {
        domain: 'acme.example.com',
        cloud: { provider: 'hetzner', tokenSecretRef: { name: 'token' } },
        deletionProtection: false,
        access: { managementCidrs: ['192.0.2.10/32'] },
        controlPlane: { count: 1 },
        pools: [],
        regions,
      });
      const life = new Life(worldAt(await childhoodOf([cluster]), 100));
      expect(regionsIn(life.world).length).toBe(2);

      life.world = happen(life.world, { what: 'unlist', pick: 0, value: 0 });

      expect(await life.rest(120)).toBe(true);
      expect(life.failures).toEqual([]);
      expect(regionsIn(life.world).length).toBe(1);
    },
  );
});

/** Names of the composites of regions, sorted. */
function regionsIn(world: World): string[] {
  return [...world.objects.values()]
    .filter(({ kind }) => kind === 'XOpenOvaRegion')
    .map(({ metadata }) => metadata.name ?? '')
    .sort();
}

describe('Quiet', () => {
  it(
    'every life comes to rest, and at rest the same is answered again, with every condition',
    TIMEOUT,
    async () => {
      await fc.assert(
        fc.asyncProperty(lives(ANYTHING), async (plan) => {
          const life = await lived(plan);
          expect(await recovered(life)).toBe(true);
          const last = new Map(life.steps.map((step) => [step.id, step]));
          const again = new Life(life.world);
          for (const { id, response, request } of await again.turn()) {
            const before = last.get(id);
            if (before === undefined) continue;
            expect({ ...response, meta: undefined }).toEqual({ ...before.response, meta: undefined });
            expect(observedIn(request).size).toBe(observedIn(before.request).size);
          }
          expect(again.world.objects).toBe(life.world.objects);
          expect(conditionSets(life.steps)).toEqual([]);
        }),
        runs(20),
      );
    },
  );
});

describe('What people read', () => {
  it('answers are well formed, of bounded length, and names are unique and fit', TIMEOUT, async () => {
    await fc.assert(
      fc.asyncProperty(lives(ANYTHING), async (plan) => {
        const life = await lived(plan);
        expect(inEach(life.steps, wellFormed)).toEqual([]);
        expect(names(life.world, life.steps)).toEqual([]);
      }),
      runs(15),
    );
  });

  it('claims of one name in two namespaces have nothing in common', TIMEOUT, async () => {
    const pair = fc.tuple(fc.constantFrom(...CLAIMS), fc.constantFrom(...CLAIMS));
    await fc.assert(
      fc.asyncProperty(pair, async ([left, right]) => {
        const documents = [...placed(left, 'team-a'), ...placed(right, 'team-b')];
        const { worlds, steps, failures } = await childhoodOf(documents);
        const world = worlds.at(-1);
        expect(world && names(world, steps)).toEqual([]);
        expect(failures).toEqual([]);
        const composites = [...(world?.objects.values() ?? [])].filter(({ kind }) =>
          kind.startsWith('XOpenOva'),
        );
        expect(composites.filter((composite) => !isTrue(composite, 'Ready'))).toEqual([]);
      }),
      runs(3),
    );
  });
});

/** The same claims in another namespace, all of them under one name. */
function placed(documents: readonly Manifest[], namespace: string): Manifest[] {
  const named = (value: Json | undefined): Json | undefined =>
    isObject(value) && 'name' in value ? { ...value, name: 'same' } : value;
  return documents.map((document) => ({
    ...document,
    metadata: { name: 'same', namespace },
    spec: Object.fromEntries(
      Object.entries(objectAt(document, 'spec') ?? {}).map(([field, value]) => [
        field,
        /^(cluster|region)Ref$/.test(field) ? named(value) : value,
      ]),
    ),
  }));
}
