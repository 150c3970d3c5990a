/**
 * The claim behind a composite, as Crossplane's own labels say it: they are on every claimed composite and on all that
 * is composed below it, and a user's labels cannot overrule them.
 */
import type { Manifest } from './manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL } from './names.ts';

export interface Claim {
  readonly namespace: string;
  readonly name: string;
}

/** Undefined for a composite that no claim made. */
export function claimBehind({ metadata: { labels = {} } }: Manifest): Claim | undefined {
  const [namespace, name] = [labels[CLAIM_NAMESPACE_LABEL], labels[CLAIM_NAME_LABEL]];
  return namespace === undefined || name === undefined ? undefined : { namespace, name };
}

export function claimNamespaceOf({ metadata: { labels = {} } }: Manifest): string | undefined {
  return labels[CLAIM_NAMESPACE_LABEL];
}

/** Name of the claim; of a composite that has none, its own. */
export function claimNameOf({ metadata: { labels = {}, name = '' } }: Manifest): string {
  return labels[CLAIM_NAME_LABEL] ?? name;
}
