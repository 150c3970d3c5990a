/** `--graph`: the picture of the waves, as a file that needs no other. */
import { extname } from 'node:path';
import type { Simulation } from '../simulator/simulate.ts';
import { UserError } from './io.ts';
import { layoutOf, type Card, type Picture } from './layout.ts';
import {
  contentWords,
  DARK,
  drawingOf,
  escape,
  FONT,
  legendOf,
  memoryWords,
  openSvg,
  shareOf,
  svgOf,
  variables,
} from './svg.ts';

const FORMATS: Readonly<Record<string, (picture: Picture, files: readonly string[]) => string>> = {
  '.html': htmlOf,
  '.svg': (picture) => svgOf(picture),
};

/** @throws UserError when the file's name says neither SVG nor HTML. */
export function checkGraphFile(file: string): void {
  if (FORMATS[extname(file)] === undefined)
    throw new UserError(`cannot write --graph "${file}": its name must end in .html or .svg`);
}

export function pictureOf(simulation: Simulation, file: string, files: readonly string[]): string {
  checkGraphFile(file);
  return FORMATS[extname(file)]?.(layoutOf(simulation), files) ?? '';
}

function htmlOf(picture: Picture, files: readonly string[]): string {
  const [first = 0, last = 0] = [picture.columns[0]?.wave, picture.columns.at(-1)?.wave];
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escape(picture.title)}</title>
<style>
  :root { color-scheme:light dark; ${variables('light')} }
  @media (prefers-color-scheme: dark) { :root { ${variables('dark')} } }
  ${DARK}
  html, body { margin:0; height:100%; }
  body { display:flex; flex-direction:column; font:13px ${FONT}; background:var(--paper); color:var(--ink); }
  header { padding:14px 20px 8px; border-bottom:1px solid var(--line); }
  h1 { font-size:18px; margin:0 0 8px; }
  h1 span { font-size:13px; font-weight:400; margin-left:8px; }
  .cards { display:flex; flex-wrap:wrap; gap:10px; }
  .card { border:1px solid var(--line); border-radius:8px; padding:8px 12px; min-width:210px; }
  .card b { display:block; }
  .card .track { height:6px; border-radius:3px; background:var(--line); margin:6px 0 3px; overflow:hidden; }
  .card .track i { display:block; height:100%; background:var(--platform); }
  .card .track i.over { background:var(--machine); }
  .muted { color:var(--soft); }
  .controls { display:flex; align-items:center; gap:12px; margin-top:10px; flex-wrap:wrap; }
  .controls button { font:inherit; padding:3px 14px; border-radius:6px; border:1px solid var(--line); background:var(--lane); color:inherit; cursor:pointer; }
  .controls input { flex:1; max-width:420px; accent-color:var(--composite); }
  .legend { display:flex; flex-wrap:wrap; gap:4px 14px; margin-top:8px; }
  .legend i { display:inline-block; width:10px; height:10px; border-radius:5px; margin-right:5px; }
  main { flex:1; overflow:auto; }
  aside { border-top:1px solid var(--line); padding:8px 20px; min-height:2.6em; white-space:pre-wrap; background:var(--lane); }
  [data-wave] { transition:opacity .25s; }
  .later { opacity:.07 !important; }
  .box:hover rect { stroke-width:2.2; }
  .box { cursor:pointer; }
  svg.chosen .box, svg.chosen .arrow { opacity:.15; }
  svg.chosen .box.near { opacity:1; }
  svg.chosen .arrow.near { opacity:1; stroke:var(--ink); stroke-width:1.8; }
</style>
</head>
<body>
<header>
<h1>${escape(picture.title)}<span class="muted">${escape(picture.subtitle)}</span></h1>
<div class="cards">${picture.cards.map(cardHtml).join('')}</div>
<div class="controls"><button id="play" type="button">▶ play</button>
<input id="wave" type="range" min="${first}" max="${last}" value="${last}" aria-label="wave">
<span id="now">wave ${last} of ${last}</span>
<span class="muted">${escape(files.join(', '))}</span></div>
<div class="legend">${legendOf(picture)
    .map(({ family, words }) => `<span><i style="background:var(--${family})"></i>${words}</span>`)
    .join('')}</div>
</header>
<main>
${openSvg(picture.title, picture.width, picture.height)}
${drawingOf(picture)}
</svg>
</main>
<aside id="details"><span class="muted">Point at a box to see what it waits for and what waits for it; click to keep it.</span></aside>
<script>
${SCRIPT}
</script>
</body>
</html>
`;
}

function cardHtml(card: Card): string {
  const share = shareOf(card);
  return [
    `<div class="card"><b>${escape(card.title)}</b>`,
    `<span>${escape(card.euros)} EUR per month</span> <span class="muted">prices of ${escape(card.pricedAt)}</span>`,
    `<div class="track"><i class="${share > 1 ? 'over' : ''}" style="width:${Math.round(Math.min(1, share) * 100)}%"></i></div>`,
    `<span class="muted">${escape(memoryWords(card))} · ${escape(contentWords(card))}</span></div>`,
  ].join('');
}

/** Pointing, keeping, and letting time pass: the only script of the page, without a library. */
const SCRIPT = `const svg = document.querySelector('svg');
const range = document.getElementById('wave');
const now = document.getElementById('now');
const details = document.getElementById('details');
const hint = details.innerHTML;
const boxes = [...svg.querySelectorAll('.box')];
const arrows = [...svg.querySelectorAll('.arrow')];
const timed = [...svg.querySelectorAll('[data-wave]')];
let kept = null;
let timer = null;

function showWave() {
  const wave = Number(range.value);
  now.textContent = 'wave ' + wave + ' of ' + range.max;
  for (const one of timed) one.classList.toggle('later', Number(one.dataset.wave) > wave);
}

function neighbours(start, from, to) {
  const found = new Set([start]);
  for (const one of found)
    for (const arrow of arrows) if (arrow.dataset[from] === one) found.add(arrow.dataset[to]);
  return found;
}

function choose(box) {
  svg.classList.toggle('chosen', box !== null);
  if (box === null) { details.innerHTML = hint; return; }
  const id = box.dataset.box;
  const near = new Set([...neighbours(id, 'to', 'from'), ...neighbours(id, 'from', 'to')]);
  for (const one of boxes) one.classList.toggle('near', near.has(one.dataset.box));
  for (const arrow of arrows)
    arrow.classList.toggle('near', near.has(arrow.dataset.from) && near.has(arrow.dataset.to));
  details.textContent = box.querySelector('title').textContent;
}

for (const box of boxes) {
  box.addEventListener('pointerenter', () => { if (kept === null) choose(box); });
  box.addEventListener('pointerleave', () => { if (kept === null) choose(null); });
  box.addEventListener('click', (event) => {
    event.stopPropagation();
    kept = kept === box ? null : box;
    choose(kept);
  });
}
svg.addEventListener('click', () => { kept = null; choose(null); });
range.addEventListener('input', showWave);

const button = document.getElementById('play');
function stop() { clearInterval(timer); timer = null; button.textContent = '▶ play'; }
button.addEventListener('click', () => {
  if (timer !== null) { stop(); return; }
  if (range.value === range.max) range.value = Number(range.min) - 1;
  button.textContent = '❚❚ pause';
  timer = setInterval(() => {
    range.value = Number(range.value) + 1;
    showWave();
    if (range.value === range.max) stop();
  }, 450);
});
showWave();`;
