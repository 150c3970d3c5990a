/** A small control plane for the tests of the cluster: what the function answers is applied, the rest is said by hand. */
import { RunFunctionRequest, Ready, Severity, Status } from '@crossplane-org/function-sdk-typescript';
import { clusterComposer } from '../../functions/cluster/index.ts';
import { compose } from '../../functions/kernel/compose.ts';
import {
  isManifest,
  isObject,
  objectAt,
  same,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { PACKAGES } from '../../functions/providers/packages.ts';

export interface Plane {
  readonly xr: Manifest;
  readonly objects: ReadonlyMap<string, Manifest>;
}

export interface Answer {
  readonly objects: ReadonlyMap<string, Manifest>;
  readonly status: JsonObject;
  /** By type: `True Reason: message`. */
  readonly conditions: Readonly<Record<string, string>>;
  readonly warnings: readonly string[];
  readonly ready: boolean;
  readonly ttl: number;
}

export const CLAIM = { name: 'acme', namespace: 'acme-platform' };

/** A spec of two regions with records at Route 53; `more` goes over it, field by field. */
export function specOf(more: JsonObject = {}): JsonObject {
  return {
    domain: 'acme.example.com',
    cloud: { provider: 'hetzner', tokenSecretRef: { name: 'token' } },
    regions: [
      { name: 'fsn', location: 'fsn1', role: 'primary' },
      { name: 'hel', location: 'hel1', role: 'standby' },
    ],
    access: { managementCidrs: ['192.0.2.10/32'] },
    dns: { provider: 'route53', zone: 'example.com', zoneId: 'Z123' },
    ...more,
  };
}

export function planeOf(spec: JsonObject, objects: ReadonlyMap<string, Manifest> = new Map()): Plane {
  return {
    xr: {
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XOpenOvaCluster',
      metadata: {
        name: `${CLAIM.name}-x7k2p`,
        labels: { 'crossplane.io/claim-name': CLAIM.name, 'crossplane.io/claim-namespace': CLAIM.namespace },
      },
      spec,
    },
    objects,
  };
}

export function withSpec({ xr, objects }: Plane, spec: JsonObject): Plane {
  return { xr: { ...xr, spec }, objects };
}

const SERVED = [
  ...PACKAGES.flatMap(({ managed }) => managed.map(({ apiVersion, kind }) => `${apiVersion}/${kind}`)),
  'protection.crossplane.io/v1beta1/Usage',
  'platform.openova.io/v1alpha1/XOpenOvaRegion',
];

/** What the function answers. */
export function ask({ xr, objects }: Plane, served: readonly string[] = SERVED): Answer {
  const request = RunFunctionRequest.fromPartial({
    observed: {
      composite: { resource: xr },
      resources: Object.fromEntries([...objects].map(([key, resource]) => [key, { resource }])),
    },
    requiredSchemas: Object.fromEntries(served.map((kind) => [kind, { openapiV3: { type: 'object' } }])),
  });
  const { desired, conditions, results, meta } = compose(clusterComposer, request);
  if (results.some(({ severity }) => severity === Severity.SEVERITY_FATAL))
    throw new Error(results[0]?.message);
  const composite: unknown = desired?.composite?.resource;
  return {
    objects: new Map(
      Object.entries(desired?.resources ?? {}).map(([key, { resource }]) => [key, manifest(resource)]),
    ),
    status: (isObject(composite) ? objectAt(composite, 'status') : undefined) ?? {},
    conditions: Object.fromEntries(
      conditions.map(({ type, status, reason, message }) => [
        type,
        `${status === Status.STATUS_CONDITION_TRUE ? 'True' : status === Status.STATUS_CONDITION_FALSE ? 'False' : 'Unknown'} ${reason}${message ? `: ${message}` : ''}`,
      ]),
    ),
    warnings: results.map(({ message }) => message),
    ready:
      desired?.composite?.ready !== Ready.READY_FALSE &&
      Object.values(desired?.resources ?? {}).every(({ ready }) => ready === Ready.READY_TRUE),
    ttl: meta?.ttl?.seconds ?? 0,
  };
}

function manifest(resource: unknown): Manifest {
  if (!isManifest(resource)) throw new Error('an answer is no object');
  return resource;
}

/** Applies an answer as Crossplane does: names and status stay, what is not in it goes. */
export function apply({ xr, objects }: Plane, answer: Answer): Plane {
  const next = [...answer.objects].map(([key, wanted]): [string, Manifest] => {
    const before = objects.get(key);
    const generation = Number(before?.metadata['generation'] ?? 0);
    const grown = before === undefined || !same(before['spec'], wanted['spec']) ? generation + 1 : generation;
    const status = before?.['status'];
    const name = before?.metadata.name ?? wanted.metadata.name;
    return [
      key,
      {
        ...wanted,
        metadata: { ...wanted.metadata, ...(name !== undefined && { name }), generation: grown },
        ...(status !== undefined && { status }),
      },
    ];
  });
  return { xr: { ...xr, status: answer.status }, objects: new Map(next) };
}

/** The object under a key with this status. */
export function say({ xr, objects }: Plane, key: string, status: JsonObject): Plane {
  const object = objects.get(key);
  if (object === undefined) throw new Error(`there is no "${key}" to speak`);
  return { xr, objects: new Map([...objects, [key, { ...object, status }]]) };
}

export function condition(type: string, status = 'True', more: JsonObject = {}): JsonObject {
  return { type, status, reason: 'Said', lastTransitionTime: '2026-11-21T10:00:00Z', ...more };
}

const READY: JsonObject = { conditions: [condition('Ready'), condition('Synced')], atProvider: { id: '7' } };

/** What a region says when all is well with it. */
export function wellRegion(octet: number, more: JsonObject = {}): JsonObject {
  return {
    phase: 'Ready',
    release: '0.1',
    apiEndpoint: `https://api.r${octet}.acme.example.com:6443`,
    apiAddresses: [`203.0.113.${octet}`, `2001:db8::${octet}`],
    gatewayAddresses: [`198.51.100.${octet}`],
    machines: [
      { name: 'a', ready: true },
      { name: 'b', ready: true },
      { name: 'c', ready: false },
    ],
    components: { ready: 9, total: 9 },
    kubeconfigSecretRef: { name: `kubeconfig-${octet}` },
    estimate: { memoryMiB: { needed: 1000, available: 2000 }, monthlyEUR: '10.50', pricedAt: '2026-09-29' },
    conditions: [
      ...[
        'Ready',
        'Synced',
        'MachinesReady',
        'KubernetesReady',
        'Protected',
        'PlatformReady',
        'MachinesCurrent',
      ].map((type) => condition(type)),
      condition('UpdateAvailable', 'False', { reason: 'UpToDate' }),
    ],
    ...more,
  };
}

/** Asks, applies and lets everything become ready, until nothing changes. */
export function settled(plane: Plane, more: Readonly<Record<string, JsonObject>> = {}): Plane {
  let here = plane;
  for (let round = 0; round < 10; round += 1) {
    const answer = ask(here);
    let next = apply(here, answer);
    for (const [index, [key, object]] of [...next.objects].entries()) {
      const well = object.kind === 'XOpenOvaRegion' ? wellRegion(index + 1) : READY;
      if (object['status'] === undefined) next = say(next, key, more[key] ?? well);
    }
    if (same(list(next), list(here))) return next;
    here = next;
  }
  throw new Error('it does not settle');
}

function list({ xr, objects }: Plane): Json {
  return [xr, ...[...objects].map(([key, object]): Json => [key, object])];
}
