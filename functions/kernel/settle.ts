/** The kernel: from what should be and what is, to what Crossplane is told. Every law of the design is kept here. */
import { isPinned, withheldBy } from './consent.ts';
import { complete, keyOf, matches } from './emit.ts';
import type { After, Graph, Node } from './graph.ts';
import { follow, freeze, held } from './hold.ts';
import { isTrue, type Manifest } from './manifest.ts';
import { isReady, type Observed } from './observed.ts';
import { settleUnwanted } from './unwanted.ts';

/** One object of the answer to Crossplane. */
export interface Desired {
  readonly manifest: Manifest;
  readonly ready: boolean;
}

/** What became of one node of the graph. */
export interface NodeState {
  readonly node: Node;
  readonly observed: Manifest | undefined;
  readonly ready: boolean;
  /** What it waits for before it is made, in words; empty once it exists. */
  readonly blockedBy: readonly string[];
}

export interface Settled {
  readonly desired: ReadonlyMap<string, Desired>;
  /** By key, in the order of the graph; without what only another release would add. */
  readonly states: ReadonlyMap<string, NodeState>;
  /** `apiVersion/kind` of what is only made when it is found to be served, sorted. */
  readonly probes: readonly string[];
  /** `apiVersion/kind` of what can not be made because no installed package serves it. */
  readonly unserved: readonly string[];
  /** Frozen fields whose wanted value differs from the one that runs, by key. */
  readonly outdated: ReadonlyMap<string, readonly string[]>;
  /** Keys that another release would change, add or drop. */
  readonly updates: readonly string[];
  /** Observed keys that the installed package no longer has, kept for as long as an older release runs. */
  readonly retained: readonly string[];
  /** Keys that are on their way out and still there. */
  readonly leaving: readonly string[];
  readonly ready: boolean;
}

/** Kinds of Kubernetes itself: always served. */
const BUILT_IN = /^(v1|(apps|batch|rbac\.authorization\.k8s\.io|networking\.k8s\.io)\/v1)$/;

export function kindOf({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  return `${apiVersion}/${kind}`;
}

/** Kinds that nothing observed proves to be served, so that they have to be asked for: `apiVersion/kind`, sorted. */
function kindsToProbe(nodes: readonly Node[], observed: Observed): string[] {
  const seen = new Set(observed.ours.map(([, object]) => kindOf(object)));
  const wanted = nodes.filter(
    ({ key, manifest }) => observed.get(key) === undefined && !BUILT_IN.test(manifest.apiVersion),
  );
  return [...new Set(wanted.map(({ manifest }) => kindOf(manifest)))]
    .filter((kind) => !seen.has(kind))
    .sort();
}

/**
 * Settles a graph against what was observed.
 * @param isServed answers for the kinds that it probes.
 * @throws when two nodes share a key: a defect of ours, never of the input.
 */
export function settle(
  xr: Manifest,
  graph: Graph,
  observed: Observed,
  isServed: (kind: string) => boolean,
): Settled {
  const nodes = new Map(graph.nodes.map((node) => [node.key, node]));
  if (nodes.size !== graph.nodes.length) throw new Error('two nodes of one graph have the same key');
  const isBad = (graph.problems ?? []).length > 0;
  const pinned = isPinned(graph);
  const withheld = withheldBy(xr, graph, observed);
  const wanted = graph.nodes.filter(({ key }) => !withheld.has(key));
  const probes = kindsToProbe(wanted, observed);
  const unserved = probes.filter((kind) => !isServed(kind));

  const isReadyKey = (key: string): boolean => {
    const exists = observed.get(key);
    return exists !== undefined && (nodes.get(key)?.ready ?? isReady)(exists);
  };
  const unmet = (after: After): string[] => {
    const key = keyOf(after);
    if (withheld.has(key)) return [];
    if (typeof after === 'string') return isReadyKey(key) ? [] : [key];
    const exists = observed.get(key);
    return exists !== undefined && after.test(exists) ? [] : [`${key} (${after.until})`];
  };
  const blocks = ({ after = [], manifest }: Node): string[] => [
    ...after.flatMap(unmet),
    ...(isBad ? ['a correction of the input'] : []),
    ...unserved.filter((kind) => kind === kindOf(manifest)).map((kind) => `a package that serves ${kind}`),
  ];

  const manifestOf = (node: Node) => complete(xr, node, graph.release?.running, withheld);

  const unwanted = settleUnwanted(graph, observed, isReadyKey);
  const desired = new Map(unwanted.desired);
  const states = new Map<string, NodeState>();
  const outdated = new Map<string, readonly string[]>();
  const updates = [...withheld];
  for (const node of wanted) {
    const { key } = node;
    const exists = observed.get(key);
    const ready = isReadyKey(key);
    const blockedBy = exists === undefined ? blocks(node) : [];
    states.set(key, { node, observed: exists, ready, blockedBy });
    if (exists === undefined) {
      if (blockedBy.length === 0) desired.set(key, { manifest: manifestOf(node), ready });
      continue;
    }
    const next = node.once
      ? { manifest: held(exists), outdated: [] }
      : freeze(manifestOf(node), exists, node.frozen ?? []);
    if (next.outdated.length > 0) outdated.set(key, next.outdated);
    const allowed =
      pinned && !node.follows ? follow(held(exists), next.manifest, node.live ?? []) : next.manifest;
    if (pinned && (isTrue(exists, 'UpdateAvailable') || !matches(next.manifest, allowed))) updates.push(key);
    desired.set(key, { manifest: isBad ? held(exists) : allowed, ready });
  }

  const { retained, leaving } = unwanted;
  return {
    desired,
    states,
    probes,
    unserved,
    outdated,
    updates: [...updates, ...retained],
    retained,
    leaving,
    ready:
      leaving.length === 0 &&
      retained.every((key) => observed.isReady(key)) &&
      [...states.values()].every(({ ready }) => ready),
  };
}
