/** What K3s applies from its folder of manifests. */
import { readdir, readFile } from 'node:fs/promises';
import { at, listAt, textAt, type Manifest } from '../../../../functions/kernel/manifest.ts';
import { parseManifests, type Kube } from '../../../live/kube.ts';
import { readyAtOnce, SERVER } from './place.ts';

const FOLDER = `${SERVER}/manifests`;

/**
 * Applies what is new in the folder. A chart named cilium is a CNI once a server takes the pod that installs it; no other
 * chart is played.
 */
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
    const chart = charts.find((one) => [one.metadata.name, textAt(one, 'spec', 'chart')].includes('cilium'));
    if (chart === undefined) return;
    const tolerated = at(chart, 'spec', 'bootstrap') === true ? TOLERATED : [];
    const servers = await kube.list('v1', 'Node', { 'node-role.kubernetes.io/control-plane': 'true' });
    if (servers.some((node) => taintsOf(node).every((taint) => tolerated.includes(taint))))
      await kube.apply(CILIUM, 'helm');
  };
}

/** Of the Job of a chart with `bootstrap`. Source: helm-controller, pkg/controllers/chart/chart.go, 2026-07. */
const TOLERATED = [
  'CriticalAddonsOnly',
  'node-role.kubernetes.io/control-plane',
  'node-role.kubernetes.io/etcd',
  'node.cloudprovider.kubernetes.io/uninitialized',
  'node.kubernetes.io/network-unavailable',
  'node.kubernetes.io/not-ready',
];

/** Those that keep off pods, by key. */
function taintsOf(node: Manifest): string[] {
  return listAt(node, 'spec', 'taints')
    .filter((taint) => textAt(taint, 'effect') !== 'PreferNoSchedule')
    .map((taint) => textAt(taint, 'key') ?? '');
}

const CILIUM: Manifest = {
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'cilium-config', namespace: 'kube-system' },
};
