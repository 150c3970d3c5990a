import type { Node } from '../kernel/graph.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { defineComponent, type Context } from './component.ts';
import { GATEWAY, ISSUER } from './names.ts';
import { conditionTrue, object, valuesOf } from './render.ts';

const TLS_SECRET = 'platform-tls';

/**
 * The one way in for HTTP: Cilium's Envoy on the host network of the nodes labelled for it, behind one load balancer or
 * none. Its values are the spec of the Gateway. Each host name that has an HTTPS listener has a plain one of the same
 * name: Cilium lets the more specific of the two listeners shadow a wider one (cilium issue 44123, 2026-02).
 */
export const gateway = defineComponent({
  id: 'gateway',
  summary: 'Gateway "platform" in gateway-system: HTTP and HTTPS for the domain',
  category: 'network',
  step: 'GatewayReady',
  profile: 'minimal',
  needs: ['gateway-api-crds', 'cilium', 'cilium-l2', 'openova-system', 'hcloud-ccm', 'cluster-issuer'],
  namespace: GATEWAY.namespace,
  memory: { perNode: 0, fixed: 0, source: "no pods of its own: Cilium's Envoy" },
  values: (context) => ({ gatewayClassName: 'cilium', listeners: listeners(context) }),
  nodes: (component, context) => [
    ...(wildcard(context) ? [certificate(context)] : []),
    object(
      {
        key: component.id,
        manifest: {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'Gateway',
          metadata: {
            ...GATEWAY,
            annotations: {
              // With http01 cert-manager makes the Certificate of each HTTPS listener by itself.
              ...(!wildcard(context) && { 'cert-manager.io/cluster-issuer': ISSUER }),
              ...target(context),
            },
          },
          spec: valuesOf(component, context),
        },
        readiness: conditionTrue('Programmed'),
      },
      context,
    ),
    ...(wildcard(context) ? [redirect(component.id, context)] : []),
  ],
});

/** Only dns01 can prove that a whole domain is ours. */
function wildcard({ spec }: Context): boolean {
  return spec.certificates.solver === 'dns01';
}

function listeners(context: Context): JsonObject[] {
  const { domain } = context.spec;
  const hosts = [
    { suffix: '', hostname: `*.${domain}`, secure: wildcard(context) },
    { suffix: '-apex', hostname: domain, secure: true },
  ];
  const allowedRoutes = { namespaces: { from: 'All' } };
  return [
    ...hosts.map(({ suffix, hostname }) => ({
      name: `http${suffix}`,
      protocol: 'HTTP',
      port: 80,
      hostname,
      allowedRoutes,
    })),
    ...hosts
      .filter(({ secure }) => secure)
      .map(({ suffix, hostname }) => ({
        name: `https${suffix}`,
        protocol: 'HTTPS',
        port: 443,
        hostname,
        tls: { mode: 'Terminate', certificateRefs: [{ kind: 'Secret', name: TLS_SECRET }] },
        allowedRoutes,
      })),
  ];
}

/**
 * The addresses that ExternalDNS publishes for routes. On the host network those in the Gateway's status are the
 * machines' own, of every machine; with announced addresses they are right.
 */
function target({ spec: { gatewayAddresses, loadBalancer } }: Context): JsonObject {
  return gatewayAddresses.length === 0 || loadBalancer.type === 'cilium-l2'
    ? {}
    : { 'external-dns.alpha.kubernetes.io/target': [...gatewayAddresses].sort().join(',') };
}

/**
 * The certificate of the domain and everything below. An object of its own, so that the status tells why it is not
 * issued. With http01 there is none: it could only become Ready after the records that wait for the Gateway.
 */
function certificate(context: Context): Node {
  const { domain } = context.spec;
  return object(
    {
      key: 'gateway/certificate',
      manifest: {
        apiVersion: 'cert-manager.io/v1',
        kind: 'Certificate',
        metadata: { name: 'platform', namespace: GATEWAY.namespace },
        spec: {
          secretName: TLS_SECRET,
          issuerRef: { group: 'cert-manager.io', kind: 'ClusterIssuer', name: ISSUER },
          dnsNames: [domain, `*.${domain}`],
          privateKey: { algorithm: 'ECDSA', size: 256, rotationPolicy: 'Always' },
        },
      },
      readiness: { policy: 'DeriveFromObject' },
    },
    context,
  );
}

/** Plain HTTP moves to HTTPS. A route for a host of its own wins over this one. */
function redirect(gatewayKey: string, context: Context): Node {
  return {
    ...object(
      {
        key: 'gateway/redirect',
        manifest: {
          apiVersion: 'gateway.networking.k8s.io/v1',
          kind: 'HTTPRoute',
          metadata: { name: 'platform-redirect', namespace: GATEWAY.namespace },
          spec: {
            parentRefs: ['http', 'http-apex'].map((sectionName) => ({ name: GATEWAY.name, sectionName })),
            rules: [
              {
                filters: [{ type: 'RequestRedirect', requestRedirect: { scheme: 'https', statusCode: 301 } }],
              },
            ],
          },
        },
        readiness: { policy: 'SuccessfulCreate' },
      },
      context,
    ),
    after: [gatewayKey],
  };
}
