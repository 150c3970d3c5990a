/** From a component to objects of the control plane: Helm releases and Kubernetes objects in the workload cluster. */
import type { Node } from '../kernel/graph.ts';
import { isObject, type Json, type JsonObject } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import type { Component, Context } from './component.ts';

/** Revisions that Helm keeps per release: etcd holds them, and provider-helm's 20 fill its quota. */
const HISTORY = 3;
/**
 * Tries to repair a failed release, counted from its last success: without this provider-helm never retries one whose
 * values did not change. A first revision is uninstalled and installed again, a later one rolled back before the next
 * upgrade. Each try lasts up to the timeout; a hundred ride out a night in which a registry is away.
 * Source: provider-helm, pkg/controller/cluster/release/release.go, 2026-08-21.
 */
const RETRIES = 100;

/** Objects are merged by key, everything else is replaced. */
export function merged(base: JsonObject, over: JsonObject): JsonObject {
  const result: JsonObject = { ...base };
  for (const [key, value] of Object.entries(over)) {
    const before = result[key];
    result[key] = isObject(before) && isObject(value) ? merged(before, value) : value;
  }
  return result;
}

/** The component's values for a region, with the user's last word. */
export function valuesOf(component: Component, context: Context): JsonObject {
  const chosen = context.spec.platform.components[component.id]?.values ?? {};
  return merged(component.values?.(context) ?? {}, chosen);
}

/** The Helm release of a component with a chart. Ready when Helm has applied it, whatever its pods do. */
export function helm(component: Component, context: Context): Node {
  const { id, chart, namespace } = component;
  if (chart === undefined) throw new Error(`component "${id}" has neither chart nor objects`);
  const { spec } = context;
  const secrets = component.secrets?.(context) ?? [];
  const reference = (secret: string, key: string) => ({
    secretKeyRef: { name: secret, namespace: spec.secretNamespace, key },
  });
  const documents = secrets.filter(({ json }) => json === true);
  const set = secrets.filter(({ json }) => json !== true);
  return {
    key: id,
    manifest: {
      apiVersion: 'helm.crossplane.io/v1beta1',
      kind: 'Release',
      metadata: { annotations: { [EXTERNAL_NAME_ANNOTATION]: id } },
      spec: {
        // Dies with its machines: uninstalling needs an API that answers, and a dead region could never be deleted.
        deletionPolicy: component.uninstall === undefined ? 'Orphan' : 'Delete',
        providerConfigRef: { name: spec.providerConfigName },
        rollbackLimit: RETRIES,
        forProvider: {
          chart: { ...chart },
          namespace,
          wait: component.wait !== undefined,
          ...(component.timeout !== undefined && { waitTimeout: component.timeout }),
          maxHistory: HISTORY,
          ...(component.skipCrds === true && { skipCRDs: true }),
          values: valuesOf(component, context),
          ...(documents.length > 0 && {
            valuesFrom: documents.map(({ secret, key }) => reference(secret, key)),
          }),
          ...(set.length > 0 && {
            set: set.map(({ name, secret, key }) => ({ name, valueFrom: reference(secret, key) })),
          }),
        },
      },
    },
  };
}

/** How the readiness of an object in the workload cluster is read. */
export type Readiness =
  | { readonly policy: 'SuccessfulCreate' | 'DeriveFromObject' }
  /** A CEL expression over `object` of static type bool; fields that may be absent are guarded with `has`. */
  | { readonly policy: 'DeriveFromCelQuery'; readonly celQuery: string };

interface ObjectOptions {
  readonly key: string;
  readonly manifest: JsonObject;
  readonly readiness: Readiness;
  /** Only read, never written: an object that others own. */
  readonly observeOnly?: boolean;
}

/** An object in the workload cluster, applied as it is. */
export function object(
  { key, manifest, readiness, observeOnly = false }: ObjectOptions,
  { spec }: Context,
): Node {
  return {
    key,
    manifest: {
      apiVersion: 'kubernetes.crossplane.io/v1alpha2',
      kind: 'Object',
      spec: {
        deletionPolicy: 'Orphan',
        ...(observeOnly && { managementPolicies: ['Observe'] }),
        providerConfigRef: { name: spec.providerConfigName },
        readiness: { ...readiness },
        forProvider: { manifest },
      },
    },
  };
}

/** Readiness by a condition of the object that must be True. */
export function conditionTrue(type: string): Readiness {
  const test = `c.type == '${type}' && c.status == 'True'`;
  return {
    policy: 'DeriveFromCelQuery',
    celQuery: `has(object.status) && has(object.status.conditions) && object.status.conditions.exists(c, ${test})`,
  };
}

/** The value twice where things run twice, once elsewhere. */
export function replicas({ ha }: Context, most = 2): Json {
  return ha ? most : 1;
}
