import { defineComponent } from './component.ts';

/** Applies what is in Git. The controllers of images stay out until somebody asks for them. */
export const flux = defineComponent({
  id: 'flux',
  summary: 'Flux: applies what is in Git',
  category: 'delivery',
  step: 'ServicesReady',
  profile: 'standard',
  needs: ['cilium', 'hcloud-ccm'],
  chart: {
    repository: 'https://fluxcd-community.github.io/helm-charts',
    name: 'flux2',
    // renovate: datasource=helm depName=flux2 registryUrl=https://fluxcd-community.github.io/helm-charts
    version: '2.18.3',
  },
  namespace: 'flux-system',
  memory: { perNode: 0, fixed: 384, source: 'requests of chart 2.18.3, 2026-11-21' },
  values: () => ({
    installCRDs: true,
    imageAutomationController: { create: false },
    imageReflectionController: { create: false },
  }),
});
