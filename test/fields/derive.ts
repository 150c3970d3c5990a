/**
 * Writes test/fields/tables: what the CRDs of everything we emit say about fields. The CRDs lie in $OPENOVA_CRDS, one
 * folder for each of the sources below, Crossplane's own in its Go module.
 *
 *     node test/fields/derive.ts            writes the tables
 *     node test/fields/derive.ts --check    says which are not as they would be written
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { parseAllDocuments } from 'yaml';
import {
  at,
  isObject,
  listAt,
  objectAt,
  textAt,
  type Json,
  type JsonObject,
} from '../../functions/kernel/manifest.ts';
import { PACKAGES, type ProviderPackage } from '../../functions/providers/packages.ts';
import { moduleFolder } from '../../tools/build.ts';
import { folderNamedBy } from '../beside.ts';
import { entryOf, fileOf, TABLES, type Field, type FieldType, type Table } from './table.ts';

interface Source {
  /** Project and version that the CRDs are of, with the date of that version. */
  readonly name: string;
  /** Folder among the collected CRDs. */
  readonly folder: string;
  /** `apiVersion/Kind` of what we emit. */
  readonly kinds: readonly string[];
}

/** Which folder of CRDs belongs to which provider package. The versions are those of the CRDs, read 2026-11-21. */
const PROVIDERS: Readonly<Record<(typeof PACKAGES)[number]['name'], Omit<Source, 'kinds'>>> = {
  'provider-hetzner': { name: 'provider-hetzner v0.2.1 (2026-08-06)', folder: 'provider-hetzner' },
  'provider-helm': { name: 'provider-helm v1.4.0 (2026-08-11)', folder: 'provider-helm' },
  'provider-kubernetes': { name: 'provider-kubernetes v1.3.0 (2026-08-07)', folder: 'provider-kubernetes' },
  'provider-cloudflare-dns': {
    name: 'provider-upjet-cloudflare v0.2.14 (2026-07-22)',
    folder: 'provider-upjet-cloudflare-wildbitca',
  },
  'provider-aws-route53': { name: 'provider-upjet-aws v2.6.0 (2026-06-11)', folder: 'provider-upjet-aws' },
  'provider-gcp-dns': { name: 'provider-upjet-gcp v3.0.0 (2026-08-04)', folder: 'provider-upjet-gcp' },
  'provider-azure-network': {
    name: 'provider-upjet-azure v2.7.0 (2026-08-04)',
    folder: 'provider-upjet-azure',
  },
};

/** What we put into workload clusters. */
const WORKLOADS: readonly Source[] = [
  {
    name: 'CloudNativePG v1.30.0 (2026-06-29)',
    folder: 'cnpg',
    kinds: ['postgresql.cnpg.io/v1/Cluster', 'postgresql.cnpg.io/v1/ScheduledBackup'],
  },
  {
    name: 'plugin-barman-cloud v0.13.0 (2026-06-10)',
    folder: 'cnpg',
    kinds: ['barmancloud.cnpg.io/v1/ObjectStore'],
  },
  {
    name: 'cert-manager v1.21.1 (2026-07-29)',
    folder: 'cert-manager',
    kinds: ['cert-manager.io/v1/Certificate', 'cert-manager.io/v1/ClusterIssuer'],
  },
  {
    name: 'Gateway API v1.6.1, standard channel (2026-07-16)',
    folder: 'gateway-api',
    kinds: [
      'gateway.networking.k8s.io/v1/Gateway',
      'gateway.networking.k8s.io/v1/GatewayClass',
      'gateway.networking.k8s.io/v1/HTTPRoute',
    ],
  },
  {
    name: 'Cilium 2025, without descriptions',
    folder: 'cilium',
    kinds: ['cilium.io/v2/CiliumLoadBalancerIPPool', 'cilium.io/v2alpha1/CiliumL2AnnouncementPolicy'],
  },
];

const CROSSPLANE: Source = {
  name: 'Crossplane v2.4.0',
  folder: '',
  kinds: ['protection.crossplane.io/v1beta1/ClusterUsage', 'protection.crossplane.io/v1beta1/Usage'],
};

/** All tables, by `apiVersion/Kind`. */
export async function derive(crds: string): Promise<Map<string, Table>> {
  const crossplane = await moduleFolder('crossplane-core', 'github.com/crossplane/crossplane/v2');
  const sources: { source: Source; folder: string }[] = [
    ...PACKAGES.map((one) => ({ ...PROVIDERS[one.name], kinds: kindsOf(one) })),
    ...WORKLOADS,
  ].map((source) => ({ source, folder: join(crds, source.folder) }));
  sources.push({ source: CROSSPLANE, folder: join(crossplane, 'cluster/crds') });

  const tables = new Map<string, Table>();
  for (const { source, folder } of sources)
    for (const crd of crdsIn(folder))
      for (const table of tablesOf(crd, source)) tables.set(`${table.apiVersion}/${table.kind}`, table);
  const missing = sources.flatMap(({ source }) => source.kinds).filter((kind) => !tables.has(kind));
  if (missing.length > 0) throw new Error(`cannot find a CRD that serves ${missing.join(', ')}`);
  return tables;
}

