/** What machines let in that exist already, and that no firewall of a cloud protects. */
import { isIP } from 'node:net';
import type { Allow, Target } from '../bootstrap/contract.ts';
import type { Problem } from '../kernel/graph.ts';
import {
  CLUSTER_PORTS,
  DNS_PORTS,
  FIREWALL_PORTS,
  GATEWAY_PORTS,
  POD_PORTS,
  WORLD,
  type AccessCidrs,
  type Port,
} from './ports.ts';
import type { Region } from './region.ts';

/** The allow-list of every machine; undefined where a cloud has firewalls. */
export function allowOf({ spec, machines }: Region): Allow[] | undefined {
  if (spec.cloud.provider !== 'existing') return undefined;
  return allowList({
    places: machines.flatMap(({ existing }) => existing ?? []),
    podCidr: spec.network.podCidr,
    access: spec.access,
    further: spec.loadBalancer.type === 'k8gb' && spec.dns !== undefined ? DNS_PORTS : [],
  });
}

interface Cluster {
  readonly places: readonly Pick<Target, 'address' | 'nodeAddress' | 'port'>[];
  readonly podCidr: string;
  readonly access: AccessCidrs;
  /** What machines answer beside SSH, the API and the Gateway. */
  readonly further?: readonly Port[];
}

/** Who may reach which ports of machines that are a cluster by themselves. */
export function allowList({ places, podCidr, access, further = [] }: Cluster): Allow[] {
  const addresses = unique(places.flatMap(({ address, nodeAddress }) => [address, nodeAddress])).filter(isIP);
  const sshPorts = unique(places.map(({ port }) => String(port)));
  return [
    ...CLUSTER_PORTS.map(({ protocol, port }) => ({ protocol, ports: [port], from: addresses })),
    ...POD_PORTS.map(({ protocol, port }) => ({ protocol, ports: [port], from: [podCidr] })),
    ...[...FIREWALL_PORTS, ...GATEWAY_PORTS, ...further].map((port) => ({
      protocol: port.protocol,
      ports: port.name === 'ssh' ? sshPorts : [port.port],
      from: [...fromOf(access, port)],
    })),
  ];
}

/** Of a claim that does not say where its control plane is, nobody is kept from where that may be. */
function fromOf(access: AccessCidrs, port: Port): readonly string[] {
  const isManagement = FIREWALL_PORTS.some(({ name }) => name === port.name);
  return isManagement && access.managementCidrs.length === 0 ? WORLD : port.from(access);
}

/** Machines reach each other at addresses: K3s takes no names. */
export function hostProblems({ machines }: Region): Problem[] {
  return machines
    .filter(({ existing }) => existing !== undefined && isIP(existing.nodeAddress) === 0)
    .map(({ name, existing }) => ({
      field: `spec.machines[${name}].address`,
      message: `is "${existing?.nodeAddress ?? ''}", must be an IP address unless every machine has a privateAddress`,
    }));
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)].sort();
}
