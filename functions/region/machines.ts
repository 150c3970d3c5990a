/** Which machines a region has: pool, ordinal, generation. Never by position in a list. */
import type { RegionSpec } from '../apis/region.ts';
import { hostOf } from '../apis/cidr.ts';
import { conditionOf, numberAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION, nameFor, sha256 } from '../kernel/names.ts';
import type { Observed } from '../kernel/observed.ts';

/** The pool of the servers; no pool of a claim may have this name. */
export const CONTROL_PLANE = 'control-plane';
/** Machines are not replaced yet, so there is one generation. */
const GENERATION = 1;
/** The first addresses of a subnet: gateway, load balancer, reserve. The first is Hetzner's own. */
const FIRST_HOST = 11;
const LOAD_BALANCER_HOST = 10;

export interface Machine {
  /** `general-2-g1`, or the name of an existing machine. */
  readonly id: string;
  /** Name of the server at the cloud and of the Kubernetes node. */
  readonly name: string;
  readonly pool: string;
  readonly role: 'server' | 'agent';
  readonly ordinal: number;
  readonly serverTypes: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
  /** `key=value:Effect` */
  readonly taints: readonly string[];
  /** Whether the Gateway's proxy shall run here. */
  readonly gateway: boolean;
  /** Where it is, for a machine that exists already. */
  readonly existing?: {
    readonly address: string;
    readonly nodeAddress: string;
    readonly port: number;
    readonly hostKey: string;
  };
}

/** The key of the managed resource of a machine. */
export function machineKey(id: string): string {
  return `machine/${id}`;
}

/** The key of the Job that takes a machine's node out of the cluster. */
export function drainKey(id: string, identity: string): string {
  return `drain-and-remove/${id}/${identity}`;
}

/** Ids of the machines whose way out has begun. */
export function machinesBeingRemoved({ ours }: Observed): ReadonlySet<string> {
  const drains = ours.filter(([key]) => key.startsWith('drain-and-remove/'));
  return new Set(drains.flatMap(([key]) => key.split('/')[1] ?? []));
}

type Planned = Omit<Machine, 'gateway'>;

/**
 * Every machine of the region: servers first, by ordinal, then the agents pool by pool. One that is being removed goes to
 * the end of that also when it is wanted again: its node is leaving the cluster. Then it is made anew.
 */
export function planMachines(
  xrName: string,
  spec: RegionSpec,
  beingRemoved: ReadonlySet<string> = new Set(),
): Machine[] {
  const wanted = spec.cloud.provider === 'existing' ? existingMachines(spec) : cloudMachines(xrName, spec);
  const staying = wanted.filter(({ id }) => !beingRemoved.has(id));
  const machines = staying.some(({ role }) => role === 'server') ? staying : wanted;
  const gatewayRole = machines.some(({ role }) => role === 'agent') ? 'agent' : 'server';
  return machines.map((machine) => ({ ...machine, gateway: machine.role === gatewayRole }));
}

function cloudMachines(xrName: string, spec: RegionSpec): Planned[] {
  const servers = {
    name: CONTROL_PLANE,
    labels: {},
    taints: [],
    role: 'server' as const,
    ...spec.controlPlane,
  };
  const agents = spec.pools.map((pool) => ({ ...pool, role: 'agent' as const }));
  return [servers, ...agents].flatMap((pool) =>
    Array.from({ length: pool.count }, (_, index): Planned => {
      const id = `${pool.name}-${index + 1}-g${GENERATION}`;
      return {
        id,
        name: nameFor(xrName, id),
        pool: pool.name,
        role: pool.role,
        ordinal: index + 1,
        serverTypes: pool.serverTypes,
        labels: pool.labels,
        taints: pool.taints.map(({ key, value, effect }) => `${key}=${value}:${effect}`),
      };
    }),
  );
}

function existingMachines({ machines, pools }: RegionSpec): Planned[] {
  const byName = [...machines].sort((left, right) => (left.name < right.name ? -1 : 1));
  const servers = byName.filter(({ role }) => role === 'server');
  // Between private addresses and others there may be no way.
  const isPrivate = byName.every(({ privateAddress }) => privateAddress !== undefined);
  return [...servers, ...byName.filter(({ role }) => role === 'agent')].map((machine, index) => {
    const pool = machine.role === 'agent' ? pools.find(({ name }) => name === machine.pool) : undefined;
    return {
      id: machine.name,
      name: machine.name,
      pool: pool?.name ?? CONTROL_PLANE,
      role: machine.role,
      ordinal: index + 1,
      serverTypes: [],
      labels: pool?.labels ?? {},
      taints: (pool?.taints ?? []).map(({ key, value, effect }) => `${key}=${value}:${effect}`),
      existing: {
        address: machine.address,
        nodeAddress: (isPrivate ? machine.privateAddress : undefined) ?? machine.address,
        port: machine.sshPort,
        hostKey: machine.hostKey,
      },
    };
  });
}

