import type { PlatformSpec } from '../apis/platform.ts';
import { Teardown } from '../bootstrap/contract.ts';
import { dnsProviders } from '../dns/index.ts';
import { DNS_SECRET, type Credentials } from '../dns/provider.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { SYSTEM_NAMESPACE } from '../kernel/names.ts';
import { CHARTS, IMAGE, VERSION } from '../release.ts';
import { defineComponent, type Context, type SecretValue } from './component.ts';
import { ARCHIVAL_SECRET, GATEWAY } from './names.ts';

/** Seconds that the teardown may take: less than the Job may, which is less than Helm waits for it. */
const TEARDOWN_SECONDS = 480;

/**
 * What the platform needs before anything else: namespaces, and Secrets with the credentials that the claim names. They
 * cross as values of this one release, which provider-helm reads from the claim's namespace; no object of the control
 * plane ever shows them. It alone is uninstalled when the region goes: its hook removes what workloads made at the cloud.
 */
export const openovaSystem = defineComponent({
  id: 'openova-system',
  summary: 'Namespaces, credentials for the platform, clean-up at the cloud when the region goes',
  category: 'cloud',
  step: 'CloudReady',
  profile: 'minimal',
  needs: ['cilium'],
  chart: { repository: CHARTS, name: 'openova-system', version: VERSION },
  namespace: SYSTEM_NAMESPACE,
  memory: { perNode: 0, fixed: 0, source: 'no pods but the hook' },
  // Bounded by provider-helm's own limit for a whole reconcile, 10m.
  timeout: '9m30s',
  uninstall: 'load balancers and volumes of workloads would stay at the cloud, and cost',
  values: ({ spec, on }) => ({
    image: IMAGE,
    namespaces: [...namespaces(on)].sort(),
    credentials: Object.fromEntries(sources(spec).map(({ id }) => [id, {}])),
    secrets: sources(spec).flatMap(({ id, credentials, targets, plain }) =>
      targets(on).map((target) => ({
        ...target,
        from: id,
        ...(plain && { plain }),
        ...(credentials.json !== undefined && { json: credentials.json }),
        ...(credentials.document && {
          document: { ...credentials.document, secrets: { ...credentials.document.secrets } },
        }),
      })),
    ),
    teardown: {
      enabled: spec.cloud.provider !== 'existing',
      input: Teardown.parse({
        version: 1,
        operation: 'teardown',
        volumes: spec.deletion.volumes,
        deadlineSeconds: TEARDOWN_SECONDS,
      }),
    },
  }),
  secrets: ({ spec }) =>
    sources(spec).flatMap(({ id, secret, credentials }): SecretValue[] => [
      ...credentials.keys.map((key) => ({ name: `credentials.${id}.${key}`, secret, key })),
      ...(credentials.json === undefined
        ? []
        : [{ name: '', secret, key: credentials.json, json: true as const }]),
    ]),
});

/** One Secret that the claim names, and the Secrets in the region that are made of it. */
interface Source {
  readonly id: 'cloud' | 'dns' | 'archival';
  readonly secret: string;
  readonly credentials: Credentials;
  readonly targets: (on: Context['on']) => { readonly name: string; readonly namespace: string }[];
  /** Fields of the made Secrets that are no secret. */
  readonly plain?: JsonObject;
}

function sources({ cloud, network, dns, archival }: PlatformSpec): Source[] {
  const found: Source[] = [];
  if (cloud.provider === 'hetzner' && cloud.tokenSecretRef !== undefined)
    found.push({
      id: 'cloud',
      secret: cloud.tokenSecretRef.name,
      credentials: { keys: ['token'] },
      // Both charts of Hetzner look for this name.
      targets: () => [{ name: 'hcloud', namespace: 'kube-system' }],
      ...(network.networkName !== undefined && { plain: { network: network.networkName } }),
    });
  if (dns?.secretRef !== undefined)
    found.push({
      id: 'dns',
      secret: dns.secretRef.name,
      credentials: dnsProviders[dns.provider].credentials(dns),
      targets: (on) =>
        ['cert-manager', 'external-dns']
          .filter((id) => on.has(id))
          .map((namespace) => ({ name: DNS_SECRET, namespace })),
    });
  if (archival !== undefined)
    found.push({
      id: 'archival',
      secret: archival.secretRef.name,
      credentials: ARCHIVAL_KEYS[archival.provider],
      targets: () => [{ name: ARCHIVAL_SECRET, namespace: SYSTEM_NAMESPACE }],
    });
  return found;
}

/** What `archival.secretRef` holds, by provider. */
export const ARCHIVAL_KEYS: Readonly<Record<NonNullable<PlatformSpec['archival']>['provider'], Credentials>> =
  {
    r2: { keys: ['accessKeyId', 'secretAccessKey'] },
    s3: { keys: ['accessKeyId', 'secretAccessKey'] },
    gcs: { keys: [], json: 'serviceAccount' },
    azureblob: { keys: ['accountName', 'accountKey'] },
  };

/** Namespaces that must exist before the release that lives there, because a Secret of it does. */
function namespaces(on: Context['on']): Set<string> {
  const found = new Set<string>();
  if (on.has('gateway')) found.add(GATEWAY.namespace);
  for (const id of ['cert-manager', 'external-dns']) if (on.has(id)) found.add(id);
  return found;
}

/**
 * Secrets of the claim whose value is a JSON document. They share the chart's top-level values, so that a region can
 * take one only.
 */
export function documentsOf({ dns, archival }: Pick<PlatformSpec, 'archival' | 'dns'>): readonly string[] {
  const secrets = [
    dns?.secretRef !== undefined && dnsProviders[dns.provider].credentials(dns).json !== undefined
      ? dns.secretRef.name
      : undefined,
    archival !== undefined && ARCHIVAL_KEYS[archival.provider].json !== undefined
      ? archival.secretRef.name
      : undefined,
  ];
  return [...new Set(secrets.filter((name) => name !== undefined))];
}
