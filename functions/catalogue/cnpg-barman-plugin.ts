import { defineComponent } from './component.ts';

/** Backups of PostgreSQL to the archival store: base backups and the log between them. */
export const cnpgBarmanPlugin = defineComponent({
  id: 'cnpg-barman-plugin',
  summary: 'Backups of PostgreSQL to the archival store; on with cnpg and archival',
  category: 'data',
  step: 'DatabasesReady',
  needs: ['cnpg', 'cert-manager'],
  fit: { needs: 'archival', test: ({ archival }) => archival !== undefined },
  usedBy: (engines) => (engines.has('postgres') ? 'a DataService of engine "postgres"' : undefined),
  chart: {
    repository: 'https://cloudnative-pg.github.io/charts',
    name: 'plugin-barman-cloud',
    // renovate: datasource=helm depName=plugin-barman-cloud registryUrl=https://cloudnative-pg.github.io/charts
    version: '0.7.0',
  },
  // Only in its operator's namespace is the plugin found.
  namespace: 'cnpg-system',
  memory: {
    perNode: 0,
    fixed: 64,
    source: 'estimate 2026-11-21; the sidecar in each PostgreSQL pod counts with its service',
  },
  values: () => ({
    crds: { create: true },
    certificate: { createClientCertificate: true, createServerCertificate: true },
  }),
});
