import { GATEWAY_NODE_LABEL } from '../kernel/names.ts';
import { defineComponent } from './component.ts';
import { object, valuesOf } from './render.ts';

const NAME = 'platform';

/**
 * Addresses of the segment for Services of type LoadBalancer, the Gateway's first of all, and which machines answer ARP
 * for them. Its values are the spec of the pool. On networks that are routed, such as Hetzner's, nobody would hear it.
 */
export const ciliumL2 = defineComponent({
  id: 'cilium-l2',
  summary: "Addresses on the machines' own segment, announced by ARP",
  category: 'network',
  step: 'GatewayReady',
  profile: 'minimal',
  fit: {
    needs: 'loadBalancer.type "cilium-l2"',
    test: ({ loadBalancer }) => loadBalancer.type === 'cilium-l2',
  },
  needs: ['cilium'],
  namespace: 'kube-system',
  memory: { perNode: 0, fixed: 0, source: 'no pods' },
  values: ({ spec }) => ({ blocks: spec.loadBalancer.addresses.map((cidr) => ({ cidr })) }),
  nodes: (component, context) => [
    object(
      {
        key: component.id,
        manifest: {
          apiVersion: 'cilium.io/v2',
          kind: 'CiliumLoadBalancerIPPool',
          metadata: { name: NAME },
          spec: valuesOf(component, context),
        },
        readiness: { policy: 'SuccessfulCreate' },
      },
      context,
    ),
    object(
      {
        key: `${component.id}/announcement`,
        manifest: {
          apiVersion: 'cilium.io/v2alpha1',
          kind: 'CiliumL2AnnouncementPolicy',
          metadata: { name: NAME },
          spec: {
            loadBalancerIPs: true,
            nodeSelector: { matchLabels: { [GATEWAY_NODE_LABEL]: 'true' } },
          },
        },
        readiness: { policy: 'SuccessfulCreate' },
      },
      context,
    ),
  ],
});
