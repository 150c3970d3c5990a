import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { KINDS } from '../../functions/apis/kinds.ts';
import { API_VERSION } from '../../functions/apis/xrd.ts';
import type { Manifest } from '../../functions/kernel/manifest.ts';
import { cases } from '../apis/cases.ts';
import { validate } from './crossplane.ts';

const XRDS = [join(import.meta.dirname, '../../apis')];

/** New claims alone: the command line knows no former state, so it cannot judge edits. */
const fresh = cases.filter(({ before }) => before === undefined);

const nameOf = (index: number) => fresh[index]?.name ?? `case-${String(index)}`;
const claims = fresh.map(({ kind, spec }, index): Manifest => ({
  apiVersion: API_VERSION,
  kind,
  metadata: { name: nameOf(index), namespace: 'acme-platform' },
  spec,
}));

describe('the XRDs, as Crossplane makes CRDs of them', async () => {
  const { errors, missing } = await validate(XRDS, claims);

  it('serve every kind of claim', () => {
    expect(missing).toEqual([]);
  });

  it.each(fresh.map((one, index) => ({ ...one, index })))(
    'judge $kind as parsing does: $reason',
    ({ kind, index, breaks, refusedBy }) => {
      const said = errors.filter(({ object }) => object === `${API_VERSION}/${kind} ${nameOf(index)}`);
      if (refusedBy === 'schema') {
        expect(said).not.toEqual([]);
        return;
      }
      // A cluster prunes unknown fields with a warning, the command line calls them errors.
      const known = said.filter(({ message }) => !message.includes('unknown field'));
      const told = known.map(({ message }) => message.split(': ').slice(2).join(': ') || message);
      expect(told.sort()).toEqual(breaks.map((line) => line.replace(/^[^:]*: /, '')).sort());
    },
  );

  it('serve every kind of composite too', async () => {
    const composites = KINDS.filter(({ claim }) => claim !== undefined).map(({ kind, claim }): Manifest => {
      const good = fresh.find((one) => one.kind === claim?.kind && one.breaks.length === 0);
      return { apiVersion: API_VERSION, kind, metadata: { name: 'acme-x7k2p' }, spec: good?.spec ?? {} };
    });
    expect(await validate(XRDS, composites)).toEqual({ errors: [], missing: [], passed: composites.length });
  });
});
