/** Laws of the kernel alone, over graphs that no domain would think of: small, so that thousands can be tried. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Graph, Node } from '../../../functions/kernel/graph.ts';
import { same, textAt, type Manifest } from '../../../functions/kernel/manifest.ts';
import { nameFor } from '../../../functions/kernel/names.ts';
import { isReady, observe } from '../../../functions/kernel/observed.ts';
import { settle, type Settled } from '../../../functions/kernel/settle.ts';
import { runs } from './claims.ts';

const xr: Manifest = {
  apiVersion: 'platform.openova.io/v1alpha1',
  kind: 'XThing',
  metadata: { name: 'acme' },
};
const KEYS = ['a', 'b', 'c', 'd', 'e', 'f'] as const;

/** A node in few words. */
interface Plan {
  readonly key: string;
  /** Keys before its own that it waits for: so there is no circle. */
  readonly after: readonly string[];
  readonly size: number;
  readonly orphan: boolean;
  readonly frozen: boolean;
  readonly once: boolean;
  readonly follows: boolean;
  readonly scales: boolean;
  /** Whether a Usage protects the last one it waits for as long as it is there. */
  readonly uses: boolean;
}

const plans: fc.Arbitrary<readonly Plan[]> = fc
  .tuple(
    ...KEYS.map((key, index) =>
      fc.record({
        key: fc.constant(key),
        after: fc.subarray(KEYS.slice(0, index)),
        size: fc.nat(3),
        orphan: fc.boolean(),
        frozen: fc.boolean(),
        once: fc.boolean(),
        follows: fc.boolean(),
        scales: fc.boolean(),
        uses: fc.boolean(),
      }),
    ),
  )
  .chain((all) => fc.subarray(all, { minLength: 1 }));

/** The nodes of plans; a Usage only between two that are there. */
function nodesOf(planned: readonly Plan[]): Node[] {
  const known = new Set(planned.map(({ key }) => key));
  return planned.flatMap(({ key, after, size, orphan, frozen, once, follows, scales, uses }): Node[] => {
    const waits = after.filter((other) => known.has(other));
    const flags = { ...(once && { once }), ...(follows && { follows }), ...(scales && { scales }) };
    const node: Node = {
      key,
      after: waits,
      ...flags,
      ...(frozen && { frozen: ['spec.size'] }),
      manifest: {
        apiVersion: 'example.org/v1',
        kind: 'Thing',
        spec: { size, deletionPolicy: orphan ? 'Orphan' : 'Delete' },
      },
    };
    const of = waits.at(-1);
    if (!uses || of === undefined) return [node];
    const subject = (name: string) => ({
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      resourceRef: { name: nameFor('acme', name) },
    });
    const usage: Node = {
      // What it protects is in its key, as in the domain.
      key: `usage/${of}/${key}`,
      after: [of, key],
      ...flags,
      manifest: {
        apiVersion: 'protection.crossplane.io/v1beta1',
        kind: 'ClusterUsage',
        spec: { of: subject(of), by: subject(key), reason: 'it uses it' },
      },
    };
    return [node, usage];
  });
}

type World = ReadonlyMap<string, Manifest>;

function withReady(object: Manifest, ready: boolean): Manifest {
  return { ...object, status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] } };
}

/** The world after core has applied an answer; what is new is not ready. */
function applied(before: World, { desired }: Settled): World {
  return new Map(
    [...desired].map(([key, { manifest }]) => {
      const had = before.get(key);
      return [key, had === undefined ? withReady(manifest, false) : { ...manifest, status: had['status'] }];
    }),
  );
}

/** Some objects change their minds about being ready. */
function flapped(world: World, bits: number): World {
  return new Map(
    [...world].map(([key, object], index) => [key, withReady(object, (bits >> (index % 16)) % 2 === 0)]),
  );
}

const allReady = (world: World): World =>
  new Map([...world].map(([key, object]) => [key, withReady(object, true)]));

const served = () => true;
/** Generous: the machine may be busy with other things. */
const TIMEOUT = { timeout: 300_000 };

