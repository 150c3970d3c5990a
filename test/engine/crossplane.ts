/** The real Crossplane programs as functions: core renders one composite, the command line checks objects against CRDs. */
import { execFile } from 'node:child_process';
import { access, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { z } from 'zod';
import {
  isManifest,
  isObject,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { schemaDocuments, type ServedKind } from '../../functions/simulator/crossplane-render.ts';
import { toolPath } from '../../tools/build.ts';

/** Everything one render starts from. */
export interface RenderInput {
  readonly xr: Manifest;
  readonly xrd: Manifest;
  readonly composition: Manifest;
  /** Objects of kind Function; see `developmentFunction`. */
  readonly functions: readonly Manifest[];
  /** Composed objects that exist, each with the annotation `crossplane.io/composition-resource-name`. */
  readonly observed?: readonly Manifest[];
  /** Objects that the function may require; the XR and the observed objects are found without being listed. */
  readonly required?: readonly Manifest[];
  /** Kinds that the control plane serves: the schema of any other kind is answered empty. */
  readonly served?: readonly ServedKind[];
}

/** What one reconcile of the real core did. */
export interface Rendered {
  /** Name and status of the composite, with the condition times set to a fixed date. */
  readonly xr: Manifest;
  /** Every composed object as it is applied, sorted by composition-resource-name; deleted objects are not here. */
  readonly resources: readonly Manifest[];
  readonly events: readonly Event[];
}

export interface Event {
  readonly type: string;
  readonly reason: string;
  readonly message: string;
}

/** Renders with the real core; fails with core's own words when the pipeline does. */
export async function compositionRender(input: RenderInput): Promise<Rendered> {
  return inTemporaryFolder(async (folder) => {
    await writeRenderInput(folder, input);
    return renderFolder(folder);
  });
}

/**
 * The files of a render, as `renderFolder` reads them: xr.yaml, xrd.yaml, composition.yaml, functions.yaml, and where
 * there is something to say observed.yaml, required.yaml and schemas/.
 */
export async function writeRenderInput(folder: string, input: RenderInput): Promise<void> {
  const files: Record<string, readonly Manifest[]> = {
    'xr.yaml': [input.xr],
    'xrd.yaml': [input.xrd],
    'composition.yaml': [input.composition],
    'functions.yaml': input.functions,
    'observed.yaml': input.observed ?? [],
    'required.yaml': input.required ?? [],
  };
  for (const [name, objects] of Object.entries(files)) {
    if (objects.length > 0) await writeFile(join(folder, name), asDocuments(objects));
  }
  await mkdir(join(folder, 'schemas'), { recursive: true });
  for (const [name, document] of schemaDocuments(input.served ?? [])) {
    await writeFile(join(folder, 'schemas', name), `${JSON.stringify(document, undefined, 2)}\n`);
  }
}

/** Renders what lies in a folder, by the very command line that a user would type there. */
export async function renderFolder(folder: string): Promise<Rendered> {
  const optional = [
    ['observed.yaml', '--observed-resources'],
    ['required.yaml', '--required-resources'],
    ['schemas', '--required-schemas'],
  ] as const;
  const flags: string[] = [];
  for (const [file, flag] of optional) if (await exists(join(folder, file))) flags.push(`${flag}=${file}`);

  const core = await toolPath('crossplane-core');
  const arguments_ = [
    'composition',
    'render',
    'xr.yaml',
    'composition.yaml',
    'functions.yaml',
    '--xrd=xrd.yaml',
  ];
  const output = await crossplane(
    [...arguments_, `--crossplane-binary=${core}`, '--include-function-results', ...flags],
    folder,
  );
  return readRendered(output);
}

function readRendered(output: string): Rendered {
  const documents = parseDocuments(output);
  const [xr, ...resources] = documents.filter((document) => !isEvent(document)).map(asManifest);
  if (xr === undefined) throw new Error('cannot read what crossplane rendered: there is no composite');
  const events = documents.filter(isEvent).map((event) => ({
    type: textAt(event, 'severity') ?? '',
    reason: textAt(event, 'reason') ?? '',
    message: textAt(event, 'message') ?? '',
  }));
  return { xr, resources, events };
}

function isEvent(document: JsonObject): boolean {
  return document['apiVersion'] === 'render.crossplane.io/v1beta1' && document['kind'] === 'Result';
}

/** What the real schemas say about a set of objects. */
export interface Validation {
  readonly errors: readonly ValidationError[];
  /** Kinds that no CRD and no XRD describes, as `apiVersion/kind`, sorted. */
  readonly missing: readonly string[];
  /** How many objects passed. */
  readonly passed: number;
}

export interface ValidationError {
  /** `apiVersion/kind name` of the object. */
  readonly object: string;
  /** Dotted path, empty when the message is about the whole object. */
  readonly field: string;
  readonly message: string;
}

const validationResult = z.object({
  summary: z.object({ valid: z.number() }),
  resources: z.array(
    z.object({
      apiVersion: z.string(),
      kind: z.string(),
      name: z.string().default(''),
      status: z.enum(['valid', 'invalid', 'missingSchema', 'defaultingFailed']),
      errors: z.array(z.object({ field: z.string().default(''), message: z.string() })).default([]),
    }),
  ),
});

/**
 * Checks objects against CRDs and XRDs: structure, unknown fields and CEL rules, as the API server would.
 * `schemas` are files, or folders read with everything below them; nothing is downloaded.
 */
export async function validate(
  schemas: readonly string[],
  resources: readonly Manifest[],
): Promise<Validation> {
  return inTemporaryFolder(async (folder) => {
    const file = join(folder, 'resources.yaml');
    await writeFile(file, asDocuments(resources));
    // Without an empty image the program downloads Crossplane's own CRDs.
    const flags = ['--crossplane-image=', `--cache-dir=${join(folder, 'cache')}`, '--output=json'];
    const sources = schemas.map((path) => resolve(path)).join(',');
    const output = await crossplane(['resource', 'validate', ...flags, sources, file], folder, [0, 1]);
    const { summary, resources: results } = validationResult.parse(JSON.parse(output));
    const missing = results
      .filter(({ status }) => status === 'missingSchema')
      .map((one) => `${one.apiVersion}/${one.kind}`);
    const errors = results.flatMap((one) =>
      one.errors.map(({ field, message }) => ({
        object: `${one.apiVersion}/${one.kind} ${one.name}`,
        field,
        message,
      })),
    );
    return { errors, missing: [...new Set(missing)].sort(), passed: summary.valid };
  });
}

/** Runs the command line in a folder, which is its home too, and gives what it wrote. */
async function crossplane(
  arguments_: readonly string[],
  folder: string,
  accepted: readonly number[] = [0],
): Promise<string> {
  const program = await toolPath('crossplane-cli');
  const { code, stdout, stderr } = await new Promise<Ended>((done) => {
    const options = { cwd: folder, env: { ...process.env, HOME: folder }, maxBuffer: 256 * 1024 * 1024 };
    execFile(program, arguments_, options, (error, stdout, stderr) => {
      done({ code: error === null ? 0 : error.code, stdout, stderr });
    });
  });
  if (typeof code === 'number' && accepted.includes(code) && stdout !== '') return stdout;
  throw new Error(`crossplane ${arguments_.slice(0, 2).join(' ')} failed: ${stderr.trim()}`);
}

interface Ended {
  readonly code: number | string | null | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

/** The objects of a YAML stream. */
export function parseManifests(text: string): readonly Manifest[] {
  return parseDocuments(text).map(asManifest);
}

function parseDocuments(text: string): readonly JsonObject[] {
  // Kubernetes writes and reads YAML 1.1.
  return parseAllDocuments(text, { version: '1.1' })
    .map((document) => z.unknown().parse(document.toJS()))
    .filter(isObject);
}

function asManifest(document: JsonObject): Manifest {
  if (isManifest(document)) return document;
  throw new Error(
    `cannot read an object of kind "${textAt(document, 'kind') ?? ''}": it has no apiVersion, kind or metadata`,
  );
}

/** Every JSON text is YAML. */
function asDocuments(objects: readonly Manifest[]): string {
  return objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');
}

async function inTemporaryFolder<Result>(use: (folder: string) => Promise<Result>): Promise<Result> {
  const folder = await mkdtemp(join(tmpdir(), 'openova-engine-'));
  try {
    return await use(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function exists(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}
