/** The picture of the waves before it is drawn: lanes for composites, columns for waves, a box for each object. */
import { isTrue, objectAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { AFTER_ANNOTATION } from '../kernel/names.ts';
import { estimateOf, type Estimate } from '../pricing/estimate.ts';
import { controllerOf, uidOf } from '../simulator/world.ts';
import { definitionOf } from '../simulator/definitions.ts';
import type { Simulation } from '../simulator/simulate.ts';
import { renderedObjects, waveName, type Rendered } from './manifests.ts';
import { DEFINITIONS } from './scene.ts';

/** What an object is about; decides its colour. */
export const FAMILIES = [
  'machine',
  'network',
  'job',
  'platform',
  'dns',
  'composite',
  'access',
  'protection',
  'other',
] as const;
export type Family = (typeof FAMILIES)[number];

export interface Box {
  readonly id: string;
  readonly label: string;
  readonly kind: string;
  readonly family: Family;
  readonly wave: number;
  /** Lines that a person reads on pointing at it. */
  readonly details: readonly string[];
  readonly x: number;
  readonly y: number;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
}

export interface Lane {
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  /** How deep it is nested. */
  readonly depth: number;
  readonly y: number;
  readonly height: number;
  readonly ready: boolean;
}

export interface Card {
  readonly title: string;
  readonly machines: number;
  readonly objects: number;
  readonly neededMiB: number | undefined;
  readonly availableMiB: number | undefined;
  readonly euros: string;
  readonly pricedAt: string;
}

export interface Picture {
  readonly title: string;
  readonly width: number;
  readonly height: number;
  /** The first column: 0 when something existed before. */
  readonly first: number;
  /** The last column. */
  readonly waves: number;
  readonly lanes: readonly Lane[];
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  readonly cards: readonly Card[];
}

export const BOX = { width: 158, height: 22, gapX: 34, gapY: 6 } as const;
const LANE = { head: 34, pad: 14, gap: 16 } as const;
const TOP = 44;
const LEFT = 28;

/** @param first the first wave of the picture: 0 when something existed before. */
export function columnX(wave: number, first: number): number {
  return LEFT + (wave - first) * (BOX.width + BOX.gapX);
}

export function layoutOf(simulation: Simulation): Picture {
  const objects = renderedObjects(simulation);
  const composites = treeOrder(simulation, objects);
  const first = Math.min(1, ...objects.map(({ wave }) => wave));
  const waves = Math.max(1, ...objects.map(({ wave }) => wave));
  const lanes: Lane[] = [];
  const boxes: Box[] = [];
  const arrows: Arrow[] = [];
  let y = TOP;
  for (const { composite, depth } of composites) {
    const cells = cellsOf(objects.filter((one) => one.composite === composite.id && one.key !== ''));
    const rows = Math.max(1, ...columnsOf(cells).map((column) => column.length));
    const height = LANE.head + rows * (BOX.height + BOX.gapY) + LANE.pad;
    const xr = simulation.world.objects.get(composite.id);
    lanes.push({
      id: composite.id,
      title: `${composite.manifest.kind} ${composite.manifest.metadata.name ?? ''}`,
      subtitle: subtitleOf(xr),
      depth,
      y,
      height,
      ready: xr !== undefined && isTrue(xr, 'Ready'),
    });
    for (const column of columnsOf(cells)) {
      for (const [row, cell] of column.entries())
        boxes.push(boxOf(cell, composite.id, first, y + LANE.head + row * (BOX.height + BOX.gapY)));
    }
    arrows.push(...arrowsOf(cells, composite.id));
    y += height + LANE.gap;
  }
  return {
    title: titleOf(simulation),
    width: columnX(waves, first) + BOX.width + LEFT,
    height: y,
    first,
    waves,
    lanes,
    boxes,
    arrows,
    cards: cardsOf(simulation, objects),
  };
}

function titleOf({ world }: Simulation): string {
  const claims = [...world.objects.values()].filter((object) =>
    DEFINITIONS.some(({ claimKind }) => claimKind === object.kind),
  );
  return claims.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`).join(', ') || 'openova';
}

/** Composites, each before what it composes. */
function treeOrder(
  { world }: Simulation,
  objects: readonly Rendered[],
): { composite: Rendered; depth: number }[] {
  const all = objects.filter(({ manifest }) => definitionOf(DEFINITIONS, manifest) !== undefined);
  const unique = [...new Map(all.map((object) => [object.id, object])).values()];
  const parentOf = ({ id }: Rendered) => {
    const object = world.objects.get(id);
    const owner = object === undefined ? undefined : textAt(controllerOf(object), 'uid');
    return unique.find((one) => {
      const xr = world.objects.get(one.id);
      return owner !== undefined && xr !== undefined && uidOf(xr) === owner;
    })?.id;
  };
  const below = (parent: string | undefined, depth: number): { composite: Rendered; depth: number }[] =>
    unique
      .filter((one) => parentOf(one) === parent)
      .sort((left, right) => left.wave - right.wave || (left.id < right.id ? -1 : 1))
      .flatMap((composite) => [{ composite, depth }, ...below(composite.id, depth + 1)]);
  return below(undefined, 0);
}

function subtitleOf(xr: Manifest | undefined): string {
  if (xr === undefined) return '';
  const estimate = estimateOf(objectAt(xr, 'status', 'estimate'));
  const place = [textAt(xr, 'spec', 'location'), textAt(xr, 'spec', 'role')].flatMap((word) => word ?? []);
  return [...place, ...(estimate === undefined ? [] : [memoryOf(estimate), costOf(xr)])].join(' · ');
}

function memoryOf({ memoryMiB: { needed, available } }: Estimate): string {
  const gib = (mebibytes: number) => (mebibytes / 1024).toFixed(1);
  return `RAM ${gib(needed)} of ${available === undefined ? 'unknown' : gib(available)} GiB`;
}

function costOf(xr: Manifest): string {
  return `${textAt(xr, 'status', 'estimate', 'monthlyEUR') ?? 'unknown'} EUR per month`;
}

/** Objects that share a box: small things of one kind that came together. */
interface Cell {
  readonly objects: readonly [Rendered, ...Rendered[]];
  readonly family: Family;
}

const SMALL = new Set([
  'ClusterUsage',
  'ConfigMap',
  'ProviderConfig',
  'Role',
  'RoleBinding',
  'Secret',
  'ServiceAccount',
  'Usage',
]);

function cellsOf(objects: readonly Rendered[]): Cell[] {
  const groups = new Map<string, Cell>();
  for (const object of objects) {
    const { kind } = object.manifest;
    const place = SMALL.has(kind) ? `${object.wave} ${kind}` : object.id;
    const before = groups.get(place);
    groups.set(place, {
      objects: before === undefined ? [object] : [...before.objects, object],
      family: familyOf(object.manifest),
    });
  }
  return [...groups.values()];
}

function columnsOf(cells: readonly Cell[]): Cell[][] {
  const columns = new Map<number, Cell[]>();
  for (const cell of cells) {
    const [{ wave }] = cell.objects;
    columns.set(wave, [...(columns.get(wave) ?? []), cell]);
  }
  const order = ({ family, objects: [first] }: Cell) =>
    `${String(FAMILIES.indexOf(family)).padStart(2, '0')} ${first.key}`;
  return [...columns.values()].map((column) =>
    column.sort((left, right) => (order(left) < order(right) ? -1 : 1)),
  );
}

const KINDS: readonly (readonly [RegExp, Family])[] = [
  [/^(Server|LoadBalancer|Volume)$/, 'machine'],
  [/^(Network|Subnet|Firewall|FirewallAttachment|PlacementGroup|SSHKey|NetworkAttachment)$/, 'network'],
  [/^LoadBalancer(Service|Target)$/, 'network'],
  [/^(Job|CronJob)$/, 'job'],
  [/^(Release|Object)$/, 'platform'],
  [/^(Record|RecordSet|ZoneRRSet|DNS.*Record)$/, 'dns'],
  [/^X/, 'composite'],
  [/Usage$/, 'protection'],
  [/^(Role|RoleBinding|Secret|ServiceAccount|ConfigMap|ProviderConfig|Namespace)$/, 'access'],
];

function familyOf({ kind }: Manifest): Family {
  return KINDS.find(([pattern]) => pattern.test(kind))?.[1] ?? 'other';
}

function afterOf({ manifest }: Rendered): string[] {
  const after = manifest.metadata.annotations?.[AFTER_ANNOTATION] ?? '';
  return after.split(',').filter((key) => key !== '');
}

function boxId(composite: string, [first]: Cell['objects']): string {
  return `${composite}|${first.key}`;
}

function boxOf({ objects, family }: Cell, composite: string, firstWave: number, y: number): Box {
  const [first] = objects;
  const { kind } = first.manifest;
  const many = objects.length > 1;
  const waits = [...new Set(objects.flatMap(afterOf))].sort();
  return {
    id: boxId(composite, objects),
    label: many ? `${objects.length} ${kind}` : labelOf(first.key),
    kind,
    family,
    wave: first.wave,
    details: [
      ...objects.map(({ manifest }) => `${kind} ${manifest.metadata.name ?? ''}`),
      waveName(first.wave),
      ...(waits.length > 0 ? [`after ${waits.join(', ')}`] : []),
    ],
    x: columnX(first.wave, firstWave),
    y,
  };
}

/** Characters that fit into a box. */
const LABEL = 22;

/** The most telling end of a key that fits: without ids and hashes, then without what its colour says anyway. */
function labelOf(key: string): string {
  const parts = key.split('/').filter((part) => !/^(\d+|[0-9a-f]{8})$/.test(part));
  while (parts.length > 1 && parts.join(' ').length > LABEL) parts.shift();
  const label = parts.join(' ');
  return label.length > LABEL ? `…${label.slice(label.length - LABEL + 1)}` : label;
}

/** What waits for what, without arrows that others already imply. */
function arrowsOf(cells: readonly Cell[], composite: string): Arrow[] {
  const byKey = new Map(cells.flatMap((cell) => cell.objects.map(({ key }) => [key, cell] as const)));
  const before = new Map(
    cells.map((cell) => {
      const found = cell.objects.flatMap(afterOf).flatMap((key) => byKey.get(key) ?? []);
      return [cell, new Set(found.filter((one) => one !== cell))] as const;
    }),
  );
  const known = new Map<Cell, ReadonlySet<Cell>>();
  const ancestors = (cell: Cell, path: readonly Cell[] = []): ReadonlySet<Cell> => {
    const done = known.get(cell);
    if (done !== undefined || path.includes(cell)) return done ?? new Set();
    const direct = [...(before.get(cell) ?? [])];
    const all = new Set(direct.flatMap((one) => [one, ...ancestors(one, [...path, cell])]));
    known.set(cell, all);
    return all;
  };
  return cells.flatMap((cell) => {
    const direct = [...(before.get(cell) ?? [])];
    const needed = direct.filter(
      (one) => !direct.some((other) => other !== one && ancestors(other).has(one)),
    );
    return needed.map((one) => ({
      from: boxId(composite, one.objects),
      to: boxId(composite, cell.objects),
    }));
  });
}

function cardsOf({ world }: Simulation, objects: readonly Rendered[]): Card[] {
  return objects
    .filter(({ manifest: { kind } }) => kind === 'XOpenOvaCluster' || kind === 'XOpenOvaRegion')
    .flatMap(({ id }): Card[] => {
      const xr = world.objects.get(id);
      const estimate = estimateOf(objectAt(xr, 'status', 'estimate'));
      if (xr === undefined || estimate === undefined) return [];
      const inside = objects.filter((object) => object.composite === id || isBelow(world, object, id));
      const name = textAt(xr, 'spec', 'name') ?? xr.metadata.labels?.['crossplane.io/claim-name'];
      return [
        {
          title: `${xr.kind.replace(/^XOpenOva/, '')} ${name ?? xr.metadata.name ?? ''}`,
          machines: inside.filter(({ manifest }) => manifest.kind === 'Server').length,
          objects: inside.length,
          neededMiB: estimate.memoryMiB.needed,
          availableMiB: estimate.memoryMiB.available,
          euros: textAt(xr, 'status', 'estimate', 'monthlyEUR') ?? 'unknown',
          pricedAt: estimate.pricedAt,
        },
      ];
    });
}

/** Whether an object's composite is, at any depth, a part of another. */
function isBelow({ objects }: Simulation['world'], { composite }: Rendered, id: string): boolean {
  const byUid = new Map([...objects].map(([one, object]) => [uidOf(object), one]));
  let here: string | undefined = composite;
  while (here !== undefined) {
    if (here === id) return true;
    const object = objects.get(here);
    const owner = object === undefined ? undefined : textAt(controllerOf(object), 'uid');
    here = owner === undefined ? undefined : byUid.get(owner);
  }
  return false;
}
