/** Checks what we render against the field tables, so that a clone without any CRD is checked too. */
import { at, isManifest, isObject, same, type Json, type Manifest } from '../../functions/kernel/manifest.ts';
import { GROUP } from '../../functions/kernel/names.ts';
import { fieldOf, readTables, type Field, type Table } from './table.ts';

/** Kinds of Kubernetes itself and of our own: other checks know them. */
const KNOWN_ELSEWHERE = new RegExp(
  `^(v1|(apps|autoscaling|batch|policy)/v[12]|[a-z.]+\\.k8s\\.io/v1|${GROUP.replaceAll('.', '\\.')}/v1alpha1)$`,
);

const METADATA = [
  'annotations',
  'finalizers',
  'generateName',
  'labels',
  'name',
  'namespace',
  'ownerReferences',
];

let known: ReadonlyMap<string, Table> | undefined;

/**
 * What is wrong with an object as we emit it: unknown fields, wrong types, values outside of an enum, missing fields,
 * a name twice in a list that is a map; the same for the manifest inside a provider-kubernetes Object.
 * @returns one line per mistake, `path: what`, sorted; empty when there is none.
 */
export function checkManifest(manifest: Json, path = ''): string[] {
  return check(manifest, path).sort();
}

function check(manifest: Json, path: string): string[] {
  const here = path === '' ? '' : `${path}.`;
  if (!isManifest(manifest)) return [`${path || 'object'}: has no apiVersion, kind or metadata`];
  const { apiVersion, kind } = manifest;
  known ??= readTables();
  const table = known.get(`${apiVersion}/${kind}`);
  const wrong = checkMetadata(manifest, `${here}metadata`);
  if (table === undefined) {
    const elsewhere =
      KNOWN_ELSEWHERE.test(apiVersion) && !apiVersion.startsWith('gateway.networking.k8s.io/');
    return elsewhere ? wrong : [...wrong, `${here}kind: no field table for ${apiVersion} ${kind}`];
  }
  const namespace = manifest.metadata.namespace;
  if (table.namespaced && namespace === undefined) wrong.push(`${here}metadata.namespace: is missing`);
  if (!table.namespaced && namespace !== undefined)
    wrong.push(`${here}metadata.namespace: ${kind} has no namespace`);
  for (const [field, value] of Object.entries(manifest)) {
    if (['apiVersion', 'kind', 'metadata'].includes(field) || value === undefined) continue;
    wrong.push(...checkField(table, field, value, `${here}${field}`));
  }
  for (const [field, entry] of Object.entries(table.fields))
    if (!/[.[]/.test(field) && fieldOf(entry).required && manifest[field] === undefined)
      wrong.push(`${here}${field}: is missing`);
  wrong.push(...checkNeeds(table, manifest, here));
  const inner = kind === 'Object' ? at(manifest, 'spec', 'forProvider', 'manifest') : undefined;
  if (inner !== undefined) wrong.push(...check(inner, `${here}spec.forProvider.manifest`));
  return wrong;
}

function checkMetadata({ metadata }: Manifest, path: string): string[] {
  const wrong = Object.keys(metadata)
    .filter((field) => metadata[field] !== undefined && !METADATA.includes(field))
    .map((field) => `${path}.${field}: is not ours to set`);
  for (const map of ['labels', 'annotations'] as const)
    for (const [name, value] of Object.entries<unknown>(metadata[map] ?? {})) {
      if (typeof value !== 'string') wrong.push(`${path}.${map}.${name}: is ${show(value)}, must be string`);
      else if (map === 'labels' && !/^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/.test(value))
        wrong.push(`${path}.labels.${name}: is ${show(value)}, which no label can hold`);
    }
  const { name } = metadata;
  if (name !== undefined && (name.length > 253 || !/^[a-z0-9]([-a-z0-9.:]*[a-z0-9])?$/.test(name)))
    wrong.push(`${path}.name: is ${show(name)}, which is no name`);
  return wrong;
}

/** Parameters that upjet's rules demand unless the object only observes. */
function checkNeeds(table: Table, manifest: Manifest, here: string): string[] {
  const policies = at(manifest, 'spec', 'managementPolicies');
  const acts =
    !Array.isArray(policies) ||
    policies.some((policy) => ['*', 'Create', 'Update'].some((one) => one === policy));
  if (!acts) return [];
  return (table.needs ?? [])
    .filter((name) =>
      ['forProvider', 'initProvider'].every((side) => at(manifest, 'spec', side, name) === undefined),
    )
    .map((name) => `${here}spec.forProvider.${name}: is missing`);
}

function checkField(table: Table, field: string, value: Json, path: string): string[] {
  const entry = table.fields[field];
  if (entry === undefined) return [`${path}: is not a field`];
  const facts = fieldOf(entry);
  if (value === null) return facts.nullable ? [] : [`${path}: is null, must be ${facts.type}`];
  if (!hasType(facts, value)) return [`${path}: is ${show(value)}, must be ${facts.type}`];
  if (facts.enum && !facts.enum.some((choice) => choice === value))
    return [`${path}: is ${show(value)}, must be one of ${facts.enum.join(', ')}`];
  if (Array.isArray(value)) return checkList(table, field, facts, value, path);
  return isObject(value) ? checkObject(table, field, facts, value, path) : [];
}

function checkList(table: Table, field: string, { keys, set }: Field, value: Json[], path: string): string[] {
  const wrong = value.flatMap((item, index) => checkField(table, `${field}[]`, item, `${path}[${index}]`));
  const identities = keys ? value.map((item) => keys.map((key) => at(item, key) ?? null)) : set ? value : [];
  for (const [index, identity] of identities.entries())
    if (identities.slice(0, index).some((other) => same(other, identity)))
      wrong.push(`${path}[${index}]: is there twice`);
  return wrong;
}

function checkObject(
  { fields, ...table }: Table,
  field: string,
  facts: Field,
  value: Readonly<Record<string, Json | undefined>>,
  path: string,
): string[] {
  const wrong: string[] = [];
  for (const [name, inner] of Object.entries(value)) {
    if (inner === undefined) continue;
    const below = [`${field}.${name}`, `${field}.*`].find((candidate) => fields[candidate] !== undefined);
    if (below !== undefined) wrong.push(...checkField({ fields, ...table }, below, inner, `${path}.${name}`));
    else if (!facts.open && facts.type !== 'any') wrong.push(`${path}.${name}: is not a field`);
  }
  const prefix = `${field}.`;
  for (const [candidate, entry] of Object.entries(fields)) {
    const name = candidate.startsWith(prefix) ? candidate.slice(prefix.length) : '';
    if (name === '' || name === '*' || /[.[]/.test(name) || !fieldOf(entry).required) continue;
    if (value[name] === undefined) wrong.push(`${path}.${name}: is missing`);
  }
  return wrong;
}

function hasType({ type }: Field, value: Json): boolean {
  switch (type) {
    case 'any':
      return true;
    case 'array':
      return Array.isArray(value);
    case 'object':
      return isObject(value);
    case 'integer':
      return typeof value === 'number' && Number.isInteger(value);
    case 'int-or-string':
      return typeof value === 'string' || (typeof value === 'number' && Number.isInteger(value));
    default:
      return typeof value === type;
  }
}

function show(value: unknown): string {
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
}
