/** What regions and data services need of memory, what the machines have, and what it costs. */
import type { RegionSpec } from '../apis/region.ts';
import { isObject, listAt, numberAt, textAt, type JsonObject } from '../kernel/manifest.ts';
import {
  addCosts,
  costOf,
  euros,
  memoryOf,
  monthlyCost,
  PRICED_AT,
  UNKNOWN,
  type Cost,
  type Parts,
} from './hetzner.ts';

/** What Kubernetes and the platform take; see the catalogue's footprints. */
export interface Footprint {
  /** K3s and all components on all machines, in MiB. */
  readonly memoryMiB: number;
  /** The size of each volume that its components claim, in GB. */
  readonly volumesGb: readonly number[];
}

export interface Memory {
  readonly needed: number;
  /** Undefined where the size of a machine is not known: existing machines, and types that the table does not have. */
  readonly available: number | undefined;
}

export interface Estimate {
  readonly memoryMiB: Memory;
  /** All volumes together. */
  readonly volumesGb: number;
  readonly cost: Cost;
  /** The day that the prices are of. */
  readonly pricedAt: string;
}

/** The first type of each machine, once per machine: servers, then pools by name. */
export function machineTypes({ controlPlane, pools }: Pick<RegionSpec, 'controlPlane' | 'pools'>): string[] {
  const repeated = (count: number, types: readonly string[]) =>
    Array.from({ length: count }, () => types[0] ?? UNKNOWN);
  return [
    ...repeated(controlPlane.count, controlPlane.serverTypes),
    ...[...pools]
      .sort((left, right) => (left.name < right.name ? -1 : 1))
      .flatMap(({ count, serverTypes }) => repeated(count, serverTypes)),
  ];
}

/** What Hetzner charges for a region; `types` are those of its machines, where they are known better than from the spec. */
export function partsOf(spec: RegionSpec, footprint: Footprint, types = machineTypes(spec)): Parts {
  return {
    location: spec.location,
    servers: types,
    ipv4: types.length,
    loadBalancers: spec.loadBalancer.type === 'cloud' ? [spec.loadBalancer.size] : [],
    volumesGb: footprint.volumesGb,
  };
}

/**
 * The estimate of one region.
 * @param types of its machines, where some were made with another type than the first of the spec.
 */
export function estimateRegion(spec: RegionSpec, footprint: Footprint, types = machineTypes(spec)): Estimate {
  const memories = types.map(memoryOf);
  const existing = spec.cloud.provider === 'existing';
  return {
    memoryMiB: {
      needed: footprint.memoryMiB,
      available: sumKnown(memories),
    },
    volumesGb: sum(footprint.volumesGb),
    cost: existing
      ? { cents: 0, unknown: ['existing machines'] }
      : monthlyCost(partsOf(spec, footprint, types)),
    pricedAt: PRICED_AT,
  };
}

/** Machines and what lives on them: memory that is needed, volumes and cost of all, on the memory that there is. */
export function withWorkloads(machines: Estimate, workloads: readonly Estimate[]): Estimate {
  const all = addEstimates([machines, ...workloads]);
  return { ...all, memoryMiB: { ...all.memoryMiB, available: machines.memoryMiB.available } };
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** The sum, where all of it is known. */
function sumKnown(numbers: readonly (number | undefined)[]): number | undefined {
  return numbers.every((one) => one !== undefined) ? sum(numbers) : undefined;
}

/** Several regions' estimates as one: sums, unknown as soon as one part is, priced on the earliest day. */
export function addEstimates(estimates: readonly Estimate[]): Estimate {
  return {
    memoryMiB: {
      needed: sum(estimates.map(({ memoryMiB }) => memoryMiB.needed)),
      available: sumKnown(estimates.map(({ memoryMiB }) => memoryMiB.available)),
    },
    volumesGb: sum(estimates.map(({ volumesGb }) => volumesGb)),
    cost: addCosts(estimates.map(({ cost }) => cost)),
    pricedAt: estimates.map(({ pricedAt }) => pricedAt).sort()[0] ?? PRICED_AT,
  };
}

/** Whether the machines hold what was chosen; undefined where their size is not known. */
export function isSufficient({ memoryMiB: { needed, available } }: Estimate): boolean | undefined {
  return available === undefined ? undefined : available >= needed;
}

/** The cost as a person reads it, with what has no price where it is not known. */
export function costWords({ cost, pricedAt }: Estimate): string {
  if (cost.unknown.length > 0) return `EUR per month unknown: no price for ${cost.unknown.join(', ')}`;
  return `${euros(cost)} EUR per month (prices of ${pricedAt})`;
}

/** `status.estimate` of a cluster, region or data service. */
export function estimateStatus({
  memoryMiB: { needed, available },
  volumesGb,
  cost,
  pricedAt,
}: Estimate): JsonObject {
  return {
    memoryMiB: { needed, ...(available !== undefined && { available }) },
    volumesGB: volumesGb,
    monthlyEUR: euros(cost),
    ...(cost.unknown.length > 0 && { unpriced: [...cost.unknown] }),
    pricedAt,
  };
}

/** The estimate that `estimateStatus` wrote; undefined for anything else. */
export function estimateOf(status: unknown): Estimate | undefined {
  if (!isObject(status)) return undefined;
  const needed = numberAt(status, 'memoryMiB', 'needed');
  const amount = textAt(status, 'monthlyEUR');
  const pricedAt = textAt(status, 'pricedAt');
  if (needed === undefined || amount === undefined || pricedAt === undefined) return undefined;
  return {
    memoryMiB: { needed, available: numberAt(status, 'memoryMiB', 'available') },
    volumesGb: numberAt(status, 'volumesGB') ?? 0,
    cost: costOf(
      amount,
      listAt(status, 'unpriced').filter((name) => typeof name === 'string'),
    ),
    pricedAt,
  };
}
