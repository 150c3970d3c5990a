/**
 * The part of everybody but Crossplane: clouds and their providers, Kubernetes' own controllers, the bootstrap program.
 * What exists becomes ready; what is being deleted goes.
 */
import { isObject, isTrue, objectAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import { withCondition } from './conditions.ts';
import { definitionOf, definitionOfClaim, schemaFor, type Definition } from './definitions.ts';
import { apply, update } from './fields.ts';
import { playedHetzner } from './play-hetzner.ts';
import { playedJob } from './play-job.ts';
import { playedObject, playedRelease, unreachable } from './play-workload.ts';
import { resolveReferences, RESOLVER } from './references.ts';
import { collectGarbage, isUsage, subjectOf } from './usages.ts';
import { groupOf, idOf, isBeingDeleted, put, timeOf, uidOf, type World } from './world.ts';

/** What a controller makes of one object. */
export interface Played {
  /** Status fields beside the conditions, laid over those that are there. */
  readonly status?: JsonObject;
  /** The cloud's own name for the thing; set once. */
  readonly externalName?: string;
  /** Why it is not ready; ready when left out. */
  readonly problem?: string;
}

/** One round: a minute passes, what was deleted goes, what exists becomes ready, in the order of ids. */
export function play(definitions: readonly Definition[], world: World): World {
  const isClaim = (object: Manifest) => definitionOfClaim(definitions, object) !== undefined;
  const begun = collectGarbage({ ...world, minute: world.minute + 1 }, isClaim);
  return [...begun.objects.keys()].sort().reduce((next, id) => {
    const object = next.objects.get(id);
    const left = object === undefined || isBeingDeleted(object) || next.faults.get(id)?.stuck !== undefined;
    return left ? next : playOne(definitions, next, object);
  }, begun);
}

/** Kinds that nobody writes a status to. */
const STILL = new Set([
  'ClusterRole',
  'ClusterRoleBinding',
  'ConfigMap',
  'CronJob',
  'Namespace',
  'NetworkPolicy',
  'ProviderConfig',
  'Role',
  'RoleBinding',
  'Secret',
  'Service',
  'ServiceAccount',
]);

function playOne(definitions: readonly Definition[], world: World, object: Manifest): World {
  if (STILL.has(object.kind)) return world;
  if (definitionOf(definitions, object) ?? definitionOfClaim(definitions, object)) return world;
  if (object.kind === 'Job') return playedJob(world, object);
  if (isUsage(object)) return playUsage(world, object);
  if (!isObject(object['spec']) || objectAt(object, 'spec', 'forProvider') === undefined)
    return put(world, withCondition(object, AVAILABLE, timeOf(world)));
  return playManaged(definitions, world, object);
}

const AVAILABLE: JsonObject = { type: 'Ready', status: 'True', reason: 'Available' };
const SYNCED: JsonObject = { type: 'Synced', status: 'True', reason: 'ReconcileSuccess' };
/** Their references are to Secrets and other control plane objects that users bring. */
const WITHOUT_REFERENCES = ['helm.crossplane.io', 'kubernetes.crossplane.io'];
const NOTHING_RESOLVED = { ok: true, fields: {} } as const;
const FINALIZER = 'finalizer.managedresource.crossplane.io';

/** A managed resource: references, the thing itself, then the status that its provider writes. */
function playManaged(definitions: readonly Definition[], world: World, object: Manifest): World {
  const time = timeOf(world);
  const schema = schemaFor(definitions, object);
  const resolved = WITHOUT_REFERENCES.includes(groupOf(object.apiVersion))
    ? NOTHING_RESOLVED
    : resolveReferences(world, object);
  if (!resolved.ok) return put(world, failed(object, resolved.message, time));
  const { apiVersion, kind, metadata } = object;
  const current =
    Object.keys(resolved.fields).length === 0
      ? object
      : apply(object, {
          manager: RESOLVER,
          manifest: {
            apiVersion,
            kind,
            metadata: {
              ...(metadata.name !== undefined && { name: metadata.name }),
              ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
            },
            spec: { forProvider: resolved.fields },
          },
          time,
          schema,
        });

  const played = playedOf(world, current);
  if (played.problem !== undefined) return put(world, failed(current, played.problem, time));
  const externalName =
    metadata.annotations?.[EXTERNAL_NAME_ANNOTATION] ?? played.externalName ?? metadata.name ?? '';
  const named = update(
    current,
    { metadata: { annotations: { [EXTERNAL_NAME_ANNOTATION]: externalName }, finalizers: [FINALIZER] } },
    'provider',
    time,
    schema,
  );
  const status: Manifest = { ...named, status: { ...objectAt(named, 'status'), ...played.status } };
  return put(world, withCondition(withCondition(status, SYNCED, time), AVAILABLE, time));
}

function playedOf(world: World, object: Manifest): Played {
  const group = groupOf(object.apiVersion);
  const blind = unreachable(world, object);
  if (blind !== undefined && !isTrue(object, 'Ready')) return { problem: blind };
  if (group === 'helm.crossplane.io') return playedRelease(object);
  if (group === 'kubernetes.crossplane.io') return playedObject(world, object);
  if (group.endsWith('.hetzner.crossplane.io')) return playedHetzner(world, object);
  return { status: { atProvider: { id: object.metadata.name ?? '' } } };
}

function failed(object: Manifest, message: string, time: string): Manifest {
  const unready: JsonObject = { type: 'Ready', status: 'False', reason: 'Creating' };
  const error: JsonObject = { type: 'Synced', status: 'False', reason: 'ReconcileError', message };
  return withCondition(withCondition(object, error, time), unready, time);
}

/** Ready when both of its sides are there; what it protects is marked, and it goes with what uses it. */
function playUsage(world: World, usage: Manifest): World {
  const time = timeOf(world);
  const [of, by] = [subjectOf(world, usage, 'of'), subjectOf(world, usage, 'by')];
  if (of === undefined || (by === undefined && objectAt(usage, 'spec', 'by') !== undefined)) {
    const message = 'cannot find the using or the used resource';
    return put(
      world,
      withCondition(usage, { type: 'Ready', status: 'False', reason: 'Creating', message }, time),
    );
  }
  const marked = update(of, { metadata: { labels: { [IN_USE]: 'true' } } }, USAGES, time, {});
  const owned =
    by === undefined
      ? usage
      : update(usage, { metadata: { ownerReferences: ownersOf(usage, by) } }, USAGES, time, {});
  return put(put(world, marked), withCondition(owned, AVAILABLE, time));
}

const IN_USE = 'crossplane.io/in-use';
const USAGES = 'usage.protection.crossplane.io';

function ownersOf(usage: Manifest, by: Manifest): JsonObject[] {
  const owners = usage.metadata['ownerReferences'];
  const others = (Array.isArray(owners) ? owners : [])
    .filter(isObject)
    .filter(({ uid }) => uid !== uidOf(by));
  const { apiVersion, kind, metadata } = by;
  return [...others, { apiVersion, kind, name: metadata.name ?? '', uid: uidOf(by) }];
}

/** Objects that are not ready and what they say about it, by id. */
export function unreadyIn(world: World, isReady: (object: Manifest) => boolean): Map<string, string> {
  const found = [...world.objects.values()].filter((object) => !isReady(object));
  return new Map(found.map((object) => [idOf(object), complaintOf(object)]));
}

function complaintOf(object: Manifest): string {
  const conditions = objectAt(object, 'status')?.['conditions'];
  const said = (Array.isArray(conditions) ? conditions : [])
    .filter(isObject)
    .find(({ status, message }) => status === 'False' && typeof message === 'string');
  return typeof said?.['message'] === 'string' ? said['message'] : 'it does not say why';
}
