/** What a field table looks like: facts about one kind, taken from its CRD. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isObject } from '../../functions/kernel/manifest.ts';

export type FieldType =
  'array' | 'boolean' | 'int-or-string' | 'integer' | 'number' | 'object' | 'string' | 'any';

export interface Field {
  readonly type: FieldType;
  readonly required?: true;
  readonly nullable?: true;
  readonly enum?: readonly (string | number | boolean)[];
  /** Keys of a list that is a map. */
  readonly keys?: readonly string[];
  /** A list of values that differ. */
  readonly set?: true;
  /** Whatever stands here is kept as it is. */
  readonly open?: true;
  /** How many CEL rules stand here. */
  readonly rules?: number;
}

/**
 * One kind. Fields go by path: `.name` for a property, `[]` for the items of a list, `.*` for the values of a map. A
 * field about which only the type is known is written as that word, with `!` when it is required.
 */
export interface Table {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespaced: boolean;
  /** Package or project and version that the CRD came with. */
  readonly source: string;
  /** Parameters that the provider demands unless it only observes: `forProvider.x` or `initProvider.x`. */
  readonly needs?: readonly string[];
  readonly fields: Readonly<Record<string, string | Field>>;
}

export const TABLES = join(import.meta.dirname, 'tables');

export function fileOf({ apiVersion, kind }: Pick<Table, 'apiVersion' | 'kind'>): string {
  return `${apiVersion.replace('/', '_')}_${kind}.json`;
}

/** All tables, by `apiVersion/kind`. */
export function readTables(folder = TABLES): ReadonlyMap<string, Table> {
  const tables = readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file): Table => {
      const table: unknown = JSON.parse(readFileSync(join(folder, file), 'utf8'));
      if (!isTable(table)) throw new Error(`"${file}" is no field table`);
      return table;
    });
  return new Map(tables.map((table) => [`${table.apiVersion}/${table.kind}`, table]));
}

function isTable(value: unknown): value is Table {
  return isObject(value) && typeof value['kind'] === 'string' && isObject(value['fields']);
}

const TYPES: readonly FieldType[] = [
  'any',
  'array',
  'boolean',
  'int-or-string',
  'integer',
  'number',
  'object',
  'string',
];

/** The long form of an entry. */
export function fieldOf(entry: string | Field): Field {
  if (typeof entry !== 'string') return entry;
  const required = entry.endsWith('!');
  const word = required ? entry.slice(0, -1) : entry;
  const type = TYPES.find((known) => known === word);
  if (type === undefined) throw new Error(`"${entry}" is no type of a field`);
  return required ? { type, required } : { type };
}

/** The short form of an entry. */
export function entryOf(field: Field): string | Field {
  const { type, required, ...rest } = field;
  return Object.keys(rest).length > 0 ? field : `${type}${required ? '!' : ''}`;
}
