/** Rendered objects as people and tools read them. */
import { stringify } from 'yaml';
import {
  canonical,
  isObject,
  objectAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import { compositesIn, type Composed, type Simulation } from '../simulator/simulate.ts';
import { idOf } from '../simulator/world.ts';
import { DEFINITIONS } from './scene.ts';

/** One object with its place in the story. */
export interface Rendered extends Composed {
  /** The wave in which it came; 0 for what was there before. */
  readonly wave: number;
}

/** `wave 3`, or `existed` for what was there before. */
export function waveName(wave: number): string {
  return wave === 0 ? 'existed' : `wave ${wave}`;
}

/** Everything that is wanted at the end: composites in the order of their level, each with its objects by key. */
export function renderedObjects(simulation: Simulation): Rendered[] {
  const waves = new Map(
    simulation.waves.flatMap(({ number, objects }) => objects.map(({ id }) => [id, number] as const)),
  );
  const composites = compositesIn({ definitions: DEFINITIONS }, simulation.world);
  const owned = new Set(
    [...simulation.applied.values()].flatMap((objects) => [...objects.values()].map(idOf)),
  );
  const composed = composites.flatMap((composite): Composed[] => {
    const xr = simulation.world.objects.get(composite);
    const root =
      xr === undefined || owned.has(composite)
        ? []
        : [{ composite, key: '', id: composite, manifest: plainRoot(xr) }];
    const objects = [...(simulation.applied.get(composite) ?? [])];
    return [...root, ...objects.map(([key, manifest]) => ({ composite, key, id: idOf(manifest), manifest }))];
  });
  return composed.map((object) => ({ ...object, wave: waves.get(object.id) ?? 0 }));
}

/** A composite that a claim made, without what only the API server and Crossplane's bookkeeping write. */
function plainRoot({ apiVersion, kind, metadata, spec }: Manifest): Manifest {
  const { name, uid, labels, annotations } = metadata;
  const rest = Object.entries(isObject(spec) ? spec : {}).filter(([field]) => field !== 'resourceRefs');
  return {
    apiVersion,
    kind,
    metadata: {
      ...(name !== undefined && { name }),
      ...(uid !== undefined && { uid }),
      ...(labels && { labels }),
      ...(annotations && { annotations }),
    },
    spec: Object.fromEntries(rest),
  };
}

/** Every object as core applied it, or as it is live. */
export function manifestsOf(
  simulation: Simulation,
  live: boolean,
): { object: Rendered; manifest: Manifest }[] {
  const made = new Map(
    simulation.waves.flatMap(({ objects }) => objects.map(({ id, manifest }) => [id, manifest] as const)),
  );
  return renderedObjects(simulation).map((object) => {
    const found = simulation.world.objects.get(object.id);
    const { manifest, id } = object;
    if (live && found !== undefined) return { object, manifest: ordered(withoutBooks(found)) };
    const [first, spec] = [made.get(id)?.['spec'], manifest['spec']];
    const whole = isObject(first) && isObject(spec) ? { spec: handedOn(spec, first, found?.['spec']) } : {};
    return { object, manifest: ordered({ ...manifest, ...whole }) };
  });
}

/**
 * The fields that core applies, and those that it applied once, are still there and belong to somebody else by now: a
 * provider takes over a list of references when it writes what they resolve to.
 */
function handedOn(applied: JsonObject, first: JsonObject, live: Json | undefined): JsonObject {
  const fields = Object.entries(first).flatMap(([name, before]): [string, Json][] => {
    const [now, there] = [applied[name], isObject(live) ? live[name] : undefined];
    if (before === undefined || there === undefined) return [];
    if (now === undefined) return [[name, before]];
    return isObject(now) && isObject(before) ? [[name, handedOn(now, before, there)]] : [];
  });
  return { ...applied, ...Object.fromEntries(fields) };
}

/** What the API server keeps for itself. */
const BOOKS = ['creationTimestamp', 'generation', 'managedFields', 'resourceVersion'];

function withoutBooks(object: Manifest): Manifest {
  const kept = Object.entries(object.metadata).filter(([name]) => !BOOKS.includes(name));
  return { ...object, metadata: Object.fromEntries(kept) };
}

const FIRST = ['apiVersion', 'kind', 'metadata', 'name', 'namespace'];

/** The object with its fields in the order that people expect: what it is, then all others by name. */
export function ordered(manifest: Manifest): Manifest {
  const sorted = canonical(manifest);
  const first = (value: JsonObject): JsonObject => {
    const names = Object.keys(value);
    const leading = FIRST.filter((name) => names.includes(name));
    const rest = names.filter((name) => !FIRST.includes(name));
    return Object.fromEntries([...leading, ...rest].map((name) => [name, value[name]]));
  };
  const outer = first(isObject(sorted) ? sorted : {});
  const { apiVersion, kind } = manifest;
  return { ...outer, apiVersion, kind, metadata: first(objectAt(outer, 'metadata') ?? {}) };
}

/** Documents of YAML, each under a line that says where it comes from. */
export function yamlOf(simulation: Simulation, live: boolean): string {
  return manifestsOf(simulation, live)
    .map(({ object, manifest }) => `---\n# ${captionOf(object)}\n${documentOf(manifest)}`)
    .join('');
}

function captionOf({ composite, key, wave }: Rendered): string {
  const [kind = '', ...name] = composite.split('/');
  const from = `${kind.split('.')[0] ?? ''} ${name.join('/')}`;
  return `${waveName(wave)}, ${key === '' ? `claim of ${from}` : `${from}: ${key}`}`;
}

/** One document of YAML, never folded and without aliases. */
export function documentOf(manifest: JsonObject): string {
  return stringify(manifest, { lineWidth: 0, aliasDuplicateObjects: false, version: '1.1' });
}

/** One v1 List. */
export function jsonOf(simulation: Simulation, live: boolean): string {
  const items = manifestsOf(simulation, live).map(({ manifest }) => manifest);
  return `${JSON.stringify({ apiVersion: 'v1', kind: 'List', metadata: {}, items }, undefined, 2)}\n`;
}