function kindsOf({ managed, providerConfig, use }: ProviderPackage): string[] {
  // Of the providers for DNS the user makes the ProviderConfig.
  return [...managed, ...(use === 'base' ? [providerConfig] : [])].map(
    ({ apiVersion, kind }) => `${apiVersion}/${kind}`,
  );
}

function crdsIn(folder: string): JsonObject[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .flatMap((file) => parseAllDocuments(readFileSync(join(folder, file), 'utf8')))
    .map((document): unknown => document.toJS())
    .filter(
      (object): object is JsonObject => isObject(object) && object['kind'] === 'CustomResourceDefinition',
    );
}

function tablesOf(crd: JsonObject, { name, kinds }: Source): Table[] {
  const group = textAt(crd, 'spec', 'group') ?? '';
  const kind = textAt(crd, 'spec', 'names', 'kind') ?? '';
  return listAt(crd, 'spec', 'versions').flatMap((version) => {
    const apiVersion = `${group}/${textAt(version, 'name') ?? ''}`;
    const schema = objectAt(version, 'schema', 'openAPIV3Schema');
    if (!kinds.includes(`${apiVersion}/${kind}`) || schema === undefined) return [];
    const fields: Record<string, string | Field> = {};
    for (const [field, inner] of Object.entries(objectAt(schema, 'properties') ?? {}))
      if (!['apiVersion', 'kind', 'metadata', 'status'].includes(field))
        describe(field, inner, listAt(schema, 'required').includes(field), fields);
    const needs = neededBy(schema);
    return [
      {
        apiVersion,
        kind,
        namespaced: at(crd, 'spec', 'scope') === 'Namespaced',
        source: name,
        ...(needs.length > 0 && { needs }),
        fields,
      },
    ];
  });
}

/** Upjet says what it requires in a rule per parameter, because a spec that only observes may leave it out. */
function neededBy(schema: JsonObject): string[] {
  return listAt(schema, 'properties', 'spec', 'x-kubernetes-validations')
    .map(
      (rule) => /^spec\.forProvider\.(\w+) is a required parameter$/.exec(textAt(rule, 'message') ?? '')?.[1],
    )
    .filter((parameter) => parameter !== undefined)
    .sort();
}

function describe(
  path: string,
  schema: Json | undefined,
  required: boolean,
  into: Record<string, string | Field>,
): void {
  if (!isObject(schema)) return;
  const rules = listAt(schema, 'x-kubernetes-validations').length;
  const choices = listAt(schema, 'enum').filter((choice) => choice !== null && typeof choice !== 'object');
  const keys = listAt(schema, 'x-kubernetes-list-map-keys').filter((key) => typeof key === 'string');
  into[path] = entryOf({
    type: typeOf(schema),
    ...(required && { required }),
    ...(schema['nullable'] === true && { nullable: true }),
    ...(choices.length > 0 && { enum: choices }),
    ...(schema['x-kubernetes-list-type'] === 'map' && { keys }),
    ...(schema['x-kubernetes-list-type'] === 'set' && { set: true }),
    ...(schema['x-kubernetes-preserve-unknown-fields'] === true && { open: true }),
    ...(rules > 0 && { rules }),
  });
  const needed = listAt(schema, 'required');
  for (const [name, inner] of Object.entries(objectAt(schema, 'properties') ?? {}))
    describe(`${path}.${name}`, inner, needed.includes(name), into);
  if (isObject(schema['items'])) describe(`${path}[]`, schema['items'], false, into);
  const values = schema['additionalProperties'];
  if (isObject(values)) describe(`${path}.*`, values, false, into);
}

const TYPES: Readonly<Record<string, FieldType>> = {
  array: 'array',
  boolean: 'boolean',
  integer: 'integer',
  number: 'number',
  object: 'object',
  string: 'string',
};

function typeOf(schema: JsonObject): FieldType {
  if (schema['x-kubernetes-int-or-string'] === true) return 'int-or-string';
  return TYPES[textAt(schema, 'type') ?? ''] ?? 'any';
}

async function write(tables: ReadonlyMap<string, Table>, check: boolean): Promise<string[]> {
  await mkdir(TABLES, { recursive: true });
  const files = new Map<string, string>();
  for (const table of tables.values()) {
    const file = join(TABLES, fileOf(table));
    files.set(file, await format(JSON.stringify(table), { ...(await resolveConfig(file)), filepath: file }));
  }
  const stale = readdirSync(TABLES)
    .map((name) => join(TABLES, name))
    .filter((file) => !files.has(file));
  const changed: string[] = [...stale];
  for (const [file, text] of files) {
    const before = existsSync(file) ? await readFile(file, 'utf8') : undefined;
    if (before === text) continue;
    changed.push(file);
    if (!check) await writeFile(file, text);
  }
  if (!check) for (const file of stale) await rm(file);
  return changed.sort();
}

if (import.meta.main) {
  const crds = folderNamedBy('OPENOVA_CRDS');
  const check = process.argv.includes('--check');
  if (crds === undefined) {
    process.stderr.write('No CRDs in $OPENOVA_CRDS: the tables in test/fields stay as they are\n');
  } else {
    const changed = await write(await derive(crds), check);
    for (const file of changed) process.stderr.write(`${check ? 'Would write' : 'Wrote'} ${file}\n`);
    if (check && changed.length > 0) process.exitCode = 1;
  }
}
