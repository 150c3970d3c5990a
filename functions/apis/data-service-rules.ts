/** What must be true across the fields of a data service. */
import type { DataServiceGiven } from './data-service.ts';
import { shown, unless, type Rule, type Transition } from './rules.ts';

export const ENGINES = ['dragonfly', 'mongodb', 'postgres', 'redpanda', 'valkey'] as const;
const AVAILABLE_ENGINES = ['postgres'] as const;

/** Major versions of PostgreSQL that CloudNativePG 1.30 supports. Source: its release notes, 2026-11. */
const POSTGRES_VERSIONS: readonly string[] = ['14', '15', '16', '17', '18'];

export const dataServiceRules: readonly Rule<DataServiceGiven>[] = [
  {
    path: 'engine',
    cel: "self.engine == 'postgres'",
    message: 'this engine is not available yet, only postgres is',
    messageCel: "'engine \"' + self.engine + '\" is not available yet, only postgres is'",
    check: ({ engine }) =>
      unless(
        AVAILABLE_ENGINES.some((available) => available === engine),
        {
          message: `is "${engine}", which is not available yet, only postgres is`,
        },
      ),
  },
  {
    path: 'clusterRef',
    cel: 'has(self.clusterRef) != has(self.regionRef)',
    message: 'exactly one of clusterRef and regionRef must be given',
    check: ({ clusterRef, regionRef }) => unless((clusterRef === undefined) !== (regionRef === undefined)),
  },
  {
    path: 'placement.standby',
    cel: '!has(self.placement.standby)',
    message: 'is not available yet, must be left out',
    check: ({ placement }) => unless(placement.standby === undefined),
  },
  {
    path: 'restoreFrom',
    cel: '!has(self.restoreFrom)',
    message: 'is not available yet, must be left out',
    check: ({ restoreFrom }) => unless(restoreFrom === undefined),
  },
  {
    path: 'failover',
    cel: "self.failover == 'planned'",
    message: 'forced is not available yet, must be planned',
    check: ({ failover }) => unless(failover === 'planned'),
  },
  {
    path: 'version',
    cel: `self.engine != 'postgres' || self.version in [${POSTGRES_VERSIONS.map((version) => `'${version}'`).join(', ')}]`,
    message: `must be one of ${POSTGRES_VERSIONS.join(', ')} when engine is postgres`,
    check: ({ engine, version }) =>
      unless(engine !== 'postgres' || POSTGRES_VERSIONS.includes(version), { given: shown(version) }),
  },
  {
    path: 'activeRegion',
    cel: '!has(self.activeRegion) || (has(self.placement.primary) && self.activeRegion == self.placement.primary)',
    message: 'must be placement.primary: a standby region is not available yet',
    check: ({ activeRegion, placement }) =>
      unless(activeRegion === undefined || activeRegion === placement.primary, {
        given: shown(activeRegion),
      }),
  },
  {
    path: 'placement.primary',
    cel: '!has(self.regionRef) || !has(self.placement.primary)',
    message: 'must be left out with regionRef, which names the region',
    check: ({ placement, regionRef }) =>
      unless(regionRef === undefined || placement.primary === undefined, { given: shown(placement.primary) }),
  },
  ...(['memory', 'cpu'] as const).map((field): Rule<DataServiceGiven> => ({
    path: `resources.${field}`,
    cel: `quantity(self.resources.${field}).isGreaterThan(quantity('0'))`,
    message: 'must be more than 0',
    check: ({ resources }) => unless(quantityOf(resources[field]) > 0, { given: shown(resources[field]) }),
  })),
  {
    path: 'storage.size',
    cel: "quantity(self.storage.size).compareTo(quantity('1Gi')) >= 0",
    message: 'must be at least 1Gi',
    check: ({ storage }) =>
      unless(quantityOf(storage.size) >= quantityOf('1Gi'), { given: shown(storage.size) }),
  },
];

const FACTORS: ReadonlyMap<string, number> = new Map([
  ['m', 1e-3],
  ['k', 1e3],
  ['M', 1e6],
  ['G', 1e9],
  ['T', 1e12],
  ['Ki', 2 ** 10],
  ['Mi', 2 ** 20],
  ['Gi', 2 ** 30],
  ['Ti', 2 ** 40],
]);

/** The value of a quantity such as `50Gi`; 0 for anything that is none. */
export function quantityOf(quantity: string): number {
  const [, value = '0', unit = ''] = /^([0-9]+(?:\.[0-9]+)?)(.*)$/.exec(quantity) ?? [];
  return Number(value) * (unit === '' ? 1 : (FACTORS.get(unit) ?? 0));
}

const major = (version: string) => Number(version.split('.')[0]);

export const dataServiceTransitions: readonly Transition<DataServiceGiven>[] = [
  {
    path: 'storage.size',
    cel: 'quantity(self.storage.size).compareTo(quantity(oldSelf.storage.size)) >= 0',
    message: 'must not shrink',
    check: ({ storage: { size } }, before) =>
      unless(quantityOf(size) >= quantityOf(before.storage.size), {
        message: `is "${size}" and was "${before.storage.size}", must not shrink`,
      }),
  },
  {
    path: 'version',
    cel: "int(self.version.split('.')[0]) >= int(oldSelf.version.split('.')[0])",
    message: 'must not go down',
    check: ({ version }, before) =>
      unless(major(version) >= major(before.version), {
        message: `is "${version}" and was "${before.version}", must not go down`,
      }),
  },
];
