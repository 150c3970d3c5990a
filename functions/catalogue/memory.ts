/** How much memory a platform needs. */
import type { Choices, Component, Engines } from './component.ts';
import { isHa, selected } from './select.ts';

/**
 * K3s itself, MiB per machine: server with a workload and embedded etcd, and agent.
 * Source: docs.k3s.io/reference/resource-profiling, 95th percentile on x86_64, read 2026-11-21.
 */
const K3S = { server: 1606, agent: 275 };

export interface Machines {
  readonly servers: number;
  readonly agents: number;
}

/** MiB that one component takes in a region of so many machines. */
export function memoryOf({ memory }: Component, machines: number, ha: boolean): number {
  return memory.perNode * machines + (ha ? (memory.ha ?? memory.fixed) : memory.fixed);
}

/** MiB that Kubernetes and the chosen components take; workloads come on top. */
export function memoryNeeded(spec: Choices, machines: Machines, engines: Engines = new Set()): number {
  const count = machines.servers + machines.agents;
  const ha = isHa(spec, count);
  const components = selected(spec, engines).map((component) => memoryOf(component, count, ha));
  return (
    machines.servers * K3S.server +
    machines.agents * K3S.agent +
    components.reduce((sum, memory) => sum + memory, 0)
  );
}
