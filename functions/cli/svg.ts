/**
 * The picture of the waves as SVG: no fonts, no scripts, no other files. Colours stand at the elements themselves, so
 * that every program can draw it; a style sheet only replaces them where the reader prefers the dark.
 */
import {
  BOX,
  FAMILIES,
  LANE,
  textWidth,
  type Arrow,
  type Box,
  type Card,
  type Column,
  type Family,
  type Lane,
  type Picture,
} from './layout.ts';
import { waveName } from './manifests.ts';
import { counted } from './words.ts';

type Pair = readonly [light: string, dark: string];

const COLOURS: Readonly<Record<Family, Pair>> = {
  machine: ['#d6336c', '#ff7aa8'],
  network: ['#1c7ed6', '#6cb8ff'],
  job: ['#e67700', '#ffb54d'],
  platform: ['#2b8a3e', '#6ddc86'],
  dns: ['#0b7285', '#66d9e8'],
  composite: ['#5f3dc4', '#b197fc'],
  access: ['#495057', '#adb5bd'],
  protection: ['#868e96', '#868e96'],
  other: ['#846358', '#d0b3a8'],
};

const WORDS: Readonly<Record<Family, string>> = {
  machine: 'machines, load balancers',
  network: 'network',
  job: 'Jobs on machines',
  platform: 'platform',
  dns: 'DNS records',
  composite: 'composites',
  access: 'access, results',
  protection: 'protection',
  other: 'other',
};

const SURFACES = {
  ink: ['#212529', '#e9ecef'],
  soft: ['#6c757d', '#909aa4'],
  paper: ['#ffffff', '#15181c'],
  lane: ['#f6f8fa', '#1d2127'],
  line: ['#dee2e6', '#343a42'],
} as const satisfies Readonly<Record<string, Pair>>;

type Paint = Readonly<Partial<Record<'fill' | 'stroke', Pair>>>;

/** How each class of elements is painted. A family has three: its lines, its own colour, and a breath of it. */
const PAINTS: Readonly<Record<string, Paint>> = {
  ink: { fill: SURFACES.ink },
  soft: { fill: SURFACES.soft },
  paper: { fill: SURFACES.paper },
  lane: { fill: SURFACES.lane, stroke: SURFACES.line },
  grid: { stroke: SURFACES.line },
  track: { fill: SURFACES.line },
  ready: { fill: COLOURS.platform },
  ...Object.fromEntries(
    FAMILIES.flatMap((family): [string, Paint][] => {
      const [light, dark] = COLOURS[family];
      const tint: Pair = [mixed(light, SURFACES.paper[0], 0.07), mixed(dark, SURFACES.paper[1], 0.12)];
      return [
        [`${family}-line`, { stroke: COLOURS[family] }],
        [`${family}-tip`, { fill: COLOURS[family] }],
        [`${family}-box`, { fill: tint, stroke: COLOURS[family] }],
      ];
    }),
  ),
};

/** A colour laid thinly over another. */
function mixed(colour: string, ground: string, share: number): string {
  const part = (hex: string, at: number) => Number.parseInt(hex.slice(at, at + 2), 16);
  const parts = [1, 3, 5].map((at) => Math.round(part(colour, at) * share + part(ground, at) * (1 - share)));
  return `#${parts.map((value) => value.toString(16).padStart(2, '0')).join('')}`;
}

/** The attributes of an element of that class, light; `more` are classes without a paint of their own. */
function painted(name: string, more = ''): string {
  const colours = Object.entries(PAINTS[name] ?? {}).map(([what, [light]]) => `${what}="${light}"`);
  return [`class="${`${name} ${more}`.trim()}"`, ...colours].join(' ');
}

/** The dark in the place of the light, for those who prefer it. */
export const DARK = `@media (prefers-color-scheme: dark) {
${Object.entries(PAINTS)
  .map(([name, paint]) => {
    const colours = Object.entries(paint).map(([what, [, dark]]) => `${what}:${dark}`);
    return `  .${name} { ${colours.join('; ')} }`;
  })
  .join('\n')}
}`;

