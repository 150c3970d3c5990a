/** Consent: what a newer package may do to what an older release runs, which is as good as nothing. */
import { complete, madeAfter } from './emit.ts';
import type { Graph, Node } from './graph.ts';
import { listAt, textAt, type Manifest } from './manifest.ts';
import type { Observed } from './observed.ts';

/** Whether another release runs than the one that is installed, and nobody has asked for that one. */
export function isPinned({ release }: Graph): boolean {
  return (
    release?.running !== undefined &&
    release.running !== release.installed &&
    release.wanted !== release.installed
  );
}

/** Keys of what only another release than the one that runs would add: until it is asked for, they are as good as not there. */
export function withheldBy(xr: Manifest, graph: Graph, observed: Observed): ReadonlySet<string> {
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