/** Reconciles until nothing changes, everything becoming ready in between; undefined when it does not come to rest. */
function rested(
  graph: Graph,
  start: World,
  look: (before: World, settled: Settled) => void = () => undefined,
) {
  let world = start;
  for (let round = 0; round < 60; round += 1) {
    const settled = settle(xr, graph, observe(world), served);
    look(world, settled);
    const next = allReady(applied(world, settled));
    if (next.size === world.size && [...next].every(([key, object]) => same(object, world.get(key))))
      return { world, settled };
    world = next;
  }
  return undefined;
}

const histories = fc.record({
  first: plans,
  /** What the spec becomes. */
  second: plans,
  /** Rounds lived with each before anybody looks, and how things flap meanwhile. */
  flaps: fc.array(fc.nat(0xffff), { maxLength: 8 }),
});

/** Every world of a history, with what was answered in it. */
function lived(
  { first, second, flaps }: { first: readonly Plan[]; second: readonly Plan[]; flaps: readonly number[] },
  more: Partial<Graph> = {},
) {
  const seen: { before: World; settled: Settled; graph: Graph }[] = [];
  const built = rested({ nodes: nodesOf(first) }, new Map(), (before, settled) =>
    seen.push({ before, settled, graph: { nodes: nodesOf(first) } }),
  );
  const graph: Graph = { nodes: nodesOf(second), ...more };
  let world = built?.world ?? new Map<string, Manifest>();
  for (const bits of flaps) {
    world = flapped(world, bits);
    const settled = settle(xr, graph, observe(world), served);
    seen.push({ before: world, settled, graph });
    world = applied(world, settled);
  }
  return { seen, world, graph, built };
}

describe('Order', () => {
  it('nothing is made before all that it waits for is ready', TIMEOUT, () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { before, settled, graph } of lived(history).seen)
          for (const { key, after = [] } of graph.nodes) {
            if (before.has(key) || !settled.desired.has(key)) continue;
            for (const other of after) {
              const name = typeof other === 'string' ? other : other.key;
              const object = before.get(name);
              expect(object && isReady(object), `${key} after ${name}`).toBe(true);
            }
          }
      }),
      runs(500),
    );
  });
});

describe('Latch', () => {
  it('what exists and is wanted stays, whatever flaps', TIMEOUT, () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { before, settled, graph } of lived(history).seen)
          for (const { key } of graph.nodes)
            expect(!before.has(key) || settled.desired.has(key), key).toBe(true);
      }),
      runs(500),
    );
  });
});

describe('Freeze', () => {
  it('a frozen field keeps the value it was made with, and so does all that is made once', TIMEOUT, () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { before, settled, graph } of lived(history).seen)
          for (const { key, frozen = [], once } of graph.nodes) {
            const [was, is] = [before.get(key), settled.desired.get(key)?.manifest];
            if (was === undefined || is === undefined) continue;
            if (once) expect(is['spec'], key).toEqual(was['spec']);
            else if (frozen.length > 0) expect(is['spec'], key).toMatchObject({ size: sizeOf(was) });
          }
      }),
      runs(500),
    );
  });
});

function sizeOf({ spec }: Manifest): unknown {
  return typeof spec === 'object' && spec !== null && 'size' in spec ? spec['size'] : undefined;
}

describe('Decommission', () => {
  it(
    'what leaves goes after all that was made after it, after its Usages, and never as an orphan',
    TIMEOUT,
    () => {
      fc.assert(
        fc.property(histories, (history) => {
          for (const { before, settled, graph } of lived(history).seen) {
            const wanted = new Set(graph.nodes.map(({ key }) => key));
            for (const [key, object] of before) {
              if (settled.desired.has(key)) continue;
              expect(textAt(object, 'spec', 'deletionPolicy'), key).not.toBe('Orphan');
              for (const [other, user] of before) {
                const of = textAt(user, 'spec', 'of', 'resourceRef', 'name');
                expect(of === object.metadata.name, `${key} under ${other}`).toBe(false);
                const after = (user.metadata.annotations?.['platform.openova.io/after'] ?? '').split(',');
                const own = textAt(user, 'spec', 'by', 'resourceRef', 'name') === object.metadata.name;
                if (!wanted.has(other) && !own)
                  expect(after.includes(key), `${key} before ${other}`).toBe(false);
                const by = textAt(object, 'spec', 'by', 'resourceRef', 'name');
                if (!wanted.has(other))
                  expect(by === user.metadata.name, `${key} before its user`).toBe(false);
              }
            }
          }
        }),
        runs(500),
      );
    },
  );

  it('every change of mind comes to its end: all that is wanted is there, all else is gone', TIMEOUT, () => {
    fc.assert(
      fc.property(histories, (history) => {
        const { world, graph } = lived(history);
        const end = rested(graph, allReady(world));
        expect([...(end?.world.keys() ?? [])].sort()).toEqual(graph.nodes.map(({ key }) => key).sort());
        expect(end?.settled.ready).toBe(true);
      }),
      runs(500),
    );
  });
});

