import { defineComponent } from './component.ts';
import { replicas } from './render.ts';

/** Issues and renews certificates; the Gateway's among them. */
export const certManager = defineComponent({
  id: 'cert-manager',
  summary: 'Issues and renews certificates',
  category: 'security',
  step: 'ServicesReady',
  profile: 'minimal',
  needs: ['gateway-api-crds', 'cilium', 'openova-system', 'hcloud-ccm'],
  chart: {
    repository: 'https://charts.jetstack.io',
    name: 'cert-manager',
    // renovate: datasource=helm depName=cert-manager registryUrl=https://charts.jetstack.io
    version: 'v1.21.1',
  },
  namespace: 'cert-manager',
  memory: {
    perNode: 0,
    fixed: 192,
    ha: 448,
    source:
      'estimate 2026-11-21: controller 64 to 128, webhook and cainjector 32 to 64 each; chart sets no requests',
  },
  values: (context) => ({
    // Uninstalling must not delete every certificate of the region.
    crds: { enabled: true, keep: true },
    replicaCount: replicas(context),
    // It answers every write of a Certificate, so it outlives one machine.
    webhook: { replicaCount: replicas(context, 3) },
    cainjector: { replicaCount: replicas(context) },
    config: {
      apiVersion: 'controller.config.cert-manager.io/v1alpha1',
      kind: 'ControllerConfiguration',
      gatewayAPI: { enabled: true },
    },
    // A hook that Helm awaits: after it the webhook answers, and the first issuer can be made.
    startupapicheck: { enabled: true },
    prometheus: { servicemonitor: { enabled: false } },
  }),
});
