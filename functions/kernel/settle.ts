/** The kernel: from what should be and what is, to what Crossplane is told. Every law of the design is kept here. */
import { freeze, held } from './hold.ts';
import { at, isTrue, listAt, objectAt, same, textAt, withField, type Manifest } from './manifest.ts';
import { AFTER_ANNOTATION, labelFor, nameFor, NODE_LABEL } from './names.ts';
import type { After, Graph, Node } from './graph.ts';
import { isReady, type Observed } from './observed.ts';

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
export function kindsToProbe(nodes: readonly Node[], observed: Observed): string[] {
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
 * @param isServed answers for the kinds of `kindsToProbe`.
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
  const pinned = isPinned(graph);
  const withheld = withheldBy(xr, graph, observed);
  const probes = kindsToProbe(
    graph.nodes.filter(({ key }) => !withheld.has(key)),
    observed,
  );
  const frozenInput = (graph.problems ?? []).length > 0;

  const stateOf = (key: string): { exists: Manifest | undefined; ready: boolean } => {
    const exists = observed.get(key);
    return { exists, ready: exists !== undefined && (nodes.get(key)?.ready ?? isReady)(exists) };
  };
  const unmet = (after: After): string | undefined => {
    if (withheld.has(keyOf(after))) return undefined;
    if (typeof after === 'string') return stateOf(after).ready ? undefined : after;
    const { exists } = stateOf(after.key);
    return exists !== undefined && after.test(exists) ? undefined : `${after.key} (${after.until})`;
  };

  const desired = new Map<string, Desired>();
  const states = new Map<string, NodeState>();
  const unserved = new Set<string>();
  const outdated = new Map<string, readonly string[]>();
  const updates: string[] = [...withheld];

  for (const node of graph.nodes) {
    if (withheld.has(node.key)) continue;
    const { exists, ready } = stateOf(node.key);
    const manifest = complete(xr, node, withheld);
    const keeps = frozenInput || (pinned && !node.follows);
    const blockedBy: string[] = [];
    if (exists !== undefined) {
      const kept = freeze(manifest, exists, node.frozen ?? []);
      if (kept.outdated.length > 0) outdated.set(node.key, kept.outdated);
      const next = node.once ? held(exists) : kept.manifest;
      if (pinned && (node.follows ? isTrue(exists, 'UpdateAvailable') : !matches(next, held(exists))))
        updates.push(node.key);
      desired.set(node.key, { manifest: keeps ? held(exists) : next, ready });
    } else {
      blockedBy.push(...(node.after ?? []).flatMap((after) => unmet(after) ?? []));
      if (frozenInput) blockedBy.push('a correction of the input');
      const kind = kindOf(manifest);
      if (probes.includes(kind) && !isServed(kind)) {
        unserved.add(kind);
        blockedBy.push(`a package that serves ${kind}`);
      }
      if (blockedBy.length === 0) desired.set(node.key, { manifest, ready: false });
    }
    states.set(node.key, { node, observed: exists, ready, blockedBy });
  }

  const leaving: string[] = [];
  const keeps = (key: string) => graph.kept?.has(key) === true;
  const retains = (key: string) => pinned && !keeps(key) && graph.leaving?.has(key) !== true;
  const absent = observed.ours.filter(([key]) => !nodes.has(key));
  const retained = absent.filter(([key]) => retains(key));
  for (const [key, object] of retained) desired.set(key, { manifest: held(object), ready: isReady(object) });
  const unwanted = new Map(absent.filter(([key]) => !retains(key)));
  for (const [key, object] of unwanted) {
    if (!keeps(key)) leaving.push(key);
    const stays =
      frozenInput ||
      keeps(key) ||
      (graph.leaving?.get(key) ?? []).some((before) => !stateOf(before).ready) ||
      isUsed(key, object, unwanted, observed) ||
      awaitsUser(object, unwanted);
    const kept = held(object);
    if (stays) desired.set(key, { manifest: kept, ready: isReady(object) });
    else if (at(object, 'spec', 'deletionPolicy') === 'Orphan')
      desired.set(key, { manifest: deletable(kept), ready: isReady(object) });
  }

  return {
    desired,
    states,
    probes,
    unserved: [...unserved].sort(),
    outdated,
    updates: [...updates, ...retained.map(([key]) => key)],
    retained: retained.map(([key]) => key),
    leaving,
    ready:
      leaving.length === 0 &&
      retained.every(([, object]) => isReady(object)) &&
      [...states.values()].every(({ ready }) => ready),
  };
}

