/** The picture of the waves as SVG: no fonts, no scripts, no other files; readable in light and in the dark. */
import {
  BOX,
  columnX,
  FAMILIES,
  type Arrow,
  type Box,
  type Card,
  type Family,
  type Lane,
  type Picture,
} from './layout.ts';
import { waveName } from './manifests.ts';

const COLOURS: Readonly<Record<Family, readonly [light: string, dark: string, words: string]>> = {
  machine: ['#d6336c', '#ff7aa8', 'machines and load balancers'],
  network: ['#1c7ed6', '#6cb8ff', 'network'],
  job: ['#e67700', '#ffb54d', 'Jobs on machines'],
  platform: ['#2b8a3e', '#6ddc86', 'platform'],
  dns: ['#c2410c', '#ff9a6b', 'DNS records'],
  composite: ['#5f3dc4', '#b197fc', 'composites'],
  access: ['#495057', '#adb5bd', 'access and results'],
  protection: ['#868e96', '#868e96', 'protection'],
  other: ['#0b7285', '#66d9e8', 'other'],
};

/** How far below the picture's own header its first line begins. */
const HEADER = { title: 34, card: 64, legend: 30 } as const;

export function escape(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}

export const STYLE = `
  .wave-picture { --ink:#212529; --soft:#868e96; --paper:#fff; --lane:#f6f8fa; --line:#dee2e6; --arrow:#adb5bd;
    ${FAMILIES.map((family) => `--${family}:${COLOURS[family][0]};`).join(' ')}
    font:12px system-ui,-apple-system,"Segoe UI",Roboto,sans-serif; background:var(--paper); color:var(--ink); }
  @media (prefers-color-scheme: dark) { .wave-picture { --ink:#e9ecef; --soft:#909aa4; --paper:#15181c; --lane:#1d2127; --line:#343a42; --arrow:#59626d;
    ${FAMILIES.map((family) => `--${family}:${COLOURS[family][1]};`).join(' ')} } }
  .wave-picture text { fill:var(--ink); }
  .wave-picture .soft { fill:var(--soft); }
  .wave-picture .strong { font-weight:600; }
  .wave-picture .lane { fill:var(--lane); stroke:var(--line); }
  .wave-picture .grid { stroke:var(--line); stroke-dasharray:2 4; }
  .wave-picture .arrow { fill:none; stroke:var(--arrow); stroke-width:1.2; opacity:.55; }
  .wave-picture .box rect { fill:var(--paper); stroke:var(--c); stroke-width:1.2; }
  .wave-picture .box .tip { fill:var(--c); stroke:none; }
  .wave-picture .box:hover rect { stroke-width:2.4; }
  .wave-picture .bar { fill:var(--line); }
${FAMILIES.map((family) => `  .wave-picture .${family} { --c:var(--${family}); }`).join('\n')}`;

