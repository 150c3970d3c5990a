/** From our schemas to what the API server takes: structural schemas, with the rules that follow from change classes. */
import type * as z from 'zod';
import { canonical, isObject, listAt, textAt, type Json, type JsonObject } from '../kernel/manifest.ts';
import { CHANGES, type Change } from './describe.ts';
import { jsonSchemaOf } from './parse.ts';

/** Keywords that a structural schema takes as they are. */
const KEPT: readonly string[] = [
  'maxItems',
  'maxLength',
  'maxProperties',
  'maximum',
  'minItems',
  'minLength',
  'minimum',
  'required',
  'type',
  'x-kubernetes-list-map-keys',
  'x-kubernetes-list-type',
  'x-kubernetes-preserve-unknown-fields',
];

/** Keywords that are translated below, or that are ours and end up in descriptions and documents. */
const KNOWN: readonly string[] = [
  'additionalProperties',
  'change',
  'default',
  'description',
  'enum',
  'example',
  'items',
  'otherwise',
  'override',
  'pattern',
  'properties',
  'shape',
];

const SAID: Readonly<Record<Change, string>> = {
  live: 'A change takes effect in place.',
  rolling: 'A change restarts what uses it, one after the other.',
  'new machines only': 'A change reaches new machines only.',
  refused: 'It cannot change.',
};

/** The change class of a field; undefined for objects of fields. */
export function changeOf(node: JsonObject): Change | undefined {
  return CHANGES.find((change) => change === node['change']);
}

/** The words of a field as people read them in the API server's answers. */
function described(node: JsonObject): string {
  const change = changeOf(node);
  const otherwise = textAt(node, 'otherwise');
  return [
    `${textAt(node, 'description') ?? ''}.`,
    ...(otherwise === undefined ? [] : [`Left out: ${otherwise}.`]),
    ...(change === undefined ? [] : [SAID[change]]),
  ].join(' ');
}

export function propertiesOf(node: JsonObject): readonly (readonly [string, JsonObject])[] {
  const { properties } = node;
  if (!isObject(properties)) return [];
  return Object.entries(properties).flatMap(([name, child]) =>
    isObject(child) ? [[name, child] as const] : [],
  );
}

/** Whether nothing below may change, so that the object as a whole cannot come or go either. */
function frozen(node: JsonObject): boolean {
  const children = propertiesOf(node);
  if (changeOf(node) !== undefined || children.length === 0) return changeOf(node) === 'refused';
  return children.every(([, child]) => frozen(child));
}

export const CANNOT_CHANGE = 'cannot change after creation';

/** CEL rules of an object for those of its fields that are refused to change. */
function immutability(node: JsonObject, keys: readonly string[]): JsonObject[] {
  const required = listAt(node, 'required');
  return propertiesOf(node)
    .filter(([name, child]) => frozen(child) && child['override'] !== true && !keys.includes(name))
    .flatMap(([name, child]) => {
      const leaf = changeOf(child) !== undefined;
      const always = required.includes(name) || child['default'] !== undefined;
      const [now, before] = [`self.${name}`, `oldSelf.${name}`];
      const rules = [
        ...(always ? [] : [`has(${now}) == has(${before})`]),
        ...(leaf
          ? [always ? `${now} == ${before}` : `(!has(${now}) || !has(${before}) || ${now} == ${before})`]
          : []),
      ];
      if (rules.length === 0) return [];
      const rule = rules.join(' && ');
      return [{ rule, message: CANNOT_CHANGE, fieldPath: `.${name}`, reason: 'FieldValueForbidden' }];
    });
}

interface Place {
  /** Keys of the list map that the object is an item of: they identify it, so they cannot change. */
  readonly keys?: readonly string[];
  /** Below something that a region says in place of its cluster: what may change there is told by the effective value. */
  readonly overrides?: boolean;
}

/**
 * A default with the defaults of the fields below it. The API server would fill them in by itself, but it checks
 * rules on a default as it is written.
 */
function filled(value: Json, node: JsonObject): Json {
  if (!isObject(value)) return value;
  const whole: JsonObject = { ...value };
  for (const [name, child] of propertiesOf(node)) {
    const given = whole[name] ?? child['default'];
    if (given !== undefined) whole[name] = filled(given, child);
  }
  return whole;
}

/** One node of a schema; a keyword that would be lost on the way is an error. */
function translate(node: JsonObject, place: Place = {}): JsonObject {
  const lost = Object.keys(node).filter((keyword) => ![...KEPT, ...KNOWN].includes(keyword));
  if (lost.length > 0) throw new Error(`cannot translate schema keyword ${lost.sort().join(', ')}`);
  const result: JsonObject = {};
  if (node['description'] !== undefined) result['description'] = described(node);
  for (const keyword of KEPT) if (node[keyword] !== undefined) result[keyword] = node[keyword];
  if (node['default'] !== undefined) result['default'] = filled(node['default'], node);
  const pattern = textAt(node, 'pattern');
  if (pattern !== undefined) result['pattern'] = pattern.replaceAll('\\/', '/');
  const choices = listAt(node, 'enum');
  if (choices.length > 0) {
    result['enum'] = [...choices].sort();
    if (choices.every(Number.isInteger)) result['type'] = 'integer';
  }
  const overrides = place.overrides === true || node['override'] === true;
  const children = propertiesOf(node);
  if (children.length > 0)
    result['properties'] = Object.fromEntries(
      children.map(([name, child]) => [name, translate(child, { overrides })]),
    );
  const { items, additionalProperties } = node;
  const keys = listAt(node, 'x-kubernetes-list-map-keys').map(String);
  if (isObject(items)) result['items'] = translate(items, { keys, overrides });
  const open = node['x-kubernetes-preserve-unknown-fields'] === true;
  if (isObject(additionalProperties) && !open)
    result['additionalProperties'] = translate(additionalProperties, { overrides: true });
  const rules = overrides ? [] : immutability(node, place.keys ?? []);
  if (rules.length > 0) result['x-kubernetes-validations'] = rules;
  return result;
}

/** The structural schema of what may be given. */
export function structuralOf(schema: z.ZodType): JsonObject {
  return translate(jsonSchemaOf(schema));
}

/** One field of a schema with the path that people write. */
export interface Field {
  /** Dotted path, such as `regions[].location` or `platform.components.<name>.enabled`. */
  readonly path: string;
  readonly node: JsonObject;
  readonly required: boolean;
}

/** All fields of a schema, objects before what they hold. */
export function fieldsOf(schema: z.ZodType): readonly Field[] {
  const walk = (node: JsonObject, path: string): Field[] =>
    propertiesOf(node).flatMap(([name, child]) => {
      const here = path === '' ? name : `${path}.${name}`;
      const required = listAt(node, 'required').includes(name);
      return [{ path: here, node: child, required }, ...below(child, here)];
    });
  const below = (node: JsonObject, path: string): Field[] => {
    const { items, additionalProperties } = node;
    return [
      ...walk(node, path),
      ...(isObject(items) ? below(items, `${path}[]`) : []),
      ...(isObject(additionalProperties) ? below(additionalProperties, `${path}.<name>`) : []),
    ];
  };
  return walk(jsonSchemaOf(schema), '');
}

/** Whether a schema has a field at a dotted path of plain names. */
export function hasField(schema: z.ZodType, path: string): boolean {
  return fieldsOf(schema).some((field) => field.path === path);
}

/** Sorted JSON on one line, for defaults in documents. */
export function inline(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(canonical(value));
}
