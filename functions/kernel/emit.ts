/** How a node of the graph looks when it is applied. */
import type { After, Node } from './graph.ts';
import { same, textAt, withField, type Manifest } from './manifest.ts';
import { AFTER_ANNOTATION, GROUP, labelFor, nameFor, NODE_LABEL, RELEASE_ANNOTATION } from './names.ts';

/**
 * The manifest as it is emitted: named, labelled as ours, and with the keys it waited for; a nested composite also with
 * the release that the outer one runs.
 * @param withheld keys that are as good as not there: nothing waited for them.
 */
export function complete(
  xr: Manifest,
  node: Node,
  running: string | undefined,
  withheld: ReadonlySet<string>,
): Manifest {
  const { apiVersion, kind, metadata = {} } = node.manifest;
  const after = (node.after ?? []).map(keyOf).filter((key) => !withheld.has(key));
  const isComposite = apiVersion.startsWith(`${GROUP}/`);
  const annotations = {
    ...metadata.annotations,
    ...(after.length > 0 && { [AFTER_ANNOTATION]: [...new Set(after)].sort().join(',') }),
    ...(isComposite && running !== undefined && { [RELEASE_ANNOTATION]: running }),
  };
  return {
    ...node.manifest,
    apiVersion,
    kind,
    metadata: {
      ...metadata,
      name: nameOf(xr, node),
      labels: { ...metadata.labels, [NODE_LABEL]: labelFor(node.key) },
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
  };
}

export function nameOf(xr: Manifest, { key, manifest }: Node): string {
  return manifest.metadata?.name ?? nameFor(xr.metadata.name ?? '', key);
}

export function keyOf(after: After): string {
  return typeof after === 'string' ? after : after.key;
}

/** The keys that an observed object waited for when it was made. */
export function madeAfter(object: Manifest): string[] {
  return (textAt(object, 'metadata', 'annotations', AFTER_ANNOTATION) ?? '').split(',');
}

/** Whether applying the first would change nothing of the second but the list of what it waited for. */
export function matches(next: Manifest, before: Manifest): boolean {
  const plain = (object: Manifest) =>
    withField(object, ['metadata', 'annotations', AFTER_ANNOTATION], undefined);
  return same(plain(next), plain(before));
}