/** Whether another release runs than the one that is installed, and nobody has asked for that one. */
function isPinned({ release }: Graph): boolean {
  return (
    release?.running !== undefined &&
    release.running !== release.installed &&
    release.wanted !== release.installed
  );
}

/** Keys of what only another release than the one that runs would add: until it is asked for, they are as good as not there. */
function withheldBy(xr: Manifest, graph: Graph, observed: Observed): ReadonlySet<string> {
  if (!isPinned(graph)) return new Set();
  const composed = new Set(
    listAt(xr, 'spec', 'resourceRefs').map((one) => `${textAt(one, 'kind')}/${textAt(one, 'name')}`),
  );
  const waitedFor = new Set(observed.ours.flatMap(([, object]) => madeAfter(object)));
  const isNew = (node: Node) => {
    const { kind, metadata } = complete(xr, node);
    // What was there and is lost is made again.
    return !waitedFor.has(node.key) && !composed.has(`${kind}/${metadata.name ?? ''}`);
  };
  const absent = graph.nodes.filter(
    ({ key, follows, scales }) => observed.get(key) === undefined && !follows && !scales,
  );
  return new Set(absent.filter(isNew).map(({ key }) => key));
}

/** The keys that an observed object waited for when it was made. */
function madeAfter(object: Manifest): string[] {
  return (textAt(object, 'metadata', 'annotations', AFTER_ANNOTATION) ?? '').split(',');
}

function keyOf(after: After): string {
  return typeof after === 'string' ? after : after.key;
}

/** The manifest as it is emitted: named, labelled as ours, and with the keys it waited for. */
function complete(xr: Manifest, node: Node, withheld: ReadonlySet<string> = new Set()): Manifest {
  const { apiVersion, kind, metadata = {} } = node.manifest;
  const after = (node.after ?? []).map(keyOf).filter((key) => !withheld.has(key));
  return {
    ...node.manifest,
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: metadata.name ?? nameFor(xr.metadata.name ?? '', node.key),
      labels: { ...metadata.labels, [NODE_LABEL]: labelFor(node.key) },
      ...((after.length > 0 || metadata.annotations) && {
        annotations: {
          ...metadata.annotations,
          ...(after.length > 0 && { [AFTER_ANNOTATION]: [...new Set(after)].sort().join(',') }),
        },
      }),
    },
  };
}

/** Whether applying the first would change nothing of the second but the list of what it waited for. */
function matches(next: Manifest, before: Manifest): boolean {
  const plain = (object: Manifest) =>
    withField(object, ['metadata', 'annotations', AFTER_ANNOTATION], undefined);
  return same(plain(next), plain(before));
}

/**
 * Whether something that leaves too was made after this, or protects it: that goes first. A Usage by this very object
 * was made after it as well, but goes behind it.
 */
function isUsed(
  key: string,
  object: Manifest,
  unwanted: ReadonlyMap<string, Manifest>,
  observed: Observed,
): boolean {
  const waits = [...unwanted.values()].some(
    (other) => madeAfter(other).includes(key) && !refersTo(other, 'by', object),
  );
  return waits || observed.ours.some(([, usage]) => refersTo(usage, 'of', object));
}

/** Whether this is a Usage whose user leaves too and is still there. */
function awaitsUser(usage: Manifest, unwanted: ReadonlyMap<string, Manifest>): boolean {
  return [...unwanted.values()].some((object) => refersTo(usage, 'by', object));
}

/** Whether a Usage names this object in its `of` or `by`. */
function refersTo(usage: Manifest, side: 'of' | 'by', object: Manifest): boolean {
  if (usage.kind !== 'Usage' && usage.kind !== 'ClusterUsage') return false;
  const subject = objectAt(usage, 'spec', side);
  const [group] = object.apiVersion.split('/');
  return (
    subject?.['kind'] === object.kind &&
    (textAt(subject, 'apiVersion') ?? '').split('/')[0] === group &&
    textAt(subject, 'resourceRef', 'name') === object.metadata.name
  );
}

/** The object with a deletionPolicy that removes the real thing when the object goes. */
function deletable(object: Manifest): Manifest {
  return { ...object, spec: { ...objectAt(object, 'spec'), deletionPolicy: 'Delete' } };
}
