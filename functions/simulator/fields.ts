/**
 * Server-side apply, as far as composed objects need it: who owns which field, and what a change of mind removes.
 *
 * The format of fieldsV1 and the rules are those of sigs.k8s.io/structured-merge-diff v6: an apply owns every leaf it
 * names; a leaf it named before and leaves out now is removed unless somebody else owns it; lists are replaced whole
 * unless their schema makes them sets or maps.
 */
import {
  isObject,
  objectAt,
  same,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';

/** An OpenAPI v3 schema, or as much of one as is known: what it does not say is a struct of atomic lists. */
export type Schema = JsonObject;

const UNKNOWN: Schema = {};
const PRESERVE = 'x-kubernetes-preserve-unknown-fields';
const LIST_TYPE = 'x-kubernetes-list-type';
const LIST_KEYS = 'x-kubernetes-list-map-keys';

/** One writer and what it writes. */
export interface Intent {
  readonly manager: string;
  readonly manifest: Manifest;
  /** RFC 3339; kept from before when the set of fields does not change. */
  readonly time: string;
  readonly schema: Schema;
}

/** Written by the API server, or identity: no manager owns these. */
const UNOWNED = [
  'creationTimestamp',
  'deletionGracePeriodSeconds',
  'deletionTimestamp',
  'generation',
  'managedFields',
  'name',
  'namespace',
  'resourceVersion',
  'selfLink',
  'uid',
];

/** Kubernetes' own fields, which every kind has. */
const METADATA: Schema = {
  properties: {
    labels: { additionalProperties: {} },
    annotations: { additionalProperties: {} },
    ownerReferences: { [LIST_TYPE]: 'map', [LIST_KEYS]: ['uid'], items: {} },
    finalizers: { [LIST_TYPE]: 'set' },
  },
};

/** Applies with force, as Crossplane does: what others own and the intent names becomes the intent's. */
export function apply(live: Manifest | undefined, { manager, manifest, time, schema }: Intent): Manifest {
  const root = withMetadata(schema);
  const wanted = owned(manifest);
  const fields = fieldsOf(wanted, root) ?? {};
  const entries = (live === undefined ? [] : managersOf(live)).filter(
    (entry) => entry.subresource !== 'status',
  );
  const before = entries.find((entry) => entry.manager === manager && entry.operation === 'Apply');
  const others = entries.filter((entry) => entry !== before);

  const elsewhere = new Set(others.flatMap((entry) => [...members(entry.fields)]));
  const now = members(fields);
  const dropped = new Set(
    [...members(before?.fields ?? {})].filter((path) => !now.has(path) && !elsewhere.has(path)),
  );
  const staying = new Set([...now, ...elsewhere]);
  const kept = live === undefined ? {} : without(live, dropped, staying, root);
  const merged = merge(kept, wanted, root);

  const losing = others.map((entry) => {
    const lost = [...members(entry.fields)].filter(
      (path) => now.has(path) && live !== undefined && !same(valueOf(live, path), valueOf(merged, path)),
    );
    return { ...entry, fields: minus(entry.fields, new Set(lost)) };
  });
  const unchanged = before !== undefined && same(before.fields, fields);
  const entry: Entry = {
    manager,
    operation: 'Apply',
    apiVersion: manifest.apiVersion,
    time: unchanged ? before.time : time,
    fields,
    subresource: undefined,
  };
  const status = live === undefined ? [] : managersOf(live).filter((other) => other.subresource === 'status');
  return withManagers(manifest, merged, [
    ...losing.filter(({ fields: left }) => Object.keys(left).length > 0),
    entry,
    ...status,
  ]);
}

/**
 * Writes fields by update, as controllers do: the writer owns what it changes, and who owned that before no longer
 * does. A field whose value is undefined is removed.
 */
export function update(
  live: Manifest,
  changes: JsonObject,
  manager: string,
  time: string,
  schema: Schema,
): Manifest {
  const root = withMetadata(schema);
  const merged = overlay(live, changes);
  const changed = isObject(merged) ? merged : live;
  if (same(live, changed)) return live;
  const touched = new Set(
    [
      ...members(
        fieldsOf(owned({ ...live, ...changed, metadata: { ...objectAt(changed, 'metadata') } }), root) ?? {},
      ),
    ].filter((path) => !same(valueOf(live, path), valueOf(changed, path))),
  );
  const entries = managersOf(live).map((entry) => ({ ...entry, fields: minus(entry.fields, touched) }));
  const mine = entries.find((entry) => entry.manager === manager && entry.operation === 'Update');
  const entry: Entry = {
    manager,
    operation: 'Update',
    apiVersion: live.apiVersion,
    time,
    fields: build(new Set([...members(mine?.fields ?? {}), ...touched])),
    subresource: undefined,
  };
  return withManagers(live, changed, [
    ...entries.filter((other) => other !== mine && Object.keys(other.fields).length > 0),
    entry,
  ]);
}

interface Entry {
  readonly manager: string;
  readonly operation: string;
  readonly apiVersion: string;
  readonly time: string;
  readonly fields: JsonObject;
  readonly subresource: string | undefined;
}

function managersOf(object: Manifest): Entry[] {
  const listed = object.metadata['managedFields'];
  return (Array.isArray(listed) ? listed : []).filter(isObject).map((entry) => ({
    manager: textAt(entry, 'manager') ?? '',
    operation: textAt(entry, 'operation') ?? '',
    apiVersion: textAt(entry, 'apiVersion') ?? object.apiVersion,
    time: textAt(entry, 'time') ?? '',
    fields: objectAt(entry, 'fieldsV1') ?? {},
    subresource: textAt(entry, 'subresource'),
  }));
}

function withManagers(identity: Manifest, merged: JsonObject, entries: readonly Entry[]): Manifest {
  const { apiVersion, kind, metadata } = identity;
  return {
    ...merged,
    apiVersion,
    kind,
    metadata: {
      ...objectAt(merged, 'metadata'),
      ...(metadata.name !== undefined && { name: metadata.name }),
      ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
      managedFields: entries.map(({ fields, subresource, ...entry }) => ({
        ...entry,
        fieldsType: 'FieldsV1',
        fieldsV1: fields,
        ...(subresource !== undefined && { subresource }),
      })),
    },
  };
}

function withMetadata(schema: Schema): Schema {
  return { ...schema, properties: { ...objectAt(schema, 'properties'), metadata: METADATA } };
}

/** What an object says that a manager can own. */
function owned(object: Manifest): JsonObject {
  const rest = Object.fromEntries(
    Object.entries(object).filter(([name]) => !['apiVersion', 'kind', 'metadata', 'status'].includes(name)),
  );
  const metadata = Object.fromEntries(
    Object.entries(object.metadata).filter(([name, value]) => !UNOWNED.includes(name) && value !== undefined),
  );
  return { ...rest, ...(Object.keys(metadata).length > 0 && { metadata }) };
}

function childSchema(schema: Schema, name: string): { schema: Schema; declared: boolean } {
  const declared = objectAt(schema, 'properties', name);
  if (declared !== undefined) return { schema: declared, declared: true };
  const additional = objectAt(schema, 'additionalProperties');
  if (additional !== undefined) return { schema: additional, declared: false };
  if (schema[PRESERVE] === true) return { schema: { [PRESERVE]: true }, declared: false };
  return { schema: UNKNOWN, declared: true };
}

function listOf(schema: Schema): 'atomic' | 'set' | readonly string[] {
  if (schema[LIST_TYPE] === 'set') return 'set';
  const keys = schema[LIST_KEYS];
  if (schema[LIST_TYPE] !== 'map' || !Array.isArray(keys)) return 'atomic';
  return keys.filter((key) => typeof key === 'string');
}

/** The fieldsV1 of a value; undefined when nothing in it can be owned. */
function fieldsOf(value: Json, schema: Schema): JsonObject | undefined {
  if (Array.isArray(value)) return fieldsOfList(value, schema);
  if (!isObject(value)) return {};
  const entries = Object.entries(value).filter((entry): entry is [string, Json] => entry[1] !== undefined);
  if (entries.length === 0 || schema['x-kubernetes-map-type'] === 'atomic') return {};
  const fields: JsonObject = {};
  for (const [name, child] of entries) {
    const { schema: inner, declared } = childSchema(schema, name);
    const set = fieldsOf(child, inner);
    if (set === undefined) continue;
    fields[`f:${name}`] = !declared && Object.keys(set).length > 0 ? { '.': {}, ...set } : set;
  }
  return fields;
}

function fieldsOfList(list: readonly Json[], schema: Schema): JsonObject | undefined {
  const type = listOf(schema);
  if (type === 'atomic') return {};
  if (list.length === 0) return undefined;
  if (type === 'set') return Object.fromEntries(list.map((item) => [`v:${JSON.stringify(item)}`, {}]));
  const inner = objectAt(schema, 'items') ?? UNKNOWN;
  return Object.fromEntries(
    list.map((item) => [`k:${keyOf(item, type)}`, { '.': {}, ...fieldsOf(item, inner) }]),
  );
}

function keyOf(item: Json, keys: readonly string[]): string {
  const found = [...keys].sort().flatMap((key): [string, Json][] => {
    const value = isObject(item) ? item[key] : undefined;
    return value === undefined ? [] : [[key, value]];
  });
  return JSON.stringify(Object.fromEntries(found));
}

/** A path through fieldsV1; its parts are JSON, so the separator cannot occur in them unescaped. */
const SEPARATOR = '\n';

/** Every field that a set owns, containers too where it owns them as such. */
function members(fields: JsonObject, prefix = ''): Set<string> {
  const found = new Set<string>();
  const names = Object.keys(fields);
  if (prefix !== '' && (names.length === 0 || names.includes('.'))) found.add(prefix);
  for (const [name, inner] of Object.entries(fields)) {
    if (name === '.' || !isObject(inner)) continue;
    for (const path of members(inner, prefix === '' ? name : prefix + SEPARATOR + name)) found.add(path);
  }
  return found;
}

function build(paths: ReadonlySet<string>): JsonObject {
  const root: JsonObject = {};
  for (const path of [...paths].sort()) {
    let here = root;
    for (const part of path.split(SEPARATOR)) {
      const next = here[part];
      const inner = isObject(next) ? next : {};
      here[part] = inner;
      here = inner;
    }
  }
  return dotted(root, paths, '');
}

/** Marks containers that are owned as such and have children. */
function dotted(fields: JsonObject, paths: ReadonlySet<string>, prefix: string): JsonObject {
  const entries = Object.entries(fields).map(([name, inner]): [string, Json] => {
    const path = prefix === '' ? name : prefix + SEPARATOR + name;
    const children = dotted(isObject(inner) ? inner : {}, paths, path);
    const both = paths.has(path) && Object.keys(children).length > 0;
    return [name, both ? { '.': {}, ...children } : children];
  });
  return Object.fromEntries(entries);
}

function minus(fields: JsonObject, paths: ReadonlySet<string>): JsonObject {
  if (paths.size === 0) return fields;
  return build(new Set([...members(fields)].filter((path) => !paths.has(path))));
}

/** The value that a path leads to; undefined where there is none. */
function valueOf(root: JsonObject, path: string): Json | undefined {
  let here: Json | undefined = root;
  for (const part of path.split(SEPARATOR)) {
    const rest = part.slice(2);
    if (part.startsWith('f:')) here = isObject(here) ? here[rest] : undefined;
    else here = Array.isArray(here) ? here.find((item) => matches(item, part)) : undefined;
  }
  return here;
}

function matches(item: Json, part: string): boolean {
  const wanted: unknown = JSON.parse(part.slice(2));
  if (part.startsWith('v:')) return JSON.stringify(item) === JSON.stringify(wanted);
  if (typeof wanted !== 'object' || wanted === null || !isObject(item)) return false;
  return Object.entries(wanted).every(([key, value]) => JSON.stringify(item[key]) === JSON.stringify(value));
}

/**
 * The object without what its manager applied and gave up. A container of which nothing is applied by anybody goes whole,
 * with the defaults in it.
 */
function without(
  root: JsonObject,
  dropped: ReadonlySet<string>,
  staying: ReadonlySet<string>,
  schema: Schema,
): JsonObject {
  if (dropped.size === 0) return root;
  const isUnder = (paths: ReadonlySet<string>, prefix: string) =>
    [...paths].some((path) => path === prefix || path.startsWith(prefix + SEPARATOR));
  const left = (value: Json, inner: Schema, path: string): Json | undefined => {
    if (!isUnder(dropped, path)) return value;
    if (!isUnder(staying, path)) return undefined;
    if (isObject(value)) return leftOf(value, inner, path + SEPARATOR);
    return Array.isArray(value) ? leftOfList(value, inner, path + SEPARATOR) : value;
  };
  const leftOf = (object: JsonObject, inner: Schema, prefix: string): JsonObject =>
    Object.fromEntries(
      Object.entries(object).flatMap(([name, child]): [string, Json][] => {
        if (child === undefined) return [];
        const value = left(child, childSchema(inner, name).schema, `${prefix}f:${name}`);
        return value === undefined ? [] : [[name, value]];
      }),
    );
  const leftOfList = (list: readonly Json[], inner: Schema, prefix: string): Json[] => {
    const type = listOf(inner);
    const items = objectAt(inner, 'items') ?? UNKNOWN;
    return list.flatMap((item): Json[] => {
      const part =
        type === 'set' || type === 'atomic' ? `v:${JSON.stringify(item)}` : `k:${keyOf(item, type)}`;
      const value = left(item, items, prefix + part);
      return value === undefined ? [] : [value];
    });
  };
  return leftOf(root, schema, '');
}

/** The live value with the intent laid over it. */
function merge(live: JsonObject, intent: JsonObject, schema: Schema): JsonObject {
  const merged: JsonObject = { ...live };
  for (const [name, value] of Object.entries(intent)) {
    if (value === undefined) continue;
    merged[name] = mergeValue(live[name], value, childSchema(schema, name).schema);
  }
  return merged;
}

function mergeValue(live: Json | undefined, intent: Json, schema: Schema): Json {
  if (isObject(live) && isObject(intent) && schema['x-kubernetes-map-type'] !== 'atomic')
    return merge(live, intent, schema);
  if (!Array.isArray(live) || !Array.isArray(intent)) return intent;
  const type = listOf(schema);
  if (type === 'atomic') return intent;
  const partOf = (item: Json) => (type === 'set' ? JSON.stringify(item) : keyOf(item, type));
  const before = new Map(live.map((item) => [partOf(item), item]));
  const named = new Set(intent.map(partOf));
  const inner = objectAt(schema, 'items') ?? UNKNOWN;
  return [
    ...intent.map((item) => mergeValue(before.get(partOf(item)), item, inner)),
    ...live.filter((item) => !named.has(partOf(item))),
  ];
}

/** A deep copy with changes laid over it: objects by field, everything else replaced, undefined removed. */
function overlay(value: Json | undefined, changes: Json): Json {
  if (!isObject(value) || !isObject(changes)) return changes;
  const kept = Object.entries(value).filter(([name]) => !(name in changes && changes[name] === undefined));
  const result: JsonObject = Object.fromEntries(kept);
  for (const [name, change] of Object.entries(changes))
    if (change !== undefined) result[name] = overlay(value[name], change);
  return result;
}
