import { defineComponent } from './component.ts';
import { replicas } from './render.ts';

/** The operator of PostgreSQL clusters; the clusters themselves are DataServices. */
export const cnpg = defineComponent({
  id: 'cnpg',
  summary: 'CloudNativePG, the operator of PostgreSQL; on while a DataService needs it',
  category: 'data',
  step: 'DatabasesReady',
  needs: ['cilium', 'hcloud-csi'],
  usedBy: (engines) => (engines.has('postgres') ? 'a DataService of engine "postgres"' : undefined),
  chart: {
    repository: 'https://cloudnative-pg.github.io/charts',
    name: 'cloudnative-pg',
    // renovate: datasource=helm depName=cloudnative-pg registryUrl=https://cloudnative-pg.github.io/charts
    version: '0.29.0',
  },
  namespace: 'cnpg-system',
  memory: { perNode: 0, fixed: 128, ha: 256, source: 'estimate 2026-11-21; chart sets no requests' },
  values: (context) => ({
    crds: { create: true },
    config: { clusterWide: true },
    replicaCount: replicas(context),
    monitoring: { podMonitorEnabled: false },
  }),
});
