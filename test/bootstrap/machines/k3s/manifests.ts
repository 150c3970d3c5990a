/** What K3s applies from its folder of manifests. */
import { readdir, readFile } from 'node:fs/promises';
import { textAt, type Manifest } from '../../../../functions/kernel/manifest.ts';
import { parseManifests, type Kube } from '../../../live/kube.ts';
import { readyAtOnce, SERVER } from './place.ts';

const FOLDER = `${SERVER}/manifests`;

/** Applies what is new in the folder. A chart named cilium is a CNI from then on; no other chart is played. */
export function keepManifests(kube: Kube): () => Promise<void> {
  const applied = new Map<string, string>();
  return async () => {
    for (const file of await readdir(FOLDER).catch(() => [])) {
      if (!file.endsWith('.yaml')) continue;
      const text = await readFile(`${FOLDER}/${file}`, 'utf8');
      if (applied.get(file) === text) continue;
      for (const manifest of parseManifests(text)) await kube.apply(manifest, 'k3s');
      applied.set(file, text);
    }
    if (readyAtOnce) return;
    const charts = await kube.list('helm.cattle.io/v1', 'HelmChart').catch(() => []);
    if (
      charts.some((chart) => chart.metadata.name === 'cilium' || textAt(chart, 'spec', 'chart') === 'cilium')
    )
      await kube.apply(CILIUM, 'helm');
  };
}

const CILIUM: Manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'cilium-config', namespace: 'kube-system' },
};
