/**
 * What each example becomes, object by object. A resource key or a name that changes between releases deletes what
 * runs under the old one, so a difference here is either a mistake or a line in the changelog.
 *
 * After a change that is meant: npm run golden
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { readSources } from '../../functions/cli/input.ts';
import { processIo } from '../../functions/cli/io.ts';
import { yamlOf } from '../../functions/cli/manifests.ts';
import { withFunction, worldOf } from '../../functions/cli/scene.ts';
import { simulate } from '../../functions/simulator/simulate.ts';

const folder = join(import.meta.dirname, '../../examples');
const examples = readdirSync(folder).filter((file) => file.endsWith('.yaml'));

describe('examples', () => {
  it.each(examples)('%s becomes what it became', { timeout: 120_000 }, async (example) => {
    const sources = await readSources([join(folder, example)], processIo());
    const start = worldOf(
      [],
      sources.map(({ object }) => object),
    );

    const simulation = await withFunction((setup) => simulate(setup, start));

    expect([...simulation.unready]).toEqual([]);
    await expect(yamlOf(simulation, false)).toMatchFileSnapshot(join('golden', example));
  });

  it('has a golden for every example and for nothing else', () => {
    expect(readdirSync(join(import.meta.dirname, 'golden')).sort()).toEqual(examples.sort());
  });
});
