/** Time, wave by wave: composites are reconciled until nothing new comes, then everybody else plays their part. */
import { isTrue, same, textAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { KEY_ANNOTATION } from '../kernel/names.ts';
import { isReady } from '../kernel/observed.ts';
import { claimsOf, syncClaims } from './claims.ts';
import { definitionOf, definitionOfClaim } from './definitions.ts';
import type { Event } from './outcome.ts';
import { play, unreadyIn } from './play.ts';
import { reconcile, type Setup } from './reconcile.ts';
import { controllerOf, idFor, idOf, isBeingDeleted, uidOf, type World } from './world.ts';

/** One object of a composite, as core applied it. */
export interface Composed {
  /** Id of the composite that it belongs to; its own for a composite that a claim made. */
  readonly composite: string;
  /** The composition-resource-name; empty for a composite that a claim made. */
  readonly key: string;
  readonly id: string;
  readonly manifest: Manifest;
}

/** What came and went at once. */
export interface Wave {
  /** Counted from 1; a moment in which nothing came or went is no wave. */
  readonly number: number;
  readonly objects: readonly Composed[];
  /** Ids of objects that are gone since the wave before. */
  readonly gone: readonly string[];
  /** What core applied, by composite and key: all that was wanted in this wave. */
  readonly applied: ReadonlyMap<string, ReadonlyMap<string, Manifest>>;
  /** The world as it was when the objects had been applied, before anything else happened. */
  readonly world: World;
}

export interface Simulation {
  readonly waves: readonly Wave[];
  readonly world: World;
  /** What core applies at the end, by composite and key: the whole of what is wanted now. */
  readonly applied: ReadonlyMap<string, ReadonlyMap<string, Manifest>>;
  /** Objects that did not become ready, with what they say of it; none after a full run when all went well. */
  readonly unready: ReadonlyMap<string, string>;
  /** Warnings and failures of the last reconciles, by composite. */
  readonly events: ReadonlyMap<string, readonly Event[]>;
}

export interface Options {
  /** The wave to stop in, before anything of it becomes ready; to the end when left out. */
  readonly until?: number | undefined;
  /** Told of every wave. */
  readonly onWave?: ((wave: Wave) => void) | undefined;
}

/** Rounds of reconciles between two moments, and moments: far more than anything real takes. */
const MOST_ROUNDS = 40;
const MOST_MOMENTS = 400;

/**
 * Simulates from a world to the point where nothing changes any more.
 * @throws when composites keep changing their minds, naming them and what they change.
 */
export async function simulate(setup: Setup, start: World, options: Options = {}): Promise<Simulation> {
  const state: State = { applied: new Map(), inputs: new Map(), events: new Map() };
  const waves: Wave[] = [];
  let world = start;
  let before = start;
  for (let moment = 0; moment < MOST_MOMENTS; moment += 1) {
    const settled = await settle(setup, world, state);
    const objects = newcomers(setup, before, settled, state);
    const gone = [...before.objects.keys()].filter((id) => !settled.objects.has(id)).sort();
    if (objects.length > 0 || gone.length > 0) {
      const wave = {
        number: waves.length + 1,
        objects,
        gone,
        applied: new Map(state.applied),
        world: settled,
      };
      waves.push(wave);
      options.onWave?.(wave);
    }
    if (options.until !== undefined && waves.length >= options.until)
      return result(setup, waves, settled, state);
    const played = play(setup.definitions, settled);
    if (sameObjects(settled, played) && sameObjects(before, settled))
      return result(setup, waves, played, state);
    before = settled;
    world = played;
  }
  const waiting = [...unready(setup, world)].map(([id, message]) => `${id} (${message})`).slice(0, 5);
  throw new Error(`nothing came to rest after ${MOST_MOMENTS} moments; not ready: ${waiting.join(', ')}`);
}

interface State {
  readonly applied: Map<string, ReadonlyMap<string, Manifest>>;
  readonly inputs: Map<string, readonly Manifest[]>;
  readonly events: Map<string, readonly Event[]>;
}

function result(setup: Setup, waves: readonly Wave[], world: World, state: State): Simulation {
  const alive = [...state.applied].filter(([id]) => world.objects.has(id));
  return {
    waves,
    world,
    applied: new Map(alive),
    unready: unready(setup, world),
    events: new Map([...state.events].filter(([id, events]) => world.objects.has(id) && events.length > 0)),
  };
}

/** Reconciles every composite, and those that come by it, until none of them changes anything. */
async function settle(setup: Setup, start: World, state: State): Promise<World> {
  let world = start;
  for (let round = 0; round < MOST_ROUNDS; round += 1) {
    const before = world;
    world = syncClaims(world, setup.definitions);
    for (const id of compositesIn(setup, world)) {
      const done = await reconcile(setup, world, id, state.inputs.get(id));
      world = done.world;
      if (done.response === undefined && done.error === undefined) continue;
      if (done.inputs !== undefined) state.inputs.set(id, done.inputs);
      state.events.set(id, done.events);
      if (done.response !== undefined) state.applied.set(id, done.applied);
    }
    world = syncClaims(world, setup.definitions);
    if (world === before) return world;
    if (round === MOST_ROUNDS - 1) throw new Error(restless(before, world));
  }
  return world;
}

/** Ids of composites: those that claims made first, then what they compose, level by level. */
export function compositesIn({ definitions }: Pick<Setup, 'definitions'>, world: World): string[] {
  const composites = [...world.objects.values()].filter((object) => definitionOf(definitions, object));
  const uids = new Map(composites.map((object) => [uidOf(object), object]));
  const depth = (object: Manifest): number => {
    const parent = uids.get(textAt(controllerOf(object), 'uid') ?? '');
    return parent === undefined || parent === object ? 0 : 1 + depth(parent);
  };
  return composites
    .map((object) => ({ id: idOf(object), order: `${depth(object)} ${idOf(object)}` }))
    .sort((left, right) => (left.order < right.order ? -1 : 1))
    .map(({ id }) => id);
}

function newcomers(setup: Setup, before: World, world: World, state: State): Composed[] {
  const roots = claimsOf(world, setup.definitions).flatMap(([claimId, definition]): Composed[] => {
    const claim = world.objects.get(claimId);
    const name = textAt(claim, 'spec', 'resourceRef', 'name');
    if (name === undefined) return [];
    const id = idFor({ apiVersion: definition.apiVersion, kind: definition.kind, name });
    const manifest = world.objects.get(id);
    return manifest === undefined ? [] : [{ composite: id, key: '', id, manifest }];
  });
  const composed = compositesIn(setup, world).flatMap((composite) =>
    [...(state.applied.get(composite) ?? [])].map(([key, manifest]) => ({
      composite,
      key,
      id: idOf(manifest),
      manifest,
    })),
  );
  return [...roots, ...composed].filter(({ id }) => !before.objects.has(id) && world.objects.has(id));
}

function unready({ definitions }: Setup, world: World): Map<string, string> {
  const found = unreadyIn(world, (object) => {
    if (isBeingDeleted(object)) return false;
    if (definitionOf(definitions, object) ?? definitionOfClaim(definitions, object))
      return isTrue(object, 'Ready');
    // What nobody composes, such as Secrets that a user brings, is of no interest.
    return object.metadata.annotations?.[KEY_ANNOTATION] === undefined || isReady(object);
  });
  return new Map([...found].sort(([left], [right]) => (left < right ? -1 : 1)));
}

/** Fields that move without anything having changed. */
const RESTLESS = ['creationTimestamp', 'generation', 'managedFields', 'resourceVersion'];

function sameObjects(left: World, right: World): boolean {
  if (left.objects === right.objects) return true;
  if (left.objects.size !== right.objects.size) return false;
  return [...left.objects].every(([id, object]) => {
    const other = right.objects.get(id);
    return other === object || (other !== undefined && same(still(object), still(other)));
  });
}

function still({ metadata, ...rest }: Manifest): JsonObject {
  const kept = Object.entries(metadata).filter(([name]) => !RESTLESS.includes(name));
  return { ...rest, metadata: Object.fromEntries(kept) };
}

function restless(before: World, after: World): string {
  const changing = [...after.objects].flatMap(([id, object]) => {
    const former = before.objects.get(id);
    if (former === object) return [];
    const fields = ['spec', 'status', 'metadata'].filter((field) => !same(former?.[field], object[field]));
    return [`${id} (${former === undefined ? 'new' : fields.join(', ')})`];
  });
  return `reconciles do not come to rest, after ${MOST_ROUNDS} rounds these still change: ${changing.slice(0, 5).join(', ')}`;
}
