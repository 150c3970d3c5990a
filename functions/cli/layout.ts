/** The picture of the waves before it is drawn: lanes for composites, columns for waves, a box for each object. */
import { isTrue, objectAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { AFTER_ANNOTATION } from '../kernel/names.ts';
import { estimateOf, type Estimate } from '../pricing/estimate.ts';
import { controllerOf, uidOf } from '../simulator/world.ts';
import { definitionOf } from '../simulator/definitions.ts';
import type { Simulation } from '../simulator/simulate.ts';
import { purposeOf } from './keys.ts';
import { renderedObjects, waveName, type Rendered } from './manifests.ts';
import { DEFINITIONS } from './scene.ts';
import { counted } from './words.ts';

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
  readonly width: number;
}

export interface Arrow {
  readonly from: string;
  readonly to: string;
}

export interface Lane {
  readonly id: string;
  readonly title: string;
  readonly subtitle: string;
  /** The box that stands for the whole lane in the lane above; none of a claim's own composite. */
  readonly parent: string | undefined;
  /** The wave of its first box. */
  readonly wave: number;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly ready: boolean;
}

/** A wave in which something came, as wide as its longest label. */
export interface Column {
  readonly wave: number;
  readonly x: number;
  readonly width: number;
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
  readonly subtitle: string;
  readonly width: number;
  readonly height: number;
  readonly columns: readonly Column[];
  readonly lanes: readonly Lane[];
  readonly boxes: readonly Box[];
  readonly arrows: readonly Arrow[];
  readonly cards: readonly Card[];
}

/** Sizes in pixels. */
export const BOX = { height: 24, gapX: 30, gapY: 7, font: 11.5, inset: 12 } as const;
export const LANE = { head: 34, pad: 14, gap: 18, side: 12 } as const;
const TOP = 44;
const LEFT = 34;
/** The least that the number of a wave needs. */
const NARROWEST = 58;

/** How wide a text is, on the safe side: which font draws it is not known. Small letters of DejaVu Sans are 0.57 em wide. */
export function textWidth(text: string, font: number): number {
  return Math.ceil(text.length * font * 0.57);
}

/** A composite with what it composes, before it has a place. */
interface Band {
  readonly composite: Rendered;
  readonly parent: string | undefined;
  readonly columns: ReadonlyMap<number, readonly Cell[]>;
}

export function layoutOf(simulation: Simulation): Picture {
  const objects = renderedObjects(simulation);
  const bands = bandsOf(simulation, objects);
  const columns = placedColumns(bands);
  const lanes: Lane[] = [];
  const boxes: Box[] = [];
  for (const band of bands) {
    const above = lanes.at(-1);
    const lane = laneOf(simulation, band, columns, above === undefined ? TOP : bottomOf(above) + LANE.gap);
    lanes.push(lane);
    for (const [wave, cells] of band.columns) {
      const column = columns.find((one) => one.wave === wave);
      if (column !== undefined)
        boxes.push(...cells.map((cell, row) => boxOf(cell, band.composite, column, rowY(lane, row))));
    }
  }
  const kinds = new Set(objects.map(({ manifest }) => `${manifest.apiVersion}/${manifest.kind}`));
  return {
    title: titleOf(simulation),
    subtitle: `${counted(objects.length, 'object')} of ${counted(kinds.size, 'kind')} in ${counted(columns.at(-1)?.wave ?? 0, 'wave')}`,
    width: Math.max(0, ...lanes.map(({ x, width }) => x + width)) + LANE.side,
    height: Math.max(TOP, ...lanes.map(bottomOf)) + LANE.gap,
    columns,
    lanes,
    boxes,
    arrows: bands.flatMap((band) => arrowsOf([...band.columns.values()].flat(), band.composite.id)),
    cards: cardsOf(simulation, objects),
  };
}

function rowY({ y }: Lane, row: number): number {
  return y + LANE.head + row * (BOX.height + BOX.gapY);
}

function bottomOf({ y, height }: Lane): number {
  return y + height;
}

/** Every wave that has a box in some lane, from left to right. */
function placedColumns(bands: readonly Band[]): Column[] {
  const widths = new Map<number, number>();
  for (const [wave, cells] of bands.flatMap((band) => [...band.columns]))
    widths.set(wave, Math.max(NARROWEST, widths.get(wave) ?? 0, ...cells.map(cellWidth)));
  let x = LEFT;
  return [...widths]
    .sort(([left], [right]) => left - right)
    .map(([wave, width]) => {
      const column = { wave, x, width };
      x += width + BOX.gapX;
      return column;
    });
}

function cellWidth({ label }: Cell): number {
  return textWidth(label, BOX.font) + 2 * BOX.inset;
}

function laneOf(
  { world }: Simulation,
  { composite, parent, columns: cells }: Band,
  columns: readonly Column[],
  y: number,
): Lane {
  const xr = world.objects.get(composite.id);
  const title = `${composite.manifest.kind} ${composite.manifest.metadata.name ?? ''}`;
  const subtitle = subtitleOf(xr);
  const own = columns.filter(({ wave }) => cells.has(wave));
  const [first, last] = [own[0], own.at(-1)];
  const x = (first?.x ?? LEFT) - LANE.side;
  const right = last === undefined ? x : last.x + last.width + LANE.side;
  const rows = Math.max(1, ...[...cells.values()].map((column) => column.length));
  return {
    id: composite.id,
    title,
    subtitle,
    parent,
    wave: first?.wave ?? 0,
    x,
    y,
    width: Math.max(right - x, textWidth(`${title} ${subtitle}`, 12) + 60),
    height: LANE.head + rows * (BOX.height + BOX.gapY) - BOX.gapY + LANE.pad,
    ready: xr !== undefined && isTrue(xr, 'Ready'),
  };
}

