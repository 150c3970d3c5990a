/** What a data service needs of memory and volumes, and what it costs beside the machines that it runs on. */
import { quantityOf } from '../apis/data-service-rules.ts';
import { HCLOUD_VOLUMES } from '../catalogue/names.ts';
import type { Estimate } from '../pricing/estimate.ts';
import { centsOfVolumes, PRICED_AT, type Cost } from '../pricing/hetzner.ts';
import type { Site } from './home.ts';

export function estimateOfService({ spec: { instances, resources, storage }, home }: Site): Estimate {
  // The cloud's volumes have whole sizes.
  const size = Math.ceil(quantityOf(storage.size) / 2 ** 30);
  const volumesGb = Array.from({ length: instances }, () => size);
  return {
    memoryMiB: {
      needed: Math.ceil((instances * quantityOf(resources.memory)) / 2 ** 20),
      available: undefined,
    },
    volumesGb: instances * size,
    cost: costOf(volumesGb, storage.className, home.existing),
    pricedAt: PRICED_AT,
  };
}

/** Volumes of existing machines lie on their own disks, for which nobody charges. */
function costOf(volumesGb: readonly number[], className: string | undefined, existing: boolean): Cost {
  if (existing) return { cents: 0, unknown: [] };
  if (className !== undefined && className !== HCLOUD_VOLUMES)
    return { cents: 0, unknown: [`volumes of storage class ${className}`] };
  return { cents: centsOfVolumes(volumesGb), unknown: [] };
}
