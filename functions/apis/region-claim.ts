/**
 * What only a cluster says, of the regions that it makes. In a claim it would reach into what is another tenant's: the
 * private network of a cluster is known by its name alone, whoever made it.
 */
import type { Problem } from '../kernel/graph.ts';
import { at, textAt, type Json, type Manifest } from '../kernel/manifest.ts';
import { shown, type CelRule } from './rules.ts';

const CLAIM = 'OpenOvaRegion';
const MESSAGE = 'must be left out of a claim: only a cluster says it, of the regions that it makes';

/** Paths from the spec, and CEL over the whole object for the claim that keeps to it. */
const FIELDS = [
  { path: 'cluster', absent: '!has(self.spec.cluster)' },
  { path: 'network.networkRef', absent: '!has(self.spec.network.networkRef)' },
  { path: 'peers', absent: 'size(self.spec.peers) == 0' },
] as const;

/** Over the root: claim and composite have one schema, and only there the kind tells which of them it is. */
export const regionClaimRules: readonly CelRule[] = FIELDS.map(({ path, absent }) => ({
  path,
  cel: `self.kind != '${CLAIM}' || ${absent}`,
  message: MESSAGE,
}));

/** The same of a claim, or of the composite that a claim made. */
export function regionClaimProblems(xr: Manifest): readonly Problem[] {
  if (xr.kind !== CLAIM && textAt(xr, 'spec', 'claimRef', 'kind') !== CLAIM) return [];
  return FIELDS.flatMap(({ path }) => {
    const given = givenAt(at(xr, 'spec', ...path.split('.')));
    return given === undefined ? [] : [{ field: `spec.${path}`, message: `is ${given}, ${MESSAGE}` }];
  });
}

/** What a message says was given; nothing of an empty list, which the API server fills in. */
function givenAt(value: Json | undefined): string | undefined {
  if (!Array.isArray(value)) return value === undefined ? undefined : shown(value);
  return value.length === 0 ? undefined : `a list of ${value.length}`;
}
