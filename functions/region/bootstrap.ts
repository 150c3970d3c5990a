/** K3s on the machines of a region: which Jobs there are, and what each waits for. */
import { s3AddressOf, s3RegionOf } from './archive.ts';
import type { Config, Snapshots, Target } from '../bootstrap/contract.ts';
import { compareVersions } from '../bootstrap/versions.ts';
import { claimBehind } from '../kernel/claim.ts';
import type { After } from '../kernel/graph.ts';
import { at } from '../kernel/manifest.ts';
import { GATEWAY_NODE_LABEL, nameFor } from '../kernel/names.ts';
import { kubeconfigCopy, secretNamespace } from './access.ts';
import { allowOf } from './host.ts';
import { labelKey, machinesToLabel } from './gateway.ts';
import { formerLabels, relabelled, type Relabelled } from './labels.ts';
import { mayDisturb } from './maintenance.ts';
import {
  attemptAt,
  common,
  inputOf,
  isDone,
  jobIdentity,
  joinedServers,
  joinKey,
  runningVersion,
  touchesEtcd,
  untilDone,
  untilEnded,
  sharedConfigIn,
  versionKey,
  versionOf,
  type Task,
} from './jobs.ts';
import { nodeConfig, serverConfig } from './k3s.ts';
import { identityOf, machineKey, privateAddressOf, publicAddressesOf, type Machine } from './machines.ts';
import { loadBalancerIps, type Region } from './region.ts';

const STEP = 'KubernetesReady';

/** The Job that makes keys and tokens, before anything that costs money. */
export const PREPARE = 'prepare/region/keys';

export function prepare({ xr, spec }: Region): Task {
  const claim = claimBehind(xr);
  return {
    key: PREPARE,
    step: 'MachinesReady',
    after: [],
    input: () => ({
      ...common(xr, PREPARE, 'prepare'),
      operation: 'prepare',
      ...(claim && { claim }),
      ...(spec.restoreFrom && {
        restoreToken: { namespace: secretNamespace(xr), name: spec.restoreFrom.tokenSecretRef.name },
      }),
    }),
  };
}

/**
 * K3s on every machine: the first server, Cilium, the other servers one at a time, then upgrades of servers, for which etcd
 * shall be whole; then the agents.
 */
export function planBootstrap(region: Region): Task[] {
  const { spec, machines } = region;
  const servers = machines.filter(({ role }) => role === 'server');
  const agents = machines.filter(({ role }) => role === 'agent');
  const foundation: After[] =
    spec.cloud.provider === 'existing' || spec.loadBalancer.type !== 'cloud' ? [] : ['load-balancer/network'];
  const joins: Task[] = [];
  for (const [index, machine] of servers.entries()) {
    const before = joins.at(-1);
    joins.push(join(region, machine, [...(before ? [before.key, NETWORK_READY] : foundation)]));
    if (index === 0) joins.push(kubeconfig(region, servers));
  }
  const serverJoins = joins.filter(({ key }) => key.startsWith('server/'));
  const serverUpgrades = upgrades(region, servers, [
    ...untilDone(
      region.jobs,
      serverJoins.map(({ key }) => key),
    ),
    ...untilEnded(region.observed, touchesEtcd),
  ]);
  // An agent must never be newer than a server.
  const current = [...serverJoins, ...serverUpgrades].map(({ key }) => key);
  const version = versionForAgents(region, servers, serverUpgrades);
  const agentJoins = agents.map((machine) => join(region, machine, [...current, NETWORK_READY], version));
  return [
    ...joins,
    ...agentJoins,
    ...serverUpgrades,
    ...upgrades(
      region,
      agents,
      serverUpgrades.slice(-1).map(({ key }) => key),
    ),
    ...lastUpgrades(region),
    ...machinesToLabel(region).map((machine) => label(region, machine)),
    ...relabelled(region).flatMap((one) => [
      relabel(region, one),
      ...former(region, formerLabels(region, one)),
    ]),
  ];
}

/** What agents join with: what is asked for, or the oldest that a server keeps until the maintenance window. */
function versionForAgents(
  { spec, jobs }: Region,
  servers: readonly Machine[],
  upgrades: readonly Task[],
): string {
  const { version } = spec.kubernetes;
  const staying = servers
    .filter(({ id }) => !upgrades.some(({ key }) => key.startsWith(`upgrade/${id}/`)))
    .map((machine) => runningVersion(jobs, machine) ?? version);
  return [version, ...staying].sort(compareVersions)[0] ?? version;
}

/** Upgrades that say which version a machine runs until a newer one is done. */
function lastUpgrades(region: Region): Task[] {
  const { spec, machines, jobs } = region;
  const keys = machines.flatMap((machine) => {
    const running = runningVersion(jobs, machine);
    if (running === undefined || running === spec.kubernetes.version) return [];
    return upgradeKey(region, machine, running) ?? [];
  });
  return former(region, keys);
}

/** Those tasks, of which a Job is there, that are only kept for what they say. */
function former({ jobs }: Region, keys: readonly string[]): Task[] {
  return keys.flatMap((key): Task[] => {
    const told = inputOf(jobs.observed.get(attemptAt(jobs, key)));
    return told === undefined ? [] : [{ key, step: STEP, after: [], input: () => told }];
  });
}

