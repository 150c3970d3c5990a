/** What is sent: the requests that Crossplane makes about a region, recorded from the simulator. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Ready, type Resource, type RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import { parse } from 'yaml';
import { DEFINITIONS, refuses, worldOf } from '../functions/cli/scene.ts';
import { runFunction } from '../functions/functions.ts';
import {
  isManifest,
  isObject,
  listAt,
  textAt,
  withField,
  type Manifest,
} from '../functions/kernel/manifest.ts';
import { inProcess } from '../functions/simulator/call.ts';
import { simulate } from '../functions/simulator/simulate.ts';

export interface Sample {
  /** Observed resources in the request. */
  readonly n: number;
  readonly request: RunFunctionRequest;
}

/** A region that has just begun, a large one, and more than a region should have. */
export const SIZES = [12, 120, 500] as const;

const CLAIM = join(import.meta.dirname, '../examples/region.yaml');
const POOL = 'general';

/**
 * Requests about a complete region with that many observed resources: the example with as many machines as it takes.
 * What is missing to the number are objects of another pipeline step; what is smaller than any complete region is the
 * same region on its way.
 */
export async function regionRequests(sizes: readonly number[]): Promise<Sample[]> {
  // Ten more machines, because the eleventh brings a placement group.
  const [small, larger] = [await requestsFor(1), await requestsFor(11)];
  const base = sizeOf(last(small));
  const step = (sizeOf(last(larger)) - base) / 10;
  const samples: Sample[] = [];
  for (const n of sizes) {
    const machines = 1 + Math.floor((n - base) / step);
    const request = last(
      machines < 1 ? small.filter((one) => sizeOf(one) <= n) : await requestsFor(machines),
    );
    if (sizeOf(request) > n) throw new Error(`a region of ${machines} machines is more than ${n} resources`);
    samples.push({ n, request: filledUp(request, n) });
  }
  return samples;
}

/** What the function was asked about the region until everything was ready, in order. */
async function requestsFor(machines: number): Promise<RunFunctionRequest[]> {
  const asked: RunFunctionRequest[] = [];
  const call = inProcess(runFunction);
  await simulate(
    {
      definitions: DEFINITIONS,
      refuses,
      call: (request) => {
        const composite: unknown = request.observed?.composite?.resource;
        if (isManifest(composite) && composite.kind === 'XOpenOvaRegion') asked.push(request);
        return call(request);
      },
    },
    worldOf([], [claimWith(machines)]),
  );
  return asked;
}

function claimWith(machines: number): Manifest {
  const claim: unknown = parse(readFileSync(CLAIM, 'utf8'));
  if (!isManifest(claim)) throw new Error(`"${CLAIM}" holds no Kubernetes object`);
  const pools = listAt(claim, 'spec', 'pools')
    .filter(isObject)
    .map((pool) => (textAt(pool, 'name') === POOL ? { ...pool, count: machines } : pool));
  const wanted = withField(claim, ['spec', 'pools'], pools);
  if (!isManifest(wanted)) throw new Error('a claim stays an object');
  return wanted;
}

function filledUp(request: RunFunctionRequest, n: number): RunFunctionRequest {
  const { composite, resources } = request.observed ?? { composite: undefined, resources: {} };
  const missing = Array.from(
    { length: n - sizeOf(request) },
    (_, index) => [`other-${index}`, foreign(index)] as const,
  );
  return { ...request, observed: { composite, resources: { ...resources, ...Object.fromEntries(missing) } } };
}

function foreign(index: number): Resource {
  const metadata = { name: `other-${index}`, namespace: 'default' };
  return {
    resource: { apiVersion: 'v1', kind: 'ConfigMap', metadata },
    connectionDetails: {},
    ready: Ready.READY_UNSPECIFIED,
  };
}

function sizeOf(request: RunFunctionRequest): number {
  return Object.keys(request.observed?.resources ?? {}).length;
}

function last(requests: readonly RunFunctionRequest[]): RunFunctionRequest {
  const found = requests.at(-1);
  if (found === undefined) throw new Error('the function was never asked about the region');
  return found;
}
