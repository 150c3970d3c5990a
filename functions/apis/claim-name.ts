/** The names that claims may have. */
import type { Problem } from '../kernel/graph.ts';
import { claimNameOf } from '../kernel/claim.ts';
import type { Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_LABEL } from '../kernel/names.ts';

const CLAIM_NAME_LENGTH = 40;
const CLAIM_NAME = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
export const CLAIM_NAME_MESSAGE = `must be at most ${CLAIM_NAME_LENGTH} lower-case letters, digits and dashes, and begin with a letter`;

/**
 * The rule at the root of claim and composite alike. A composite's name is longer than its claim's by a suffix that
 * Crossplane makes, so the rule speaks of claims alone.
 */
export function claimNameCel(claimKind: string): string {
  const name = 'self.metadata.name';
  return `self.kind != '${claimKind}' || (size(${name}) <= ${CLAIM_NAME_LENGTH} && ${name}.matches('${CLAIM_NAME.source}'))`;
}

/** What is wrong with the name of the claim behind a composite, or with that of a claim itself. */
export function claimNameProblems(xr: Manifest): readonly Problem[] {
  const name = claimNameOf(xr);
  const claimed = xr.metadata.labels?.[CLAIM_NAME_LABEL] !== undefined || !xr.kind.startsWith('X');
  if (!claimed || (name.length <= CLAIM_NAME_LENGTH && CLAIM_NAME.test(name))) return [];
  return [{ field: 'metadata.name', message: `is "${name}", ${CLAIM_NAME_MESSAGE}` }];
}
