/**
 * References between managed resources, as providers resolve them: `networkIdRef: {name}` becomes `networkId`, the
 * external name of that resource (crossplane-runtime v2.4.0 pkg/reference and pkg/reconciler/managed/api.go, read
 * 2026-11-21).
 */
import { isObject, objectAt, textAt, type Json, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import type { World } from './world.ts';

/** The field manager that writes what was resolved. */
export const RESOLVER = 'managed.crossplane.io/api-simple-reference-resolver';

/** The top-level fields of spec.forProvider that change, or what can not be resolved. */
export type Resolved =
  { readonly ok: true; readonly fields: JsonObject } | { readonly ok: false; readonly message: string };

/** Fields that hold text where most others hold numbers: providers.md, provider-hetzner v0.2.1 CRDs. */
const TEXT_FIELDS = new Set([
  'LoadBalancerService.loadBalancerId',
  'NetworkAttachment.subnetId',
  'Server.sshKeys',
]);

export function resolveReferences(world: World, object: Manifest): Resolved {
  const missing: string[] = [];
  const find = (field: string, name: string): Json | undefined => {
    const target = targetOf(world, object, field, name);
    const id = target?.metadata.annotations?.[EXTERNAL_NAME_ANNOTATION];
    if (id === undefined) {
      const what = target === undefined ? 'does not exist' : 'has no external name yet';
      missing.push(`cannot resolve references: ${field}: the referenced "${name}" ${what}`);
      return undefined;
    }
    const text = TEXT_FIELDS.has(`${object.kind}.${field}`) || !/^\d+$/.test(id);
    return text ? id : Number(id);
  };
  const before = objectAt(object, 'spec', 'forProvider') ?? {};
  const after = resolve(before, find);
  const [first] = missing;
  if (first !== undefined) return { ok: false, message: first };
  const changed = Object.entries(isObject(after) ? after : {}).filter(
    ([name, value]) => JSON.stringify(before[name]) !== JSON.stringify(value),
  );
  return { ok: true, fields: Object.fromEntries(changed) };
}

type Find = (field: string, name: string) => Json | undefined;

function resolve(value: Json, find: Find): Json {
  if (Array.isArray(value)) return value.map((item) => resolve(item, find));
  if (!isObject(value)) return value;
  const result: JsonObject = {};
  for (const [name, child] of Object.entries(value)) {
    if (child !== undefined) result[name] = resolve(child, find);
  }
  for (const [name, child] of Object.entries(value)) {
    // Resolved once and never again: the default policy is IfNotPresent.
    if (name.endsWith('Ref') && isObject(child)) {
      const field = name.slice(0, -'Ref'.length);
      const target = textAt(child, 'name');
      if (result[field] === undefined && target !== undefined) result[field] = find(field, target);
    }
    if (name.endsWith('Refs') && Array.isArray(child)) {
      const field = name.slice(0, -'Refs'.length);
      const names = child.flatMap((one) => textAt(one, 'name') ?? []);
      if (result[field] === undefined)
        result[field] = names.flatMap((one): Json[] => {
          const id = find(field, one);
          return id === undefined ? [] : [id];
        });
    }
  }
  return result;
}

/** `networkId` and `sshKeys` name the kinds Network and SSHKey of the same provider. */
function targetOf(world: World, from: Manifest, field: string, name: string): Manifest | undefined {
  const kind = field.replace(/(Ids?|s)$/, '').toLowerCase();
  const family = from.apiVersion.split('/')[0]?.split('.').slice(1).join('.') ?? '';
  return [...world.objects.values()].find(
    (object) =>
      object.metadata.name === name &&
      object.kind.toLowerCase() === kind &&
      (object.apiVersion.split('/')[0] ?? '').endsWith(family),
  );
}
