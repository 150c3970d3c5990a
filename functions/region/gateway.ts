/**
 * Where the Gateway runs: on the machines of the pools, or on the servers where no pool has any. When that changes, traffic
 * follows only after the nodes it is to go to serve it.
 */
import { listAt, textAt } from '../kernel/manifest.ts';
import { GATEWAY_NODE_LABEL } from '../kernel/names.ts';
import { isReady } from '../kernel/observed.ts';
import { CLOUD_GATEWAY_LABEL } from './hcloud.ts';
import { attemptAt, inputOf, inputTextOf, isDone, joinKey } from './jobs.ts';
import { machineKey, publicAddressesOf, type Machine } from './machines.ts';
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

/** The Job after which a machine's node serves the Gateway. */
function servingKey(region: Region, machine: Machine): string {
  return joinedAsGateway(region, machine) === false
    ? labelKey(region, machine)
    : joinKey(region.jobs, machine);
}

/** Whether every node that the Gateway shall run on serves it. */
function hasMoved(region: Region): boolean {
  return region.machines
    .filter(({ gateway }) => gateway)
    .every((machine) => isDone(region.jobs, servingKey(region, machine)));
}

/** What comes before a machine that serves the Gateway may go: every node is labelled, and one of those that stay serves. */
export function gatewayServes(region: Region): string[] {
  const { machines, jobs } = region;
  const serving = machines
    .filter(({ gateway }) => gateway)
    .map((machine) => [...(machine.existing ? [] : [machineKey(machine.id)]), servingKey(region, machine)]);
  const serves = serving.some((keys) => keys.every((key) => isDone(jobs, key)));
  return [
    ...machinesToLabel(region).map((machine) => labelKey(region, machine)),
    ...(serves ? [] : serving.flat()),
  ];
}

function isGatewayLabel(key: string): boolean {
  return /^label\/[^/]+\/[^/]+-gateway(\/|$)/.test(key);
}

/** Whether the Gateway may run on a machine's node, by its Jobs: also on one that the spec no longer wants. */
export function carriesGateway({ observed }: Region, id: string): boolean {
  return observed.ours.some(
    ([key, object]) =>
      object.kind === 'Job' &&
      isReady(object) &&
      key.split('/')[1] === id &&
      (isGatewayLabel(key) || inputTextOf(object)?.includes(`"${GATEWAY_NODE_LABEL}=true"`) === true),
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
 * that was ready once they stay what they were until it has moved, as far as their machines are there.
 */
export function gatewayAddresses(region: Region): string[] {
  const { xr, spec } = region;
  if (spec.loadBalancer.type === 'cloud') return loadBalancerIps(region);
  const there = addressesThere(region);
  const before = listAt(xr, 'status', 'gatewayAddresses')
    .filter((address) => typeof address === 'string')
    .filter((address) => there.has(address));
  const wasReady = textAt(xr, 'status', 'release') !== undefined;
  if (wasReady && before.length > 0 && !hasMoved(region)) return before;
  return addressesOf(region, ({ gateway }) => gateway);
}

/** Public addresses of the machines that there are, also of those that leave. */
function addressesThere({ machines, observed }: Region): ReadonlySet<string> {
  return new Set([
    ...machines.flatMap(({ existing }) => existing?.address ?? []),
    ...observed.ours.flatMap(([key, object]) => {
      if (key.startsWith('machine/')) return publicAddressesOf(object);
      const input = /^(server|agent)\//.test(key) ? inputOf(object) : undefined;
      return input && 'target' in input && input.target.hostKey !== undefined ? [input.target.address] : [];
    }),
  ]);
}
