/** Conditions as Crossplane and the providers keep them: one of a type, with the time of its last change. */
import { isObject, listAt, objectAt, same, type JsonObject, type Manifest } from '../kernel/manifest.ts';

/** The object with this condition; the former time stays when nothing but the time would change. */
export function withCondition(object: Manifest, condition: JsonObject, time: string): Manifest {
  const conditions = listAt(object, 'status', 'conditions').filter(isObject);
  const index = conditions.findIndex(({ type }) => type === condition['type']);
  const before = conditions[index];
  if (before !== undefined && same(untimed(before), untimed(condition))) return object;
  const next = { ...untimed(condition), lastTransitionTime: time };
  const all = before === undefined ? [...conditions, next] : conditions.with(index, next);
  return { ...object, status: { ...objectAt(object, 'status'), conditions: all } };
}

function untimed(condition: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(condition).filter(([name]) => name !== 'lastTransitionTime'));
}
