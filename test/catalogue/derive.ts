/**
 * Writes test/catalogue/fields: the values that each component's chart has. The charts' own files lie in
 * $OPENOVA_CHARTS, one folder per component id with Chart.yaml, values.yaml and values.schema.json; a component that has
 * no folder there keeps the table it has.
 *
 *     node test/catalogue/derive.ts            writes the tables
 *     node test/catalogue/derive.ts --check    says which are not as they would be written
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parse } from 'yaml';
import { catalogue } from '../../functions/catalogue/index.ts';
import { merged } from '../../functions/catalogue/render.ts';
import { isObject, listAt, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { folderNamedBy } from '../beside.ts';
import { fileOf, keysOf, type KeyTable } from './keys.ts';

/** Maps with defaults in them that take further keys all the same, as their comments in values.yaml say. */
const OPEN: Readonly<Record<string, readonly string[]>> = {
  'hcloud-ccm': ['env'],
  k8gb: ['coredns.service'],
};

/** Charts inside of charts, by the key of their values: their values may be set there too. */
const INSIDE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  k8gb: { coredns: 'coredns' },
};

/** The table of one chart; undefined where its files are not there. */
export function deriveKeys(id: string, folder: string): KeyTable | undefined {
  const [chart, values, schema] = ['Chart.yaml', 'values.yaml', 'values.schema.json'].map((name) =>
    read(join(folder, name)),
  );
  if (chart === undefined || values === undefined) return undefined;
  const inner: JsonObject = {};
  for (const [key, name] of Object.entries(INSIDE[id] ?? {}))
    inner[key] = read(join(folder, '..', name, 'values.yaml')) ?? {};
  const keys = keysOf(merged(inner, values), OPEN[id]);
  for (const [path, type] of Object.entries(keys)) keys[path] = widened(type, path, schema);
  return { chart: textAt(chart, 'name') ?? '', version: textAt(chart, 'version') ?? '', keys };
}

function read(file: string): JsonObject | undefined {
  if (!existsSync(file)) return undefined;
  const value: unknown = parse(readFileSync(file, 'utf8'), { merge: true });
  return isObject(value) ? value : undefined;
}

/** The type of the default, and those that the chart's schema names beside it. */
function widened(type: string, path: string, schema: JsonObject | undefined): string {
  let here: JsonObject | undefined = schema;
  for (const name of path.split(/(?<!\\)\./)) {
    const properties: unknown = here?.['properties'];
    const inner: unknown = isObject(properties) ? properties[name.replaceAll('\\.', '.')] : undefined;
    here = isObject(inner) ? inner : undefined;
  }
  const named = [here?.['type'], ...listAt(here, 'type')].flatMap((one) =>
    one === 'integer' ? ['number'] : one === 'null' || typeof one !== 'string' ? [] : [one],
  );
  const all = [type, ...named.filter((one) => one !== 'object' || type !== 'open')];
  return [...new Set(all)].sort().join('|');
}

if (import.meta.main) {
  const charts = folderNamedBy('OPENOVA_CHARTS');
  const check = process.argv.includes('--check');
  if (charts === undefined)
    process.stderr.write('No charts in $OPENOVA_CHARTS: the tables stay as they are\n');
  else
    for (const { id } of catalogue) {
      const table = deriveKeys(id, join(charts, id));
      if (table === undefined) continue;
      const text = `${JSON.stringify(table, null, 2)}\n`;
      const file = fileOf(id);
      if (existsSync(file) && readFileSync(file, 'utf8') === text) continue;
      process.stderr.write(`${check ? 'Would write' : 'Wrote'} ${file}\n`);
      if (check) process.exitCode = 1;
      else {
        mkdirSync(dirname(file), { recursive: true });
        writeFileSync(file, text);
      }
    }
}
