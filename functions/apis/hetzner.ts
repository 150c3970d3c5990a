/** Facts about Hetzner Cloud that the schemas' rules need. */

/** Locations and their network zones; a private network lies in one zone. Source: Hetzner's location list, 2026-11. */
const NETWORK_ZONES = {
  ash: 'us-east',
  fsn1: 'eu-central',
  hel1: 'eu-central',
  hil: 'us-west',
  nbg1: 'eu-central',
  sin: 'ap-southeast',
} as const;

export const LOCATIONS: readonly string[] = Object.keys(NETWORK_ZONES).sort();

const zones = new Map<string, string>(Object.entries(NETWORK_ZONES));

/** The network zone of a location; undefined for one that Hetzner does not have. */
export function networkZone(location: string): string | undefined {
  return zones.get(location);
}

/** Servers and load balancers that one network can hold. Source: Hetzner's limits, 2026-11. */
export const NETWORK_SIZE = 100;

/** Arm machine types begin so; all others are amd64. Source: Hetzner's server types, 2026-11. */
export const ARM_PREFIX = 'cax';

export type Architecture = 'amd64' | 'arm64';

export function architectureOf(serverType: string): Architecture {
  return serverType.startsWith(ARM_PREFIX) ? 'arm64' : 'amd64';
}
