/**
 * PostgreSQL: a Cluster of CloudNativePG, its log and base backups in the archival store.
 *
 * Source of the fields: CRDs of CloudNativePG v1.30.0 and plugin-barman-cloud v0.13.0, and their documentation, 2026-11.
 */
import { quantityOf } from '../../apis/data-service-rules.ts';
import type { DataServiceSpec } from '../../apis/data-service.ts';
import { cnpgBarmanPlugin } from '../../catalogue/cnpg-barman-plugin.ts';
import { cnpg } from '../../catalogue/cnpg.ts';
import { ARCHIVAL_SECRET } from '../../catalogue/names.ts';
import type { Node, Problem } from '../../kernel/graph.ts';
import {
  conditionOf,
  listAt,
  objectAt,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../kernel/manifest.ts';
import { GROUP } from '../../kernel/names.ts';
import type { Settled } from '../../kernel/settle.ts';
import { archiveOf, bucketRegion, credentials, credentialsKey, isArchive, type Archive } from '../archive.ts';
import { connection, type Detail } from '../connection.ts';
import { namespaceKey, type Site } from '../home.ts';
import { inner, remote } from '../objects.ts';
import type { Engine, Reading } from './engine.ts';

/**
 * The image of each major version. Source: github.com/cloudnative-pg/artifacts at da87904,
 * image-catalogs/catalog-standard-trixie.yaml of 2026-08-17; Barman is in the plugin's sidecar, so the image needs none.
 */
export const IMAGES: ReadonlyMap<string, string> = new Map([
  ['14', image('14.24-202608170814', '2251ca32ca24152bad5d9ddbc9ac4e95e98d6cff4002e98a5484e542ce2cae36')],
  ['15', image('15.19-202608170814', '613c7a0417887cd2626a2bfb31fa4e1d86c3088e575fd66bc227007dc69a5487')],
  ['16', image('16.15-202608170814', '3df9103d7f89c8abc2870463d4d446944c81b5f1f4b707c590895dc003ecbb65')],
  ['17', image('17.11-202608170816', '91e0de662d53895a45f1396f4ee1a75daeb0c26fc87853afc9c8f43e01fdaa21')],
  ['18', image('18.6-202608170814', '771f9eab5225587af259d84680cc69a5b6e374ac32bb24effafde1f3368a1241')],
]);

function image(tag: string, digest: string): string {
  return `ghcr.io/cloudnative-pg/postgresql:${tag}-standard-trixie@sha256:${digest}`;
}

/** Settings that the operator keeps to itself. Source: CloudNativePG v1.30.0, pkg/postgres/configuration.go. */
const OPERATORS_OWN: ReadonlySet<string> = new Set([
  'allow_system_table_mods',
  'archive_cleanup_command',
  'archive_command',
  'archive_mode',
  'bonjour',
  'bonjour_name',
  'cluster_name',
  'config_file',
  'data_directory',
  'data_sync_retry',
  'event_source',
  'external_pid_file',
  'hba_file',
  'hot_standby',
  'ident_file',
  'jit_provider',
  'listen_addresses',
  'log_destination',
  'log_directory',
  'log_file_mode',
  'log_filename',
  'log_rotation_age',
  'log_rotation_size',
  'log_truncate_on_rotation',
  'logging_collector',
  'pg_failover_slots.primary_dsn',
  'pg_failover_slots.standby_slot_names',
  'port',
  'primary_conninfo',
  'primary_slot_name',
  'promote_trigger_file',
  'recovery_end_command',
  'recovery_min_apply_delay',
  'recovery_target',
  'recovery_target_action',
  'recovery_target_inclusive',
  'recovery_target_lsn',
  'recovery_target_name',
  'recovery_target_time',
  'recovery_target_timeline',
  'recovery_target_xid',
  'restart_after_crash',
  'restore_command',
  'shared_preload_libraries',
  'ssl',
  'ssl_ca_file',
  'ssl_cert_file',
  'ssl_crl_file',
  'ssl_dh_params_file',
  'ssl_ecdh_curve',
  'ssl_key_file',
  'ssl_passphrase_command',
  'ssl_passphrase_command_supports_reload',
  'ssl_prefer_server_ciphers',
  'stats_temp_directory',
  'synchronized_standby_slots',
  'synchronous_standby_names',
  'syslog_facility',
  'syslog_ident',
  'syslog_sequence_numbers',
  'syslog_split_messages',
  'temp_tablespaces',
  'unix_socket_directories',
  'unix_socket_group',
  'unix_socket_permissions',
]);

/** Names of databases and roles that PostgreSQL or the operator has already; roles may not begin with `pg_` either. */
const TAKEN: ReadonlySet<string> = new Set([
  'cnpg_pooler_pgbouncer',
  'none',
  'postgres',
  'public',
  'streaming_replica',
  'template0',
  'template1',
]);

const PLUGIN = 'barman-cloud.cloudnative-pg.io';
const STORE = 'archive';
const PORT = 5432;
/** Annotation of the Cluster with the host that the connection Secret says: the operator's own has no namespace in it. */
const HOST_ANNOTATION = `${GROUP}/host`;
/** K3s' name of the cluster's domain; the operator's connection strings have the same. */
const DOMAIN = 'svc.cluster.local';

const storeKey = (region: string) => `${region}/store`;
const clusterKey = (region: string) => `${region}/postgres`;
const backupsKey = (region: string) => `${region}/backups`;

const IMAGE = inner('spec.imageName');

export const postgres: Engine = {
  operator: cnpg.id,
  backupOperator: cnpgBarmanPlugin.id,
  packaged: [IMAGE],
  check,
  plan,
  read,
  doing,
};

function plan(site: Site): Node[] {
  const archive = archiveOf(site);
  return [
    ...(isArchive(archive) ? [credentials(site, archive), store(site, archive)] : []),
    cluster(site, isArchive(archive) ? archive : undefined),
    ...(isArchive(archive) ? [backups(site)] : []),
    connectionTo(site),
  ];
}

function check({ parameters, database }: Pick<DataServiceSpec, 'database' | 'parameters'>): Problem[] {
  const own = Object.keys(parameters)
    .filter((name) => OPERATORS_OWN.has(name))
    .map((name) => ({
      field: `spec.parameters.${name}`,
      message: 'is set by the operator, must be left out',
    }));
  const taken = TAKEN.has(database) || database.startsWith('pg_');
  return [
    ...(taken
      ? [{ field: 'spec.database', message: `is "${database}", which PostgreSQL keeps to itself` }]
      : []),
    ...own,
  ];
}

function store(site: Site, archive: Archive): Node {
  const { archival, destination } = archive;
  const { region } = site.home;
  return remote(site, {
    key: storeKey(region),
    step: 'BackupReady',
    operator: cnpgBarmanPlugin.id,
    after: [namespaceKey(region), credentialsKey(region)],
    deletionPolicy: 'Orphan',
    manifest: {
      apiVersion: 'barmancloud.cnpg.io/v1',
      kind: 'ObjectStore',
      metadata: { name: STORE, namespace: site.namespace },
      spec: {
        retentionPolicy: site.spec.backup.retention,
        configuration: {
          destinationPath: destination,
          ...access(archive),
          wal: { compression: 'gzip', maxParallel: 4 },
          data: { compression: 'gzip', jobs: 2 },
        },
        instanceSidecarConfiguration: {
          resources: { requests: { memory: '64Mi', cpu: '10m' } },
          // Storage that only speaks S3 may not know the checksums that Amazon's client adds by itself.
          ...(s3(archive) &&
            archival.endpoint !== undefined && {
              env: [
                { name: 'AWS_REQUEST_CHECKSUM_CALCULATION', value: 'when_required' },
                { name: 'AWS_RESPONSE_CHECKSUM_VALIDATION', value: 'when_required' },
              ],
            }),
        },
      },
    },
  });
}

function s3({ archival: { provider } }: Archive): boolean {
  return provider === 'r2' || provider === 's3';
}

/** How the store is reached; the keys are those of the Secret that `credentials` makes. */
function access(archive: Archive): JsonObject {
  const { archival } = archive;
  const from = (key: string) => ({ name: ARCHIVAL_SECRET, key });
  if (archival.provider === 'gcs')
    return { googleCredentials: { applicationCredentials: from('serviceAccount') } };
  if (archival.provider === 'azureblob')
    return { azureCredentials: { storageAccount: from('accountName'), storageKey: from('accountKey') } };
  return {
    ...(archival.endpoint !== undefined && { endpointURL: archival.endpoint }),
    s3Credentials: {
      accessKeyId: from('accessKeyId'),
      secretAccessKey: from('secretAccessKey'),
      ...(bucketRegion(archival) !== undefined && { region: from('region') }),
    },
  };
}

function cluster(site: Site, archive: Archive | undefined): Node {
  const { spec, name, namespace, home, observed } = site;
  const key = clusterKey(home.region);
  const applied = desiredOf(observed.get(key));
  const { instances } = spec;
  // The log goes to the store from the first day, or from the day on which the store is there. Once it does, it stays so.
  const archives =
    archive !== undefined &&
    (applied === undefined ||
      observed.isReady(storeKey(home.region)) ||
      listAt(applied, 'spec', 'plugins').length > 0);
  const keepsImage = home.older && majorOf(textAt(applied, 'spec', 'imageName')) === spec.version;
  return remote(site, {
    key,
    step: 'PrimaryReady',
    operator: cnpg.id,
    after: [namespaceKey(home.region), ...(archive === undefined ? [] : [storeKey(home.region)])],
    frozen: [
      inner('metadata'),
      inner('spec.bootstrap'),
      inner('spec.storage.storageClass'),
      ...(keepsImage ? [IMAGE] : []),
    ],
    readyWhen:
      "has(object.status) && has(object.status.conditions) && object.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')",
    deletionPolicy: 'Orphan',
    manifest: {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'Cluster',
      metadata: { name, namespace, annotations: { [HOST_ANNOTATION]: hostOf(site, 'rw') } },
      spec: {
        instances,
        imageName: IMAGES.get(spec.version),
        enableSuperuserAccess: false,
        bootstrap: { initdb: { database: spec.database, owner: spec.database } },
        storage: {
          size: spec.storage.size,
          ...(spec.storage.className !== undefined && { storageClass: spec.storage.className }),
        },
        resources: {
          requests: { cpu: spec.resources.cpu, memory: spec.resources.memory },
          limits: { memory: spec.resources.memory },
        },
        affinity: {
          enablePodAntiAffinity: true,
          topologyKey: 'kubernetes.io/hostname',
          // Required would leave an instance without a machine where there are fewer machines than instances.
          podAntiAffinityType: 'preferred',
        },
        // A budget for a single instance would only keep its machine from being drained.
        enablePDB: instances > 1,
        postgresql: {
          parameters: parametersOf(site),
          // What was committed survives the primary; with no standby left, writing goes on.
          ...(instances > 1 && {
            synchronous: { method: 'any', number: 1, dataDurability: 'preferred' },
          }),
        },
        ...(archives && {
          plugins: [
            {
              name: PLUGIN,
              enabled: true,
              isWALArchiver: true,
              parameters: { barmanObjectName: STORE, serverName: archive.incarnation },
            },
          ],
        }),
      },
    },
  });
}

/** Settings as the CRD takes them, with a quarter of the memory for PostgreSQL's own cache: its manual's advice. */
function parametersOf({ spec: { parameters, resources } }: Site): Record<string, string> {
  const mebibytes = Math.floor(quantityOf(resources.memory) / 2 ** 20 / 4);
  const given = Object.fromEntries(
    Object.entries(parameters).map(([name, value]) => [name, String(value)] as const),
  );
  return { ...(mebibytes > 0 && { shared_buffers: `${mebibytes}MB` }), ...given };
}

function backups(site: Site): Node {
  const { spec, name, namespace, home } = site;
  return remote(site, {
    key: backupsKey(home.region),
    step: 'BackupReady',
    operator: cnpgBarmanPlugin.id,
    after: [clusterKey(home.region), storeKey(home.region)],
    frozen: [inner('spec.cluster')],
    deletionPolicy: 'Orphan',
    manifest: {
      apiVersion: 'postgresql.cnpg.io/v1',
      kind: 'ScheduledBackup',
      metadata: { name, namespace },
      spec: {
        schedule: spec.backup.schedule,
        cluster: { name },
        immediate: true,
        method: 'plugin',
        pluginConfiguration: { name: PLUGIN },
        target: 'prefer-standby',
        backupOwnerReference: 'self',
      },
    },
  });
}

/** The connection Secret: its keys are the operator's, but every host in it is good in all namespaces of the region. */
function connectionTo(site: Site): Node {
  const { name, namespace, home } = site;
  const app = { apiVersion: 'v1', kind: 'Secret', name: `${name}-app` };
  const details: Detail[] = [
    { key: 'username', from: app, fieldPath: 'data.username' },
    { key: 'password', from: app, fieldPath: 'data.password' },
    { key: 'dbname', from: app, fieldPath: 'data.dbname' },
    {
      key: 'host',
      from: { apiVersion: 'postgresql.cnpg.io/v1', kind: 'Cluster', name },
      fieldPath: `metadata.annotations[${HOST_ANNOTATION}]`,
    },
    { key: 'port', from: app, fieldPath: 'data.port' },
    { key: 'uri', from: app, fieldPath: 'data[fqdn-uri]' },
    { key: 'jdbc-uri', from: app, fieldPath: 'data[fqdn-jdbc-uri]' },
    {
      key: 'ca.crt',
      from: { apiVersion: 'v1', kind: 'Secret', name: `${name}-ca` },
      fieldPath: 'data[ca.crt]',
    },
  ];
  return connection(site, {
    details,
    after: [clusterKey(home.region)],
    observed: { apiVersion: 'v1', kind: 'Service', metadata: { name: `${name}-rw`, namespace } },
  });
}

function hostOf({ name, namespace }: Site, service: 'ro' | 'rw'): string {
  return `${name}-${service}.${namespace}.${DOMAIN}`;
}

/** `18` of an image such as `ghcr.io/cloudnative-pg/postgresql:18.6-…`. */
export function majorOf(imageName: string | undefined): string | undefined {
  return /:([0-9]+)[.-]/.exec(imageName ?? '')?.[1];
}

/** What provider-kubernetes last saw in the workload cluster. */
function insideOf(object: Manifest | undefined): JsonObject | undefined {
  return objectAt(object, 'status', 'atProvider', 'manifest') ?? desiredOf(object);
}

/** What provider-kubernetes was last told to apply. */
function desiredOf(object: Manifest | undefined): JsonObject | undefined {
  return objectAt(object, 'spec', 'forProvider', 'manifest');
}

function read(site: Site, settled: Settled): Reading {
  const { region } = site.home;
  const state = settled.states.get(clusterKey(region));
  const seen = insideOf(state?.observed);
  const archiving = seen && conditionOf(seen, 'ContinuousArchiving');
  const windows = objectAt(insideOf(site.observed.get(storeKey(region))), 'status', 'serverRecoveryWindow');
  const window = objectAt(windows, site.xr.metadata.name ?? '');
  const last = textAt(window, 'lastSuccessfulBackupTime');
  const firstRecoverable = textAt(window, 'firstRecoverabilityPoint');
  return {
    endpoints: state?.ready
      ? {
          primary: `${hostOf(site, 'rw')}:${PORT}`,
          ...(site.spec.instances > 1 && { readOnly: `${hostOf(site, 'ro')}:${PORT}` }),
        }
      : undefined,
    version: majorOf(textAt(seen, 'spec', 'imageName')),
    archiving: archiving && {
      works: archiving['status'] === 'True',
      message: textAt(archiving, 'message'),
    },
    backup: {
      ...(last !== undefined && { last }),
      ...(firstRecoverable !== undefined && { firstRecoverable }),
    },
  };
}

/** The operator's phase and the reason it gives for it. */
function doing(inside: Manifest): string | undefined {
  if (inside.kind !== 'Cluster') return undefined;
  const phase = textAt(inside, 'status', 'phase');
  const reason = textAt(inside, 'status', 'phaseReason');
  return reason === undefined || reason === '' ? phase : `${phase ?? ''}: ${reason}`;
}
