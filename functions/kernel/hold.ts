/**
 * Hold: an object as it was last applied by us. Latch, freeze, decommission, honest answer and consent all rest on it.
 *
 * Source of the facts on managedFields: Crossplane 2.4.0 applies composed objects with the field manager
 * `apiextensions.crossplane.io/composed/<hash>` (seen on a live core, 2026-11); the format of fieldsV1 is that of
 * sigs.k8s.io/structured-merge-diff.
 */
import {
  canonical,
  isObject,
  at,
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
/** Never ours, whoever is said to own it: a status, and what the program fills into a Secret. */
const FILLED_BY_OTHERS: Readonly<Record<string, readonly string[]>> = {
  Secret: ['status', 'data', 'stringData'],
};

/**
 * Exactly the fields of an observed object that Crossplane applied for us, in an order that does not come from outside.
 * Without managedFields (a render of files) everything but status and what the API server writes.
 */
export function held(observed: Manifest): Manifest {
  const { apiVersion, kind, metadata } = observed;
  const others = FILLED_BY_OTHERS[kind] ?? ['status'];
  const applied = appliedIn(observed);
  const labels = without(applied(['metadata', 'labels']), CORE_LABELS);
  const annotations = without(applied(['metadata', 'annotations']), [KEY_ANNOTATION]);
  const object: Manifest = {
    apiVersion,
    kind,
    metadata: {
      ...(metadata.name !== undefined && { name: metadata.name }),
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
  };
  for (const field of Object.keys(observed).sort()) {
    if (field in object || others.includes(field)) continue;
    const value = applied([field]);
    if (value !== undefined) object[field] = value;
  }
  return object;
}

export interface Frozen {
  readonly manifest: Manifest;
  /** The dotted paths at which something else was wanted than what was last applied there. */
  readonly outdated: readonly string[];
}

/** The desired object with each of these dotted paths as it was last applied. */
export function freeze(desired: Manifest, observed: Manifest, paths: readonly string[]): Frozen {
  if (paths.length === 0) return { manifest: desired, outdated: [] };
  const before = appliedIn(observed);
  const outdated: string[] = [];
  let fields: JsonObject = desired;
  for (const path of paths) {
    const names = path.split('.');
    const applied = before(names);
    if (same(applied, at(desired, ...names))) continue;
    if (applied !== undefined) outdated.push(path);
    fields = withField(fields, names, applied);
  }
  const { apiVersion, kind, metadata } = desired;
  return { manifest: { ...fields, apiVersion, kind, metadata }, outdated };
}

/**
 * The held object with each of these dotted paths as it is wanted now. `*` in a path is every item of a list that has its
 * like among the wanted ones: one that is the same in all else.
 */
export function follow(kept: Manifest, wanted: Manifest, paths: readonly string[]): Manifest {
  const { apiVersion, kind, metadata } = kept;
  const fields = paths.reduce<Json | undefined>(
    (object, path) => followed(object, wanted, path.split('.')),
    kept,
  );
  return { ...(isObject(fields) && fields), apiVersion, kind, metadata };
}

function followed(
  kept: Json | undefined,
  wanted: Json | undefined,
  names: readonly string[],
): Json | undefined {
  const [name, ...rest] = names;
  if (name === undefined) return wanted;
  if (name === '*') {
    if (!Array.isArray(kept) || !Array.isArray(wanted)) return kept;
    const others = (item: Json) => followed(item, undefined, rest);
    return kept.map((item) => {
      const like = wanted.find((one) => same(others(one), others(item)));
      return like === undefined ? item : (followed(item, like, rest) ?? item);
    });
  }
  if (!isObject(kept)) return kept;
  return withField(kept, [name], followed(kept[name], at(wanted, name), rest));
}

/** What was last applied at a path, its fields in order, without working out the rest of the object. */
function appliedIn(observed: Manifest): (names: readonly string[]) => Json | undefined {
  const owned = appliedFields(observed);
  return (names) => {
    let fields = owned;
    for (const name of names) {
      // Without fields below it a field was applied whole.
      if (fields === undefined || isWhole(fields)) break;
      const inner = fields[`f:${name}`];
      if (!isObject(inner)) return undefined;
      fields = inner;
    }
    return project(at(observed, ...names), fields);
  };
}

/** Whether a set of fields names a value without anything in it. */
function isWhole(fields: JsonObject): boolean {
  for (const _name in fields) return false;
  return true;
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

/** The part of a value that a fieldsV1 set names, all of it where there is no set, with its fields in order. */
function project(value: Json | undefined, fields: JsonObject | undefined): Json | undefined {
  if (value === undefined) return undefined;
  if (fields === undefined || isWhole(fields)) return canonical(value);
  if (Array.isArray(value)) {
    const items = Object.entries(fields).flatMap(([name, inner]) => itemFields(name, inner));
    return value.flatMap((item, index) => {
      const found = items.find(({ matches }) => matches(item, index));
      return found === undefined ? [] : defined(project(item, found.fields));
    });
  }
  if (!isObject(value)) return value;
  const kept: JsonObject = {};
  for (const name of Object.keys(fields).sort()) {
    const inner = fields[name];
    if (!name.startsWith('f:') || !isObject(inner)) continue;
    const field = name.slice(2);
    if (Object.hasOwn(value, field)) kept[field] = project(value[field], inner);
  }
  return kept;
}

interface ItemFields {
  readonly matches: (item: Json, index: number) => boolean;
  readonly fields: JsonObject;
}

/** An item of a list, by its keys, its value or its index. */
function itemFields(name: string, inner: Json | undefined): ItemFields[] {
  const fields = isObject(inner) ? inner : {};
  const kind = name.slice(0, 2);
  if (kind === 'i:') return [{ fields, matches: (_item, index) => name === `i:${index}` }];
  if (kind === 'v:') {
    const wanted = parsed(name);
    return [{ fields, matches: (item) => same(item, wanted) }];
  }
  if (kind !== 'k:') return [];
  const keys = Object.entries(asObject(parsed(name)));
  const matches = (item: Json) => isObject(item) && keys.every(([key, value]) => same(item[key], value));
  return [{ fields, matches }];
}

function asObject(value: Json): JsonObject {
  return isObject(value) ? value : {};
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

function without(map: Json | undefined, names: readonly string[]): Record<string, string> | undefined {
  if (!isObject(map)) return undefined;
  const kept = Object.entries(map).flatMap(([name, value]): [string, string][] =>
    typeof value === 'string' && !names.includes(name) ? [[name, value]] : [],
  );
  return kept.length > 0 ? Object.fromEntries(kept) : undefined;
}