/** The Job that gives a machine a version; undefined while nothing is known of the machine. */
function upgradeKey({ jobs }: Region, machine: Machine, version: string): string | undefined {
  const identity = jobIdentity(jobs, machine);
  return identity && `upgrade/${machine.id}/${identity}-${versionKey(version)}`;
}

/** Pods have a network: no node is Ready before, and nothing before may wait for one that is. */
const NETWORK_READY: After = {
  key: 'platform',
  until: 'Cilium is installed',
  test: (platform) => at(platform, 'status', 'networkReady') === true,
};

function join(
  region: Region,
  machine: Machine,
  after: readonly After[],
  version = region.spec.kubernetes.version,
): Task {
  const { xr, spec, jobs } = region;
  const key = joinKey(jobs, machine);
  return {
    key,
    step: STEP,
    after: [
      ...(machine.existing ? [PREPARE] : [machineKey(machine.id)]),
      ...after,
      ...(machine.role === 'server' ? untilEnded(region.observed, touchesEtcd) : []),
    ],
    input: () => {
      const target = targetOf(region, machine, jobIdentity(jobs, machine) ?? 'new');
      const k3s = { ...k3sOf(region, machine, target), version };
      const shared = { target, peers: serversOf(region, machine.id), k3s };
      const host = hostOf(region, machine);
      if (machine.role === 'agent')
        return { ...common(xr, key, 'agent'), operation: 'agent', ...shared, ...host };
      return {
        ...common(xr, key, 'server'),
        operation: 'server',
        ...shared,
        snapshots: snapshots(region),
        cni: 'none',
        ...host,
        ...(spec.restoreFrom && { restore: { snapshot: spec.restoreFrom.snapshot } }),
      };
    },
  };
}

/** What the machine lets in, and those that have joined and must let it in; nothing where a cloud sees to it. */
function hostOf(region: Region, machine: Machine) {
  const allow = allowOf(region);
  const others = [...joinedTargets(region, 'server'), ...joinedTargets(region, 'agent')];
  return allow && { host: { allow, others: others.filter(({ name }) => name !== machine.name) } };
}

/** The machines of a role that have joined; one of which the cloud says nothing now is where it was then. */
export function joinedTargets(region: Region, role: Machine['role']): Target[] {
  const { machines, observed, jobs } = region;
  return machines
    .filter((machine) => machine.role === role && isDone(jobs, joinKey(jobs, machine)))
    .flatMap((machine) => {
      const identity = identityOf(machine, observed);
      if (identity !== undefined) return [targetOf(region, machine, identity)];
      const input = inputOf(observed.get(attemptAt(jobs, joinKey(jobs, machine))));
      return input !== undefined && 'target' in input ? [input.target] : [];
    });
}

/** What K3s is told on a machine. */
function k3sOf(region: Region, machine: Machine, target: Target) {
  const { spec } = region;
  const { version, mirror } = spec.kubernetes;
  return {
    version,
    ...(mirror !== undefined && { source: { address: mirror } }),
    common: machine.role === 'server' ? sharedConfig(region) : {},
    node: nodeConfig(spec, machine, { ...target, apiAddresses: loadBalancerAddresses(region) }),
  };
}

/**
 * What all servers are told in the same words: those with which the first one was made, whatever a newer package would
 * say, because a server that joins with others is refused.
 */
function sharedConfig({ spec, observed }: Region): Config {
  for (const [key, object] of observed.ours) {
    const config = key.startsWith('server/') ? sharedConfigIn(object) : undefined;
    if (config !== undefined) return config;
  }
  return serverConfig(spec);
}

/** One living server's address, sticky: another one only when that server goes or comes back as another machine. */
function kubeconfig(region: Region, servers: readonly Machine[]): Task {
  const { xr, xrName, spec, observed, jobs } = region;
  const keyed = servers.map((machine) => {
    const identity = jobIdentity(jobs, machine) ?? 'new';
    return { machine, identity, key: `kubeconfig/${machine.id}/${identity}` };
  });
  const joined = ({ machine, identity }: (typeof keyed)[number]) =>
    isDone(jobs, `server/${machine.id}/${identity}`);
  // Of a later attempt the first key has gone, and of one that has just begun only the result is there.
  const begun = ({ key }: (typeof keyed)[number]) =>
    observed.ours.some(([one]) => one === key || one.startsWith(`${key}/`));
  const chosen = keyed.find(begun) ?? keyed.find(joined) ?? keyed[0];
  if (chosen === undefined) throw new Error('a region without servers was planned');
  const copy = kubeconfigCopy(xr, spec);
  return {
    key: chosen.key,
    step: STEP,
    after: [`server/${chosen.machine.id}/${chosen.identity}`],
    input: () => ({
      ...common(xr, chosen.key, 'kubeconfig'),
      operation: 'kubeconfig',
      target: targetOf(region, chosen.machine, chosen.identity),
      kubeconfig: nameFor(xrName, 'kubeconfig'),
      ...(copy && { copy }),
      context: xrName,
    }),
  };
}

