/** Consent: what a newer package may do to what an older release runs, which is as good as nothing. */
import { madeAfter, nameOf } from './emit.ts';
import type { Graph, Node } from './graph.ts';
import { listAt, objectAt, textAt, type Manifest } from './manifest.ts';
import { RELEASE_ANNOTATION } from './names.ts';
import type { Observed } from './observed.ts';

/** The kind that is always nested: a claim's annotations, which Crossplane copies to its composite, do not get there. */
const NESTED = 'XOpenOvaPlatform';

/**
 * The composite with the release that it runs in its status: a restore loses a status, but not what is written on the
 * nested composite (see `complete`), which reads it there too.
 */
export function withRelease(xr: Manifest, observed: Observed): Manifest {
  if (textAt(xr, 'status', 'release') !== undefined) return xr;
  const written = [...(xr.kind === NESTED ? [xr] : []), ...observed.ours.map(([, object]) => object)];
  const release = written.map(releaseOn).find((found) => found !== undefined);
  return release === undefined ? xr : { ...xr, status: { ...objectAt(xr, 'status'), release } };
}

/** The release that is written on a nested composite. */
export function releaseOn(object: Manifest): string | undefined {
  return textAt(object, 'metadata', 'annotations', RELEASE_ANNOTATION);
}

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
    // What was there and is lost is made again.
    return !waitedFor.has(node.key) && !composed.has(`${node.manifest.kind}/${nameOf(xr, node)}`);
  };
  const absent = graph.nodes.filter(
    ({ key, follows, scales }) => observed.get(key) === undefined && !follows && !scales,
  );
  return new Set(absent.filter(isNew).map(({ key }) => key));
}
