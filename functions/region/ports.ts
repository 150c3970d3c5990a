/**
 * The ports of a region, and who may reach them from outside. Hetzner's firewalls filter the public side alone: what
 * machines say to each other goes through the private network and is in no rule.
 * Source: docs.k3s.io, requirements, networking; docs.cilium.io, firewall rules; 2026-11.
 */
import type { Access } from '../apis/fields.ts';

/** From where people and control planes come. */
export type AccessCidrs = Readonly<Pick<Access, 'managementCidrs' | 'sshAllowedCidrs' | 'apiAllowedCidrs'>>;

export interface Port {
  readonly name: string;
  /** As Hetzner writes ports: a string. */
  readonly port: string;
  readonly protocol: 'tcp' | 'udp';
  readonly description: string;
  readonly from: (access: AccessCidrs) => readonly string[];
}

export const WORLD: readonly string[] = ['0.0.0.0/0', '::/0'];

/** What a machine answers on its public side, whatever it does. */
export const FIREWALL_PORTS: readonly Port[] = [
  {
    name: 'ssh',
    port: '22',
    protocol: 'tcp',
    description: 'SSH, for the bootstrap Jobs and for people',
    from: ({ managementCidrs, sshAllowedCidrs }) => [...managementCidrs, ...sshAllowedCidrs],
  },
  {
    name: 'api',
    port: '6443',
    protocol: 'tcp',
    description: 'Kubernetes API, for the control plane and for people',
    from: ({ managementCidrs, apiAllowedCidrs }) => [...managementCidrs, ...apiAllowedCidrs],
  },
];

/** What machines say to each other; on the private network of a cloud nobody filters it. */
export const CLUSTER_PORTS: readonly Omit<Port, 'from'>[] = [
  { name: 'api', port: '6443', protocol: 'tcp', description: 'Kubernetes API, and joins' },
  { name: 'etcd', port: '2379-2380', protocol: 'tcp', description: 'etcd, between servers' },
  { name: 'kubelet', port: '10250', protocol: 'tcp', description: 'kubelet' },
  { name: 'cilium-health', port: '4240', protocol: 'tcp', description: 'health of Cilium' },
  { name: 'hubble', port: '4244', protocol: 'tcp', description: 'Hubble' },
  { name: 'vxlan', port: '8472', protocol: 'udp', description: 'VXLAN of Cilium' },
  { name: 'wireguard', port: '51871', protocol: 'udp', description: 'WireGuard of Cilium' },
];

/** What pods, whose addresses are their own, say to machines: the API, metrics and flows. */
export const POD_PORTS: readonly Omit<Port, 'from'>[] = CLUSTER_PORTS.filter(({ name }) =>
  ['api', 'kubelet', 'hubble'].includes(name),
);

/** What the Gateway answers: at the load balancer, or on the machines where there is none. */
export const GATEWAY_PORTS: readonly Port[] = [
  { name: 'http', port: '80', protocol: 'tcp', description: 'HTTP, for everybody', from: () => WORLD },
  { name: 'https', port: '443', protocol: 'tcp', description: 'HTTPS, for everybody', from: () => WORLD },
];

/** What k8gb answers on the machines, for resolvers anywhere. */
export const DNS_PORTS: readonly Port[] = [
  { name: 'dns', port: '53', protocol: 'udp', description: 'DNS of k8gb, for everybody', from: () => WORLD },
  {
    name: 'dns-tcp',
    port: '53',
    protocol: 'tcp',
    description: 'DNS of k8gb, for everybody',
    from: () => WORLD,
  },
];
