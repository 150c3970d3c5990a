/** Decommission: what the graph no longer has leaves in order, over several reconciles. */
import { isPinned } from './consent.ts';
import { madeAfter } from './emit.ts';
import type { Graph } from './graph.ts';
import { held } from './hold.ts';
import { at, listAt, objectAt, type Manifest } from './manifest.ts';
import { isReady, type Observed } from './observed.ts';
import type { Desired } from './settle.ts';
import { refersTo } from './usages.ts';

export interface Unwanted {
  /** What of it is still desired. */
  readonly desired: ReadonlyMap<string, Desired>;
  /** Keys that the installed package no longer has, kept for as long as an older release runs. */
  readonly retained: readonly string[];
  /** Keys that are on their way out and still there. */
  readonly leaving: readonly string[];
}

/** @param isReadyKey whether the node or object under a key is ready. */
export function settleUnwanted(
  graph: Graph,
  observed: Observed,
  isReadyKey: (key: string) => boolean,
): Unwanted {
  const wanted = new Set(graph.nodes.map(({ key }) => key));
  const absent = observed.ours.filter(([key]) => !wanted.has(key));
  const isKept = (key: string) => graph.kept?.has(key) === true;
  const isRetained = (key: string) => isPinned(graph) && !isKept(key) && graph.leaving?.has(key) !== true;
  const unwanted = new Map(absent.filter(([key]) => !isRetained(key)));
  const stays = (key: string, object: Manifest) =>
    isRetained(key) ||
    isKept(key) ||
    (graph.problems ?? []).length > 0 ||
    (graph.leaving?.get(key) ?? []).some((before) => !isReadyKey(before)) ||
    isNeeded(key, object, unwanted, observed);
  const keys = absent.map(([key]) => key);
  return {
    desired: new Map(
      absent.flatMap(([key, object]): [string, Desired][] => {
        const manifest = stays(key, object) ? held(object) : deletable(object);
        return manifest === undefined ? [] : [[key, { manifest, ready: isReady(object) }]];
      }),
    ),
    retained: keys.filter(isRetained),
    leaving: keys.filter((key) => !isRetained(key) && !isKept(key)),
  };
}

/** Whether something that leaves too has to go first: what was made after this, what this protects, what it uses. */
function isNeeded(
  key: string,
  object: Manifest,
  unwanted: ReadonlyMap<string, Manifest>,
  observed: Observed,
): boolean {
  const others = [...unwanted.values()];
  return (
    // A Usage by this very object was made after it as well, but goes behind it.
    others.some((other) => madeAfter(other).includes(key) && !refersTo(other, 'by', object)) ||
    others.some((other) => refersTo(object, 'by', other)) ||
    observed.ours.some(([, usage]) => refersTo(usage, 'of', object))
  );
}

/** The object as it must be seen before it may go, so that the real thing goes with it; undefined where it already is so. */
function deletable(object: Manifest): Manifest | undefined {
  if (at(object, 'spec', 'deletionPolicy') !== 'Orphan') return undefined;
  const kept = held(object);
  const spec = objectAt(kept, 'spec');
  const policies = listAt(spec, 'managementPolicies');
  return {
    ...kept,
    spec: {
      ...spec,
      deletionPolicy: 'Delete',
      // What is only observed was made by somebody else.
      ...(policies.includes('Create') && { managementPolicies: [...new Set([...policies, 'Delete'])] }),
    },
  };
}
