import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSources } from '../../functions/cli/input.ts';
import { processIo } from '../../functions/cli/io.ts';
import { layoutOf, textWidth, type Picture } from '../../functions/cli/layout.ts';
import { withFunction, worldOf } from '../../functions/cli/scene.ts';
import { svgOf } from '../../functions/cli/svg.ts';
import { simulate } from '../../functions/simulator/simulate.ts';
import { EXAMPLES } from './helpers.ts';

let picture: Picture;
let svg: string;

beforeAll(async () => {
  const files = ['postgres.yaml', 'two-regions.yaml'].map((name) => join(EXAMPLES, name));
  const sources = await readSources(files, processIo());
  const objects = sources.map(({ object }) => object);
  picture = layoutOf(await withFunction((setup) => simulate(setup, worldOf([], objects))));
  svg = svgOf(picture);
}, 120_000);

interface Area {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

function overlap(one: Area, other: Area): boolean {
  return (
    one.x < other.x + other.width &&
    other.x < one.x + one.width &&
    one.y < other.y + other.height &&
    other.y < one.y + one.height
  );
}

function pairsOf<Item>(items: readonly Item[]): (readonly [Item, Item])[] {
  return items.flatMap((one, index) => items.slice(index + 1).map((other) => [one, other] as const));
}

describe('the picture', () => {
  it('nothing lies on anything else, and every label fits into its box', () => {
    const boxes = picture.boxes.map((box) => ({ ...box, height: 24 }));

    expect(boxes.length).toBeGreaterThan(80);
    expect(pairsOf(boxes).filter(([one, other]) => overlap(one, other))).toEqual([]);
    expect(pairsOf(picture.lanes).filter(([one, other]) => overlap(one, other))).toEqual([]);
    expect(boxes.filter(({ label, width }) => textWidth(label, 11.5) + 12 > width)).toEqual([]);
    expect(boxes.filter((box) => !picture.lanes.some((lane) => overlap(lane, box)))).toEqual([]);
  });

  it('the entries of the legend stand beside each other', () => {
    const entries = [...svg.matchAll(/<circle cx="(\d+)".*?<text x="(\d+)".*?>([^<]+)</g)].map(
      ([, dot = '', x = '', words = '']) => ({ from: Number(dot) - 5, to: Number(x) + textWidth(words, 12) }),
    );

    expect(entries.length).toBeGreaterThan(5);
    for (const [index, { to }] of entries.slice(0, -1).entries())
      expect(entries[index + 1]?.from).toBeGreaterThan(to);
  });

  it('names what it shows by purpose, not by hashes and ids', () => {
    const labels = picture.boxes.map(({ label }) => label);

    expect(labels).toContain('api fsn ×6');
    expect(labels).toContain('agent general-1-g1');
    expect(labels).toContain('node general-1-g1');
    expect(labels).toContain('connection orders-conn');
    expect(labels.filter((label) => /[0-9a-f]{8}|…/.test(label))).toEqual([]);
  });

  it('says at each box the keys and names of all that it stands for', () => {
    const box = picture.boxes.find(({ label }) => label === 'api fsn ×6');

    expect(box?.details).toContainEqual(
      expect.stringMatching(
        /^Record dns\/cloudflare\/example\.com\/api\/fsn\/a\/[0-9a-f]{8}, acme-local-dns-/,
      ),
    );
    expect(box?.details).toHaveLength(8);
  });

  it('composites come in the order in which they begin to make something', () => {
    expect(picture.lanes.map(({ title }) => title).at(-1)).toBe('XDataService orders-local');
  });
});

describe('the SVG', () => {
  it('is drawn by programs that know neither variables nor style sheets: colours stand at the elements', () => {
    const drawn = svg.replace(/<style>[^]*<\/style>/, '');
    const shapes = [...drawn.matchAll(/<(rect|circle|path|svg)\b[^>]*>/g)].map(([tag]) => tag);

    expect(svg).not.toMatch(/var\(|:root/);
    expect(shapes.filter((tag) => !/ (fill|stroke)="#[0-9a-f]{6}"/.test(tag))).toEqual([]);
    expect(shapes.filter((tag) => tag.startsWith('<path') && !tag.includes(' fill="none"'))).toEqual([]);
  });

  it('changes every colour in the dark', () => {
    const dark = /<style>([^]*)<\/style>/.exec(svg)?.[1] ?? '';
    const classes = new Set([...svg.matchAll(/class="([^" ]+)/g)].map(([, name = '']) => name));

    expect([...classes].filter((name) => name !== 'box' && !dark.includes(` .${name} {`))).toEqual([]);
  });
});
