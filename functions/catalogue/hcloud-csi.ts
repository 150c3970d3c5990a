import { defineComponent } from './component.ts';
import { HCLOUD_VOLUMES } from './names.ts';
import { replicas } from './render.ts';

/** Volumes of Hetzner: ReadWriteOnce, 10 GiB at least, at most 16 per machine, tied to their location. */
export const hcloudCsi = defineComponent({
  id: 'hcloud-csi',
  summary: 'Volumes of Hetzner, as storage class hcloud-volumes',
  category: 'cloud',
  step: 'CloudReady',
  profile: 'minimal',
  fit: { needs: 'cloud.provider "hetzner"', test: ({ cloud }) => cloud.provider === 'hetzner' },
  needs: ['hcloud-ccm'],
  chart: {
    repository: 'https://charts.hetzner.cloud',
    name: 'hcloud-csi',
    // renovate: datasource=helm depName=hcloud-csi registryUrl=https://charts.hetzner.cloud
    version: '2.22.1',
  },
  namespace: 'kube-system',
  memory: {
    perNode: 80,
    fixed: 120,
    ha: 240,
    source: "the chart's example-prod-values.yaml at 2.22.1, 2026-11-21",
  },
  values: (context) => ({
    controller: {
      replicaCount: replicas(context),
      ...(context.spec.region.location !== undefined && {
        hcloudVolumeDefaultLocation: context.spec.region.location,
      }),
      // Found again at the cloud after the region is gone.
      volumeExtraLabels: { 'openova-region': context.spec.network.clusterName },
    },
    // A volume outlives the claim that made it; the chart's default deletes it.
    storageClasses: [{ name: HCLOUD_VOLUMES, defaultStorageClass: true, reclaimPolicy: 'Retain' }],
  }),
});
