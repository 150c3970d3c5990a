/**
 * Ranges of addresses for each region of a cluster, given once per region's name: what a region was made with is read
 * back from it, and a new one gets what is free. So neither the order of a list nor a region that comes or goes moves
 * another. docs/ranges.md says it with numbers:
 *
 * - subnet: the next free /20 of `network.cidr`; of a range smaller than a /19, the next free half
 * - pods and services: `network.podCidr` and `network.serviceCidr`, then the next free range of that size after it,
 *   within the same private block and beginning again at its start
 * - Cilium's cluster id: the smallest free number from 1
 *
 * "Free" is what overlaps nothing of another region, nor the private network. New regions are served by name.
 */
import { contains, isCidr4, overlaps, subnet } from '../apis/cidr.ts';
import { numberAt, textAt, type Manifest } from '../kernel/manifest.ts';

export interface Ranges {
  readonly subnetCidr: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
  readonly clusterId: number;
}

/** Ranges that are fixed already, by the claim or because the region exists. */
export type Fixed = { readonly [Field in keyof Ranges]?: Ranges[Field] | undefined };

/** What the claim says of the cluster's ranges. */
export interface Base {
  readonly cidr: string;
  readonly podCidr: string;
  readonly serviceCidr: string;
}

/** Why a region got no ranges: this field of the claim's `network` has no free range left for it. */
export interface Full {
  readonly full: 'cidr' | 'podCidr' | 'serviceCidr';
}

const SUBNET_PREFIX = 20;
/** Blocks of addresses that no public machine has. Sources: RFC 1918, RFC 6598. */
const PRIVATE = ['10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', '100.64.0.0/10'];

/** The ranges that an XOpenOvaRegion has. */
export function rangesOf(region: Manifest): Fixed {
  const range = (field: string) => {
    const value = textAt(region, 'spec', 'network', field);
    return value !== undefined && isCidr4(value) ? value : undefined;
  };
  return {
    subnetCidr: range('subnetCidr'),
    podCidr: range('podCidr'),
    serviceCidr: range('serviceCidr'),
    clusterId: numberAt(region, 'spec', 'network', 'clusterId'),
  };
}

/**
 * Ranges of every region of the claim.
 * @param wanted by name, what the claim fixes.
 * @param taken by name, what regions have that exist, also those on their way out.
 */
export function assignRanges(
  base: Base,
  wanted: ReadonlyMap<string, Fixed>,
  taken: ReadonlyMap<string, Fixed>,
): ReadonlyMap<string, Ranges | Full> {
  const known = new Map(
    [...wanted, ...taken].map(([name]) => [name, fixedOf(wanted.get(name), taken.get(name))]),
  );
  const assigned = new Map<string, Ranges | Full>();
  for (const name of [...wanted.keys()].sort()) {
    const others = [...known].filter(([other]) => other !== name).map(([, ranges]) => ranges);
    const ranges = assign(base, known.get(name) ?? {}, others);
    assigned.set(name, ranges);
    if (!('full' in ranges)) known.set(name, ranges);
  }
  return assigned;
}

function fixedOf(given: Fixed = {}, had: Fixed = {}): Fixed {
  return {
    subnetCidr: had.subnetCidr ?? given.subnetCidr,
    podCidr: had.podCidr ?? given.podCidr,
    serviceCidr: had.serviceCidr ?? given.serviceCidr,
    clusterId: had.clusterId ?? given.clusterId,
  };
}

function assign(base: Base, own: Fixed, others: readonly Fixed[]): Ranges | Full {
  const subnets = others.flatMap(({ subnetCidr }) => subnetCidr ?? []);
  const used = [
    base.cidr,
    ...others.flatMap(({ podCidr, serviceCidr }) => [podCidr ?? [], serviceCidr ?? []].flat()),
  ];
  const subnetCidr = own.subnetCidr ?? firstFree(subnetsOf(base.cidr), subnets);
  if (subnetCidr === undefined) return { full: 'cidr' };
  const podCidr = own.podCidr ?? firstFree(rangesFrom(base.podCidr), [...used, own.serviceCidr ?? []].flat());
  if (podCidr === undefined) return { full: 'podCidr' };
  const serviceCidr = own.serviceCidr ?? firstFree(rangesFrom(base.serviceCidr), [...used, podCidr]);
  if (serviceCidr === undefined) return { full: 'serviceCidr' };
  const ids = new Set(others.map(({ clusterId }) => clusterId));
  let clusterId = own.clusterId ?? 1;
  while (own.clusterId === undefined && ids.has(clusterId)) clusterId += 1;
  return { subnetCidr, podCidr, serviceCidr, clusterId };
}

function firstFree(candidates: Iterable<string>, used: readonly string[]): string | undefined {
  for (const candidate of candidates) if (!used.some((range) => overlaps(range, candidate))) return candidate;
  return undefined;
}

function prefixOf(cidr: string): number {
  return Number(cidr.split('/')[1]);
}

function* subnetsOf(cidr: string): Generator<string> {
  const prefix = Math.min(Math.max(SUBNET_PREFIX, prefixOf(cidr) + 1), 32);
  for (let index = 0; ; index += 1) {
    const range = subnet(cidr, prefix, index);
    if (range === undefined) return;
    yield range;
  }
}

/** The range itself, then those of its size that follow it in its block, then those before it. */
function* rangesFrom(cidr: string): Generator<string> {
  const block = PRIVATE.find((one) => contains(one, cidr)) ?? cidr;
  const prefix = prefixOf(cidr);
  const count = 2 ** (prefix - prefixOf(block));
  const first = indexIn(block, cidr);
  for (let step = 0; step < count; step += 1) {
    const range = subnet(block, prefix, (first + step) % count);
    if (range !== undefined) yield range;
  }
}

/** Which of the ranges of its size it is in a block. */
function indexIn(block: string, cidr: string): number {
  const value = (range: string) =>
    (range.split('/')[0] ?? '').split('.').reduce((sum, part) => sum * 256 + Number(part), 0);
  return (value(cidr) - value(block)) / 2 ** (32 - prefixOf(cidr));
}
