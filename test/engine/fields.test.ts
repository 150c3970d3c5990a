import { expect, it } from 'vitest';
import { folderNamedBy } from '../beside.ts';
import { derive } from '../fields/derive.ts';
import { readTables } from '../fields/table.ts';

const crds = folderNamedBy('OPENOVA_CRDS');

it.runIf(crds !== undefined)('the field tables say what the CRDs say', async () => {
  const wanted = await derive(crds ?? '');
  const tables = readTables();
  expect([...tables.keys()].sort()).toEqual([...wanted.keys()].sort());
  for (const [kind, table] of wanted) expect(tables.get(kind), kind).toEqual(table);
});
