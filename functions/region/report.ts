/** What a person reads of a region. */
import { machineKey, privateAddressOf, publicAddressesOf, type Machine } from './machines.ts';
import { memoryNeeded } from '../catalogue/memory.ts';
import { isOlder } from '../catalogue/release.ts';
import type { Condition, Report } from '../kernel/graph.ts';
import { numberAt, objectAt, textAt, type JsonObject } from '../kernel/manifest.ts';
import { hasFailed } from '../kernel/observed.ts';
import { few, progress, progressStatus, type Said } from '../kernel/report.ts';
import type { Settled } from '../kernel/settle.ts';
import { estimateRegion, estimateStatus, isSufficient, type Estimate } from '../pricing/estimate.ts';
import { UNKNOWN } from '../pricing/hetzner.ts';
import { kubeconfigCopy } from './access.ts';
import { DNS_READY } from './dns.ts';
import { gatewayAddresses } from './gateway.ts';
import { advise, RETRY_HINT } from './hints.ts';
import { apiAddresses, type Region } from './region.ts';
import { resultIn, runningVersion, trustIn } from './jobs.ts';
import { CARE_RESULT, mayDisturb } from './maintenance.ts';
import { s3AddressOf } from './archive.ts';
import { apiHost } from './k3s.ts';

export const STEPS = ['MachinesReady', 'KubernetesReady', 'Protected', 'PlatformReady', DNS_READY];

/** Fields of a machine that people choose; the others that are frozen are ours. */
const CHOSEN = new Set([
  'spec.forProvider.serverType',
  'spec.forProvider.image',
  'spec.forProvider.userData',
]);

export function report(region: Region, settled: Settled): Report {
  const { xr, spec } = region;
  const made = progress(STEPS, settled, advise, (key) => saidBy(region, key));
  const copy = kubeconfigCopy(xr, spec);
  const release = releaseOf(region, settled);
  const estimate = estimateOfRegion(region);
  const trusts = hostKeyTrusts(region);
  const components = objectAt(region.observed.get('platform'), 'status', 'components');
  return {
    status: {
      ...progressStatus(made),
      ...(release !== undefined && { release }),
      apiEndpoint: `https://${apiHost(spec)}:6443`,
      apiAddresses: apiAddresses(region),
      gatewayAddresses: gatewayAddresses(region),
      machines: region.machines.map((machine) => machineStatus(region, machine, trusts)),
      ...(components && {
        components: { ready: numberAt(components, 'ready') ?? 0, total: numberAt(components, 'total') ?? 0 },
      }),
      ...(copy && { kubeconfigSecretRef: { name: copy.name } }),
      estimate: estimateStatus(estimate),
      network: {
        podCidr: spec.network.podCidr,
        serviceCidr: spec.network.serviceCidr,
        subnetCidr: spec.network.subnetCidr,
        clusterId: spec.network.clusterId,
      },
    },
    conditions: [
      ...made.conditions,
      currentCondition(settled),
      versionCondition(region),
      maintainedCondition(region),
      archivedCondition(region),
      resourcesCondition(estimate),
    ],
  };
}

/** What the bootstrap program says of a Job that is not done: where it is, why it does not get on, and what helps. */
function saidBy({ observed }: Region, key: string): Said | undefined {
  const result = resultIn(observed.get(`${key}/result`));
  if (result === undefined || result.phase === 'Succeeded') return undefined;
  const { step, since, cause } = result;
  const job = observed.get(key);
  const hints = [
    result.hint ?? (cause === undefined ? undefined : advise(cause)),
    job !== undefined && hasFailed(job) ? RETRY_HINT : undefined,
  ].filter((hint) => hint !== undefined);
  return {
    message: `at step "${step}"${cause === undefined ? '' : `: ${cause}`}`,
    since,
    ...(hints.length > 0 && { hint: hints.join('; ') }),
  };
}

/**
 * The release that the region runs: the one that its platform says it runs, from the moment at which all is ready for the
 * first time, or ready again after another one was asked for.
 */
function releaseOf({ xr, spec, observed }: Region, settled: Settled): string | undefined {
  const running = textAt(xr, 'status', 'release');
  if (!settled.ready || isOlder(spec, running)) return running;
  return textAt(observed.get('platform'), 'status', 'release') ?? running;
}

/** What the region needs and costs; the types are those that the machines were made with. */
function estimateOfRegion({ spec, machines, observed }: Region): Estimate {
  const reported = numberAt(observed.get('platform'), 'status', 'memoryMiB');
  const count = (role: Machine['role']) => machines.filter((machine) => machine.role === role).length;
  const needed = memoryNeeded(spec, { servers: count('server'), agents: count('agent') });
  const types = machines.map(
    ({ id, serverTypes }) =>
      textAt(observed.get(machineKey(id)), 'spec', 'forProvider', 'serverType') ?? serverTypes[0] ?? UNKNOWN,
  );
  return estimateRegion(spec, { memoryMiB: reported ?? needed, volumesGb: [] }, types);
}

