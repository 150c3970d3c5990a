/** What a person reads of a cluster: its own steps, and those of its regions rolled up. */
import type { Condition, Report } from '../kernel/graph.ts';
import {
  at,
  conditionOf,
  isObject,
  isTrue,
  listAt,
  numberAt,
  objectAt,
  textAt,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import { isReady, sinceOf } from '../kernel/observed.ts';
import { PROTECTION } from '../kernel/protection.ts';
import { explain, few, progress, progressStatus, type Progress, type Waiting } from '../kernel/report.ts';
import type { Settled } from '../kernel/settle.ts';
import { addEstimates, estimateStatus, isSufficient, type Estimate } from '../pricing/estimate.ts';
import { advise } from '../region/hints.ts';
import { addressesOf, apiEndpointOf, keptRegions, regionKey, type Cluster } from './cluster.ts';
import { estimateOfRegion } from './estimate.ts';
import { rangesOf } from './ranges.ts';
import { NETWORK_READY } from './network.ts';
import { DNS_READY } from './dns.ts';

/** The steps, in their order, and the region's conditions that each stands for; none where it is the cluster's own. */
const STEPS: readonly { readonly name: string; readonly of: readonly string[] }[] = [
  { name: NETWORK_READY, of: [] },
  { name: 'MachinesReady', of: ['MachinesReady'] },
  { name: 'KubernetesReady', of: ['KubernetesReady'] },
  { name: 'PlatformReady', of: ['Protected', 'PlatformReady'] },
  { name: DNS_READY, of: [] },
];

/** Conditions of regions that are no steps: said of the cluster as soon as one region says them. */
const ROLLED_UP: readonly { readonly type: string; readonly good: 'True' | 'False' }[] = [
  { type: 'MachinesCurrent', good: 'True' },
  { type: 'BackupReady', good: 'True' },
  { type: 'UpdateAvailable', good: 'False' },
];

/** Conditions that say of a region why it does nothing at all. */
const REFUSALS = ['InputValid', 'PackagesInstalled'];

const MOST_WAITING = 10;

export function report(cluster: Cluster, settled: Settled): Report {
  const { spec, existing } = cluster;
  const own = progress([NETWORK_READY, DNS_READY], settled, advise);
  const steps = STEPS.map(({ name, of }) =>
    of.length === 0 ? ownStep(name, own, cluster, settled) : rollUp(name, of, cluster),
  );
  const estimates = new Map(
    cluster.regions.map((region) => [
      region.spec.name,
      estimateOfRegion(region.spec, existing.get(region.spec.name)),
    ]),
  );
  const all = [
    ...new Set([...cluster.regions.map((region) => region.spec.name), ...keptRegions(cluster)]),
  ].sort();
  const primary = spec.regions.find((region) => region.spec.role === 'primary')?.spec.name;
  const release = textAt(existing.get(primary ?? ''), 'status', 'release');
  return {
    status: {
      ...progressStatus(overall(cluster, settled, steps, own)),
      ...(release !== undefined && { release }),
      regions: all.map((name) => regionStatus(name, cluster)),
      kubeconfigSecretRefs: all.flatMap((region) => {
        const name = textAt(existing.get(region), 'status', 'kubeconfigSecretRef', 'name');
        return name === undefined ? [] : [{ region, name }];
      }),
      estimate: estimateStatus(addEstimates([...estimates.values()])),
    },
    conditions: [
      ...steps,
      currentCondition(cluster, settled),
      protectionCondition(cluster, settled),
      sufficientCondition(estimates),
      ...ROLLED_UP.flatMap(({ type, good }) => rolledUp(type, good, cluster)),
    ],
  };
}

/** A step that the cluster's own objects make. */
function ownStep(
  name: string,
  { conditions }: Progress,
  { spec }: Cluster,
  { outdated }: Settled,
): Condition {
  const found = conditions.find(({ type }) => type === name);
  if (name === DNS_READY && spec.dns === undefined)
    return {
      type: name,
      status: 'True',
      reason: 'NotManaged',
      message: 'spec.dns is left out: no records are made',
    };
  if (found === undefined) return { type: name, status: 'Unknown', reason: 'NotReported' };
  const zoneKept = name === DNS_READY && [...outdated.keys()].some((key) => key.startsWith('dns/'));
  if (found.status !== 'True' || !zoneKept) return found;
  const message = 'Records that exist keep the zone that they were made in: spec.dns names another';
  return { ...found, reason: 'ZoneKept', message };
}

interface RegionState {
  readonly name: string;
  readonly region: Manifest | undefined;
}

function listed({ regions, existing }: Cluster): RegionState[] {
  return regions.map(({ spec: { name } }) => ({ name, region: existing.get(name) }));
}

/** The first of these conditions that is not True; undefined when all are. */
function firstOpen(region: Manifest | undefined, types: readonly string[]): JsonObject | undefined {
  if (region === undefined) return { status: 'False' };
  const open = types.find((type) => !isTrue(region, type));
  return open === undefined ? undefined : (conditionOf(region, open) ?? { status: 'Unknown' });
}

/** A step that is made of a condition of each region. */
function rollUp(type: string, of: readonly string[], cluster: Cluster): Condition {
  const open = listed(cluster).flatMap(({ name, region }) => {
    const condition = firstOpen(region, of);
    return condition === undefined ? [] : [{ name, region, condition }];
  });
  if (open.length === 0) return { type, status: 'True', reason: 'Available' };
  const begun = open.some(({ condition }) => textAt(condition, 'reason') === 'Waiting');
  const message = open
    .map(({ name, region, condition }) => {
      const said = textAt(condition, 'message') ?? (region === undefined ? 'not begun' : 'nothing said yet');
      return `Region "${name}": ${said}`;
    })
    .join('; ');
  return { type, status: 'False', reason: begun ? 'Waiting' : 'Pending', message };
}

/** A condition of the regions that is no step; once said, it is always said. */
function rolledUp(type: string, good: 'True' | 'False', cluster: Cluster): Condition[] {
  const said = listed(cluster).flatMap(({ name, region }) => {
    const condition = region === undefined ? undefined : conditionOf(region, type);
    return condition === undefined ? [] : [{ name, condition }];
  });
  if (said.length === 0)
    return conditionOf(cluster.xr, type) === undefined
      ? []
      : [{ type, status: 'Unknown', reason: 'NotReported' }];
  const worst = said.filter(({ condition }) => condition['status'] !== good);
  const [first] = worst;
  if (first === undefined)
    return [{ type, status: good, reason: textAt(said[0]?.condition, 'reason') ?? 'AsSpecified' }];
  const status = statusOf(first.condition);
  const message = worst
    .map(({ name, condition }) => `Region "${name}": ${textAt(condition, 'message') ?? 'nothing said yet'}`)
    .join('; ');
  return [{ type, status, reason: textAt(first.condition, 'reason') ?? 'NotReported', message }];
}

function statusOf(condition: JsonObject): Condition['status'] {
  const { status } = condition;
  return status === 'True' || status === 'False' ? status : 'Unknown';
}

function overall(cluster: Cluster, settled: Settled, steps: readonly Condition[], own: Progress): Progress {
  const current = steps.find(({ status }) => status !== 'True');
  const number = current === undefined ? steps.length : steps.indexOf(current) + 1;
  const waitingFor = [
    ...waitingIn(NETWORK_READY, own),
    ...regionsWaiting(cluster),
    ...waitingIn(DNS_READY, own),
  ];
  const blocked =
    settled.unserved.length > 0 ||
    listed(cluster).some(({ region }) => textAt(region, 'status', 'phase') === 'Blocked');
  const going = settled.leaving.length > 0 || goingRegions(cluster).length > 0;
  return {
    phase:
      current !== undefined
        ? blocked && waitingFor.every(({ object }) => object.startsWith('XOpenOvaRegion/'))
          ? 'Blocked'
          : 'Provisioning'
        : going
          ? 'Removing'
          : settled.ready
            ? 'Ready'
            : 'Provisioning',
    step: { number, of: steps.length, name: current?.type ?? steps.at(-1)?.type ?? 'Ready' },
    waitingFor: waitingFor.slice(0, MOST_WAITING),
    conditions: steps,
  };
}

function waitingIn(step: string, { waitingFor }: Progress): Waiting[] {
  return waitingFor.filter((waiting) => waiting.step === step);
}

/** What the regions wait for, in their own words: those of the region that is furthest behind come first. */
function regionsWaiting(cluster: Cluster): Waiting[] {
  const types = STEPS.flatMap(({ of }) => of);
  return listed(cluster)
    .flatMap(({ name, region }) => {
      if (region === undefined || isReady(region)) return [];
      const behind = types.findIndex((type) => !isTrue(region, type));
      return [
        {
          name,
          behind: behind < 0 ? types.length : behind,
          lines: linesOf(region, types[behind] ?? 'Ready'),
        },
      ];
    })
    .sort((left, right) => left.behind - right.behind || (left.name < right.name ? -1 : 1))
    .flatMap(({ lines }) => lines);
}

function linesOf(region: Manifest, step: string): Waiting[] {
  const said = listAt(region, 'status', 'waitingFor').filter(isObject).flatMap(waitingOf);
  if (said.length > 0) return said;
  const refusal = REFUSALS.map((type) => conditionOf(region, type)).find(
    (one) => one?.['status'] === 'False',
  );
  const since = textAt(refusal, 'lastTransitionTime') ?? sinceOf(region);
  const { message, hint } = explain(region, advise);
  return [
    {
      object: `${region.kind}/${region.metadata.name ?? ''}`,
      step,
      ...(since !== undefined && { since }),
      message: textAt(refusal, 'message') ?? message,
      ...(hint !== undefined && { hint }),
    },
  ];
}

function waitingOf(line: JsonObject): Waiting[] {
  const [object, step, message] = ['object', 'step', 'message'].map((field) => textAt(line, field));
  if (object === undefined || step === undefined || message === undefined) return [];
  const [since, hint] = [textAt(line, 'since'), textAt(line, 'hint')];
  return [
    { object, step, ...(since !== undefined && { since }), message, ...(hint !== undefined && { hint }) },
  ];
}

function regionStatus(name: string, { regions, existing }: Cluster): JsonObject {
  const region = existing.get(name);
  const role = regions.find(({ spec }) => spec.name === name)?.spec.role ?? textAt(region, 'spec', 'role');
  const components = objectAt(region, 'status', 'components');
  const { subnetCidr, podCidr, serviceCidr, clusterId } = region === undefined ? {} : rangesOf(region);
  return {
    name,
    role,
    phase: textAt(region, 'status', 'phase') ?? 'Pending',
    release: textAt(region, 'status', 'release'),
    apiEndpoint: apiEndpointOf(region),
    apiAddresses: addressesOf(region, 'apiAddresses'),
    gatewayAddresses: addressesOf(region, 'gatewayAddresses'),
    machines: listAt(region, 'status', 'machines').filter((machine) => at(machine, 'ready') === true).length,
    ...(components && {
      components: { ready: numberAt(components, 'ready') ?? 0, total: numberAt(components, 'total') ?? 0 },
    }),
    ...(region !== undefined && { network: { subnetCidr, podCidr, serviceCidr, clusterId } }),
  };
}

function goingRegions(cluster: Cluster): readonly string[] {
  const kept = keptRegions(cluster);
  return cluster.unlisted.filter((name) => !kept.includes(name));
}

/** Whether the regions that exist are those of the claim. */
function currentCondition(cluster: Cluster, { states }: Settled): Condition {
  const type = 'RegionsCurrent';
  const kept = keptRegions(cluster);
  const going = goingRegions(cluster);
  if (kept.length > 0) {
    const message = `${named(kept)} no longer in spec.regions but kept while spec.deletionProtection is true: set it to false to remove, or list again`;
    return { type, status: 'False', reason: 'DeletionProtection', message };
  }
  if (going.length > 0) {
    const told = going.filter((name) => states.has(regionKey(name)));
    const doing =
      told.length > 0
        ? `being told to delete its machines first: ${few(told)}`
        : 'leaving, with all it holds';
    return { type, status: 'False', reason: 'Removing', message: `${named(going)} ${doing}` };
  }
  return { type, status: 'True', reason: 'AsSpecified' };
}

function named(names: readonly string[]): string {
  const quoted = few(names.map((name) => `"${name}"`));
  return names.length === 1 ? `Region ${quoted} is` : `Regions ${quoted} are`;
}

function protectionCondition({ spec }: Cluster, { states }: Settled): Condition {
  const type = 'DeletionProtected';
  if (!spec.deletionProtection) return { type, status: 'False', reason: 'NotAsked' };
  const usage = states.get(PROTECTION);
  if (usage === undefined)
    return {
      type,
      status: 'False',
      reason: 'NoClaim',
      message: 'Only a claim can be protected, and there is none',
    };
  return usage.ready
    ? { type, status: 'True', reason: 'Protected' }
    : { type, status: 'False', reason: 'Waiting', message: 'Waiting for Crossplane to guard the claim' };
}

/** Whether the machines hold the chosen components: a warning, nothing waits for it. */
function sufficientCondition(estimates: ReadonlyMap<string, Estimate>): Condition {
  const type = 'ResourcesSufficient';
  const short = [...estimates].filter(([, estimate]) => isSufficient(estimate) === false);
  if (short.length > 0) {
    const message = short
      .map(
        ([name, { memoryMiB }]) =>
          `Region "${name}" needs ${memoryMiB.needed} MiB of memory and its machines have ${memoryMiB.available ?? 0} MiB`,
      )
      .join('; ');
    const advice = 'add machines to a pool, choose larger ones or switch components off';
    return { type, status: 'False', reason: 'NotEnoughMemory', message: `${message}: ${advice}` };
  }
  const unknown = [...estimates]
    .filter(([, estimate]) => isSufficient(estimate) === undefined)
    .map(([name]) => name);
  return unknown.length > 0
    ? {
        type,
        status: 'Unknown',
        reason: 'SizeUnknown',
        message: `The memory of machines is not known in region ${few(unknown)}`,
      }
    : { type, status: 'True', reason: 'Sufficient' };
}