/** The same colours as variables of a page, light or dark. */
export function variables(shade: 'light' | 'dark'): string {
  const index = shade === 'light' ? 0 : 1;
  return Object.entries({ ...SURFACES, ...COLOURS })
    .map(([name, pair]) => `--${name}:${pair[index]};`)
    .join(' ');
}

export const FONT = 'system-ui,-apple-system,Segoe UI,Roboto,DejaVu Sans,sans-serif';

export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

/** The opening tag of a drawing, with what its texts inherit. */
export function openSvg(title: string, width: number, height: number): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" ${painted('ink')} width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT}" font-size="12" role="img" aria-label="${escape(title)}">`;
}

const MARGIN = 22;
const CARD = { width: 330, height: 84, gap: 24 } as const;
const LEGEND = { height: 34, dot: 16, gap: 26 } as const;
const TITLE = 62;

/** A whole SVG file. */
export function svgOf(picture: Picture): string {
  const head = TITLE + (picture.cards.length > 0 ? CARD.height : 0) + LEGEND.height;
  const entries = legendOf(picture);
  const width = Math.max(
    picture.width,
    2 * MARGIN + picture.cards.length * (CARD.width + CARD.gap),
    2 * MARGIN + entries.reduce((sum, { words }) => sum + legendWidth(words), 0),
    2 * MARGIN + textWidth(picture.title, 20),
  );
  return [
    openSvg(picture.title, width, picture.height + head),
    `<style>${DARK}</style>`,
    `<rect ${painted('paper')} width="100%" height="100%"/>`,
    `<text x="${MARGIN}" y="34" font-size="20" font-weight="600">${escape(picture.title)}</text>`,
    `<text x="${MARGIN}" y="52" ${painted('soft')}>${escape(picture.subtitle)}</text>`,
    ...picture.cards.map((card, index) => cardSvg(card, MARGIN + index * (CARD.width + CARD.gap), TITLE)),
    ...legendSvg(entries, head - LEGEND.height + 20),
    `<g transform="translate(0 ${head})">`,
    drawingOf(picture),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

function cardSvg(card: Card, x: number, y: number): string {
  const share = shareOf(card);
  const filled = Math.round(CARD.width * Math.min(1, share));
  return [
    `<g transform="translate(${x} ${y})">`,
    `<text y="18" font-size="13" font-weight="600">${escape(card.title)}</text>`,
    `<text y="36" ${painted('soft')}>${escape(`${card.euros} EUR per month · ${contentWords(card)}`)}</text>`,
    `<rect y="45" width="${CARD.width}" height="6" rx="3" ${painted('track')}/>`,
    `<rect y="45" width="${filled}" height="6" rx="3" ${painted(share > 1 ? 'machine-tip' : 'platform-tip')}/>`,
    `<text y="66" font-size="11" ${painted('soft')}>${escape(memoryWords(card))}</text>`,
    '</g>',
  ].join('');
}

/** How much of the memory is needed: 0 where it is not known, above 1 where there is too little. */
export function shareOf({ neededMiB, availableMiB }: Card): number {
  return neededMiB === undefined || !availableMiB ? 0 : neededMiB / availableMiB;
}

export function contentWords({ machines, objects }: Card): string {
  return `${counted(machines, 'machine')} · ${counted(objects, 'object')}`;
}

export function memoryWords({ neededMiB, availableMiB }: Card): string {
  const gib = (mebibytes: number | undefined) =>
    mebibytes === undefined ? 'unknown' : `${(mebibytes / 1024).toFixed(1)} GiB`;
  return `RAM ${gib(neededMiB)} needed of ${gib(availableMiB)}`;
}

interface Entry {
  readonly family: Family;
  readonly words: string;
}

/** What the colours of this picture mean. */
export function legendOf({ boxes }: Picture): readonly Entry[] {
  const used = new Set(boxes.map(({ family }) => family));
  return FAMILIES.filter((family) => used.has(family)).map((family) => ({ family, words: WORDS[family] }));
}

function legendWidth(words: string): number {
  return LEGEND.dot + textWidth(words, 12) + LEGEND.gap;
}

function legendSvg(entries: readonly Entry[], y: number): string[] {
  let x = MARGIN;
  return entries.map(({ family, words }) => {
    const at = x;
    x += legendWidth(words);
    return `<g><circle cx="${at + 5}" cy="${y - 4}" r="5" ${painted(`${family}-tip`)}/><text x="${at + LEGEND.dot}" y="${y}" ${painted('soft')}>${words}</text></g>`;
  });
}

/** Lanes, columns, arrows and boxes. */
export function drawingOf({ lanes, boxes, arrows, columns, height }: Picture): string {
  const places = new Map(boxes.map((box, index) => [box.id, { box, index }]));
  return [
    ...columns.map((column) => columnSvg(column, height)),
    ...lanes.map(laneSvg),
    ...lanes.map((lane) => branchSvg(lane, places)),
    ...arrows.map((arrow) => arrowSvg(arrow, places)),
    ...boxes.map((box, index) => boxSvg(box, index)),
  ].join('\n');
}

type Places = ReadonlyMap<string, { readonly box: Box; readonly index: number }>;

function columnSvg({ wave, x }: Column, height: number): string {
  return `<g data-wave="${wave}"><path d="M${x - 0.5} 22V${height}" stroke-dasharray="2 5" fill="none" ${painted('grid')}/><text x="${x + 6}" y="30" ${painted('soft')}>${waveName(wave)}</text></g>`;
}

function laneSvg({ title, subtitle, wave, x, y, width, height, ready }: Lane): string {
  const mark = `<tspan ${painted(ready ? 'ready' : 'soft')} dx="6">${ready ? '✓' : '…'}</tspan>`;
  return [
    `<g data-wave="${wave}">`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="9" ${painted('lane')}/>`,
    `<text x="${x + LANE.side}" y="${y + 22}"><tspan font-weight="600">${escape(title)}</tspan>${mark}<tspan ${painted('soft')} dx="6">${escape(subtitle)}</tspan></text>`,
    '</g>',
  ].join('');
}