/** Pool and ordinal of a machine that is only known by its id, such as one that is on its way out. */
export function parseMachineId(id: string): { pool: string; ordinal: number } | undefined {
  const [, pool, ordinal] = /^(.+)-(\d+)-g\d+$/.exec(id) ?? [];
  return pool === undefined ? undefined : { pool, ordinal: Number(ordinal) };
}

/** The cloud's id of a server, by which its Jobs are known; undefined before it has one. */
export function cloudId(server: Manifest | undefined): string | undefined {
  const said = [
    textAt(server, 'status', 'atProvider', 'id'),
    textAt(server, 'metadata', 'annotations', EXTERNAL_NAME_ANNOTATION),
  ];
  return said.find((id) => id !== undefined && id !== '');
}

/** By what the Jobs of a machine know it: the cloud's id, or the host key of one that exists already. */
export function identityOf(machine: Machine, observed: Observed): string | undefined {
  if (machine.existing) return sha256(machine.existing.hostKey, 8);
  return cloudId(observed.get(machineKey(machine.id)));
}

/** The fixed private address that a server was made with. */
export function privateAddressOf(server: Manifest | undefined): string | undefined {
  return textAt(server, 'spec', 'forProvider', 'network', 0, 'ip');
}

/** The public IPv4 address of a server, or its IPv6 address where it has no other. */
export function publicAddressesOf(server: Manifest | undefined): string[] {
  return ['ipv4Address', 'ipv6Address'].flatMap((field) => {
    const address = textAt(server, 'status', 'atProvider', field);
    return address === undefined || address === '' ? [] : [address];
  });
}

export interface Addresses {
  readonly loadBalancer: string;
  /** Private address by machine id; one that the subnet has no room for is missing. */
  readonly machines: ReadonlyMap<string, string>;
}

/** Fixed private addresses: a machine keeps the one that it was made with, a new one gets the first that is free. */
export function planAddresses(
  machines: readonly Machine[],
  subnetCidr: string,
  observed: Observed,
): Addresses {
  const servers = observed.ours.filter(([key]) => key.startsWith('machine/'));
  const taken = new Set(servers.flatMap(([, server]) => privateAddressOf(server) ?? []));
  const given = new Map<string, string>();
  let next = FIRST_HOST;
  for (const { id } of machines) {
    let address = privateAddressOf(observed.get(machineKey(id)));
    while (address === undefined) {
      const candidate = hostOf(subnetCidr, next++);
      if (candidate === undefined) break;
      if (!taken.has(candidate)) address = candidate;
    }
    if (address !== undefined) given.set(id, address);
  }
  return { loadBalancer: hostOf(subnetCidr, LOAD_BALANCER_HOST) ?? '', machines: given };
}

/** What a message of the cloud says when a machine type is sold out. Source: docs.hetzner.cloud, errors, 2026-11. */
const SOLD_OUT = /resource_unavailable|placement_error/;

/**
 * The machine type to ask for: the first, or the next one after a type that the cloud has just refused as sold out.
 * A server that exists keeps what it has; that is the kernel's freeze.
 */
export function serverTypeOf(machine: Machine, server: Manifest | undefined): string {
  const { serverTypes } = machine;
  const index = serverTypes.indexOf(textAt(server, 'spec', 'forProvider', 'serverType') ?? '');
  const next = server !== undefined && isSoldOut(server) ? serverTypes[index + 1] : undefined;
  return next ?? serverTypes[Math.max(0, index)] ?? '';
}

function isSoldOut(server: Manifest): boolean {
  return isRefused(server) && SOLD_OUT.test(textAt(conditionOf(server, 'Synced'), 'message') ?? '');
}

/**
 * Whether the cloud has refused the present spec: only then it may change, for what is being made is being made as it was
 * asked for. The refusal itself, in Synced, says nothing of the spec that it was given to, and the same words keep their
 * time; but each attempt begins with no message in Synced, and Ready at the generation that it is made for. Seen with
 * provider-hetzner v0.2.1 against a pretended cloud, 2026-11-21.
 */
export function isRefused(server: Manifest): boolean {
  const generation = numberAt(server, 'metadata', 'generation');
  return (
    cloudId(server) === undefined &&
    generation !== undefined &&
    numberAt(conditionOf(server, 'Ready'), 'observedGeneration') === generation &&
    (textAt(conditionOf(server, 'Synced'), 'message') ?? '') !== ''
  );
}