/** Whether the machines hold what was chosen: a warning with the numbers, never a refusal. */
function resourcesCondition(estimate: Estimate): Condition {
  const type = 'ResourcesSufficient';
  const { needed, available } = estimate.memoryMiB;
  const sufficient = isSufficient(estimate);
  if (sufficient === undefined || available === undefined)
    return { type, status: 'Unknown', reason: 'SizeUnknown', message: `Needs ${needed} MiB of memory` };
  const message = `Needs ${needed} MiB of memory, the machines have ${available} MiB`;
  if (sufficient) return { type, status: 'True', reason: 'Enough', message };
  return {
    type,
    status: 'False',
    reason: 'NotEnough',
    message: `${message}: add machines or switch components off`,
  };
}

/** How the host key of each machine came to be trusted, by machine id. */
function hostKeyTrusts({ observed }: Region): ReadonlyMap<string, string> {
  return new Map(
    observed.ours.flatMap(([key, object]): [string, string][] => {
      const [, id] = /^(?:server|agent)\/([^/]+)\/.*\/result$/.exec(key) ?? [];
      const trust = id === undefined ? undefined : trustIn(object);
      return id === undefined || trust === undefined ? [] : [[id, trust]];
    }),
  );
}

function machineStatus(
  { observed }: Region,
  machine: Machine,
  trusts: ReadonlyMap<string, string>,
): JsonObject {
  const server = observed.get(machineKey(machine.id));
  const [address] = machine.existing ? [machine.existing.address] : publicAddressesOf(server);
  const privateAddress = machine.existing?.nodeAddress ?? privateAddressOf(server);
  const serverType = textAt(server, 'spec', 'forProvider', 'serverType');
  const trust = trusts.get(machine.id);
  return {
    name: machine.name,
    pool: machine.pool,
    role: machine.role,
    ...(address !== undefined && { address }),
    ...(privateAddress !== undefined && { privateAddress }),
    ...(serverType !== undefined && { serverType }),
    ...(trust !== undefined && { hostKey: trust }),
    ready: machine.existing !== undefined || observed.isReady(machineKey(machine.id)),
  };
}

/** Whether every machine is as the spec would make it now. */
function currentCondition({ outdated }: Settled): Condition {
  const type = 'MachinesCurrent';
  const machines = [...outdated].flatMap(([key, fields]) => {
    const chosen = fields.filter((field) => CHOSEN.has(field)).map((field) => field.split('.').at(-1));
    return key.startsWith('machine/') && chosen.length > 0
      ? [`${key.slice('machine/'.length)} (${chosen.join(', ')})`]
      : [];
  });
  if (machines.length === 0) return { type, status: 'True', reason: 'AsSpecified' };
  const message = `Made before the spec changed and left as they are: ${few(machines, 10)}`;
  return { type, status: 'False', reason: 'NewMachinesOnly', message };
}

/** Whether every node has the version asked for, or is on its way there. */
function versionCondition(region: Region): Condition {
  const { spec, machines, jobs } = region;
  const type = 'KubernetesCurrent';
  const { window } = spec.maintenance;
  const older = machines.filter((machine) => {
    const running = runningVersion(jobs, machine);
    return running !== undefined && running !== spec.kubernetes.version;
  });
  if (older.length === 0) return { type, status: 'True', reason: 'AsSpecified' };
  const names = few(older.map(({ id }) => id));
  if (window === undefined || mayDisturb(region))
    return { type, status: 'False', reason: 'Upgrading', message: `Not yet upgraded: ${names}` };
  const message = `Upgraded in the maintenance window ${window}: ${names}`;
  return { type, status: 'False', reason: 'WaitingForWindow', message };
}

/** What `care` says of the machines. */
function maintainedCondition({ observed }: Region): Condition {
  const type = 'Maintained';
  const result = resultIn(observed.get(CARE_RESULT));
  if (result?.operation !== 'care')
    return { type, status: 'Unknown', reason: 'NotYet', message: 'No look at the machines has begun' };
  const { phase, step, cause, hint, certificatesExpire, lastSnapshot, troubled = false } = result;
  if (phase === 'Failed' || troubled) {
    const said = `at step "${step}"${cause === undefined ? '' : `: ${cause}`}`;
    return { type, status: 'False', reason: 'Failed', message: [said, hint].filter(Boolean).join('; ') };
  }
  const facts = [
    ...(certificatesExpire === undefined ? [] : [`certificates end on ${certificatesExpire.slice(0, 10)}`]),
    ...(lastSnapshot === undefined ? [] : [`last snapshot of etcd at ${lastSnapshot}`]),
  ];
  return { type, status: 'True', reason: 'Looked', ...(facts.length > 0 && { message: facts.join(', ') }) };
}

/** Whether snapshots of etcd outlive the servers. */
function archivedCondition({ spec: { archival } }: Region): Condition {
  const type = 'SnapshotsArchived';
  if (archival === undefined)
    return {
      type,
      status: 'False',
      reason: 'NoArchivalStore',
      message: 'Snapshots of etcd stay on the servers: spec.archival says where else to keep them',
    };
  if (s3AddressOf(archival) === undefined)
    return {
      type,
      status: 'False',
      reason: 'NotS3',
      message: `Snapshots of etcd stay on the servers: K3s cannot keep them in archival.provider "${archival.provider}"`,
    };
  return { type, status: 'True', reason: 'Archived', message: `Bucket "${archival.bucket}"` };
}
