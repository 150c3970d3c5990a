/** Crossplane's Usages: what may not be deleted while something else is there. */
import { objectAt, textAt, type Manifest } from '../kernel/manifest.ts';
import {
  controllerOf,
  groupOf,
  isBeingDeleted,
  markDeleted,
  put,
  remove,
  uidOf,
  type World,
} from './world.ts';
import { COMPOSITE_LABEL } from '../kernel/names.ts';

const PROTECTION = 'protection.crossplane.io';

export function isUsage({ apiVersion, kind }: Manifest): boolean {
  return groupOf(apiVersion) === PROTECTION && (kind === 'Usage' || kind === 'ClusterUsage');
}

/** The object that a Usage names as `of` or `by`; undefined where it does not exist, or none is named. */
export function subjectOf(world: World, usage: Manifest, side: 'of' | 'by'): Manifest | undefined {
  const subject = objectAt(usage, 'spec', side);
  const [apiVersion, kind] = [textAt(subject, 'apiVersion') ?? '', textAt(subject, 'kind')];
  const name = textAt(subject, 'resourceRef', 'name');
  const namespace = textAt(subject, 'resourceRef', 'namespace') ?? usage.metadata.namespace;
  return [...world.objects.values()].find(
    (object) =>
      object.kind === kind &&
      groupOf(object.apiVersion) === groupOf(apiVersion) &&
      object.metadata.name === name &&
      (object.metadata.namespace === undefined || object.metadata.namespace === namespace),
  );
}

/** The Usages because of which a deletion is answered with 409. */
export function usagesOf(world: World, object: Manifest): Manifest[] {
  return [...world.objects.values()].filter(
    (usage) => isUsage(usage) && subjectOf(world, usage, 'of') === object,
  );
}

/**
 * One round of Kubernetes' garbage collection, foreground: what is marked marks what it controls, and goes when nothing
 * it controls is left. A Usage of a composite that is going waits for its user; one that was dropped by itself does not
 * (facts seen on a live core 2.4.0, 2026-11).
 * @param hasFinalizer whether somebody else lets go of the object, when the time has come.
 */
export function collectGarbage(world: World, hasFinalizer: (object: Manifest) => boolean): World {
  let next = world;
  const uids = new Set([...world.objects.values()].map(uidOf));
  const protectedNow = new Set(
    [...world.objects.values()]
      .filter(isUsage)
      .flatMap((usage) => subjectOf(world, usage, 'of') ?? [])
      .map(uidOf),
  );
  for (const [id, object] of world.objects) {
    if (hasFinalizer(object)) continue;
    if (!isBeingDeleted(object)) {
      const owner = controllerOf(object)?.['uid'];
      const orphaned = typeof owner === 'string' && !uids.has(owner) && !protectedNow.has(uidOf(object));
      if (orphaned) next = markDeleted(next, id);
      continue;
    }
    const children = [...next.objects].filter(
      ([, child]) => controllerOf(child)?.['uid'] === uidOf(object) && uidOf(object) !== '',
    );
    for (const [child, dependent] of children)
      if (!protectedNow.has(uidOf(dependent))) next = markDeleted(next, child);
    if (children.length > 0) continue;
    const waits =
      isUsage(object) &&
      object.metadata.labels?.[COMPOSITE_LABEL] !== undefined &&
      subjectOf(next, object, 'by') !== undefined;
    if (!waits) next = remove(next, id);
  }
  return next;
}

/** Deletes one object as its composite's controller does: labels first, so that its Usages let go. */
export function dropComposed(world: World, id: string, labels: readonly string[]): World {
  const object = world.objects.get(id);
  if (object === undefined) return world;
  const left = Object.fromEntries(
    Object.entries(object.metadata.labels ?? {}).filter(([name]) => !labels.includes(name)),
  );
  const stripped = put(world, { ...object, metadata: { ...object.metadata, labels: left } });
  return isUsage(object) ? remove(stripped, id) : markDeleted(stripped, id);
}
