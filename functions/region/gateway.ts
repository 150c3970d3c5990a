/**
 * Where the Gateway runs: on the machines of the pools, or on the servers where no pool has any. When that changes, traffic
 * follows only after the nodes it is to go to serve it.
 */
import { listAt, textAt } from '../kernel/manifest.ts';
import { GATEWAY_NODE_LABEL } from '../kernel/names.ts';
import { CLOUD_GATEWAY_LABEL } from './hcloud.ts';
import { attemptAt, inputTextOf, isDone, joinKey } from './jobs.ts';
import { machineKey, type Machine } from './machines.ts';
import { addressesOf, loadBalancerIps, type Region } from './region.ts';

/** The Job that labels a node which joined before the Gateway moved to it. */
export function labelKey(region: Region, machine: Machine): string {
  return joinKey(region.jobs, machine)
    .replace(/^[^/]+/, 'label')
    .concat('-gateway');
}

/**
 * Machines whose nodes joined without the Gateway's label, and need it now. A node that the Gateway has left keeps its
 * label: nothing leads there any more.
 */
export function machinesToLabel(region: Region): Machine[] {
  return region.machines.filter((machine) => machine.gateway && joinedAsGateway(region, machine) === false);
}

/** Whether the machine's join Job gives its node the label; undefined before there is one. */
function joinedAsGateway({ jobs }: Region, machine: Machine): boolean | undefined {
  const job = jobs.observed.get(attemptAt(jobs, joinKey(jobs, machine)));
  return inputTextOf(job)?.includes(`"${GATEWAY_NODE_LABEL}=true"`);
}

/** Whether every node that the Gateway shall run on serves it. */
function hasMoved(region: Region): boolean {
  const { machines, jobs } = region;
  return machines
    .filter(({ gateway }) => gateway)
    .every((machine) =>
      isDone(jobs, joinedAsGateway(region, machine) ? joinKey(jobs, machine) : labelKey(region, machine)),
    );
}

/**
 * Ids of the machines that the load balancer sends traffic to. It asks each for itself whether it serves, so those that
 * will may be named early; those that did are named until all of these serve.
 */
export function gatewayTargets(region: Region): ReadonlySet<string> {
  const { machines, observed } = region;
  const served = ({ id }: Machine) =>
    textAt(observed.get(machineKey(id)), 'spec', 'forProvider', 'labels', CLOUD_GATEWAY_LABEL) === 'true';
  const stays = hasMoved(region) ? () => false : served;
  return new Set(machines.filter((one) => one.gateway || stays(one)).map(({ id }) => id));
}

/**
 * Public addresses at which the Gateway is reached: the load balancer's, or those of the machines it runs on. Of a region
 * that was ready once they stay what they were until it has moved.
 */
export function gatewayAddresses(region: Region): string[] {
  const { xr, spec } = region;
  if (spec.loadBalancer.type === 'cloud') return loadBalancerIps(region);
  const before = listAt(xr, 'status', 'gatewayAddresses').filter((address) => typeof address === 'string');
  const wasReady = textAt(xr, 'status', 'release') !== undefined;
  if (wasReady && before.length > 0 && !hasMoved(region)) return before;
  return addressesOf(region, ({ gateway }) => gateway);
}
