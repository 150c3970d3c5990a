/** Machines that the spec no longer wants: drained one at a time, then gone with everything made for them. */
import type { Target } from '../bootstrap/contract.ts';
import { nameFor } from '../kernel/names.ts';
import { PROTECTION } from '../kernel/protection.ts';
import { serversOf } from './bootstrap.ts';
import { carriesGateway, gatewayServes } from './gateway.ts';
import { refersToLost } from './hcloud.ts';
import { attemptAt, common, inputOf, touchesEtcd, untilDone, untilEnded, type Task } from './jobs.ts';
import {
  cloudId,
  CONTROL_PLANE,
  drainKey,
  machineKey,
  machinesBeingRemoved,
  parseMachineId,
  privateAddressOf,
  publicAddressesOf,
} from './machines.ts';
import type { Region } from './region.ts';

export interface LeavingMachine {
  readonly id: string;
  readonly role: 'server' | 'agent';
  /** Whether K3s was ever begun on it, so that there may be a node to drain. */
  readonly joined: boolean;
}

/** Observed machines that go: agents first, highest ordinal or last name first: none before one that was made after it. */
export function leavingMachines({ observed, machines }: Region): LeavingMachine[] {
  const wanted = new Set(machines.map(({ id }) => id));
  const beingRemoved = machinesBeingRemoved(observed);
  const roles = new Map<string, LeavingMachine>();
  for (const [key, object] of observed.ours) {
    const [kind, id] = key.split('/');
    if (id === undefined || wanted.has(id)) continue;
    const known = roles.get(id);
    if ((kind === 'server' || kind === 'agent') && object.kind === 'Job')
      roles.set(id, { id, role: kind, joined: true });
    else if (kind === 'machine' && known === undefined) {
      const pool = parseMachineId(id)?.pool;
      const role = pool === CONTROL_PLANE ? 'server' : 'agent';
      roles.set(id, { id, role, joined: beingRemoved.has(id) });
    }
  }
  const ordinal = ({ id }: LeavingMachine) => parseMachineId(id)?.ordinal ?? 0;
  return [...roles.values()].sort(
    (left, right) =>
      left.role.localeCompare(right.role) || ordinal(right) - ordinal(left) || (left.id < right.id ? 1 : -1),
  );
}

function drainKeyOf({ observed }: Region, { id }: LeavingMachine): string {
  return drainKey(id, cloudId(observed.get(machineKey(id))) ?? 'node');
}

/** The drain of the one machine whose turn it is; the others wait with all they have. */
export function planRemovals(
  region: Region,
  leaving: readonly LeavingMachine[],
  bootstrap: readonly Task[],
): Task[] {
  const { xr, xrName, observed, jobs } = region;
  const next = leaving.find(({ joined }) => joined);
  if (next === undefined) return [];
  const key = drainKeyOf(region, next);
  const server = observed.get(machineKey(next.id));
  const joinJob = observed.ours.find(
    ([one, object]) => one.startsWith(`${next.role}/${next.id}/`) && object.kind === 'Job',
  )?.[1];
  const joinInput = inputOf(joinJob);
  const target: Target =
    joinInput && 'target' in joinInput
      ? joinInput.target
      : {
          name: nameFor(xrName, next.id),
          address: publicAddressesOf(server)[0] ?? '',
          nodeAddress: privateAddressOf(server) ?? '',
          port: 22,
          identity: 'node',
        };
  return [
    {
      key,
      step: 'MachinesReady',
      after: [
        ...(carriesGateway(region, next.id) ? untilDone(jobs, gatewayServes(region)) : []),
        ...(next.role === 'server' ? untilDone(jobs, tasksOfServers(region, bootstrap)) : []),
        ...untilEnded(
          observed,
          (one, object) =>
            one.split('/')[1] === next.id || (next.role === 'server' && touchesEtcd(one, object)),
        ),
      ],
      input: () => ({
        ...common(xr, key, 'drain-and-remove'),
        operation: 'drain-and-remove',
        target,
        peers: serversOf(region, next.id),
        role: next.role,
        drainSeconds: 900,
      }),
    },
  ];
}

/** Keys of what comes before a server may go: the others have joined and are upgraded. */
function tasksOfServers({ machines }: Region, bootstrap: readonly Task[]): string[] {
  const servers = new Set(machines.filter(({ role }) => role === 'server').map(({ id }) => id));
  return bootstrap
    .map(({ key }) => key)
    .filter((key) => /^(server|upgrade)\//.test(key) && servers.has(key.split('/')[1] ?? ''));
}

/** Everything of a machine that goes waits for its drain; one that never joined has nothing to drain. */
export function leavingKeys(
  region: Region,
  leaving: readonly LeavingMachine[],
  wanted: ReadonlySet<string>,
): Map<string, string[]> {
  const keys = new Map<string, string[]>();
  const byId = new Map(leaving.map((machine) => [machine.id, machine]));
  for (const [key] of region.observed.ours) {
    if (wanted.has(key)) continue;
    const machine = key.split('/').flatMap((part) => byId.get(part) ?? [])[0];
    if (machine !== undefined)
      keys.set(
        key,
        machine.joined && !key.startsWith('drain-and-remove/')
          ? [attemptAt(region.jobs, drainKeyOf(region, machine))]
          : [],
      );
    // What was achieved for a machine that is another one by now, and for machines that have gone.
    else if (/^(server|agent|kubeconfig|upgrade|label|drain-and-remove|prepare)\//.test(key))
      keys.set(key, []);
    else if (key === PROTECTION || key.startsWith('placement-group/')) keys.set(key, []);
    else if (isOfMachine(key, region) || refersToLost(region, key)) keys.set(key, []);
  }
  return keys;
}

/** Whether it is a Usage with a machine on one of its sides: it outlives the machine by a moment. */
function isOfMachine(key: string, { spec }: Region): boolean {
  const [kind, of, id = ''] = key.split('/');
  if (kind !== 'usage' || (of !== 'machine' && of !== 'subnet')) return false;
  return spec.cloud.provider === 'hetzner' && parseMachineId(id) !== undefined;
}
