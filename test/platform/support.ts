/** Runs the platform's composer as the kernel does, with observed objects that say what a test wants. */
import type { Json, JsonObject, Manifest } from '../../functions/kernel/manifest.ts';
import { nameFor, NODE_LABEL, labelFor } from '../../functions/kernel/names.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { settle, type Settled } from '../../functions/kernel/settle.ts';
import type { Graph, Report } from '../../functions/kernel/graph.ts';
import { platformComposer } from '../../functions/platform/index.ts';

export interface Run {
  readonly graph: Graph;
  readonly settled: Settled;
  readonly report: Report;
  /** Keys of everything in the answer, sorted. */
  readonly keys: readonly string[];
}

/** One reconcile. `exists` says for each key whether the object is ready, or gives its whole status. */
export function reconcile(
  xr: Manifest,
  exists: ReadonlyMap<string, Manifest>,
  services: readonly Manifest[] = [],
): Run {
  const parsed = platformComposer.parse(xr);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const input = { xr, spec: parsed.spec, observed: observe(exists), required: { services } };
  const graph = platformComposer.plan(input);
  const settled = settle(xr, graph, input.observed, () => true);
  return {
    graph,
    settled,
    report: platformComposer.report(input, settled),
    keys: [...settled.desired.keys()].sort(),
  };
}

/** What Crossplane would observe of an answer: every object, ready but for the keys named. */
export function applied(
  settled: Settled,
  xr: Manifest,
  notReady: readonly string[] = [],
): Map<string, Manifest> {
  return new Map(
    [...settled.desired].map(([key, { manifest }]) => [
      key,
      {
        ...manifest,
        metadata: {
          ...manifest.metadata,
          name: nameFor(xr.metadata.name ?? '', key),
          labels: { ...manifest.metadata.labels, [NODE_LABEL]: labelFor(key) },
        },
        status: status(!notReady.includes(key)),
      },
    ]),
  );
}

function status(ready: boolean): JsonObject {
  const conditions: Json[] = [
    { type: 'Synced', status: 'True', reason: 'ReconcileSuccess' },
    { type: 'Ready', status: ready ? 'True' : 'False', reason: ready ? 'Available' : 'Unavailable' },
  ];
  return { conditions };
}

/** Reconciles until nothing changes, everything but `notReady` becoming ready at once; the keys new in each round. */
export function waves(
  xr: Manifest,
  notReady: readonly string[] = [],
  services: readonly Manifest[] = [],
): { readonly rounds: readonly (readonly string[])[]; readonly last: Run } {
  const rounds: string[][] = [];
  let exists = new Map<string, Manifest>();
  for (;;) {
    const run = reconcile(xr, exists, services);
    const made = run.keys.filter((key) => !exists.has(key));
    if (made.length === 0) return { rounds, last: run };
    rounds.push(made);
    exists = applied(run.settled, xr, notReady);
  }
}

/** An XDataService of the cluster acme. */
export function service(engine: string, region: string, cluster = 'acme'): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XDataService',
    metadata: { name: `orders-${region}`, labels: { 'crossplane.io/claim-namespace': 'acme-platform' } },
    spec: { engine, clusterRef: { name: cluster }, placement: { primary: region } },
  };
}
