/** What the API server knows of kinds: ours from their XRDs, with defaults and pruning; of others what apply needs. */
import { MACHINERY } from '../apis/parse.ts';
import {
  isObject,
  listAt,
  objectAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import type { Schema } from './fields.ts';
import { groupOf } from './world.ts';

/** One XRD: a kind of composite, and the kind of claim that stands for it, if any. */
export interface Definition {
  readonly xrd: Manifest;
  readonly apiVersion: string;
  readonly kind: string;
  readonly claimKind: string | undefined;
  /** The schema of the version that Compositions use, with what Crossplane adds to it. */
  readonly schema: Schema;
}

/** @throws when one of them is no XRD with a version that Compositions may use. */
export function readDefinitions(xrds: readonly Manifest[]): Definition[] {
  return xrds.map((xrd) => {
    const version = listAt(xrd, 'spec', 'versions').find(
      (one) => isObject(one) && one['referenceable'] === true,
    );
    const [group, kind] = [textAt(xrd, 'spec', 'group'), textAt(xrd, 'spec', 'names', 'kind')];
    const name = textAt(version, 'name');
    const schema = objectAt(version, 'schema', 'openAPIV3Schema');
    if (!group || !kind || !name || !schema) {
      throw new Error(
        `cannot read the definition "${xrd.metadata.name ?? ''}": it has no group, kind, referenceable version or schema`,
      );
    }
    return {
      xrd,
      apiVersion: `${group}/${name}`,
      kind,
      claimKind: textAt(xrd, 'spec', 'claimNames', 'kind'),
      schema: withMachinery(schema),
    };
  });
}

export function definitionOf(
  definitions: readonly Definition[],
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): Definition | undefined {
  return definitions.find((one) => one.kind === kind && groupOf(one.apiVersion) === groupOf(apiVersion));
}

export function definitionOfClaim(
  definitions: readonly Definition[],
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): Definition | undefined {
  return definitions.find((one) => one.claimKind === kind && groupOf(one.apiVersion) === groupOf(apiVersion));
}

const CORE_STATUS = ['claimConditionTypes', 'conditions', 'connectionDetails', 'lastHandledReconcileAt'];
const OPEN: Schema = { 'x-kubernetes-preserve-unknown-fields': true };

function withMachinery(schema: Schema): Schema {
  const open = (names: readonly string[]) => Object.fromEntries(names.map((name) => [name, OPEN]));
  const [spec, status] = [objectAt(schema, 'properties', 'spec'), objectAt(schema, 'properties', 'status')];
  return {
    ...schema,
    properties: {
      ...objectAt(schema, 'properties'),
      spec: { ...spec, properties: { ...open(MACHINERY), ...objectAt(spec, 'properties') } },
      status: { ...status, properties: { ...open(CORE_STATUS), ...objectAt(status, 'properties') } },
    },
  };
}

/** An object of one of our kinds as the API server stores it: defaults set, unknown fields gone. */
export function admitted(object: Manifest, { schema }: Definition): Manifest {
  const complete = (field: 'spec' | 'status'): JsonObject => {
    const value = object[field];
    const inner = objectAt(schema, 'properties', field) ?? {};
    return value === undefined
      ? {}
      : { [field]: pruned(field === 'spec' ? defaulted(value, inner) : value, inner) };
  };
  return { ...object, ...complete('spec'), ...complete('status') };
}

/** Structural defaults: of every field that is missing from an object that is there. */
export function defaulted(value: Json, schema: Schema): Json {
  if (Array.isArray(value)) {
    const items = objectAt(schema, 'items');
    return items === undefined ? value : value.map((item) => defaulted(item, items));
  }
  if (!isObject(value)) return value;
  const result: JsonObject = { ...value };
  for (const [name, property] of Object.entries(objectAt(schema, 'properties') ?? {})) {
    if (!isObject(property)) continue;
    const fallback = property['default'];
    if (result[name] === undefined && fallback !== undefined) result[name] = fallback;
    const present = result[name];
    if (present !== undefined) result[name] = defaulted(present, property);
  }
  const additional = objectAt(schema, 'additionalProperties');
  if (additional === undefined) return result;
  const declared = objectAt(schema, 'properties') ?? {};
  for (const [name, child] of Object.entries(result))
    if (!(name in declared) && child !== undefined) result[name] = defaulted(child, additional);
  return result;
}

/** Without the fields that a structural schema does not know. */
export function pruned(value: Json, schema: Schema): Json {
  if (Array.isArray(value)) {
    const items = objectAt(schema, 'items');
    return items === undefined ? value : value.map((item) => pruned(item, items));
  }
  if (!isObject(value)) return value;
  const properties = objectAt(schema, 'properties');
  const additional = schema['additionalProperties'];
  const open = schema['x-kubernetes-preserve-unknown-fields'] === true;
  const kept = Object.entries(value).flatMap(([name, child]): [string, Json][] => {
    if (child === undefined) return [];
    const property = objectAt(properties, name);
    if (property !== undefined) return [[name, pruned(child, property)]];
    if (isObject(additional)) return [[name, pruned(child, additional)]];
    return open || additional === true ? [[name, child]] : [];
  });
  return Object.fromEntries(kept);
}

const list = (keys: readonly string[], items: Schema = {}): Schema => ({
  'x-kubernetes-list-type': 'map',
  'x-kubernetes-list-map-keys': [...keys],
  items,
});
const SET: Schema = { 'x-kubernetes-list-type': 'set' };
const struct = (properties: JsonObject): Schema => ({ properties });
const below = (path: readonly string[], schema: Schema): Schema =>
  path.reduceRight<Schema>((inner, name) => struct({ [name]: inner }), schema);

/** Kubernetes' lists that merge by key. Source: k8s.io/api v0.36 core/v1 patchMergeKey and listMapKey markers. */
const CONTAINER = struct({
  env: list(['name']),
  ports: list(['containerPort', 'protocol']),
  volumeMounts: list(['mountPath']),
});
const POD: Schema = struct({
  containers: list(['name'], CONTAINER),
  initContainers: list(['name'], CONTAINER),
  volumes: list(['name']),
  imagePullSecrets: list(['name']),
});

/** Lists that merge and maps that are open, in kinds that are not ours: read from their CRDs and types, 2026-11-21. */
const OTHERS: Readonly<Record<string, Schema>> = {
  'CronJob.batch': below(['spec', 'jobTemplate', 'spec', 'template', 'spec'], POD),
  'DNSAAAARecord.network.azure.upbound.io': below(['spec', 'forProvider', 'records'], SET),
  'DNSARecord.network.azure.upbound.io': below(['spec', 'forProvider', 'records'], SET),
  'Deployment.apps': below(['spec', 'template', 'spec'], POD),
  'FirewallAttachment.server.hetzner.crossplane.io': below(
    ['spec', 'forProvider'],
    struct({ labelSelectors: SET, serverIds: SET }),
  ),
  'Job.batch': below(['spec', 'template', 'spec'], POD),
  'NetworkAttachment.server.hetzner.crossplane.io': below(['spec', 'forProvider', 'aliasIps'], SET),
  'Object.kubernetes.crossplane.io': below(['spec', 'forProvider', 'manifest'], OPEN),
  'Record.dns.upjet-cloudflare.upbound.io': below(['spec', 'forProvider', 'tags'], SET),
  'Record.route53.aws.upbound.io': below(['spec', 'forProvider', 'records'], SET),
  'Release.helm.crossplane.io': below(['spec', 'forProvider', 'values'], OPEN),
  'Server.server.hetzner.crossplane.io': below(['spec', 'forProvider', 'firewallIds'], SET),
  ServiceAccount: struct({ imagePullSecrets: list(['name']), secrets: list(['name']) }),
};

/** What is known of a kind's schema; empty when nothing but the usual is. */
export function schemaFor(
  definitions: readonly Definition[],
  object: { readonly apiVersion: string; readonly kind: string },
): Schema {
  const group = groupOf(object.apiVersion);
  return (
    definitionOf(definitions, object)?.schema ??
    definitionOfClaim(definitions, object)?.schema ??
    OTHERS[group === '' ? object.kind : `${object.kind}.${group}`] ??
    {}
  );
}
