/** Labels and taints of a node: those of its pool, and what is no longer of its pool is taken away. */
import { isObject, listAt, objectAt, same, textAt, type JsonObject } from '../../kernel/manifest.ts';
import { Failure } from '../failure.ts';
import { livingServer } from '../node/cluster.ts';
import { getObject, kubectl } from '../node/kubectl.ts';
import type { InputOf, Outcome, Run } from '../run.ts';

const SECONDS = 120;

type Marks = Pick<InputOf<'label'>, 'labels' | 'taints' | 'removeLabels' | 'removeTaints'>;

export async function label(run: Run, input: InputOf<'label'>): Promise<Outcome> {
  const { target, peers } = input;
  const peer = await livingServer(run, peers.length === 0 ? [target] : peers);
  await run.step('label the node', SECONDS, (signal) =>
    run.until(signal, async () => {
      const node = await getObject(peer, 'node', target.name, { signal });
      if (node === undefined) throw Failure.input(`there is no Node "${target.name}"`);
      const patch = patchOf(node, input);
      if (patch === undefined) return { done: undefined };
      await kubectl(peer, ['patch', 'node', target.name, '--type=merge', '-p', JSON.stringify(patch)], {
        signal,
      });
      return { waiting: 'the node has been patched' };
    }),
  );
  return {};
}

/** The merge patch by which a node gets what it shall have; undefined when it has it. Another change meanwhile refuses it. */
export function patchOf(node: JsonObject, marks: Marks): JsonObject | undefined {
  const has = objectAt(node, 'metadata', 'labels') ?? {};
  const labels: JsonObject = {
    ...Object.fromEntries(Object.entries(marks.labels).filter(([name, value]) => has[name] !== value)),
    ...Object.fromEntries(marks.removeLabels.filter((name) => name in has).map((name) => [name, null])),
  };
  const before = listAt(node, 'spec', 'taints').filter(isObject);
  const taints = taintsOf(before, marks);
  const isTainted = same(before, taints);
  if (Object.keys(labels).length === 0 && isTainted) return undefined;
  const resourceVersion = textAt(node, 'metadata', 'resourceVersion');
  return {
    metadata: { ...(resourceVersion !== undefined && { resourceVersion }), labels },
    ...(!isTainted && { spec: { taints } }),
  };
}

/** Taints of others keep their place. */
function taintsOf(before: readonly JsonObject[], { taints, removeTaints }: Marks): JsonObject[] {
  const wanted = taints.map(parseTaint);
  const gone = new Set(removeTaints);
  const kept = before
    .filter((taint) => !gone.has(idOf(taint)))
    .map((taint) => {
      const like = wanted.find((one) => idOf(one) === idOf(taint));
      return like !== undefined && (textAt(taint, 'value') ?? '') !== (textAt(like, 'value') ?? '')
        ? like
        : taint;
    });
  const ids = new Set(kept.map(idOf));
  return [...kept, ...wanted.filter((taint) => !ids.has(idOf(taint)))];
}

/** What tells taints of one node apart. */
function idOf(taint: JsonObject): string {
  return `${textAt(taint, 'key') ?? ''}:${textAt(taint, 'effect') ?? ''}`;
}

/** `key=value:Effect` */
function parseTaint(text: string): JsonObject {
  const [, key = '', value = '', effect = ''] = /^([^=:]+)(?:=([^:]*))?:(\w+)$/.exec(text) ?? [];
  return { key, ...(value !== '' && { value }), effect };
}
