/** What must be true across the fields of a data service. */
import { AVAILABLE_ENGINES, type DataServiceGiven } from './data-service.ts';
import { shown, unless, type Rule } from './rules.ts';

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
          message: `engine "${engine}" is not available yet, only postgres is`,
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
    // Source: the major versions of PostgreSQL that CloudNativePG 1.30 supports, 2026-11.
    cel: "self.engine != 'postgres' || self.version in ['14', '15', '16', '17', '18']",
    message: 'must be one of 14, 15, 16, 17, 18 when engine is postgres',
    check: ({ engine, version }) =>
      unless(engine !== 'postgres' || ['14', '15', '16', '17', '18'].includes(version), {
        given: shown(version),
      }),
  },
];
