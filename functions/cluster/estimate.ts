import type { RegionSpec } from '../apis/region.ts';
import { memoryNeeded } from '../catalogue/memory.ts';
import { objectAt, type Manifest } from '../kernel/manifest.ts';
import { estimateOf, estimateRegion, type Estimate } from '../pricing/estimate.ts';

/** What a region says of itself; before it says anything, what follows from the claim. */
export function estimateOfRegion(spec: RegionSpec, region: Manifest | undefined): Estimate {
  const said = estimateOf(objectAt(region, 'status', 'estimate'));
  if (said !== undefined) return said;
  const machines = {
    servers: spec.controlPlane.count,
    agents: spec.pools.reduce((sum, { count }) => sum + count, 0),
  };
  // No component of the catalogue claims a volume yet.
  return estimateRegion(spec, { memoryMiB: memoryNeeded(spec, machines), volumesGb: [] });
}
