import { defineComponent } from './component.ts';
import { replicas } from './render.ts';

/** Brings secrets from a store into Secrets of the region, and pushes them the other way. */
export const externalSecrets = defineComponent({
  id: 'external-secrets',
  summary: 'External Secrets: Secrets from a store, and back',
  category: 'security',
  step: 'ServicesReady',
  profile: 'standard',
  needs: ['cilium', 'hcloud-ccm'],
  chart: {
    repository: 'https://charts.external-secrets.io',
    name: 'external-secrets',
    // renovate: datasource=helm depName=external-secrets registryUrl=https://charts.external-secrets.io
    version: '2.9.0',
  },
  namespace: 'external-secrets',
  memory: {
    perNode: 0,
    fixed: 192,
    ha: 320,
    source: 'estimate 2026-11-21: 64 per pod; chart sets no requests',
  },
  values: (context) => ({
    installCRDs: true,
    crds: { createPushSecret: true, unsafeServeV1Beta1: false },
    processPushSecret: true,
    replicaCount: replicas(context),
    leaderElect: context.ha,
    webhook: { replicaCount: replicas(context) },
    serviceMonitor: { enabled: false },
  }),
});
