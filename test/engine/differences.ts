/** How two sets of composed objects differ, in words that fit a test's failure. */
import {
  isObject,
  same,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';

const key = 'crossplane.io/composition-resource-name';

/**
 * One line for each difference, sorted: objects are matched by their composition-resource-name, fields by their path.
 * The order of fields means nothing, that of lists does. Empty when the sets are the same.
 */
export function differences(ours: readonly Manifest[], theirs: readonly Manifest[]): readonly string[] {
  const [left, right] = [byKey(ours), byKey(theirs)];
  const names = [...new Set([...left.keys(), ...right.keys()])].sort();
  return names.flatMap((name) => {
    const [mine, other] = [left.get(name), right.get(name)];
    if (mine === undefined) return [`${name}: only the engine has it`];
    if (other === undefined) return [`${name}: the engine does not have it`];
    return fieldDifferences(mine, other).map((line) => `${name}: ${line}`);
  });
}

function byKey(objects: readonly Manifest[]): ReadonlyMap<string, Manifest> {
  const found = new Map<string, Manifest>();
  for (const object of objects) {
    const name =
      textAt(object, 'metadata', 'annotations', key) ?? `${object.kind} ${object.metadata.name ?? ''}`;
    if (found.has(name)) throw new Error(`cannot compare objects: two are called "${name}"`);
    found.set(name, object);
  }
  return found;
}

/** One line for each field that two values do not share. */
export function fieldDifferences(mine: Json, other: Json, path = ''): readonly string[] {
  if (same(mine, other)) return [];
  if (isObject(mine) && isObject(other)) {
    return fieldsOf(mine, other).flatMap((field) =>
      ofField(mine[field], other[field], path === '' ? field : `${path}.${field}`),
    );
  }
  if (Array.isArray(mine) && Array.isArray(other)) {
    const length = Math.max(mine.length, other.length);
    return Array.from({ length }, (_, index) =>
      ofField(mine[index], other[index], `${path}[${index}]`),
    ).flat();
  }
  return [`${path} is ${JSON.stringify(mine)}, the engine has ${JSON.stringify(other)}`];
}

function fieldsOf(mine: JsonObject, other: JsonObject): readonly string[] {
  return [...new Set([...Object.keys(mine), ...Object.keys(other)])].sort();
}

function ofField(mine: Json | undefined, other: Json | undefined, path: string): readonly string[] {
  if (mine === undefined && other === undefined) return [];
  if (mine === undefined) return [`${path} is missing, the engine has ${JSON.stringify(other)}`];
  if (other === undefined) return [`${path} is ${JSON.stringify(mine)}, the engine has none`];
  return fieldDifferences(mine, other, path);
}