function titleOf({ world }: Simulation): string {
  const claims = [...world.objects.values()].filter((object) =>
    DEFINITIONS.some(({ claimKind }) => claimKind === object.kind),
  );
  return claims.map(({ kind, metadata }) => `${kind} ${metadata.name ?? ''}`).join(', ') || 'openova';
}

/** Composites, each before what it composes, in the order in which they begin to. */
function bandsOf({ world }: Simulation, objects: readonly Rendered[]): Band[] {
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
  const bandOf = (composite: Rendered, parent: string | undefined): Band => ({
    composite,
    parent: parent === undefined ? undefined : boxId(parent, composite.key),
    columns: columnsOf(cellsOf(objects.filter((one) => one.composite === composite.id && one.key !== ''))),
  });
  const begins = ({ columns }: Band) => Math.min(...columns.keys());
  const below = (parent: string | undefined): Band[] =>
    unique
      .filter((one) => parentOf(one) === parent)
      .map((composite) => bandOf(composite, parent))
      .sort(
        (left, right) => begins(left) - begins(right) || (left.composite.id < right.composite.id ? -1 : 1),
      )
      .flatMap((band) => [band, ...below(band.composite.id)]);
  return below(undefined);
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

/** Objects that share a box: those of one purpose, and small things that came together. */
interface Cell {
  readonly objects: readonly [Rendered, ...Rendered[]];
  readonly family: Family;
  readonly label: string;
}

/** What small things are called together. */
const TOGETHER: Partial<Readonly<Record<Family, string>>> = {
  access: 'access, results',
  protection: 'protection',
};

function cellsOf(objects: readonly Rendered[]): Cell[] {
  const groups = new Map<string, Rendered[]>();
  for (const object of objects) {
    const family = familyOf(object.manifest);
    const what = TOGETHER[family] ?? `${object.manifest.kind} ${labelOf(object)}`;
    const place = `${object.wave} ${family} ${what}`;
    groups.set(place, [...(groups.get(place) ?? []), object]);
  }
  return [...groups.values()].flatMap(([first, ...rest]): Cell[] => {
    if (first === undefined) return [];
    const family = familyOf(first.manifest);
    const what = TOGETHER[family] ?? labelOf(first);
    const label = rest.length === 0 ? what : `${what} ×${rest.length + 1}`;
    return [{ objects: [first, ...rest], family, label }];
  });
}

function columnsOf(cells: readonly Cell[]): Map<number, Cell[]> {
  const columns = new Map<number, Cell[]>();
  const order = ({ family, objects: [first] }: Cell) =>
    `${String(FAMILIES.indexOf(family)).padStart(2, '0')} ${first.key}`;
  for (const cell of [...cells].sort((left, right) => (order(left) < order(right) ? -1 : 1))) {
    const [{ wave }] = cell.objects;
    columns.set(wave, [...(columns.get(wave) ?? []), cell]);
  }
  return columns;
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

function boxId(composite: string, key: string): string {
  return `${composite}|${key}`;
}

function boxOf({ objects, family, label }: Cell, { id }: Rendered, { x, width }: Column, y: number): Box {
  const [first] = objects;
  const { kind } = first.manifest;
  const waits = [...new Set(objects.flatMap(afterOf))].sort();
  return {
    id: boxId(id, first.key),
    label,
    kind,
    family,
    wave: first.wave,
    details: [
      ...objects.map(({ key, manifest }) => `${manifest.kind} ${key}, ${manifest.metadata.name ?? ''}`),
      waveName(first.wave),
      ...(waits.length > 0 ? [`after ${waits.join(', ')}`] : []),
    ],
    x,
    y,
    width,
  };
}

/** Characters that a box may be wide. */
const LABEL = 31;

/** The most telling end of a key that fits: without ids and hashes, and without what its colour says anyway. */
function labelOf({ composite, key, manifest }: Rendered): string {
  const purpose = familyOf(manifest) === 'dns' ? recordOf(key) : purposeOf(key).replace(/^machine\//, '');
  const parts = purpose
    .split('/')
    .map((part) => without(part, composite.slice(composite.lastIndexOf('/') + 1)));
  while (parts.length > 1 && parts.join(' ').length > LABEL) parts.shift();
  const label = parts.join(' ');
  return label.length > LABEL ? `…${label.slice(label.length - LABEL + 1)}` : label;
}

/** `api/fsn` of `dns/cloudflare/example.com/api/fsn/a/0e9ef79f`: addresses of both kinds are of one purpose. */
function recordOf(key: string): string {
  return purposeOf(key)
    .replace(/^dns\/[^/]+\/[^/]+\//, '')
    .replace(/\/(a|aaaa|ns)$/, '');
}

/** `general-1-g1` of `acme-fsn-general-1-g1`, in the composite `acme-fsn-platform`: more than one word in common. */
function without(name: string, composite: string): string {
  const [words, known] = [name.split('-'), composite.split('-')];
  const first = words.findIndex((word, index) => word !== known[index]);
  return first > 1 ? words.slice(first).join('-') : name;
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
      from: boxId(composite, one.objects[0].key),
      to: boxId(composite, cell.objects[0].key),
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