/** A whole SVG file. */
export function svgOf(picture: Picture): string {
  const head = HEADER.title + (picture.cards.length > 0 ? HEADER.card : 0) + HEADER.legend;
  const width = Math.max(picture.width, 40 + picture.cards.length * CARD, 20 + FAMILIES.length * 182);
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="wave-picture" width="${width}" height="${picture.height + head}" viewBox="0 0 ${width} ${picture.height + head}" role="img" aria-label="${escape(picture.title)}">`,
    `<style>${STYLE}\n</style>`,
    `<rect width="100%" height="100%" fill="var(--paper)"/>`,
    `<text x="20" y="26" class="strong" font-size="17">${escape(picture.title)}</text>`,
    ...picture.cards.map((card, index) => cardSvg(card, 20 + index * CARD, HEADER.title + 4)),
    legendSvg(head - HEADER.legend + 12),
    `<g transform="translate(0 ${head})">`,
    drawingOf(picture),
    '</g>',
    '</svg>',
    '',
  ].join('\n');
}

const CARD = 320;

function cardSvg(card: Card, x: number, y: number): string {
  const share = shareOf(card);
  return [
    `<g transform="translate(${x} ${y})">`,
    `<text y="14" class="strong">${escape(card.title)}</text>`,
    `<text y="30" class="soft">${escape(`${card.euros} EUR per month · ${card.machines} machines · ${card.objects} objects`)}</text>`,
    `<rect y="37" width="${CARD - 40}" height="6" rx="3" class="bar"/>`,
    `<rect y="37" width="${Math.round((CARD - 40) * Math.min(1, share))}" height="6" rx="3" fill="var(${share > 1 ? '--machine' : '--platform'})"/>`,
    `<text y="56" class="soft" font-size="11">${escape(memoryWords(card))}</text>`,
    '</g>',
  ].join('');
}

/** How much of the memory is needed: 0 where it is not known, above 1 where there is too little. */
export function shareOf({ neededMiB, availableMiB }: Card): number {
  return neededMiB === undefined || !availableMiB ? 0 : neededMiB / availableMiB;
}

export function memoryWords({ neededMiB, availableMiB }: Card): string {
  const gib = (mebibytes: number | undefined) =>
    mebibytes === undefined ? 'unknown' : `${(mebibytes / 1024).toFixed(1)} GiB`;
  return `RAM ${gib(neededMiB)} needed of ${gib(availableMiB)}`;
}

function legendSvg(y: number): string {
  const entries = FAMILIES.map((family, index) => {
    const x = 20 + index * 182;
    return `<g class="${family}"><circle cx="${x + 5}" cy="${y - 4}" r="5" fill="var(--c)"/><text x="${x + 16}" y="${y}" class="soft">${COLOURS[family][2]}</text></g>`;
  });
  return entries.join('');
}

export function legendOf(): readonly { readonly family: Family; readonly words: string }[] {
  return FAMILIES.map((family) => ({ family, words: COLOURS[family][2] }));
}

/** Lanes, columns, arrows and boxes. */
export function drawingOf({ lanes, boxes, arrows, first, waves, width, height }: Picture): string {
  const places = new Map(boxes.map((box) => [box.id, box]));
  const numbers = new Map(boxes.map((box, index) => [box.id, index]));
  const columns = Array.from({ length: waves - first + 1 }, (_, index) => first + index);
  return [
    ...lanes.map((lane) => laneSvg(lane, width)),
    ...columns.map((wave) => columnSvg(wave, first, height)),
    ...arrows.map((arrow) => arrowSvg(arrow, places, numbers)),
    ...boxes.map((box, index) => boxSvg(box, index)),
  ].join('\n');
}

function columnSvg(wave: number, first: number, height: number): string {
  const x = columnX(wave, first) - BOX.gapX / 2;
  return `<g data-wave="${wave}"><line class="grid" x1="${x}" x2="${x}" y1="28" y2="${height}"/><text x="${columnX(wave, first)}" y="30" class="soft">${waveName(wave)}</text></g>`;
}

function laneSvg({ title, subtitle, depth, y, height, ready }: Lane, width: number): string {
  const x = 8 + depth * 6;
  const mark = ready ? '✓' : '…';
  return [
    `<rect class="lane" x="${x}" y="${y}" width="${width - x - 8}" height="${height}" rx="10"/>`,
    `<text x="${x + 14}" y="${y + 21}"><tspan class="strong">${escape(title)}</tspan> <tspan class="soft" dx="6">${escape(`${mark} ${subtitle}`)}</tspan></text>`,
  ].join('');
}

function boxSvg({ label, kind, family, wave, details, x, y }: Box, index: number): string {
  const { width, height } = BOX;
  const title = details.join('\n');
  return [
    `<g class="box ${family}" data-box="${index}" data-wave="${wave}" data-kind="${escape(kind)}">`,
    `<title>${escape(title)}</title>`,
    `<rect x="${x}" y="${y}" width="${width}" height="${height}" rx="5"/>`,
    `<rect class="tip" x="${x}" y="${y}" width="5" height="${height}" rx="2"/>`,
    `<text x="${x + 11}" y="${y + 15}" font-size="11.5">${escape(label)}</text>`,
    '</g>',
  ].join('');
}

function arrowSvg(
  { from, to }: Arrow,
  places: ReadonlyMap<string, Box>,
  numbers: ReadonlyMap<string, number>,
): string {
  const [start, end] = [places.get(from), places.get(to)];
  if (start === undefined || end === undefined) return '';
  const middle = BOX.height / 2;
  const [y1, y2] = [start.y + middle, end.y + middle];
  const sameColumn = start.wave === end.wave;
  const x1 = sameColumn ? start.x : start.x + BOX.width;
  const x2 = end.x;
  const bend = sameColumn ? -18 : Math.max(16, (x2 - x1) / 2);
  const path = sameColumn
    ? `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 + bend} ${y2} ${x2} ${y2}`
    : `M${x1} ${y1}C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  return `<path class="arrow" data-wave="${end.wave}" data-from="${numbers.get(from) ?? ''}" data-to="${numbers.get(to) ?? ''}" d="${path}"/>`;
}
