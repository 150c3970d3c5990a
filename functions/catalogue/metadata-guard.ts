import { defineComponent } from './component.ts';
import { object } from './render.ts';

/** Where Hetzner's machines read their user data, which holds what their installation needs. */
const METADATA = '169.254.169.254/32';
const NAMESPACE = 'k8s:io.kubernetes.pod.namespace';

/**
 * Keeps pods from the cloud's metadata service. The volume driver in kube-system reads it, and the cloud controller runs
 * on the host network, which the policy does not select: its selectors name pods by namespace, so that host, health and
 * gateway identities stay out. A policy with rules for a direction makes that direction deny all else, unless told not
 * to: Cilium's enableDefaultDeny (seen in cilium issues 15198 and 37729).
 */
export const metadataGuard = defineComponent({
  id: 'metadata-guard',
  summary: "Keeps pods from the machines' metadata at 169.254.169.254",
  category: 'security',
  step: 'CloudReady',
  profile: 'minimal',
  fit: { needs: 'cloud.provider "hetzner"', test: ({ cloud }) => cloud.provider === 'hetzner' },
  needs: ['cilium', 'hcloud-ccm'],
  namespace: 'kube-system',
  memory: { perNode: 0, fixed: 0, source: 'no pods' },
  nodes: ({ id }, context) => [
    object(
      {
        key: id,
        manifest: {
          apiVersion: 'cilium.io/v2',
          kind: 'CiliumClusterwideNetworkPolicy',
          metadata: { name: 'openova-metadata-guard' },
          specs: [
            deny([
              { key: NAMESPACE, operator: 'NotIn', values: ['kube-system'] },
              { key: NAMESPACE, operator: 'Exists' },
            ]),
            deny([
              { key: NAMESPACE, operator: 'In', values: ['kube-system'] },
              { key: 'k8s:app.kubernetes.io/name', operator: 'NotIn', values: ['hcloud-csi'] },
            ]),
          ],
        },
        readiness: { policy: 'SuccessfulCreate' },
      },
      context,
    ),
  ],
});

function deny(matchExpressions: { key: string; operator: string; values?: string[] }[]) {
  return {
    description: 'pods do not read the metadata of their machines',
    endpointSelector: { matchExpressions },
    enableDefaultDeny: { egress: false, ingress: false },
    egressDeny: [{ toCIDR: [METADATA] }],
  };
}
