/** `openova diff`: what an edit of claims does to everything that they became. */
import { changesBetween, refusedChanges, type FieldChange } from '../apis/changes.ts';
import { catalogue } from '../catalogue/index.ts';
import { KINDS } from '../apis/kinds.ts';
import { specOf } from '../apis/parse.ts';
import {
  isObject,
  objectAt,
  same,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import { AFTER_ANNOTATION, KEY_ANNOTATION, nameFor } from '../kernel/names.ts';
import { few } from '../kernel/report.ts';
import { estimateOf, type Estimate } from '../pricing/estimate.ts';
import { deleteObject } from '../simulator/faults.ts';
import { simulate, type Simulation } from '../simulator/simulate.ts';
import { usagesOf } from '../simulator/usages.ts';
import { idOf, type World } from '../simulator/world.ts';
import { check, lineFor } from './check.ts';
import { readSources } from './input.ts';
import { EXIT, takesColour, type Io } from './io.ts';
import { renderedObjects } from './manifests.ts';
import { applied, placed, withFunction, worldOf } from './scene.ts';
import { painter, type Paint } from './style.ts';
import { gib } from './estimates.ts';

export interface DiffOptions {
  readonly observed?: string;
}

/** Exit code when a machine or data would go. */
export const LOSS = 2;

/** An object on one side of the edit or on both. */
interface Changed {
  readonly id: string;
  readonly manifest: Manifest;
  readonly fields: readonly FieldDifference[];
  /** What is lost by its deletion. */
  readonly loss?: string | undefined;
}

interface FieldDifference {
  readonly field: string;
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

/** What an edit of one claim is, before anything is made of it. */
interface Edit {
  readonly title: string;
  readonly what: 'new' | 'gone' | 'changed' | 'unchanged';
  readonly changes: readonly FieldChange[];
  /** Why the API server refuses it; it then changes nothing. */
  readonly refused: readonly string[];
}

export interface Difference {
  readonly edits: readonly Edit[];
  readonly created: readonly Changed[];
  readonly changed: readonly Changed[];
  readonly deleted: readonly Changed[];
  /** Made on the way, such as the Job that drains a machine, and no longer there at the end. */
  readonly passing: readonly Changed[];
  readonly estimates: readonly {
    readonly name: string;
    readonly before: Estimate | undefined;
    readonly after: Estimate | undefined;
  }[];
}

/** @returns the exit code. */
export async function diff(before: string, after: string, options: DiffOptions, io: Io): Promise<number> {
  const files = options.observed === undefined ? [before, after] : [before, after, options.observed];
  const all = await Promise.all(files.map((file) => readSources([file], io)));
  const [old = [], now = [], observed = []] = all;
  const findings = [...check(old), ...check(now)];
  if (findings.length > 0) {
    io.err.write(findings.map((finding) => `${lineFor(finding)}\n`).join(''));
    return EXIT.invalid;
  }
  const objects = (sources: typeof old) => sources.map(({ object }) => placed(object));
  const difference = await differenceOf(objects(old), objects(now), objects(observed));
  io.out.write(textOf(difference, painter(takesColour(io.out, io.env))));
  if (difference.edits.some(({ refused }) => refused.length > 0)) return EXIT.invalid;
  return difference.deleted.some(({ loss }) => loss !== undefined) ? LOSS : EXIT.ok;
}

/** Lets the old claims become ready, makes the edit, and waits until everything has come to rest again. */
export async function differenceOf(
  old: readonly Manifest[],
  now: readonly Manifest[],
  observed: readonly Manifest[],
): Promise<Difference> {
  return withFunction(async (setup) => {
    const first = await simulate(setup, worldOf(observed, old));
    const edits = editsOf(first.world, old, now);
    const refused = new Set(edits.filter((edit) => edit.refused.length > 0).map(({ title }) => title));
    const kept = now.filter((object) => !refused.has(titleOf(object)));
    const gone = old.filter((object) => !now.some((one) => idOf(one) === idOf(object)));
    const edited = gone
      .filter((object) => !refused.has(titleOf(object)))
      .reduce((world, object) => deleteObject(world, idOf(object)), applied(first.world, kept));
    const second = await simulate(setup, edited);
    return { edits, ...compare(first, second), estimates: estimatesOf(first.world, second.world) };
  });
}

function titleOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

function editsOf(world: World, old: readonly Manifest[], now: readonly Manifest[]): Edit[] {
  const ids = [...new Set([...old, ...now].map(idOf))].sort();
  return ids.flatMap((id): Edit[] => {
    const [was, is] = [old, now].map((objects) => objects.find((object) => idOf(object) === id));
    const object = is ?? was;
    const kind = KINDS.find(({ claim, kind: name }) => [claim?.kind, name].includes(object?.kind));
    if (object === undefined || kind === undefined) return [];
    const title = titleOf(object);
    if (was === undefined) return [{ title, what: 'new', changes: [], refused: [] }];
    if (is === undefined) return [{ title, what: 'gone', changes: [], refused: protectionOf(world, id) }];
    const [before, after] = [specOf(was), specOf(is)];
    const refused = refusedChanges(kind.claim?.kind ?? kind.kind, before, after);
    const changes = changesBetween(kind, before, after);
    return [
      {
        title,
        what: changes.length > 0 ? 'changed' : 'unchanged',
        changes,
        refused: refused.map(({ field, message }) => `${field} ${message}`),
      },
    ];
  });
}

/** Why a claim cannot be deleted: what is in use is protected, at the door. */
function protectionOf(world: World, id: string): string[] {
  const claim = world.objects.get(id);
  if (claim === undefined) return [];
  return usagesOf(world, claim).map(
    (usage) => `cannot be deleted: ${textAt(usage, 'spec', 'reason') ?? `in use by ${idOf(usage)}`}`,
  );
}

function compare(
  first: Simulation,
  second: Simulation,
): Pick<Difference, 'created' | 'changed' | 'deleted' | 'passing'> {
  const [before, after] = [wantedIn(first), wantedIn(second)];
  const changed = (id: string, manifest: Manifest, fields: readonly FieldDifference[] = []): Changed => ({
    id,
    manifest,
    fields,
  });
  const entries = (map: ReadonlyMap<string, Manifest>) =>
    [...map].sort(([left], [right]) => (left < right ? -1 : 1));
  return {
    created: entries(after).flatMap(([id, manifest]) => (before.has(id) ? [] : [changed(id, manifest)])),
    passing: second.waves
      .flatMap(({ objects }) => objects)
      .filter(({ id }) => !before.has(id) && !after.has(id))
      .map(({ id, manifest }) => changed(id, manifest)),
    deleted: entries(before).flatMap(([id, manifest]) =>
      after.has(id) ? [] : [{ ...changed(id, manifest), loss: lossOf(manifest, after) }],
    ),
    changed: entries(after).flatMap(([id, manifest]) => {
      const former = before.get(id);
      if (former === undefined) return [];
      const fields = differences(content(former), content(manifest), '');
      return fields.length === 0 ? [] : [changed(id, manifest, fields)];
    }),
  };
}

/** Every object that is wanted at the end, by id; the composite of a claim without what the claim says itself. */
function wantedIn(simulation: Simulation): Map<string, Manifest> {
  return new Map(
    renderedObjects(simulation)
      .filter(({ id }) => simulation.world.objects.has(id))
      .map(({ id, key, manifest }) => [id, key === '' ? identityOf(manifest) : manifest]),
  );
}

function identityOf({ apiVersion, kind, metadata: { name } }: Manifest): Manifest {
  return { apiVersion, kind, metadata: name === undefined ? {} : { name } };
}

/** What an object says, without what only tells when it was made. */
function content({ metadata, ...rest }: Manifest): JsonObject {
  const { labels, annotations } = metadata;
  const kept = Object.entries(annotations ?? {}).filter(([name]) => name !== AFTER_ANNOTATION);
  const fields = Object.fromEntries(
    Object.entries(rest).filter(([name]) => name !== 'apiVersion' && name !== 'kind'),
  );
  return { metadata: { labels: { ...labels }, annotations: Object.fromEntries(kept) }, ...fields };
}

function differences(from: Json | undefined, to: Json | undefined, field: string): FieldDifference[] {
  if (same(from, to)) return [];
  if (isObject(from) && isObject(to)) {
    return [...new Set([...Object.keys(from), ...Object.keys(to)])]
      .sort()
      .flatMap((name) => differences(from[name], to[name], field === '' ? name : `${field}.${name}`));
  }
  if (Array.isArray(from) && Array.isArray(to)) {
    const [before, after] = [named(from), named(to)];
    if (before !== undefined && after !== undefined) {
      const names = [...new Set([...before.keys(), ...after.keys()])].sort();
      return names.flatMap((name) => differences(before.get(name), after.get(name), `${field}[${name}]`));
    }
    if (from.length === to.length && [...from, ...to].every(isObject))
      return from.flatMap((item, index) => differences(item, to[index], `${field}[${index}]`));
  }
  return [{ field, from, to }];
}

/** Items by name, when every one of them has one. */
function named(list: readonly Json[]): Map<string, Json> | undefined {
  const names = list.map((item) => textAt(item, 'name'));
  const known = names.filter((name) => name !== undefined);
  if (known.length !== list.length || new Set(known).size !== list.length) return undefined;
  return new Map(list.map((item, index) => [names[index] ?? '', item]));
}

/** Kinds of operators whose objects hold data; in a region's cluster they are wrapped into an Object. */
const DATA = new Set([
  'Cluster',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'Redpanda',
  'StatefulSet',
  'ValkeyCluster',
]);
/** Choices of the platform whose components keep what they are given. */
const STORES = new Set(['logs', 'metrics', 'registry', 'secrets']);

/**
 * What is lost when this object is deleted; undefined when nothing is.
 * @param after what is wanted after the edit: a machine that comes back as another one does not leave the region.
 */
export function lossOf(object: Manifest, after: ReadonlyMap<string, Manifest>): string | undefined {
  const key = object.metadata.annotations?.[KEY_ANNOTATION] ?? '';
  switch (object.kind) {
    case 'Server':
      return 'a machine goes';
    case 'Job': {
      const [machine] = /^(agent|server)\/[^/]+\//.exec(key) ?? [];
      const stays = (one: Manifest) => one.metadata.annotations?.[KEY_ANNOTATION]?.startsWith(machine ?? '/');
      return machine === undefined || [...after.values()].some(stays)
        ? undefined
        : 'a machine leaves the region';
    }
    case 'Object': {
      const inner = textAt(object, 'spec', 'forProvider', 'manifest', 'kind');
      return inner !== undefined && DATA.has(inner) ? 'data goes' : undefined;
    }
    case 'Release': {
      const slot = catalogue.find(({ id }) => id === key)?.slot?.name;
      return slot !== undefined && STORES.has(slot) ? 'data goes' : undefined;
    }
    case 'Volume':
    case 'XDataService':
      return 'data goes';
    default:
      return undefined;
  }
}

function estimatesOf(before: World, after: World): Difference['estimates'] {
  const names = (world: World) =>
    [...world.objects.values()]
      .filter(({ kind }) => ['XDataService', 'XOpenOvaCluster', 'XOpenOvaRegion'].includes(kind))
      .map(idOf);
  return [...new Set([...names(before), ...names(after)])].sort().map((id) => ({
    name: nameOf(after.objects.get(id) ?? before.objects.get(id), id),
    before: estimateOf(objectAt(before.objects.get(id), 'status', 'estimate')),
    after: estimateOf(objectAt(after.objects.get(id), 'status', 'estimate')),
  }));
}

function nameOf(composite: Manifest | undefined, id: string): string {
  if (composite === undefined) return id;
  const name = textAt(composite, 'spec', 'name') ?? composite.metadata.labels?.['crossplane.io/claim-name'];
  return `${composite.kind.replace(/^X(OpenOva|Data)/, '').toLowerCase()} ${name ?? composite.metadata.name ?? ''}`;
}

const LONGEST = 60;

/** Characters of what long values have in common that are shown before the first difference. */
const LEAD = 15;

/** `1 → 2`; of long lists what is new and what goes, of other long values the part around their first difference. */
export function transition(from: Json | undefined, to: Json | undefined): string {
  const [before, after] = [textFor(from), textFor(to)];
  if (Math.max(before.length, after.length) <= LONGEST) return `${before} → ${after}`;
  const items = Array.isArray(from) && Array.isArray(to) ? itemsBetween(from, to) : '';
  if (items !== '') return items;
  const start = Math.max(0, commonLength(before, after) - LEAD);
  return `${part(before, start)} → ${part(after, start)}`;
}

/** `+ "c" - "a"`, of texts only. */
function itemsBetween(from: readonly Json[], to: readonly Json[]): string {
  if (![...from, ...to].every((item) => typeof item === 'string')) return '';
  const only = (mark: string, list: readonly Json[], other: readonly Json[]) => {
    const items = list.filter((item) => !other.includes(item)).map(textFor);
    return items.length === 0 ? [] : [`${mark} ${few(items)}`];
  };
  return [...only('+', to, from), ...only('-', from, to)].join(' ');
}

function textFor(value: Json | undefined): string {
  return value === undefined ? 'left out' : JSON.stringify(value);
}

function commonLength(one: string, other: string): number {
  const first = Array.from(one).findIndex((character, index) => character !== other.charAt(index));
  return first < 0 ? one.length : first;
}

function part(text: string, start: number): string {
  const shown = text.slice(start, start + LONGEST);
  return `${start > 0 ? '…' : ''}${shown}${start + LONGEST < text.length ? '…' : ''}`;
}

/** The difference in words, safe things first. */
export function textOf(
  { edits, created, changed, deleted, passing, estimates }: Difference,
  paint: Paint,
): string {
  const line = (object: Changed, mark: string, note = '') => `  ${mark} ${short(object)}${note}`;
  const lines = [
    ...edits.flatMap(({ title, what, changes, refused }) => [
      `${paint('bold', title)}  ${paint('dim', what)}`,
      ...changes.map(
        ({ field, change, from, to }) =>
          `  ~ ${field}  ${transition(from, to)}  ${paint('dim', `(${change})`)}`,
      ),
      ...refused.map((message) => paint('red', `  ! refused: ${message}`)),
    ]),
    ...section('Created', created, (object) => [paint('green', line(object, '+'))]),
    ...section('Changed in place', changed, (object) => [
      paint('yellow', line(object, '~')),
      ...object.fields.map(({ field, from, to }) => `      ${field}  ${transition(from, to)}`),
    ]),
    ...section('Deleted', deleted, (object) => [
      paint('red', line(object, '-', object.loss === undefined ? '' : `  (${object.loss})`)),
    ]),
    ...section('On the way, and gone at the end', passing, (object) => [line(object, '·')]),
    '',
    ...estimates.flatMap(estimateLines),
    `${created.length} created, ${changed.length} changed in place, ${deleted.length} deleted`,
  ];
  return `${lines.join('\n')}\n`;
}

function section(
  title: string,
  objects: readonly Changed[],
  lines: (object: Changed) => readonly string[],
): string[] {
  return objects.length === 0 ? [] : ['', `${title}:`, ...objects.flatMap(lines)];
}

/** The object by name; with its key where a hash stands for the end of that. */
function short({ manifest: { kind, metadata } }: Changed): string {
  const { name = '', namespace, annotations } = metadata;
  const key = annotations?.[KEY_ANNOTATION] ?? '';
  const hidden = /-[0-9a-f]{8}$/.test(name) && !nameFor('', key).endsWith(name.slice(-8));
  return `${kind} ${namespace === undefined ? '' : `${namespace}/`}${name}${hidden ? `, ${key}` : ''}`;
}

function estimateLines({ name, before, after }: Difference['estimates'][number]): string[] {
  const memory = (estimate: Estimate | undefined) => {
    if (estimate === undefined) return 'none';
    const { needed, available } = estimate.memoryMiB;
    return `${gib(needed)} of ${available === undefined ? 'unknown' : gib(available)}`;
  };
  const cost = (estimate: Estimate | undefined) => (estimate === undefined ? '0.00' : costOf(estimate));
  return [
    `${name}: RAM needed ${memory(before)} → ${memory(after)}, EUR per month ${cost(before)} → ${cost(after)}`,
  ];
}

function costOf({ cost: { cents, unknown } }: Estimate): string {
  return unknown.length > 0 ? `unknown (no price for ${unknown.join(', ')})` : (cents / 100).toFixed(2);
}
