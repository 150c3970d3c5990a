/**
 * One reconcile of one composite, as core 2.4.0 does it (crossplane internal/controller/apiextensions/composite:
 * reconciler.go and composition_functions.go, read 2026-11-21).
 */
import {
  Ready,
  Severity,
  type Requirements,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { isManifest, type Manifest } from '../kernel/manifest.ts';
import { COMPOSITE_LABEL } from '../kernel/names.ts';
import {
  applyComposed,
  collect,
  composedObject,
  noMatches,
  observe,
  withRefs,
  type Refuses,
} from './composed.ts';
import type { Definition } from './definitions.ts';
import { Conflict, ReconcileError } from './failures.ts';
import { eventsOf, STEP, withFailure, withOutcome, withPause, type Event } from './outcome.ts';
import { ask, buildRequest, requiredBy, type Call, type IsServed } from './request.ts';
import { idOf, isBeingDeleted, put, referenceTo, timeOf, type World } from './world.ts';

/** What stays the same over a simulation. */
export interface Setup {
  readonly definitions: readonly Definition[];
  readonly call: Call;
  /** Every kind unless given. */
  readonly isServed?: IsServed | undefined;
  /** Nothing unless given, beyond what Kubernetes itself refuses. */
  readonly refuses?: Refuses | undefined;
}

/** What one reconcile did. */
export interface Reconciled {
  readonly world: World;
  /** Every composed object as core applied it, by key: what `crossplane composition render` prints. */
  readonly applied: ReadonlyMap<string, Manifest>;
  /** Ids of objects that were deleted because they are no longer desired. */
  readonly deleted: readonly string[];
  readonly events: readonly Event[];
  /** Undefined when the function was not called, or its answer could not be used. */
  readonly response: RunFunctionResponse | undefined;
  /** How often the function was called. */
  readonly calls: number;
  /** Why the reconcile failed, in core's words. */
  readonly error: string | undefined;
  /** Everything that the function was shown at first; undefined when it was not called. */
  readonly inputs: readonly Manifest[] | undefined;
}

/**
 * Reconciles the composite with this id; nothing happens when it does not exist, is paused or is being deleted.
 * @param before inputs of the composite's last reconcile: functions are pure, so the same ones change nothing again.
 */
export async function reconcile(
  setup: Setup,
  world: World,
  id: string,
  before?: readonly Manifest[],
): Promise<Reconciled> {
  const stored = world.objects.get(id);
  if (stored === undefined || isBeingDeleted(stored)) return nothing(world);
  const time = timeOf(world);
  if (isPaused(world, stored)) return nothing(put(world, withPause(stored, time)));

  const begun = put(world, withOwnLabel(stored));
  const xr = begun.objects.get(id) ?? stored;
  const { isServed = () => true } = setup;
  try {
    const observed = observe(begun, xr, isServed);
    const seeds = begun.requirements.get(id);
    const inputs = [xr, ...observed.values(), ...requiredBy(begun, seeds)];
    if (before !== undefined && isSame(inputs, before)) return { ...nothing(begun), inputs };
    const request = buildRequest(begun, xr, observed, seeds);
    const { response, calls } = await ask(begun, request, setup.call, isServed);
    const fatal = response.results.find(({ severity }) => severity === Severity.SEVERITY_FATAL);
    if (fatal !== undefined)
      throw new ReconcileError(`pipeline step "${STEP}" returned a fatal result: ${fatal.message}`, response);
    return { ...nothing(begun), ...compose(setup, begun, xr, observed, response), response, calls, inputs };
  } catch (error) {
    if (error instanceof Conflict) return { ...nothing(begun), error: error.message };
    if (!(error instanceof ReconcileError)) throw error;
    const message = `cannot compose resources: ${error.message}`;
    const written = error.world ?? begun;
    const failed = withFailure(written.objects.get(id) ?? xr, message, error.conditions, time);
    return {
      ...nothing(put(written, failed)),
      events: [{ type: 'Warning', reason: 'ComposeResources', message }],
      error: message,
    };
  }
}

function nothing(world: World): Reconciled {
  return {
    world,
    applied: new Map(),
    deleted: [],
    events: [],
    response: undefined,
    calls: 0,
    error: undefined,
    inputs: undefined,
  };
}

/** Objects are values: what was not replaced has not changed. */
function isSame(left: readonly Manifest[], right: readonly Manifest[]): boolean {
  return left.length === right.length && left.every((object, index) => object === right[index]);
}

function isPaused(world: World, xr: Manifest): boolean {
  return (
    world.faults.get(idOf(xr))?.paused === true ||
    xr.metadata.annotations?.['crossplane.io/paused'] === 'true'
  );
}

/** A composite that no other composite made is the root of its own tree. */
function withOwnLabel(xr: Manifest): Manifest {
  if (xr.metadata.labels?.[COMPOSITE_LABEL] !== undefined) return xr;
  const labels = { ...xr.metadata.labels, [COMPOSITE_LABEL]: xr.metadata.name ?? '' };
  return { ...xr, metadata: { ...xr.metadata, labels } };
}

/** Everything that core does with an answer, in its order: names, deletion, references, objects, status. */
function compose(
  setup: Setup,
  world: World,
  xr: Manifest,
  observed: ReadonlyMap<string, Manifest>,
  response: RunFunctionResponse,
): Pick<Reconciled, 'world' | 'applied' | 'deleted' | 'events'> {
  const id = idOf(xr);
  const applied = new Map<string, Manifest>();
  const unready: string[] = [];
  for (const [key, { resource, ready }] of entriesOf(response)) {
    const object: unknown = resource;
    if (!isManifest(object))
      throw new ReconcileError(
        `cannot unmarshal desired composed resource "${key}": it is no Kubernetes object`,
      );
    applied.set(key, composedObject(object, xr, key, observed.get(key)));
    if (ready !== Ready.READY_TRUE) unready.push(key);
  }

  const unwanted = [...observed].flatMap(([key, object]) => (applied.has(key) ? [] : [object]));
  const collected = collect(world, xr, unwanted);
  let next = put(collected, withRefs(xr, [...applied.values()].map(referenceTo)));

  const events = eventsOf(response);
  const unsynced: string[] = [];
  for (const [key, manifest] of applied) {
    if (setup.isServed?.(manifest.apiVersion, manifest.kind) === false)
      throw new ReconcileError(`cannot apply composed resource "${key}": ${noMatches(manifest)}`, {
        world: next,
      });
    const result = applyComposed(setup, next, xr, manifest);
    if (typeof result !== 'string') {
      next = result;
      continue;
    }
    unsynced.push(key);
    const message = `cannot apply composed resource "${key}": ${idOf(manifest)} is invalid: ${result}`;
    events.push({ type: 'Warning', reason: 'ComposeResources', message });
  }

  next = withRequirements(next, id, response.requirements);
  const lacking = { unready, unsynced };
  const finished = withOutcome(
    setup.definitions,
    next.objects.get(id) ?? xr,
    response,
    lacking,
    timeOf(world),
  );
  return { world: put(next, finished), applied, deleted: unwanted.map(idOf), events };
}

function entriesOf({ desired }: RunFunctionResponse) {
  return Object.entries(desired?.resources ?? {}).sort(([left], [right]) => (left < right ? -1 : 1));
}

function withRequirements(world: World, id: string, required: Requirements | undefined): World {
  if (JSON.stringify(world.requirements.get(id)) === JSON.stringify(required)) return world;
  const requirements = new Map(world.requirements);
  if (required === undefined) requirements.delete(id);
  else requirements.set(id, required);
  return { ...world, requirements };
}
