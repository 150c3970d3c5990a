import type { PlatformSpec } from '../apis/platform.ts';
import { dnsProviders } from '../dns/index.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { defineComponent } from './component.ts';
import { GATEWAY, ISSUER } from './names.ts';
import { object, valuesOf } from './render.ts';

/** The ACME account and how ownership of the domain is proven. Ready when the account is registered. */
export const clusterIssuer = defineComponent({
  id: 'cluster-issuer',
  summary: 'ClusterIssuer "platform": ACME, by dns01 or http01',
  category: 'security',
  step: 'ServicesReady',
  profile: 'minimal',
  needs: ['cert-manager', 'cert-manager-webhook-hetzner'],
  namespace: 'cert-manager',
  memory: { perNode: 0, fixed: 0, source: 'no pods' },
  values: ({ spec: { certificates, ...spec } }) => ({
    acme: {
      server: certificates.server,
      ...(certificates.email !== undefined && { email: certificates.email }),
      privateKeySecretRef: { name: 'platform-acme-account' },
      solvers: [certificates.solver === 'dns01' ? dns01(spec) : http01],
    },
  }),
  nodes: (component, context) => [
    object(
      {
        key: component.id,
        manifest: {
          apiVersion: 'cert-manager.io/v1',
          kind: 'ClusterIssuer',
          metadata: { name: ISSUER },
          spec: valuesOf(component, context),
        },
        readiness: { policy: 'DeriveFromObject' },
      },
      context,
    ),
  ],
});

/** The challenge is answered by a route of the Gateway's plain listeners. */
const http01: JsonObject = {
  http01: { gatewayHTTPRoute: { parentRefs: [{ ...GATEWAY, kind: 'Gateway' }] } },
};

function dns01({ dns }: Pick<PlatformSpec, 'dns'>): JsonObject {
  return dns === undefined
    ? http01
    : { selector: { dnsZones: [dns.zone] }, dns01: dnsProviders[dns.provider].dns01(dns) };
}
