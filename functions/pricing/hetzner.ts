/**
 * What Hetzner Cloud charges. All prices are net of VAT, in EUR per month, since 2026-06-15.
 *
 * Source: a price list dated 2026-09-29, compared with the answers of the cloud's API on 2026-09-09. A machine that
 * exists keeps the price it was made with until it is rescaled or made again, so an older one may cost less.
 */
import { networkZone, type Architecture } from '../apis/hetzner.ts';

/** The day that the prices below are of. */
export const PRICED_AT = '2026-09-29';

/** Shown where a price is not known: never zero. */
export const UNKNOWN = 'unknown';

/** Hetzner's price areas: its network zones, with both American ones together. */
export type Area = 'eu' | 'us' | 'sin';

export interface ServerType {
  readonly vcpu: number;
  readonly memoryMiB: number;
  readonly diskGb: number;
  readonly architecture: Architecture;
  /** Cents per month, without an IPv4 address, where the type is sold. */
  readonly cents: Readonly<Partial<Record<Area, number>>>;
}

function type(
  vcpu: number,
  memoryGb: number,
  diskGb: number,
  cents: ServerType['cents'],
  architecture: Architecture = 'amd64',
): ServerType {
  return { vcpu, memoryMiB: memoryGb * 1024, diskGb, architecture, cents };
}

/** Server types that are sold. cx22 to cx52 are gone; cpx11 to cpx51 are left in the United States alone. */
export const SERVER_TYPES: Readonly<Partial<Record<string, ServerType>>> = {
  cx23: type(2, 4, 40, { eu: 549 }),
  cx33: type(4, 8, 80, { eu: 849 }),
  cx43: type(8, 16, 160, { eu: 1599 }),
  cx53: type(16, 32, 320, { eu: 2949 }),
  cax11: type(2, 4, 40, { eu: 599 }, 'arm64'),
  cax21: type(4, 8, 80, { eu: 1049 }, 'arm64'),
  cax31: type(8, 16, 160, { eu: 2099 }, 'arm64'),
  cax41: type(16, 32, 320, { eu: 4099 }, 'arm64'),
  cpx12: type(1, 2, 40, { eu: 1149, sin: 1549 }),
  cpx22: type(2, 4, 80, { eu: 1949, sin: 2649 }),
  cpx32: type(4, 8, 160, { eu: 3549, sin: 4899 }),
  cpx42: type(8, 16, 320, { eu: 6949, sin: 9349 }),
  cpx52: type(12, 24, 480, { eu: 10049, sin: 13449 }),
  cpx62: type(16, 32, 640, { eu: 12999, sin: 17199 }),
  // Sizes of the five older types: Hetzner's list of server types as of 2025; the price list has none.
  cpx11: type(2, 2, 40, { us: 1749 }),
  cpx21: type(3, 4, 80, { us: 3199 }),
  cpx31: type(4, 8, 160, { us: 6249 }),
  cpx41: type(8, 16, 240, { us: 12049 }),
  cpx51: type(16, 32, 360, { us: 23799 }),
  ccx13: type(2, 8, 80, { eu: 4299 }),
  ccx23: type(4, 16, 160, { eu: 8599 }),
  ccx33: type(8, 32, 240, { eu: 13849 }),
  ccx43: type(16, 64, 360, { eu: 27599 }),
  ccx53: type(32, 128, 600, { eu: 53349 }),
};

/** Cents per month. lb21 and lb31 are sold too, for prices that no source of ours has. */
const LOAD_BALANCERS: Readonly<Partial<Record<string, ServerType['cents']>>> = { lb11: { eu: 749 } };

/** One primary IPv4 address, cents per month. */
const IPV4 = 50;

/** A volume, hundredths of a cent per GB and month: 0.0572 EUR. */
const VOLUME_GB = 572;

/** The least that a volume can hold, in GB; smaller claims are rounded up by the cloud. */
const SMALLEST_VOLUME = 10;

/** What is paid for. */
export interface Parts {
  /** Location of all of it, such as `fsn1`. */
  readonly location: string | undefined;
  /** The type of each server; one that is not in the table has no price and no size. */
  readonly servers: readonly string[];
  /** Public IPv4 addresses of servers; a load balancer's own are in its price. */
  readonly ipv4: number;
  /** The type of each load balancer. */
  readonly loadBalancers: readonly string[];
  /** The size of each volume in GB. */
  readonly volumesGb: readonly number[];
}

/** A monthly cost, net. */
export interface Cost {
  /** What is known of it, in cents. */
  readonly cents: number;
  /** What has no price in the table, sorted, such as `lb31` or `cx33 in ash`. */
  readonly unknown: readonly string[];
}

/** The price area of a location; undefined where Hetzner has none. */
export function areaOf(location: string | undefined): Area | undefined {
  const zone = networkZone(location ?? '');
  if (zone === undefined) return undefined;
  if (zone === 'ap-southeast') return 'sin';
  return zone === 'eu-central' ? 'eu' : 'us';
}

/** The memory of a server type in MiB; undefined for one that the table does not have. */
export function memoryOf(serverType: string): number | undefined {
  return SERVER_TYPES[serverType]?.memoryMiB;
}

/** The sum of all parts, and the names of those whose price is not known. */
export function monthlyCost({ location, servers, ipv4, loadBalancers, volumesGb }: Parts): Cost {
  const area = areaOf(location);
  const priced = [
    ...servers.map((name) => ({ name, cents: SERVER_TYPES[name]?.cents })),
    ...loadBalancers.map((name) => ({ name, cents: LOAD_BALANCERS[name] })),
  ].map(({ name, cents }) => ({
    name: cents === undefined ? name : `${name} in ${location ?? 'no location'}`,
    cents: area === undefined ? undefined : cents?.[area],
  }));
  return {
    cents: priced.reduce((sum, { cents = 0 }) => sum + cents, ipv4 * IPV4) + centsOfVolumes(volumesGb),
    unknown: distinct(priced.flatMap(({ name, cents }) => (cents === undefined ? [name] : []))),
  };
}

/** What volumes of these sizes cost, in cents. */
export function centsOfVolumes(volumesGb: readonly number[]): number {
  const volumes = volumesGb.reduce((sum, size) => sum + Math.max(size, SMALLEST_VOLUME) * VOLUME_GB, 0);
  return Math.round(volumes / 100);
}

/** Several costs as one. */
export function addCosts(costs: readonly Cost[]): Cost {
  return {
    cents: costs.reduce((sum, { cents }) => sum + cents, 0),
    unknown: distinct(costs.flatMap(({ unknown }) => unknown)),
  };
}

/** An amount as `118.42`; `unknown` as soon as one part of it is. */
export function euros({ cents, unknown }: Cost): string {
  if (unknown.length > 0) return UNKNOWN;
  return `${Math.floor(cents / 100)}.${String(cents % 100).padStart(2, '0')}`;
}

/** The cost that `euros` wrote, and what had no price where it wrote none. */
export function costOf(amount: string, unpriced: readonly string[] = []): Cost {
  const match = /^([0-9]+)\.([0-9]{2})$/.exec(amount);
  if (match === null) return { cents: 0, unknown: unpriced.length === 0 ? [UNKNOWN] : unpriced };
  return { cents: Number(match[1]) * 100 + Number(match[2]), unknown: [] };
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)].sort();
}
