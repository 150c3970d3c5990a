/** A Kubernetes object, and small pure helpers to look into and change one. */

export type Json = string | number | boolean | null | Json[] | JsonObject;

/** A JSON object; an undefined field is a field that is not there. */
export interface JsonObject {
  [key: string]: Json | undefined;
}

export interface Metadata extends JsonObject {
  name?: string;
  namespace?: string;
  labels?: Record<string, string>;
  annotations?: Record<string, string>;
}

/** A Kubernetes object as it is rendered, applied or observed. */
export interface Manifest extends JsonObject {
  apiVersion: string;
  kind: string;
  metadata: Metadata;
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whether a value that came from outside has the shape of a Kubernetes object. */
export function isManifest(value: unknown): value is Manifest {
  return (
    isObject(value) &&
    typeof value['apiVersion'] === 'string' &&
    typeof value['kind'] === 'string' &&
    isObject(value['metadata'])
  );
}

/** The value at a path of field names, undefined where the path ends early. */
export function at(value: Json | undefined, ...path: (string | number)[]): Json | undefined {
  let here = value;
  for (const field of path) {
    if (typeof field === 'number') here = Array.isArray(here) ? here[field] : undefined;
    else here = isObject(here) && Object.hasOwn(here, field) ? here[field] : undefined;
  }
  return here;
}

export function textAt(value: Json | undefined, ...path: (string | number)[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function numberAt(value: Json | undefined, ...path: (string | number)[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

export function objectAt(value: Json | undefined, ...path: (string | number)[]): JsonObject | undefined {
  const found = at(value, ...path);
  return isObject(found) ? found : undefined;
}

/** The list at a path; empty where there is none. */
export function listAt(value: Json | undefined, ...path: (string | number)[]): Json[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? found : [];
}

/** A copy with the field at the path set, or left out when the value is undefined. */
export function withField(
  value: JsonObject,
  [field, ...rest]: readonly string[],
  to: Json | undefined,
): JsonObject {
  if (field === undefined) return value;
  if (rest.length === 0) {
    return to === undefined
      ? Object.fromEntries(Object.entries(value).filter(([name]) => name !== field))
      : { ...value, [field]: to };
  }
  const child = value[field];
  if (to === undefined && !isObject(child)) return value;
  return { ...value, [field]: withField(isObject(child) ? child : {}, rest, to) };
}

/** The condition of a type in `status.conditions`. */
export function conditionOf(object: JsonObject, type: string): JsonObject | undefined {
  return listAt(object, 'status', 'conditions')
    .filter(isObject)
    .find((condition) => condition['type'] === type);
}

/** Whether a condition of this type is True. */
export function isTrue(object: JsonObject, type: string): boolean {
  return conditionOf(object, type)?.['status'] === 'True';
}

/** The same value with the fields of every object in alphabetical order and undefined fields left out. */
export function canonical(value: Manifest): Manifest;
export function canonical(value: JsonObject): JsonObject;
export function canonical(value: Json): Json;
export function canonical(value: Json): Json {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const items = value.map((item) => canonical(item));
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  // Most objects are in order already: those are not copied.
  let ordered = true;
  let before = '';
  const fields: JsonObject = {};
  for (const key in value) {
    const child = value[key];
    const inner = child === undefined ? undefined : canonical(child);
    ordered &&= before <= key && child !== undefined && inner === child;
    if (inner !== undefined) fields[key] = inner;
    before = key;
  }
  if (ordered) return value;
  const sorted: JsonObject = {};
  for (const key of Object.keys(fields).sort()) sorted[key] = fields[key];
  return sorted;
}

/** Whether two values are the same JSON, whatever the order of their fields. */
export function same(left: Json | undefined, right: Json | undefined): boolean {
  if (left === right) return true;
  if (Array.isArray(left))
    return (
      Array.isArray(right) &&
      left.length === right.length &&
      left.every((item, index) => same(item, right[index]))
    );
  if (!isObject(left) || !isObject(right)) return false;
  const fields = (object: JsonObject) => Object.keys(object).filter((name) => object[name] !== undefined);
  const names = fields(left);
  return (
    names.length === fields(right).length &&
    names.every((name) => Object.hasOwn(right, name) && same(left[name], right[name]))
  );
}