describe('Honest answer', () => {
  it('with a problem everything stays as it is, and nothing is new', TIMEOUT, () => {
    const problems = [{ field: 'spec.size', message: 'is 0' }];
    fc.assert(
      fc.property(histories, (history) => {
        for (const { before, settled, graph } of lived(history, { problems }).seen) {
          if (graph.problems === undefined) continue;
          expect([...settled.desired.keys()].sort()).toEqual([...before.keys()].sort());
          for (const [key, { manifest }] of settled.desired)
            expect(manifest['spec'], key).toEqual(before.get(key)?.['spec']);
        }
      }),
      runs(300),
    );
  });
});

describe('Consent', () => {
  const release = { running: '0.1', wanted: '0.1', installed: '0.2' };

  it('a newer package alone changes only what follows it and makes only what scales', TIMEOUT, () => {
    fc.assert(
      fc.property(histories, (history) => {
        for (const { before, settled, graph } of lived(history, { release }).seen) {
          if (graph.release === undefined) continue;
          const nodes = new Map(graph.nodes.map((node) => [node.key, node]));
          for (const [key, object] of before) {
            const is = settled.desired.get(key)?.manifest;
            if (nodes.get(key)?.follows !== true) expect(is?.['spec'], key).toEqual(object['spec']);
          }
          for (const key of settled.desired.keys()) {
            const { follows, scales } = nodes.get(key) ?? {};
            const lost = [...before.values()].some(({ metadata }) =>
              (metadata.annotations?.['platform.openova.io/after'] ?? '').split(',').includes(key),
            );
            if (!before.has(key) && !lost) expect(follows === true || scales === true, key).toBe(true);
          }
        }
      }),
      runs(500),
    );
  });

  it(
    'what runs is as ready as before, and the newer package comes to its end when it is asked for',
    TIMEOUT,
    () => {
      fc.assert(
        fc.property(histories, (history) => {
          const { built, graph } = lived({ ...history, flaps: [] }, { release });
          if (built === undefined) throw new Error('the first does not come to rest');
          const alone = rested(graph, built.world);
          expect(alone?.settled.ready).toBe(true);
          const asked = { ...graph, release: { ...release, wanted: '0.2' } };
          const end = rested(asked, alone?.world ?? built.world);
          expect([...(end?.world.keys() ?? [])].sort()).toEqual(graph.nodes.map(({ key }) => key).sort());
        }),
        runs(300),
      );
    },
  );
});

describe('Served', () => {
  it('a kind is made only where it exists already or was found to be served', TIMEOUT, () => {
    fc.assert(
      fc.property(histories, fc.boolean(), (history, usages) => {
        const isServed = (kind: string) => usages === kind.includes('ClusterUsage');
        const { world, graph } = lived(history);
        const settled = settle(xr, graph, observe(world), isServed);
        const proven = new Set([...world.values()].map(({ kind }) => kind));
        for (const [key, { manifest }] of settled.desired) {
          const kind = `${manifest.apiVersion}/${manifest.kind}`;
          expect(world.has(key) || proven.has(manifest.kind) || isServed(kind), key).toBe(true);
          expect(settled.unserved).not.toContain(world.has(key) ? kind : undefined);
        }
      }),
      runs(300),
    );
  });
});