/** From the box of a composite down to the lane of what it composes, left of everything between them. */
function branchSvg({ parent, wave, x, y }: Lane, places: Places): string {
  const box = parent === undefined ? undefined : places.get(parent)?.box;
  if (box === undefined) return '';
  const [side, middle] = [box.x - BOX.gapX / 2 - 2, box.y + BOX.height / 2];
  return `<path data-wave="${wave}" d="M${box.x} ${middle}H${side + 6}Q${side} ${middle} ${side} ${middle + 6}V${y + 11}Q${side} ${y + 17} ${side + 6} ${y + 17}H${x}" stroke-width="1.6" fill="none" ${painted('composite-line')}/>`;
}

function boxSvg({ label, kind, family, wave, details, x, y, width }: Box, index: number): string {
  return [
    `<g class="box" data-box="${index}" data-wave="${wave}" data-kind="${escape(kind)}">`,
    `<title>${escape(details.join('\n'))}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${BOX.height}" rx="5" stroke-width="1.1" ${painted(`${family}-box`)}/>`,
    `<rect x="${x}" y="${y}" width="5" height="${BOX.height}" rx="2.5" ${painted(`${family}-tip`)}/>`,
    `<text x="${x + BOX.inset}" y="${y + 16}" font-size="${BOX.font}">${escape(label)}</text>`,
    '</g>',
  ].join('');
}

function arrowSvg({ from, to }: Arrow, places: Places): string {
  const [start, end] = [places.get(from), places.get(to)];
  if (start === undefined || end === undefined) return '';
  const middle = BOX.height / 2;
  const [y1, y2] = [start.box.y + middle, end.box.y + middle];
  const sameColumn = start.box.wave === end.box.wave;
  const x1 = sameColumn ? start.box.x : start.box.x + start.box.width;
  const x2 = end.box.x;
  const bend = sameColumn ? -BOX.gapX / 2 : Math.min(70, Math.max(14, (x2 - x1) / 2));
  const path = `M${x1} ${y1}C${x1 + bend} ${y1} ${sameColumn ? x2 + bend : x2 - bend} ${y2} ${x2} ${y2}`;
  return `<path data-wave="${end.box.wave}" data-from="${start.index}" data-to="${end.index}" d="${path}" stroke-width="1.2" opacity=".4" fill="none" ${painted(`${start.box.family}-line`, 'arrow')}/>`;
}
