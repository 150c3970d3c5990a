/** Tables of the values that a chart has: paths and types, facts taken from its values.yaml and values.schema.json. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject, type Json, type JsonObject } from '../../functions/kernel/manifest.ts';

/** `open` is an object that takes any key, `any` a value without a default. */
export type KeyType = 'any' | 'array' | 'boolean' | 'number' | 'object' | 'open' | 'string';
const TYPES: readonly KeyType[] = ['any', 'array', 'boolean', 'number', 'object', 'open', 'string'];

export interface KeyTable {
  readonly chart: string;
  readonly version: string;
  /** Types by dotted path; a dot in a key is written `\.`; several types are joined by `|`. */
  readonly keys: Readonly<Record<string, string>>;
}

const FOLDER = join(import.meta.dirname, 'fields');

export function fileOf(id: string): string {
  return join(FOLDER, `${id}.json`);
}

/** The table of a component; undefined when there is none. */
export function readKeys(id: string): KeyTable | undefined {
  const file = fileOf(id);
  if (!existsSync(file)) return undefined;
  const table: unknown = JSON.parse(readFileSync(file, 'utf8'));
  if (!isKeyTable(table)) throw new Error(`"${file}" is no table of keys`);
  return table;
}

function isKeyTable(value: unknown): value is KeyTable {
  return (
    isObject(value) &&
    typeof value['chart'] === 'string' &&
    typeof value['version'] === 'string' &&
    isObject(value['keys']) &&
    Object.values(value['keys']).every((type) => typeof type === 'string')
  );
}

/** Every path of a chart's default values with its type; `open` names maps whose keys a user adds. */
export function keysOf(values: JsonObject, open: readonly string[] = []): Record<string, string> {
  const keys: Record<string, string> = {};
  const visit = (object: JsonObject, path: string): void => {
    for (const [name, value] of Object.entries(object)) {
      const here = pathOf(path, name);
      keys[here] = open.includes(here) ? 'open' : typeOf(value);
      if (isObject(value)) visit(value, here);
    }
  };
  visit(values, '');
  return keys;
}

function pathOf(path: string, name: string): string {
  const escaped = name.replaceAll('.', '\\.');
  return path === '' ? escaped : `${path}.${escaped}`;
}

function typeOf(value: Json | undefined): KeyType {
  if (value === null || value === undefined) return 'any';
  if (Array.isArray(value)) return 'array';
  if (isObject(value)) return Object.keys(value).length === 0 ? 'open' : 'object';
  return TYPES.find((type) => type === typeof value) ?? 'any';
}

/** Values that a chart does not have, or has with another type. */
export function unknownValues(values: JsonObject, { keys }: Pick<KeyTable, 'keys'>): string[] {
  const wrong: string[] = [];
  const visit = (object: JsonObject, path: string): void => {
    for (const [name, value] of Object.entries(object)) {
      if (value === undefined) continue;
      const here = pathOf(path, name);
      const types = keys[here]?.split('|');
      if (types === undefined) {
        if (!takesAnyKey(keys[path])) wrong.push(`${here} is no value of the chart`);
      } else if (!types.includes('any') && !fits(value, types))
        wrong.push(`${here} is ${JSON.stringify(value)}, must be ${types.join(' or ')}`);
      else if (isObject(value) && types.some((type) => type === 'object' || type === 'open'))
        visit(value, here);
    }
  };
  visit(values, '');
  return wrong;
}

function takesAnyKey(types: string | undefined): boolean {
  return types?.split('|').some((type) => type === 'open' || type === 'any') === true;
}

function fits(value: Json, types: readonly string[]): boolean {
  const type = typeOf(value);
  if (type === 'object' || type === 'open') return types.includes('object') || types.includes('open');
  return types.includes(type);
}
