/** Requests turned and twisted: the same in another order, with secrets, with mistakes, with nonsense. */
import {
  RunFunctionRequest,
  RunFunctionResponse,
  type Resource,
} from '@crossplane-org/function-sdk-typescript';
import * as fc from 'fast-check';
import {
  isObject,
  same,
  withField,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { composedManager } from '../../../functions/simulator/composed.ts';
import { definitionOf, schemaFor } from '../../../functions/simulator/definitions.ts';
import { apply } from '../../../functions/simulator/fields.ts';
import { referenceTo } from '../../../functions/simulator/world.ts';
import { garbage } from './changes.ts';
import { compositeOf, DEFINITIONS } from './life.ts';

/** The bytes of a response, as they go over the wire. */
export function bytesOf(response: RunFunctionResponse): string {
  return Buffer.from(RunFunctionResponse.encode(response).finish()).toString('base64');
}

/** The request as it comes from the wire. */
export function received(request: RunFunctionRequest): RunFunctionRequest {
  return RunFunctionRequest.decode(RunFunctionRequest.encode(request).finish());
}

/** Lists whose order means nothing to anybody. */
const UNORDERED = ['conditions', 'finalizers', 'managedFields', 'ownerReferences', 'resourceRefs'];

/** The same request: fields and entries of maps in another order, and lists that nobody ordered. */
export function shuffled(request: RunFunctionRequest, seed: number): RunFunctionRequest {
  let state = seed;
  const random = (below: number) => {
    // Numerical Recipes' linear congruential generator: any order will do, as long as it is the same again.
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % below;
  };
  const mixed = <Item>(items: readonly Item[]): Item[] => {
    const rest = [...items];
    return items.flatMap(() => rest.splice(random(rest.length), 1));
  };
  const walk = (value: unknown, field = ''): unknown => {
    if (Array.isArray(value)) {
      const items = value.map((item: unknown) => walk(item));
      return UNORDERED.includes(field) ? mixed(items) : items;
    }
    if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return value;
    return Object.fromEntries(mixed(Object.entries(value)).map(([name, child]) => [name, walk(child, name)]));
  };
  const again = RunFunctionRequest.fromJSON(walk(RunFunctionRequest.toJSON(request)));
  const required = Object.entries(again.requiredResources).map(
    ([name, { items }]) => [name, { items: mixed(items) }] as const,
  );
  return { ...again, requiredResources: Object.fromEntries(required) };
}

/** The request with another composite. */
export function withComposite(
  request: RunFunctionRequest,
  change: (xr: Manifest) => Manifest,
): RunFunctionRequest {
  const { observed } = request;
  if (observed?.composite === undefined) return request;
  const composite = { ...observed.composite, resource: change(compositeOf(request)) };
  return { ...request, observed: { ...observed, composite } };
}

/** The request with each observed and required object changed. */
export function withObjects(
  request: RunFunctionRequest,
  change: (object: JsonObject, key: string) => JsonObject,
): RunFunctionRequest {
  const changed = (one: Resource, key: string): Resource => {
    const object: unknown = one.resource;
    return isObject(object) ? { ...one, resource: change(object, key) } : one;
  };
  const { observed, requiredResources } = request;
  return {
    ...request,
    observed: observed && {
      ...observed,
      resources: Object.fromEntries(
        Object.entries(observed.resources).map(([key, one]) => [key, changed(one, key)]),
      ),
    },
    requiredResources: Object.fromEntries(
      Object.entries(requiredResources).map(([name, { items }]) => [
        name,
        { items: items.map((one) => changed(one, '')) },
      ]),
    ),
  };
}

/** One mistake: something else at one of the places of a value, or a field that is none. */
export interface Mistake {
  readonly place: number;
  readonly value: Json;
}

export const mistakes: fc.Arbitrary<readonly Mistake[]> = fc.array(
  fc.record({
    place: fc.nat(9999),
    value: fc.oneof(
      garbage,
      fc.constantFrom<Json>(
        -1,
        0,
        1.5,
        1e308,
        'no such thing',
        'x'.repeat(5000),
        'A\nB',
        '10.0.0.1/8',
        '::/0',
        'v1.0.0+k3s1',
        'cilium-l2',
        'aws',
        [{ name: 'general' }, { name: 'general' }],
        { name: '' },
      ),
    ),
  }),
  { minLength: 1, maxLength: 3 },
);

/** A spec with mistakes in it. */
export function mistaken(spec: JsonObject, all: readonly Mistake[]): JsonObject {
  return all.reduce((before, { place, value }) => {
    const paths = pathsOf(before);
    const path = paths[place % Math.max(1, paths.length)] ?? [];
    const after = replaced(before, path, value);
    return isObject(after) ? after : before;
  }, spec);
}

/** Every place in a value, and one more field in each object. */
function pathsOf(value: Json | undefined, path: readonly string[] = []): (readonly string[])[] {
  const own = path.length === 0 ? [] : [path];
  if (Array.isArray(value))
    return [...own, ...value.flatMap((item, index) => pathsOf(item, [...path, String(index)]))];
  if (!isObject(value)) return own;
  const inner = Object.entries(value).flatMap(([field, child]) => pathsOf(child, [...path, field]));
  return [...own, ...inner, [...path, 'nonsense']];
}

function replaced(value: Json | undefined, [step, ...rest]: readonly string[], to: Json): Json | undefined {
  if (step === undefined) return to;
  if (Array.isArray(value))
    return value.map((item, index) => (String(index) === step ? (replaced(item, rest, to) ?? null) : item));
  if (!isObject(value)) return value;
  return withField(value, [step], replaced(value[step], rest, to));
}

/** Whether core, applying what is desired of an object, changes nothing of it. */
export function isKept(xr: Manifest, before: Manifest, desired: Manifest | undefined): boolean {
  if (desired === undefined) return false;
  return same(withoutManagers(appliedTo(xr, before, desired)), withoutManagers(before));
}

/** The object after core has applied what is desired of it. */
function appliedTo(xr: Manifest, before: Manifest, desired: Manifest): Manifest {
  const schema = definitionOf(DEFINITIONS, before)?.schema ?? schemaFor(DEFINITIONS, before);
  const owners = before.metadata['ownerReferences'];
  const manifest = {
    ...desired,
    metadata: {
      ...desired.metadata,
      ...(owners !== undefined && { ownerReferences: owners }),
      labels: { ...pick(before.metadata.labels, 'crossplane.io/'), ...desired.metadata.labels },
      annotations: {
        ...pick(before.metadata.annotations, 'crossplane.io/composition-resource-name'),
        ...desired.metadata.annotations,
      },
    },
  };
  return apply(before, { manager: composedManager(referenceTo(xr)), manifest, time: '', schema });
}

function pick(entries: Record<string, string> | undefined, prefix: string): Record<string, string> {
  return Object.fromEntries(Object.entries(entries ?? {}).filter(([name]) => name.startsWith(prefix)));
}

function withoutManagers({ metadata, ...rest }: Manifest): JsonObject {
  const kept = Object.entries(metadata).filter(([field]) => field !== 'managedFields');
  return { ...rest, metadata: Object.fromEntries(kept) };
}
