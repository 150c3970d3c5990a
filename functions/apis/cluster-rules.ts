/** What must be true across the regions of a cluster. */
import { overlaps } from './cidr.ts';
import type { ClusterGiven } from './cluster.ts';
import { apart } from './region-rules.ts';
import { unless, type Rule, type Transition } from './rules.ts';

/** CEL: no range of pods or services that two regions name may overlap. */
const pairs = (['podCidr', 'serviceCidr'] as const).flatMap((left) =>
  (['podCidr', 'serviceCidr'] as const).map(
    (right) =>
      `(!has(r.network.${left}) || !has(s.network.${right}) || ${apart(`r.network.${left}`, `s.network.${right}`)})`,
  ),
);

export const clusterRules: readonly Rule<ClusterGiven>[] = [
  {
    path: 'regions',
    cel: "size(self.regions.filter(r, r.role == 'primary')) == 1",
    message: 'must have exactly one region with role primary',
    check: ({ regions }) => {
      const primaries = regions
        .filter(({ role }) => role === 'primary')
        .map(({ name }) => name)
        .sort();
      const given = primaries.length === 0 ? 'no region' : `regions ${primaries.join(' and ')}`;
      return unless(primaries.length === 1, {
        message: `has ${given} with role primary, must have exactly one`,
      });
    },
  },
  {
    path: 'regions',
    cel: `self.regions.all(r, self.regions.all(s, r.name >= s.name || (${pairs.join(' && ')})))`,
    message: 'must not name ranges of pods or services that overlap those of another region',
    check: ({ regions }) =>
      regions.flatMap((region) =>
        regions
          .filter((other) => other.name < region.name)
          .flatMap((other) =>
            (['podCidr', 'serviceCidr'] as const).flatMap((field) => {
              const mine = region.network[field];
              const theirs = [other.network.podCidr, other.network.serviceCidr];
              const clash = theirs.find(
                (range) => mine !== undefined && range !== undefined && overlaps(mine, range),
              );
              return unless(mine === undefined || clash === undefined, {
                path: `regions[${region.name}].network.${field}`,
                message: `is "${mine ?? ''}", must not overlap "${clash ?? ''}" of region "${other.name}"`,
              });
            }),
          ),
      ),
  },
  {
    path: 'regions',
    cel: 'self.regions.all(r, self.regions.all(s, r.name >= s.name || !has(r.network.clusterId) || !has(s.network.clusterId) || r.network.clusterId != s.network.clusterId))',
    message: 'must not name the same network.clusterId twice',
    check: ({ regions }) => {
      const ids = regions.flatMap(({ network: { clusterId } }) =>
        clusterId === undefined ? [] : [clusterId],
      );
      return unless(new Set(ids).size === ids.length);
    },
  },
];

export const clusterTransitions: readonly Transition<ClusterGiven>[] = [
  {
    path: 'regions',
    cel: '!self.deletionProtection || oldSelf.regions.all(o, self.regions.exists(r, r.name == o.name))',
    message: 'cannot be removed or renamed while deletionProtection is true',
    check: ({ deletionProtection, regions }, before) => {
      const names = new Set(regions.map(({ name }) => name));
      const gone = before.regions.filter(({ name }) => !names.has(name));
      return deletionProtection
        ? gone.map(({ name }) => ({
            path: `regions[${name}]`,
            message: 'cannot be removed or renamed while deletionProtection is true',
          }))
        : [];
    },
  },
];
