/** provider-helm and provider-kubernetes: what they report of objects in a region's own cluster. */
import { at, listAt, objectAt, textAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import { withCondition } from './conditions.ts';
import { numberFor } from './addresses.ts';
import type { Played } from './play.ts';
import { groupOf, idFor, timeOf, type World } from './world.ts';

const PROVIDERS = ['helm.crossplane.io', 'kubernetes.crossplane.io'];

/** Why the provider cannot reach the cluster that the object is for; undefined when it can. */
export function unreachable(world: World, object: Manifest): string | undefined {
  const group = groupOf(object.apiVersion);
  if (!PROVIDERS.includes(group)) return undefined;
  const name = textAt(object, 'spec', 'providerConfigRef', 'name') ?? 'default';
  const config = world.objects.get(idFor({ apiVersion: object.apiVersion, kind: 'ProviderConfig', name }));
  if (config === undefined) return `cannot get provider config: ProviderConfig.${group} "${name}" not found`;
  const reference = objectAt(config, 'spec', 'credentials', 'secretRef');
  if (reference === undefined) return undefined;
  const secret = world.objects.get(
    idFor({
      apiVersion: 'v1',
      kind: 'Secret',
      namespace: textAt(reference, 'namespace'),
      name: textAt(reference, 'name') ?? '',
    }),
  );
  const key = textAt(reference, 'key') ?? '';
  if (at(secret, 'data', key) !== undefined) return undefined;
  return `cannot get credentials: Secret "${textAt(reference, 'name') ?? ''}" has no key "${key}"`;
}

export function playedRelease(release: Manifest): Played {
  const revision = release.metadata['generation'] ?? 1;
  const description = revision === 1 ? 'Install complete' : 'Upgrade complete';
  return {
    status: {
      atProvider: { state: 'deployed', revision, releaseDescription: description },
      synced: true,
    },
  };
}

export function playedObject(world: World, object: Manifest): Played {
  const manifest = objectAt(object, 'spec', 'forProvider', 'manifest') ?? {};
  const name = textAt(manifest, 'metadata', 'name') ?? object.metadata.name ?? '';
  const named: Manifest = {
    ...manifest,
    apiVersion: textAt(manifest, 'apiVersion') ?? '',
    kind: textAt(manifest, 'kind') ?? '',
    metadata: { ...objectAt(manifest, 'metadata'), name },
  };
  return {
    externalName: object.metadata.annotations?.[EXTERNAL_NAME_ANNOTATION] ?? object.metadata.name ?? '',
    status: {
      atProvider: { manifest: live(world, named, objectAt(object, 'status', 'atProvider', 'manifest')) },
    },
  };
}

/** Conditions under which kinds say that they are well, other than Ready. Source: their own API documentation, 2026-11. */
const CONDITIONS: Readonly<Record<string, readonly string[]>> = {
  CustomResourceDefinition: ['NamesAccepted', 'Established'],
  DaemonSet: [],
  Deployment: ['Available', 'Progressing'],
  Gateway: ['Accepted', 'Programmed'],
  GatewayClass: ['Accepted'],
  HTTPRoute: [],
  Job: ['Complete'],
};

/** Kinds of Kubernetes that have no status. */
const PLAIN = new Set([
  'ClusterRole',
  'ClusterRoleBinding',
  'ConfigMap',
  'NetworkPolicy',
  'Role',
  'RoleBinding',
  'Secret',
  'Service',
  'ServiceAccount',
  'StorageClass',
]);

/** The object as it is in the region's cluster when all is well. */
function live(world: World, object: Manifest, before: JsonObject | undefined): Manifest {
  if (PLAIN.has(object.kind)) return object;
  const conditions = listAt(before, 'status', 'conditions');
  const status: JsonObject = { conditions, ...objectAt(object, 'status'), ...statusOf(object) };
  const found: Manifest = { ...object, ...specOf(world, object), status };
  const types = CONDITIONS[object.kind] ?? ['Ready'];
  return types.reduce<Manifest>(
    (one, type) => withCondition(one, { type, status: 'True', reason: type }, timeOf(world)),
    found,
  );
}

function statusOf(object: Manifest): JsonObject {
  const replicas = at(object, 'spec', 'replicas') ?? 1;
  switch (object.kind) {
    case 'Deployment':
    case 'StatefulSet':
      return { replicas, readyReplicas: replicas, availableReplicas: replicas, updatedReplicas: replicas };
    case 'DaemonSet':
      return { desiredNumberScheduled: 1, numberAvailable: 1, numberReady: 1, updatedNumberScheduled: 1 };
    case 'Namespace':
      return { phase: 'Active' };
    case 'Job':
      return { succeeded: 1 };
    case 'Cluster': {
      const instances = at(object, 'spec', 'instances') ?? 1;
      return { phase: 'Cluster in healthy state', instances, readyInstances: instances };
    }
    default:
      return {};
  }
}

/** What others write into a spec: the cloud controller gives a node its provider id and takes its taint. */
function specOf(world: World, object: Manifest): JsonObject {
  if (object.kind !== 'Node') return {};
  const server = [...world.objects.values()].find(
    (one) => one.kind === 'Server' && textAt(one, 'spec', 'forProvider', 'name') === object.metadata.name,
  );
  const id = textAt(server, 'status', 'atProvider', 'id') ?? String(numberFor(object.metadata.name ?? ''));
  const taints = listAt(object, 'spec', 'taints');
  return { spec: { ...objectAt(object, 'spec'), providerID: `hcloud://${id}`, taints } };
}
