/**
 * Hold: an object as it was last applied by us. Latch, freeze, decommission, honest answer and consent all rest on it.
 *
 * Source of the facts on managedFields: Crossplane 2.4.0 applies composed objects with the field manager
 * `apiextensions.crossplane.io/composed/<hash>` (seen on a live core, 2026-11); the format of fieldsV1 is that of
 * sigs.k8s.io/structured-merge-diff.
 */
import {
  isObject,
  listAt,
  objectAt,
  same,
  withField,
  type Json,
  type JsonObject,
  type Manifest,
} from './manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, COMPOSITE_LABEL, KEY_ANNOTATION } from './names.ts';

const MANAGER = 'apiextensions.crossplane.io/composed';
/** Written by Crossplane itself under the same manager, on top of what a function returns. */
const CORE_LABELS = [COMPOSITE_LABEL, CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL];
const SERVER_METADATA = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'finalizers',
  'generateName',
  'generation',
  'managedFields',
  'ownerReferences',
  'resourceVersion',
  'selfLink',
  'uid',
];

/**
 * Exactly the fields of an observed object that Crossplane applied for us. Without managedFields (a render of
 * files) everything but status and what the API server writes.
 */
export function held(observed: Manifest): Manifest {
  const fields = appliedFields(observed);
  const kept = fields === undefined ? withoutServerFields(observed) : project(observed, fields);
  const { apiVersion, kind, metadata } = observed;
  return {
    ...(isObject(kept) ? kept : {}),
    apiVersion,
    kind,
    metadata: ownMetadata(isObject(kept) ? (objectAt(kept, 'metadata') ?? {}) : {}, metadata),
  };
}

/** The desired object with each of these dotted paths as it was last applied. */
export function frozen(desired: Manifest, observed: Manifest, paths: readonly string[]): Manifest {
  if (paths.length === 0) return desired;
  const before = held(observed);
  const fields = paths.reduce<JsonObject>((object, path) => {
    const names = path.split('.');
    return withField(object, names, valueAt(before, names));
  }, desired);
  return { ...fields, apiVersion: desired.apiVersion, kind: desired.kind, metadata: desired.metadata };
}

/** The dotted paths at which the desired object differs from what was last applied there. */
export function differences(desired: Manifest, observed: Manifest, paths: readonly string[]): string[] {
  const before = held(observed);
  return paths.filter((path) => {
    const names = path.split('.');
    const applied = valueAt(before, names);
    return applied !== undefined && !same(applied, valueAt(desired, names));
  });
}

function valueAt(object: JsonObject, names: readonly string[]): Json | undefined {
  return names.reduce<Json | undefined>((here, name) => (isObject(here) ? here[name] : undefined), object);
}

function appliedFields(observed: Manifest): JsonObject | undefined {
  const entry = listAt(observed, 'metadata', 'managedFields')
    .filter(isObject)
    .find(
      ({ manager, operation, subresource }) =>
        operation === 'Apply' && typeof manager === 'string' && manager.startsWith(MANAGER) && !subresource,
    );
  return objectAt(entry, 'fieldsV1');
}

/** The part of a value that a fieldsV1 set names. */
function project(value: Json | undefined, fields: JsonObject): Json | undefined {
  const names = Object.entries(fields).filter(([name]) => name !== '.');
  if (value === undefined || names.length === 0) return '.' in fields ? emptied(value) : value;
  if (Array.isArray(value)) return value.flatMap((item, index) => projectItem(item, index, names));
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const [name, inner] of names) {
    if (!name.startsWith('f:') || !isObject(inner)) continue;
    const field = name.slice(2);
    if (Object.hasOwn(value, field)) kept[field] = project(value[field], inner);
  }
  return kept;
}

function projectItem(item: Json, index: number, names: [string, Json | undefined][]): Json[] {
  for (const [name, inner] of names) {
    const fields = isObject(inner) ? inner : {};
    if (name === `i:${index}`) return defined(project(item, fields));
    if (name.startsWith('v:') && same(item, parsed(name))) return [item];
    if (name.startsWith('k:')) {
      const keys = parsed(name);
      if (
        isObject(keys) &&
        isObject(item) &&
        Object.entries(keys).every(([key, value]) => same(item[key], value))
      )
        return defined(project(item, fields));
    }
  }
  return [];
}

function defined(value: Json | undefined): Json[] {
  return value === undefined ? [] : [value];
}

function parsed(name: string): Json {
  const value: unknown = JSON.parse(name.slice(2));
  return isJson(value) ? value : null;
}

function isJson(value: unknown): value is Json {
  return value === null || ['string', 'number', 'boolean', 'object'].includes(typeof value);
}

/** A container that is owned as such, without its children. */
function emptied(value: Json | undefined): Json | undefined {
  if (Array.isArray(value)) return [];
  return isObject(value) ? {} : value;
}

function withoutServerFields(observed: Manifest): JsonObject {
  const pick = (object: JsonObject, dropped: readonly string[]) =>
    Object.fromEntries(Object.entries(object).filter(([name]) => !dropped.includes(name)));
  return { ...pick(observed, ['status']), metadata: pick(observed.metadata, SERVER_METADATA) };
}

/** Labels and annotations of ours, under the observed identity. */
function ownMetadata(kept: JsonObject, identity: Manifest['metadata']): Manifest['metadata'] {
  const labels = without(objectAt(kept, 'labels'), CORE_LABELS);
  const annotations = without(objectAt(kept, 'annotations'), [KEY_ANNOTATION]);
  return {
    ...(identity.name !== undefined && { name: identity.name }),
    ...(identity.namespace !== undefined && { namespace: identity.namespace }),
    ...(labels && { labels }),
    ...(annotations && { annotations }),
  };
}

function without(map: JsonObject | undefined, names: readonly string[]): Record<string, string> | undefined {
  if (map === undefined) return undefined;
  const kept = Object.entries(map).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && !names.includes(name) ? [[name, value]] : [],
  );
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}
