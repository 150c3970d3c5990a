/** Labels and taints of nodes whose pool has others by now than when they joined. */
import { GATEWAY_NODE_LABEL, sha256 } from '../kernel/names.ts';
import type { Input } from '../bootstrap/contract.ts';
import { attemptAt, inputOf, isDone, joinKey } from './jobs.ts';
import { ownTaint, poolLabels } from './k3s.ts';
import type { Machine } from './machines.ts';
import type { Region } from './region.ts';

type LabelInput = Extract<Input, { operation: 'label' }>;

/** What a node has of us. */
interface Marks {
  readonly labels: Readonly<Record<string, string>>;
  /** `key=value:Effect` */
  readonly taints: readonly string[];
}

export interface Relabelled {
  readonly key: string;
  readonly machine: Machine;
  readonly change: Pick<LabelInput, 'labels' | 'taints' | 'removeLabels' | 'removeTaints'>;
}

/** The machines whose nodes have or had other labels or taints than their pools have now, and what is to become of those. */
export function relabelled(region: Region): Relabelled[] {
  return region.machines.flatMap((machine) => {
    const before = marksBefore(region, machine);
    if (before === undefined) return [];
    const wanted: Marks = { labels: poolLabels(machine), taints: machine.taints };
    const text = canonical(wanted);
    if (before.every((one) => canonical(one) === text)) return [];
    return [{ key: keyOf(region, machine, text), machine, change: changeTo(wanted, before) }];
  });
}

/** Keys of Jobs that a machine was given labels by, and that a newer one has not yet taken note of. */
export function formerLabels({ jobs }: Region, { key }: Relabelled): string[] {
  if (jobs.observed.get(attemptAt(jobs, key)) !== undefined) return [];
  const prefix = key.replace(/[^-]+$/, '');
  const tasks = jobs.observed.ours.flatMap(
    ([one]) => /^(label\/[^/]+\/[^/]+)(?:\/\d+)?$/.exec(one)?.[1] ?? [],
  );
  return tasks.filter((one) => one.startsWith(prefix) && one !== key && !one.endsWith('-gateway'));
}

function keyOf({ jobs }: Region, machine: Machine, text: string): string {
  return `${joinKey(jobs, machine).replace(/^[^/]+/, 'label')}-${sha256(text, 8)}`;
}

/** What a machine's Jobs have given its node; undefined before it has joined. */
function marksBefore({ jobs }: Region, machine: Machine): Marks[] | undefined {
  const join = joinKey(jobs, machine);
  const joined = inputOf(jobs.observed.get(attemptAt(jobs, join)));
  if (!isDone(jobs, join) || joined === undefined || !('k3s' in joined)) return undefined;
  const { 'node-label': labels, 'node-taint': taints } = joined.k3s.node;
  const prefix = join.replace(/^[^/]+/, 'label');
  const given = jobs.observed.ours.flatMap(([key, job]): Marks[] => {
    const input = key.startsWith(`${prefix}-`) ? inputOf(job) : undefined;
    if (input?.operation !== 'label' || GATEWAY_NODE_LABEL in input.labels) return [];
    return [
      { labels: input.labels, taints: input.taints },
      // What an earlier one took away, or shall have.
      {
        labels: Object.fromEntries(input.removeLabels.map((name) => [name, ''])),
        taints: input.removeTaints,
      },
    ];
  });
  return [{ labels: fromFlags(labels), taints: listOf(taints).filter((one) => one !== ownTaint) }, ...given];
}

function fromFlags(flags: unknown): Record<string, string> {
  const pairs = listOf(flags).map((flag): [string, string] => {
    const [name = '', ...value] = flag.split('=');
    return [name, value.join('=')];
  });
  return Object.fromEntries(pairs.filter(([name]) => name !== GATEWAY_NODE_LABEL));
}

function listOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [];
}

function changeTo({ labels, taints }: Marks, before: readonly Marks[]): Relabelled['change'] {
  const kept = new Set(taints.map(withoutValue));
  const names = new Set(before.flatMap((one) => Object.keys(one.labels)));
  const formerTaints = new Set(before.flatMap((one) => one.taints.map(withoutValue)));
  return {
    labels: { ...labels },
    taints: [...taints],
    removeLabels: [...names].filter((name) => !(name in labels)).sort(),
    removeTaints: [...formerTaints].filter((taint) => !kept.has(taint)).sort(),
  };
}

/** `key=value:Effect` as `key:Effect`, which is what tells taints of one node apart. */
function withoutValue(taint: string): string {
  return taint.replace(/=[^:]*(?=:)/, '');
}

function canonical({ labels, taints }: Marks): string {
  return JSON.stringify([Object.entries(labels).sort(), [...taints].sort()]);
}
