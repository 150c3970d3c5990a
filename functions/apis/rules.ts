/** Rules over several fields. Each is written once: as CEL for the API server, as a check for what has not met one. */
import type { Problem } from '../kernel/graph.ts';

/** A breach of a rule. */
export interface Breach {
  /** Dotted path from the spec, with names for list items; the rule's own path where left out. */
  readonly path?: string;
  /** The value given, as a message shows it. */
  readonly given?: string;
  /** A message of its own instead of the rule's. */
  readonly message?: string;
}

export interface Rule<Spec> {
  /** Dotted path from the spec at which a breach is reported; must name a field that the schema has. */
  readonly path: string;
  /** The rule over `self`, the spec (and `oldSelf` in a transition), true when kept. */
  readonly cel: string;
  /** The same for the spec of a cluster, whose regions override fields, where it differs. */
  readonly clusterCel?: string;
  /** What must be, such as `must be under the zone`. */
  readonly message: string;
  /** CEL that makes a message with the given values, where the plain one would not do. */
  readonly messageCel?: string;
  /** The breaches of this rule in a spec: none when it is kept. */
  readonly check: (spec: Spec) => readonly Breach[];
}

/** A rule as the API server sees it. */
export type CelRule = Pick<Rule<never>, 'path' | 'cel' | 'message' | 'messageCel'>;

/**
 * A rule over what was and what shall be. A function is never told what was, so only the API server and
 * `openova diff` can check it.
 */
export interface Transition<Spec> extends CelRule {
  readonly clusterCel?: string;
  readonly check: (spec: Spec, before: Spec) => readonly Breach[];
}

/** One breach where the condition does not hold. */
export function unless(kept: boolean, breach: Breach = {}): readonly Breach[] {
  return kept ? [] : [breach];
}

/** How a message shows a value. */
export function shown(value: unknown): string {
  return value === undefined ? 'missing' : JSON.stringify(value);
}

export function problemOf(
  rule: { readonly path: string; readonly message: string },
  breach: Breach,
): Problem {
  const given = breach.given === undefined ? '' : `is ${breach.given}, `;
  return { field: `spec.${breach.path ?? rule.path}`, message: breach.message ?? `${given}${rule.message}` };
}

/** Dotted paths that a CEL rule reads from the spec. */
export function readsOf(cel: string): readonly string[] {
  return [...cel.matchAll(/\bself((?:\.[a-z][A-Za-z0-9]*)+)/g)].map((match) => (match[1] ?? '').slice(1));
}
