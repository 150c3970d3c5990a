import { defineComponent } from './component.ts';

/**
 * The kinds of the Gateway API, before Cilium: its operator looks for them once at start and never again.
 * The version is the one that Cilium's is tested with: 1.20 wants Gateway API 1.6, which this chart brings.
 */
export const gatewayApiCrds = defineComponent({
  id: 'gateway-api-crds',
  summary: 'Kinds of the Gateway API: Gateway, HTTPRoute and their like',
  category: 'network',
  step: 'NetworkReady',
  profile: 'minimal',
  needs: [],
  chart: {
    repository: 'https://charts.christianhuth.de',
    name: 'gateway-api-crds',
    // renovate: datasource=helm depName=gateway-api-crds registryUrl=https://charts.christianhuth.de
    version: '1.2.3',
  },
  namespace: 'kube-system',
  memory: { perNode: 0, fixed: 0, source: 'no pods: chart rendered 2026-11-21' },
  values: () => ({
    standard: { enabled: true },
    experimental: { enabled: false },
    // Neither an uninstall nor a rollback may take every Gateway and route with it.
    global: { resourcePolicy: { keep: true } },
  }),
});
