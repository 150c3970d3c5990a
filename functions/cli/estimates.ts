/** What a render ends with: memory, volumes and cost of each cluster, region and data service, and of all together. */
import { claimNameOf } from '../kernel/claim.ts';
import { objectAt, textAt, type Manifest } from '../kernel/manifest.ts';
import { addEstimates, costWords, estimateOf, withWorkloads, type Estimate } from '../pricing/estimate.ts';
import type { Paint } from './style.ts';

/** A line for each composite that has an estimate; with data services, one more for machines and services together. */
export function estimateLines(composites: readonly Manifest[], paint: Paint): string[] {
  const all = composites.flatMap((composite) => {
    const estimate = estimateOf(objectAt(composite, 'status', 'estimate'));
    return estimate === undefined ? [] : [{ composite, estimate }];
  });
  const services = all.filter(({ composite }) => isService(composite));
  const places = all.filter(({ composite }) => !isService(composite));
  const machines = places.filter(({ composite }) => isWhole(composite));
  const total = withWorkloads(
    addEstimates(machines.map(({ estimate }) => estimate)),
    services.map(({ estimate }) => estimate),
  );
  return [
    ...places.map(({ composite, estimate }) =>
      line(labelOf(composite), onMachines(estimate, paint), estimate),
    ),
    ...services.map(({ composite, estimate }) => line(labelOf(composite), inService(estimate), estimate)),
    ...(services.length > 0 && machines.length > 0 ? [line('total', onMachines(total, paint), total)] : []),
  ];
}

export function gib(mebibytes: number): string {
  return `${(mebibytes / 1024).toFixed(1)} GiB`;
}

function isService({ kind }: Manifest): boolean {
  return kind === 'XDataService';
}

/** Whether its machines are counted nowhere else: those of a cluster's region are in the cluster's estimate. */
function isWhole(composite: Manifest): boolean {
  return objectAt(composite, 'spec', 'cluster') === undefined;
}

function labelOf(composite: Manifest): string {
  const name = textAt(composite, 'spec', 'name') ?? claimNameOf(composite);
  return `${composite.kind.replace(/^X(OpenOva|Data)/, '').toLowerCase()} ${name}`;
}

function onMachines({ memoryMiB: { needed, available }, volumesGb }: Estimate, paint: Paint): string {
  const enough = available === undefined || available >= needed;
  const memory = `RAM ${gib(needed)} needed, ${available === undefined ? 'unknown' : gib(available)} available`;
  const volumes = volumesGb === 0 ? '' : `, volumes ${volumesGb} GB`;
  return `${enough ? memory : paint('red', `${memory}: not enough`)}${volumes}`;
}

/** It has no machines of its own. */
function inService({ memoryMiB: { needed }, volumesGb }: Estimate): string {
  return `RAM ${gib(needed)} needed, volumes ${volumesGb} GB`;
}

function line(label: string, what: string, estimate: Estimate): string {
  return `${label.padEnd(16)}  ${what}  ${costWords(estimate)}`;
}
