/**
 * What workloads have made at the cloud goes before their cluster does: load balancers, and volumes if asked. It runs in that
 * cluster, as the hook of the chart openova-system, with the rights of the chart's templates/teardown.yaml.
 */
import { setTimeout as pause } from 'node:timers/promises';
import type * as z from 'zod';
import type { Teardown } from '../contract.ts';
import { Failure } from '../failure.ts';

export interface Found {
  readonly kind: Kind;
  readonly namespace?: string;
  readonly name: string;
  /** Whether it is on its way out. */
  readonly leaving: boolean;
}

/** In the order in which they go: who makes pods, pods, what they keep. */
export const KINDS = [
  'Service',
  'CronJob',
  'Deployment',
  'StatefulSet',
  'DaemonSet',
  'ReplicaSet',
  'Job',
  'Pod',
  'PersistentVolumeClaim',
  'PersistentVolume',
] as const;
export type Kind = (typeof KINDS)[number];

/** The cluster, as far as a teardown looks at it. */
export interface Cluster {
  /** Services of type LoadBalancer. */
  loadBalancers(): Promise<Found[]>;
  /** Whatever makes pods, pods that use a claim, and claims: outside of the namespaces that the clean-up itself needs. */
  workloads(): Promise<Found[]>;
  /** Volumes that a driver has made, whatever their policy. */
  volumes(): Promise<Found[]>;
  /** Also of a volume that is to be kept. */
  remove(object: Found): Promise<void>;
}

export interface Clock {
  readonly stop: AbortSignal;
  now(): number;
  say(line: string): void;
}

const PAUSE_MS = 3000;
/** Names of what is left, in a message. */
const NAMED = 5;

/** Looks, removes what it finds, and looks again, until there is nothing or the time is over. @throws Failure timeout */
export async function teardown(
  cluster: Cluster,
  { volumes, deadlineSeconds }: z.output<typeof Teardown>,
  clock: Clock,
): Promise<void> {
  const until = clock.now() + deadlineSeconds * 1000;
  let before = '';
  for (;;) {
    const left = await leftIn(cluster, volumes === 'Delete');
    if (left.length === 0) return;
    const said = wordsOf(left);
    if (said !== before) clock.say(`waiting for ${said}`);
    before = said;
    for (const object of left) if (!object.leaving) await cluster.remove(object);
    if (clock.stop.aborted) throw Failure.remote(`stopped from outside, ${said} left`);
    if (clock.now() + PAUSE_MS > until)
      throw Failure.timeout(`after ${deadlineSeconds} s there is left: ${said}`, {
        hint: 'what stays at the cloud costs: look at the events of these, or set the Release to deletionPolicy Orphan to give up',
      });
    await pause(PAUSE_MS, undefined, { signal: clock.stop }).catch(() => undefined);
  }
}

async function leftIn(cluster: Cluster, withVolumes: boolean): Promise<Found[]> {
  const balancers = await cluster.loadBalancers();
  if (!withVolumes) return balancers;
  const found = [...balancers, ...(await cluster.workloads()), ...(await cluster.volumes())];
  return found.sort((left, right) => KINDS.indexOf(left.kind) - KINDS.indexOf(right.kind));
}

function wordsOf(left: readonly Found[]): string {
  const names = left.map(({ kind, namespace, name }) =>
    [kind, [namespace, name].filter((part) => part !== undefined).join('/')].join(' '),
  );
  const more = names.length - NAMED;
  return `${names.slice(0, NAMED).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
