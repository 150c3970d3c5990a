/** The real core and our model of it agree over random lives of random claims too, not only on the way to Ready. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../../functions/apis/kinds.ts';
import { composition, compositeResourceDefinition, FUNCTION } from '../../functions/apis/xrd.ts';
import { runFunction } from '../../functions/functions.ts';
import type { Manifest } from '../../functions/kernel/manifest.ts';
import { inProcess } from '../../functions/simulator/call.ts';
import { observe } from '../../functions/simulator/composed.ts';
import { developmentFunction } from '../../functions/simulator/crossplane-render.ts';
import { reconcile } from '../../functions/simulator/reconcile.ts';
import { requiredBy } from '../../functions/simulator/request.ts';
import { compositesIn } from '../../functions/simulator/simulate.ts';
import { idOf, type World } from '../../functions/simulator/world.ts';
import { changes, happen } from '../kernel/laws/changes.ts';
import { sampled, SEED } from '../kernel/laws/claims.ts';
import { childhoodOf, DEFINITIONS, Life } from '../kernel/laws/life.ts';
import { compositionRender } from './crossplane.ts';
import { differences } from './differences.ts';
import { servedFunctions } from './served.ts';

/** What may happen to a claim and its objects. */
const WHAT = ['edit', 'fail', 'flap', 'garbage', 'heal', 'lose', 'retry', 'vanish'] as const;
const HISTORIES = 2;

const target = servedFunctions();

/** How the real core's objects differ from our model's, for every composite of a world. */
async function disagreements(world: World): Promise<string[]> {
  const found: string[] = [];
  for (const id of compositesIn({ definitions: DEFINITIONS }, world))
    found.push(...(await disagreement(world, id)));
  return found;
}

async function disagreement(world: World, id: string): Promise<string[]> {
  const done = await reconcile({ definitions: DEFINITIONS, call: inProcess(runFunction) }, world, id);
  const xr = world.objects.get(id);
  const kind = KINDS.find((one) => one.kind === xr?.kind);
  if (xr === undefined || kind === undefined || done.error !== undefined) return [];
  const observed = [...observe(world, xr).values()];
  const known = new Set([xr, ...observed].map(idOf));
  const seeds = done.world.requirements.get(id);
  const asked = Object.values(seeds?.schemas ?? {});
  const rendered = await compositionRender({
    xr,
    xrd: compositeResourceDefinition(kind),
    composition: composition(kind),
    functions: [developmentFunction(FUNCTION, target())],
    observed,
    required: requiredBy(world, seeds).filter((object) => !known.has(idOf(object))),
    served: [...asked, ...[...done.applied.values()].map(kindOf)],
  });
  return differences([...done.applied.values()], rendered.resources).map((line) => `${id}: ${line}`);
}

function kindOf({ apiVersion, kind }: Manifest) {
  return { apiVersion, kind };
}

describe.each(sampled(1).map((documents, index) => ({ documents, index })))(
  'random claims $index',
  ({ documents, index }) => {
    const histories = fc.sample(changes(WHAT, { most: 4 }), { seed: SEED + index, numRuns: HISTORIES });

    it.each(histories.map((history) => ({ history, what: history.map(({ what }) => what).join(', ') })))(
      'after $what the real core makes the same objects',
      async ({ history }) => {
        const { worlds } = await childhoodOf(documents);
        const life = new Life(worlds.at(-1) ?? worlds[0] ?? fail());
        for (const change of history) {
          life.world = happen(life.world, change);
          await life.live(1);
        }

        expect(await disagreements(life.world)).toEqual([]);
      },
    );
  },
);

function fail(): never {
  throw new Error('the claim was never anywhere');
}
