import type { RegionSpec } from '../apis/region.ts';
import type { Input } from '../kernel/graph.ts';
import { textAt, type Manifest } from '../kernel/manifest.ts';
import type { Observed } from '../kernel/observed.ts';
import { attemptsIn, type Jobs } from './jobs.ts';
import {
  machineKey,
  machinesBeingRemoved,
  planMachines,
  publicAddressesOf,
  type Machine,
} from './machines.ts';

/** A region as it is planned: shared by the parts of the plan and by the report. */
export interface Region {
  readonly xr: Manifest;
  readonly xrName: string;
  readonly spec: RegionSpec;
  readonly observed: Observed;
  readonly machines: readonly Machine[];
  readonly jobs: Jobs;
}

export function regionOf({ xr, spec, observed }: Input<RegionSpec>): Region {
  const xrName = xr.metadata.name ?? '';
  return {
    xr,
    xrName,
    spec,
    observed,
    machines: planMachines(xrName, spec, machinesBeingRemoved(observed)),
    jobs: { xr, spec, observed, attempts: attemptsIn(observed) },
  };
}

/** Public addresses of the load balancer, once the cloud has given it some. */
export function loadBalancerIps({ observed }: Region): string[] {
  const loadBalancer = observed.get('load-balancer');
  return ['ipv4', 'ipv6'].flatMap((field) => {
    const address = textAt(loadBalancer, 'status', 'atProvider', field);
    return address === undefined || address === '' ? [] : [address];
  });
}

/** Public addresses of every server: what `api.<region>.<domain>` names. */
export function apiAddresses(region: Region): string[] {
  if (region.spec.loadBalancer.api) return loadBalancerIps(region);
  return addressesOf(region, ({ role }) => role === 'server');
}

/** Public addresses of some of the machines. */
export function addressesOf({ machines, observed }: Region, which: (machine: Machine) => boolean): string[] {
  return machines
    .filter(which)
    .flatMap((machine) =>
      machine.existing ? [machine.existing.address] : publicAddressesOf(observed.get(machineKey(machine.id))),
    );
}
