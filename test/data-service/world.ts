/** A control plane that knows one data service: it applies what the function answers, and lets things become ready. */
import type { DataServiceSpec } from '../../functions/apis/data-service.ts';
import { dataServiceComposer } from '../../functions/data-service/index.ts';
import type { Condition, Graph, Input, Report } from '../../functions/kernel/graph.ts';
import { isObject, type JsonObject, type Manifest } from '../../functions/kernel/manifest.ts';
import { observe } from '../../functions/kernel/observed.ts';
import { settle, type Settled } from '../../functions/kernel/settle.ts';

export const NAMESPACE = 'acme-platform';
const CLAIM = { 'crossplane.io/claim-name': 'acme', 'crossplane.io/claim-namespace': NAMESPACE };

export const ARCHIVAL = {
  provider: 'r2',
  bucket: 'acme-archive',
  endpoint: 'https://account.r2.cloudflarestorage.com',
  secretRef: { name: 'acme-r2' },
};

export interface RegionOptions {
  readonly name?: string;
  readonly role?: string;
  /** Left out for a region that was claimed alone. */
  readonly cluster?: string | undefined;
  readonly archival?: JsonObject | undefined;
  readonly release?: string;
  readonly provider?: string;
}

export function regionNamed({ name = 'fsn', role = 'primary', ...rest }: RegionOptions = {}): Manifest {
  const cluster = 'cluster' in rest ? rest.cluster : 'acme';
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XOpenOvaRegion',
    metadata: { name: `acme-abcde-${name}`, labels: CLAIM },
    spec: {
      name,
      role,
      cloud: { provider: rest.provider ?? 'hetzner' },
      ...(cluster !== undefined && { cluster: { name: cluster } }),
      ...(rest.archival && { archival: rest.archival }),
    },
    ...(rest.release !== undefined && { status: { release: rest.release } }),
  };
}

export function platformOf(region: Manifest, operators: readonly string[]): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XOpenOvaPlatform',
    metadata: {
      name: `${region.metadata.name ?? ''}-platform`,
      labels: CLAIM,
      ownerReferences: [
        {
          apiVersion: region.apiVersion,
          kind: region.kind,
          name: region.metadata.name ?? '',
          controller: true,
        },
      ],
    },
    spec: {},
    status: { operators: [...operators] },
  };
}

export function serviceOf(spec: JsonObject = {}, metadata: Manifest['metadata'] = {}): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XDataService',
    metadata: {
      name: 'orders-x7k2p',
      labels: { 'crossplane.io/claim-name': 'orders', 'crossplane.io/claim-namespace': NAMESPACE },
      ...metadata,
    },
    spec: { clusterRef: { name: 'acme' }, engine: 'postgres', ...spec },
  };
}

export interface World {
  readonly xr: Manifest;
  readonly objects: ReadonlyMap<string, Manifest>;
  readonly regions: readonly Manifest[];
  readonly platforms: readonly Manifest[];
}

export const BOTH = ['cnpg', 'cnpg-barman-plugin'];

/** A service that nothing was made of yet, in one region. */
export function worldOf({
  spec = {},
  region = {},
  operators = BOTH,
}: { spec?: JsonObject; region?: RegionOptions; operators?: readonly string[] } = {}): World {
  const home = regionNamed(region);
  return {
    xr: serviceOf(spec),
    objects: new Map(),
    regions: [home],
    platforms: [platformOf(home, operators)],
  };
}

export interface Answer {
  readonly graph: Graph;
  readonly settled: Settled;
  readonly report: Report;
}

/** What the function answers; throws where the input does not parse. */
export function ask({ xr, objects, regions, platforms }: World): Answer {
  const parsed = dataServiceComposer.parse(xr);
  if (!parsed.ok)
    throw new Error(parsed.problems.map(({ field, message }) => `${field} ${message}`).join('; '));
  const input: Input<DataServiceSpec> = {
    xr,
    spec: parsed.spec,
    observed: observe(objects),
    required: { regions, platforms },
  };
  const graph = dataServiceComposer.plan(input);
  const settled = settle(xr, graph, input.observed, () => true);
  return { graph, settled, report: dataServiceComposer.report(input, settled) };
}

/** How objects become what they are asked to be; by default all work. */
export type Live = (key: string, object: Manifest) => JsonObject;

export const works: Live = (_key, { spec }) => ({
  conditions: [
    { type: 'Ready', status: 'True' },
    { type: 'Synced', status: 'True' },
  ],
  ...(isObject(spec) && isObject(spec['forProvider']) && isObject(spec['forProvider']['manifest'])
    ? { atProvider: { manifest: spec['forProvider']['manifest'] } }
    : {}),
});

/** One reconcile: what is desired is applied, the rest goes. */
export function step(world: World, live: Live = works): World {
  const { settled, report } = ask(world);
  const objects = new Map(
    [...settled.desired].map(([key, { manifest }]) => [key, { ...manifest, status: live(key, manifest) }]),
  );
  return { ...world, objects, xr: { ...world.xr, status: report.status } };
}

/** Reconciles until nothing changes. */
export function play(world: World, live: Live = works): World {
  let now = world;
  for (let round = 0; round < 20; round += 1) {
    const next = step(now, live);
    if (JSON.stringify([...next.objects, next.xr]) === JSON.stringify([...now.objects, now.xr])) return next;
    now = next;
  }
  throw new Error('does not come to rest');
}

/** In how many reconciles each key first appeared. */
export function waves(world: World, live: Live = works): string[][] {
  const seen = new Set<string>();
  const found: string[][] = [];
  let now = world;
  for (let round = 0; round < 20; round += 1) {
    now = step(now, live);
    const fresh = [...now.objects.keys()].filter((key) => !seen.has(key)).sort();
    if (fresh.length === 0) return found;
    fresh.forEach((key) => seen.add(key));
    found.push(fresh);
  }
  return found;
}

export function conditionIn({ conditions }: Report, type: string): Condition | undefined {
  return conditions.find((condition) => condition.type === type);
}
