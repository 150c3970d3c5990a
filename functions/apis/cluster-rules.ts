/** What must be true across the regions of a cluster. */
import { overlaps } from './cidr.ts';
import type { ClusterGiven } from './cluster.ts';
import { apart } from './region-rules.ts';
import { unless, type Rule } from './rules.ts';

const PRIMARIES = "self.regions.filter(r, r.role == 'primary')";

export const clusterRules: readonly Rule<ClusterGiven>[] = [
  {
    path: 'regions',
    cel: `size(${PRIMARIES}) == 1`,
    message: 'must have exactly one region with role primary',
    check: ({ regions }) => {
      const primaries = regions
        .filter(({ role }) => role === 'primary')
        .map(({ name }) => name)
        .sort();
      return unless(primaries.length === 1, {
        message: `has ${primaries.length === 0 ? 'none' : primaries.join(', ')} with role primary, must have exactly one`,
      });
    },
  },
];

export { apart, overlaps };
