/** The input of `crossplane composition render`, for every composite in every wave that adds to it. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { KINDS } from '../apis/kinds.ts';
import { composition, FUNCTION } from '../apis/xrd.ts';
import type { Manifest } from '../kernel/manifest.ts';
import { observe } from '../simulator/composed.ts';
import { definitionOf } from '../simulator/definitions.ts';
import { developmentFunction, schemaDocuments, type ServedKind } from '../simulator/crossplane-render.ts';
import { requiredBy } from '../simulator/request.ts';
import { compositesIn, type Simulation, type Wave } from '../simulator/simulate.ts';
import { idOf, type World } from '../simulator/world.ts';
import { reasonOf, UserError } from './io.ts';
import { documentOf } from './manifests.ts';
import { save } from './render.ts';
import { DEFINITIONS } from './scene.ts';

/** Where the exported functions.yaml expects `openova serve --insecure`. */
export const DEVELOPMENT_TARGET = '127.0.0.1:9443';

/** One render: a composite as it was in a wave, and all that its function was shown. */
export interface RenderInput {
  /** `wave-03/xopenovaregion-acme-local-fsn` */
  readonly folder: string;
  readonly wave: number;
  /** Id of the composite. */
  readonly composite: string;
  readonly xr: Manifest;
  readonly xrd: Manifest;
  readonly composition: Manifest;
  readonly observed: readonly Manifest[];
  readonly required: readonly Manifest[];
  /** Every kind that the render may ask for, all of them served. */
  readonly served: readonly ServedKind[];
  /** What core must answer: every composed object as it is applied, by key. */
  readonly expected: ReadonlyMap<string, Manifest>;
}

/** Writes a folder for each render. @returns how many. */
export async function exportTo(folder: string, simulation: Simulation): Promise<number> {
  const inputs = renderInputs(simulation);
  for (const input of inputs) await writeInput(join(folder, input.folder), input);
  return inputs.length;
}

/** Every composite in every wave that added something to it. */
export function renderInputs(simulation: Simulation): RenderInput[] {
  const served = kindsOf(simulation);
  return simulation.waves.flatMap((wave) =>
    compositesIn({ definitions: DEFINITIONS }, wave.world)
      .filter((id) => wave.objects.some(({ composite }) => composite === id))
      .flatMap((id) => inputOf(wave, id, served) ?? []),
  );
}

function inputOf(wave: Wave, id: string, served: readonly ServedKind[]): RenderInput | undefined {
  const { world, number } = wave;
  const xr = world.objects.get(id);
  const expected = wave.applied.get(id);
  const definition = xr === undefined ? undefined : definitionOf(DEFINITIONS, xr);
  const kind = KINDS.find((one) => one.kind === xr?.kind);
  if (xr === undefined || expected === undefined || definition === undefined || kind === undefined)
    return undefined;
  const observed = [...observe(world, xr).values()];
  const name = `${xr.kind}-${xr.metadata.name ?? ''}`.toLowerCase();
  return {
    folder: join(`wave-${String(number).padStart(2, '0')}`, name),
    wave: number,
    composite: id,
    xr,
    xrd: definition.xrd,
    composition: composition(kind),
    observed,
    required: requiredFor(world, id, [xr, ...observed]),
    served,
    expected,
  };
}

/** What the function asked for, without what core finds anyway. */
function requiredFor(world: World, id: string, known: readonly Manifest[]): Manifest[] {
  const ids = new Set(known.map(idOf));
  const found = requiredBy(world, world.requirements.get(id));
  return [...new Map(found.map((object) => [idOf(object), object])).values()].filter(
    (object) => !ids.has(idOf(object)),
  );
}

/** Kinds that the composites made or asked about. */
function kindsOf({ waves }: Simulation): ServedKind[] {
  const made = waves.flatMap(({ objects }) => objects.map(({ manifest }) => manifest));
  const asked = waves.flatMap(({ world }) =>
    [...world.requirements.values()].flatMap(({ schemas }) => Object.values(schemas)),
  );
  const kinds = [...made, ...asked].map(({ apiVersion, kind }) => ({ apiVersion, kind }));
  return [...new Map(kinds.map((kind) => [`${kind.apiVersion}/${kind.kind}`, kind])).values()];
}

async function writeInput(folder: string, input: RenderInput): Promise<void> {
  const files: Readonly<Record<string, readonly Manifest[]>> = {
    'composition.yaml': [input.composition],
    'functions.yaml': [developmentFunction(FUNCTION, DEVELOPMENT_TARGET)],
    'observed.yaml': input.observed,
    'required.yaml': input.required,
    'xr.yaml': [input.xr],
    'xrd.yaml': [input.xrd],
  };
  try {
    await mkdir(join(folder, 'schemas'), { recursive: true });
  } catch (error) {
    throw new UserError(`cannot make the folder "${folder}": ${reasonOf(error)}`);
  }
  for (const [name, objects] of Object.entries(files))
    await save(join(folder, name), objects.map((object) => `---\n${documentOf(object)}`).join(''));
  for (const [name, document] of schemaDocuments(input.served))
    await save(join(folder, 'schemas', name), `${JSON.stringify(document, undefined, 2)}\n`);
}
