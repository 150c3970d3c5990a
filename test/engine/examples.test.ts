/** Every example, level by level and wave by wave: the real core must make the objects that our renderer shows. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { FUNCTION } from '../../functions/apis/xrd.ts';
import { renderInputs, type RenderInput } from '../../functions/cli/export.ts';
import { readSources } from '../../functions/cli/input.ts';
import { processIo } from '../../functions/cli/io.ts';
import { withFunction, worldOf } from '../../functions/cli/scene.ts';
import type { Manifest } from '../../functions/kernel/manifest.ts';
import { developmentFunction } from '../../functions/simulator/crossplane-render.ts';
import { simulate, type Simulation } from '../../functions/simulator/simulate.ts';
import { compositionRender, validate } from './crossplane.ts';
import { differences } from './differences.ts';
import { servedFunctions } from './served.ts';
import { hasAllSchemas, schemaFolders, withEmbedded } from './schemas.ts';

const folder = join(import.meta.dirname, '../../examples');
const examples = readdirSync(folder).filter((file) => file.endsWith('.yaml'));
/** The real core runs once per render; two at a time keep both cores of a small machine busy. */
const PARALLEL = 2;

const target = servedFunctions();

async function simulated(example: string): Promise<Simulation> {
  const sources = await readSources([join(folder, example)], processIo());
  const start = worldOf(
    [],
    sources.map(({ object }) => object),
  );
  return withFunction((setup) => simulate(setup, start));
}

async function inParallel<Item>(items: readonly Item[], work: (item: Item) => Promise<void>): Promise<void> {
  const rest = [...items];
  const worker = async (): Promise<void> => {
    for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: PARALLEL }, worker));
}

async function differencesOf(input: RenderInput): Promise<string[]> {
  const { xr, xrd, composition, observed, required, served, expected } = input;
  const rendered = await compositionRender({
    xr,
    xrd,
    composition,
    functions: [developmentFunction(FUNCTION, target())],
    observed,
    required,
    served,
  });
  return differences([...expected.values()], rendered.resources).map((line) => `${input.folder}: ${line}`);
}

/** Every composed object that a simulation ends with, as it is applied. */
function objectsOf({ applied }: Simulation): Manifest[] {
  return [...applied.values()].flatMap((objects) => [...objects.values()]);
}

describe.each(examples)('%s', (example) => {
  let simulation: Simulation;

  beforeAll(async () => {
    simulation = await simulated(example);
  });

  it('becomes ready', () => {
    expect([...simulation.unready]).toEqual([]);
  });

  it('the real core makes the same objects in every wave', async () => {
    const inputs = renderInputs(simulation);
    const found: string[] = [];
    await inParallel(inputs, async (input) => {
      found.push(...(await differencesOf(input)));
    });

    expect(inputs.length).toBeGreaterThan(0);
    expect(found.sort()).toEqual([]);
  });

  it('every object fits its schema', async () => {
    const result = await validate(await schemaFolders(), withEmbedded(objectsOf(simulation)));

    expect(result.errors).toEqual([]);
    if (hasAllSchemas()) expect(result.missing).toEqual([]);
    expect(result.passed).toBeGreaterThan(10);
  });
});
