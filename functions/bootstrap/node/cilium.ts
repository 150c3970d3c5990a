/** Cilium for a cluster that nobody else installs it on: K3s's own Helm controller does. */
import { stringify } from 'yaml';
import { cilium } from '../../catalogue/cilium.ts';
import type { Config } from '../contract.ts';
import type { Remote } from '../remote.ts';
import type { Run } from '../run.ts';
import { standing } from './cluster.ts';
import { getObject } from './kubectl.ts';

/** A chart and the images of two programs have to be fetched. */
const SECONDS = 900;
const HINT = `does the machine reach ${cilium.chart?.repository ?? ''} and the registry of Cilium's images: k3s kubectl --namespace kube-system get pods`;

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

/** A server is Ready once Cilium runs there. @throws Failure timeout when it does not. */
export function waitForCilium(run: Run, remote: Remote): Promise<void> {
  const { name } = remote.target;
  return run.step('wait for Cilium', SECONDS, (signal) =>
    run.until(
      signal,
      async () => {
        const look = standing(name, await getObject(remote, 'node', name, { signal }), 'server');
        return 'done' in look ? look : { ...look, hint: HINT };
      },
      5,
    ),
  );
}