/**
 * Nodes that were joined with another version than the one asked for: servers first, one at a time. In a region with a
 * maintenance window none begins outside of it.
 */
function upgrades(region: Region, machines: readonly Machine[], after: readonly After[]): Task[] {
  const { xr, spec, observed, jobs } = region;
  const tasks: Task[] = [];
  for (const machine of machines) {
    const identity = jobIdentity(jobs, machine);
    const key = upgradeKey(region, machine, spec.kubernetes.version);
    if (identity === undefined || key === undefined) continue;
    const joined = joinKey(jobs, machine);
    const version = versionOf(observed.get(attemptAt(jobs, joined)));
    if (version === undefined || version === spec.kubernetes.version || !isDone(jobs, joined)) continue;
    if (observed.get(attemptAt(jobs, key)) === undefined && !mayDisturb(region)) continue;
    tasks.push({
      key,
      step: STEP,
      after: [...after, tasks.at(-1)?.key ?? joined],
      input: () => {
        const target = targetOf(region, machine, identity);
        return {
          ...common(xr, key, 'upgrade'),
          operation: 'upgrade',
          target,
          peers: serversOf(region, machine.id),
          role: machine.role,
          k3s: k3sOf(region, machine, target),
        };
      },
    });
  }
  return tasks;
}

/** The node of a machine that the Gateway moves to. */
function label(region: Region, machine: Machine): Task {
  const { xr, jobs } = region;
  const key = labelKey(region, machine);
  return {
    key,
    step: STEP,
    after: [joinKey(jobs, machine)],
    input: () => ({
      ...common(xr, key, 'label'),
      operation: 'label',
      target: targetOf(region, machine, jobIdentity(jobs, machine) ?? 'new'),
      peers: serversOf(region, machine.id),
      labels: { [GATEWAY_NODE_LABEL]: 'true' },
      taints: [],
      removeLabels: [],
      removeTaints: [],
    }),
  };
}

/** The node of a machine whose pool has other labels and taints by now. */
function relabel(region: Region, { key, machine, change }: Relabelled): Task {
  const { xr, observed, jobs } = region;
  const isOfNode = (one: string) => /^(upgrade|label)$/.test(one.split('/')[0] ?? '');
  return {
    key,
    step: STEP,
    after: [
      joinKey(jobs, machine),
      ...untilEnded(observed, (one) => isOfNode(one) && one.split('/')[1] === machine.id),
    ],
    input: () => ({
      ...common(xr, key, 'label'),
      operation: 'label',
      target: targetOf(region, machine, jobIdentity(jobs, machine) ?? 'new'),
      peers: serversOf(region, machine.id),
      ...change,
    }),
  };
}

/** Where SSH answers on a machine, as far as it is known. */
export function targetOf({ observed }: Region, machine: Machine, identity: string): Target {
  if (machine.existing) {
    const { address, nodeAddress, port, hostKey } = machine.existing;
    return { name: machine.name, address, nodeAddress, port, identity, hostKey };
  }
  const server = observed.get(machineKey(machine.id));
  const nodeAddress = privateAddressOf(server) ?? '';
  return {
    name: machine.name,
    address: publicAddressesOf(server)[0] ?? nodeAddress,
    nodeAddress,
    port: 22,
    identity,
  };
}

/**
 * The servers of the region but this machine, as far as they are known: lowest ordinal first, then those that are to leave
 * and are members still.
 */
export function serversOf(region: Region, except: string): Target[] {
  const { machines, observed } = region;
  const staying = machines
    .filter(({ role, id }) => role === 'server' && id !== except)
    .flatMap((peer) => {
      const identity = identityOf(peer, observed);
      return identity === undefined ? [] : [targetOf(region, peer, identity)];
    });
  const wanted = new Set(machines.map(({ id }) => id));
  const leaving = [...joinedServers(observed)]
    .filter(([id]) => id !== except && !wanted.has(id))
    .flatMap(([, joined]) => {
      const input = inputOf(joined);
      return input?.operation === 'server' ? [input.target] : [];
    });
  return [...staying, ...leaving];
}

function loadBalancerAddresses(region: Region): string[] {
  return region.spec.loadBalancer.api ? loadBalancerIps(region) : [];
}

/** Where etcd is saved: in the archival store when it speaks S3, else on the servers. */
export function snapshots({ xr, spec: { backup, archival, name } }: Region): Snapshots {
  const { schedule, retention } = backup.etcd;
  const address = archival && s3AddressOf(archival);
  if (archival === undefined || address === undefined) return { schedule, retention };
  const folder = archival.prefix ?? `${secretNamespace(xr)}/${claimBehind(xr)?.name ?? name}`;
  return {
    schedule,
    retention,
    s3: {
      endpoint: address.replace(/^https?:\/\//, ''),
      bucket: archival.bucket,
      region: s3RegionOf(archival),
      folder: `${folder}/${name}/etcd`,
      secret: { namespace: secretNamespace(xr), name: archival.secretRef.name },
    },
  };
}
