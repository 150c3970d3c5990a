import { defineComponent } from './component.ts';

/** Lets cert-manager prove ownership of zones that Hetzner serves. */
export const certManagerWebhookHetzner = defineComponent({
  id: 'cert-manager-webhook-hetzner',
  summary: 'dns01 for zones of Hetzner',
  category: 'security',
  step: 'ServicesReady',
  profile: 'minimal',
  fit: {
    needs: 'dns.provider "hetzner" and certificates.solver "dns01"',
    test: ({ dns, certificates }) => dns?.provider === 'hetzner' && certificates.solver === 'dns01',
  },
  needs: ['cert-manager'],
  chart: {
    repository: 'https://charts.hetzner.cloud',
    name: 'cert-manager-webhook-hetzner',
    // renovate: datasource=helm depName=cert-manager-webhook-hetzner registryUrl=https://charts.hetzner.cloud
    version: '0.9.0',
  },
  namespace: 'cert-manager',
  memory: { perNode: 0, fixed: 64, source: "estimate 2026-11-21; the chart's example asks for 128" },
  values: () => ({
    groupName: 'acme.hetzner.com',
    certManager: { namespace: 'cert-manager', serviceAccountName: 'cert-manager' },
  }),
});
