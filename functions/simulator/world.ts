/** Everything that exists on a control plane, as a value: every change makes a new one. */
import { createHash } from 'node:crypto';
import type { Requirements } from '@crossplane-org/function-sdk-typescript';
import { isObject, listAt, same, type JsonObject, type Manifest } from '../kernel/manifest.ts';

/** What keeps an object or a composite from going its way; see faults.ts. */
export interface Fault {
  /** Providers leave it as it is, not ready. */
  readonly stuck?: string;
  /** Crossplane does not reconcile it. */
  readonly paused?: boolean;
}

export interface World {
  /** Simulated minutes since the beginning; every time in the world derives from it. */
  readonly minute: number;
  /** By `idOf`. */
  readonly objects: ReadonlyMap<string, Manifest>;
  /** What each composite's function required last, by the composite's id: core asks for it again beforehand. */
  readonly requirements: ReadonlyMap<string, Requirements>;
  readonly faults: ReadonlyMap<string, Fault>;
  /** How often the thing behind an object was lost and made again, by the object's id. */
  readonly losses: ReadonlyMap<string, number>;
}

export const EMPTY: World = {
  minute: 0,
  objects: new Map(),
  requirements: new Map(),
  faults: new Map(),
  losses: new Map(),
};

const BEGINNING = Date.UTC(2026, 0, 1);

/** The world's time, RFC 3339. */
export function timeOf({ minute }: Pick<World, 'minute'>): string {
  return new Date(BEGINNING + minute * 60_000).toISOString().replace('.000Z', 'Z');
}

export interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export function groupOf(apiVersion: string): string {
  const cut = apiVersion.indexOf('/');
  return cut < 0 ? '' : apiVersion.slice(0, cut);
}

/** `Kind.group/namespace/name`, without the parts that are empty: the same object whatever its version. */
export function idFor({ apiVersion, kind, namespace, name }: Reference): string {
  const group = groupOf(apiVersion);
  return [group === '' ? kind : `${kind}.${group}`, ...(namespace ? [namespace] : []), name].join('/');
}

export function idOf(object: Manifest): string {
  return idFor(referenceTo(object));
}

export function referenceTo({ apiVersion, kind, metadata }: Manifest): Reference {
  return {
    apiVersion,
    kind,
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
    name: metadata.name ?? '',
  };
}

export function uidOf(object: Manifest): string {
  const uid = object.metadata['uid'];
  return typeof uid === 'string' ? uid : '';
}

/** The owner reference that has `controller: true`. */
export function controllerOf(object: Manifest): JsonObject | undefined {
  return listAt(object, 'metadata', 'ownerReferences')
    .filter(isObject)
    .find(({ controller }) => controller === true);
}

export function isBeingDeleted(object: Manifest): boolean {
  return object.metadata['deletionTimestamp'] !== undefined;
}

/**
 * The uid that `crossplane composition render` gives an XR without one: a name-based UUID (version 5) in the nil
 * namespace (crossplane v2.4.0 internal/render/composite/render.go, read 2026-11-21).
 */
export function uidFor({ apiVersion, kind, namespace = '', name }: Reference): string {
  const version = apiVersion.slice(apiVersion.indexOf('/') + 1);
  const gvk = `${groupOf(apiVersion)}/${version}, Kind=${kind}`;
  const digest = createHash('sha1')
    .update(Buffer.alloc(16))
    .update(`${gvk}\0${namespace}\0${name}`)
    .digest()
    .subarray(0, 16);
  digest[6] = ((digest[6] ?? 0) & 0x0f) | 0x50;
  digest[8] = ((digest[8] ?? 0) & 0x3f) | 0x80;
  const hex = digest.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}

/** What the API server adds to every object, and changes when the object does. */
const SERVER_SET = ['uid', 'resourceVersion', 'generation', 'creationTimestamp'];

/** The world with an object created or replaced; the very same world when that changes nothing. */
export function put(world: World, object: Manifest): World {
  const id = idOf(object);
  const before = world.objects.get(id);
  if (before !== undefined && same(plain(before), plain(object))) return world;
  const specChanged = before !== undefined && !same(specOf(before), specOf(object));
  const next: Manifest = {
    ...object,
    metadata: {
      ...object.metadata,
      uid: before === undefined ? uidOf(object) || uidFor(referenceTo(object)) : uidOf(before),
      resourceVersion: String(numberOf(before, 'resourceVersion') + 1),
      generation: before === undefined ? 1 : numberOf(before, 'generation') + (specChanged ? 1 : 0),
      creationTimestamp: (before ?? object).metadata['creationTimestamp'] ?? timeOf(world),
    },
  };
  return { ...world, objects: new Map(world.objects).set(id, next) };
}

export function remove(world: World, id: string): World {
  if (!world.objects.has(id)) return world;
  const objects = new Map(world.objects);
  objects.delete(id);
  const requirements = new Map(world.requirements);
  requirements.delete(id);
  return { ...world, objects, requirements };
}

/** Marks an object for deletion: it goes in the next round of `play`, when nothing holds it any more. */
export function markDeleted(world: World, id: string): World {
  const object = world.objects.get(id);
  if (object === undefined || isBeingDeleted(object)) return world;
  return put(world, { ...object, metadata: { ...object.metadata, deletionTimestamp: timeOf(world) } });
}

function plain({ metadata, ...rest }: Manifest): JsonObject {
  const kept = Object.entries(metadata).filter(([name]) => !SERVER_SET.includes(name));
  return { ...rest, metadata: Object.fromEntries(kept) };
}

function specOf(object: Manifest): JsonObject {
  return Object.fromEntries(
    Object.entries(object).filter(([name]) => name !== 'metadata' && name !== 'status'),
  );
}

function numberOf(object: Manifest | undefined, field: string): number {
  const value = Number(object?.metadata[field] ?? 0);
  return Number.isFinite(value) ? value : 0;
}
