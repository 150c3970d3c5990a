/** Things that go wrong, and people's edits: each makes one world out of another. For property tests above all. */
import { isObject, objectAt, type Json, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import { withCondition } from './conditions.ts';
import { markDeleted, put, remove, timeOf, type Fault, type World } from './world.ts';

/** The object says that it is not ready, and stays so until `heal`. */
export function unready(world: World, id: string, message = 'the cloud does not answer'): World {
  const object = world.objects.get(id);
  if (object === undefined) return world;
  const condition = { type: 'Ready', status: 'False', reason: 'Unavailable', message };
  const failing =
    object.kind === 'Job'
      ? { ...object, status: { startTime: timeOf(world), active: 1 } }
      : withCondition(object, condition, timeOf(world));
  return withFault(put(world, failing), id, { stuck: message });
}

/** The object's own retries are used up: a Job that has failed for good. */
export function failJob(
  world: World,
  id: string,
  message = 'Job has reached the specified backoff limit',
): World {
  const job = world.objects.get(id);
  if (job?.kind !== 'Job') return world;
  const condition = { type: 'Failed', status: 'True', reason: 'BackoffLimitExceeded', message };
  const failed = withCondition({ ...job, status: { failed: 3 } }, condition, timeOf(world));
  return withFault(put(world, failed), id, { stuck: message });
}

/** Providers look after the object again. */
export function heal(world: World, id: string): World {
  return withFault(world, id, { stuck: undefined });
}

/** Crossplane leaves the composite alone until `resume`. */
export function pause(world: World, id: string): World {
  return withFault(world, id, { paused: true });
}

export function resume(world: World, id: string): World {
  return withFault(world, id, { paused: undefined });
}

/** Somebody took the object away without anybody noticing. */
export function vanish(world: World, id: string): World {
  return remove(world, id);
}

/** The thing behind the object was lost at the cloud and made again: another id, other addresses, not ready at first. */
export function replace(world: World, id: string): World {
  const object = world.objects.get(id);
  if (object === undefined) return world;
  const annotations = Object.entries(object.metadata.annotations ?? {}).filter(
    ([name]) => name !== EXTERNAL_NAME_ANNOTATION,
  );
  const status = Object.fromEntries(
    Object.entries(objectAt(object, 'status') ?? {}).filter(([name]) => name !== 'atProvider'),
  );
  const lost: Manifest = {
    ...object,
    metadata: { ...object.metadata, annotations: Object.fromEntries(annotations) },
    status,
  };
  const losses = new Map(world.losses).set(id, (world.losses.get(id) ?? 0) + 1);
  const condition = { type: 'Ready', status: 'False', reason: 'Creating' };
  return put({ ...world, losses }, withCondition(lost, condition, timeOf(world)));
}

/** An observed status that nobody foresaw. */
export function garbageStatus(world: World, id: string, status: Json): World {
  const object = world.objects.get(id);
  return object === undefined ? world : put(world, { ...object, status });
}

/** A person's edit of a claim or a composite. */
export function editSpec(world: World, id: string, edit: (spec: JsonObject) => JsonObject): World {
  const object = world.objects.get(id);
  if (object === undefined) return world;
  const spec = object['spec'];
  return put(world, { ...object, spec: edit(isObject(spec) ? spec : {}) });
}

/** A person's annotation on a claim or a composite. */
export function annotate(world: World, id: string, name: string, value: string): World {
  const object = world.objects.get(id);
  if (object === undefined) return world;
  const annotations = { ...object.metadata.annotations, [name]: value };
  return put(world, { ...object, metadata: { ...object.metadata, annotations } });
}

/** A person's `kubectl delete`: of a claim, its composite goes with it. */
export function deleteObject(world: World, id: string): World {
  return markDeleted(world, id);
}

function withFault(
  world: World,
  id: string,
  change: { [Field in keyof Fault]: Fault[Field] | undefined },
): World {
  const merged = { ...world.faults.get(id), ...change };
  const fault: Fault = {
    ...(merged.stuck !== undefined && { stuck: merged.stuck }),
    ...(merged.paused !== undefined && { paused: merged.paused }),
  };
  const faults = new Map(world.faults);
  if (Object.keys(fault).length === 0) faults.delete(id);
  else faults.set(id, fault);
  return { ...world, faults };
}
