/** Cilium for a cluster that nobody else installs it on: K3s's own Helm controller does. */
import { stringify } from 'yaml';
import { cilium } from '../../catalogue/cilium.ts';
import type { Config } from '../contract.ts';

/**
 * A HelmChart for K3s's folder of manifests, which is installed before nodes are Ready. The chart is the catalogue's, with
 * the values without which a K3s without a network of its own and without kube-proxy does not work.
 * @param common what servers share: the range of pods is taken from it.
 */
export function ciliumManifest(common: Config): string {
  const { repository, name, version } = cilium.chart ?? {};
  const values = {
    kubeProxyReplacement: common['disable-kube-proxy'] === true,
    k8sServiceHost: '127.0.0.1',
    k8sServicePort: 6444,
    ipam: { mode: 'kubernetes' },
    routingMode: 'tunnel',
    tunnelProtocol: 'vxlan',
    encryption: { enabled: true, type: 'wireguard' },
    operator: { replicas: 1 },
  };
  return stringify({
    apiVersion: 'helm.cattle.io/v1',
    kind: 'HelmChart',
    metadata: { name: 'cilium', namespace: 'kube-system' },
    spec: {
      bootstrap: true,
      repo: repository,
      chart: name,
      version,
      targetNamespace: 'kube-system',
      valuesContent: stringify(values),
    },
  });
}
