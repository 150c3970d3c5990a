import { describe, expect, it } from 'vitest';
import { dataServiceComposer } from '../../functions/data-service/index.ts';
import {
  at,
  listAt,
  objectAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { checkManifest } from '../fields/check.ts';
import { PRICED_AT } from '../../functions/pricing/hetzner.ts';
import {
  ARCHIVAL,
  ask,
  BOTH,
  conditionIn,
  NAMESPACE,
  platformOf,
  play,
  regionNamed,
  serviceOf,
  step,
  waves,
  works,
  worldOf,
  type Live,
  type RegionOptions,
  type World,
} from './world.ts';

const INNER = ['spec', 'forProvider', 'manifest'] as const;

function made(world: World, key: string): Manifest {
  const object = world.objects.get(key);
  if (object === undefined)
    throw new Error(`"${key}" is not there, only ${[...world.objects.keys()].join(', ')}`);
  return object;
}

const clusterSpec = (world: World, ...path: string[]) =>
  at(made(world, 'fsn/postgres'), ...INNER, 'spec', ...path);

describe('a service in a region with an archival store', () => {
  const start = worldOf({ region: { archival: ARCHIVAL } });

  it('is made in order: namespace, credentials, store, cluster, then what needs a running primary', () => {
    expect(waves(start)).toEqual([
      ['fsn/namespace'],
      ['fsn/credentials', 'in-use', 'usage/provider-config'],
      ['fsn/store'],
      ['fsn/postgres'],
      ['connection/orders-conn', 'fsn/backups'],
    ]);
  });

  it('gives only objects that the real CRDs accept', () => {
    for (const object of play(start).objects.values())
      expect(checkManifest({ ...object, status: undefined })).toEqual([]);
  });

  it('has one object alone whose deletion needs the region: the namespace, and all else is in it', () => {
    const policies = [...play(start).objects].map(([key, object]) => [
      key,
      textAt(object, 'spec', 'deletionPolicy'),
      textAt(object, ...INNER, 'metadata', 'namespace') ?? textAt(object, 'spec', 'forProvider', 'namespace'),
    ]);
    expect(policies).toEqual([
      ['fsn/namespace', 'Delete', undefined],
      ['in-use', undefined, undefined],
      ['usage/provider-config', undefined, undefined],
      ['fsn/credentials', 'Orphan', 'openova-data-orders'],
      ['fsn/store', 'Orphan', 'openova-data-orders'],
      ['fsn/postgres', 'Orphan', 'openova-data-orders'],
      ['fsn/backups', 'Orphan', 'openova-data-orders'],
      ['connection/orders-conn', 'Orphan', 'openova-data-orders'],
    ]);
  });

  it('keeps the claim of its cluster from being deleted, by the object that goes last', () => {
    const world = play(start);
    const usage = made(world, 'in-use');
    expect(usage.metadata.namespace).toBe(NAMESPACE);
    expect(usage['spec']).toEqual({
      of: {
        apiVersion: 'platform.openova.io/v1alpha1',
        kind: 'OpenOvaCluster',
        resourceRef: { name: 'acme' },
      },
      by: {
        apiVersion: 'kubernetes.crossplane.io/v1alpha2',
        kind: 'Object',
        resourceRef: { name: made(world, 'fsn/namespace').metadata.name },
      },
      reason: 'DataService "orders" lives in it: delete that first',
    });
  });

  it('keeps the way into its region until it is gone, whoever deletes the region', () => {
    const world = play(start);
    expect(made(world, 'usage/provider-config')['spec']).toEqual({
      of: {
        apiVersion: 'kubernetes.crossplane.io/v1alpha1',
        kind: 'ProviderConfig',
        resourceRef: { name: at(made(world, 'fsn/namespace'), 'spec', 'providerConfigRef', 'name') },
      },
      by: at(made(world, 'in-use'), 'spec', 'by'),
      reason: 'DataService "orders" of namespace "acme-platform" is reached this way until it is gone',
      replayDeletion: true,
    });
  });

  it('writes its backups where they survive it, each incarnation in a folder of its own', () => {
    const world = play(start);
    expect(at(made(world, 'fsn/store'), ...INNER, 'spec', 'configuration', 'destinationPath')).toBe(
      's3://acme-archive/acme-platform/acme/postgres/acme-platform/orders',
    );
    expect(clusterSpec(world, 'plugins')).toEqual([
      {
        name: 'barman-cloud.cloudnative-pg.io',
        enabled: true,
        isWALArchiver: true,
        parameters: { barmanObjectName: 'archive', serverName: 'orders-x7k2p' },
      },
    ]);
    expect(at(world.xr, 'status', 'backup', 'destination')).toBe(
      's3://acme-archive/acme-platform/acme/postgres/acme-platform/orders/orders-x7k2p',
    );
  });

  it('answers the same bytes to the same question', () => {
    const world = play(start);
    const turned: World = { ...world, objects: new Map([...world.objects].reverse()) };
    expect(JSON.stringify(ask(turned).report)).toBe(JSON.stringify(ask(world).report));
    expect(JSON.stringify([...ask(turned).settled.desired])).toBe(
      JSON.stringify([...ask(world).settled.desired]),
    );
  });

  it('leaves everything as it is when it is asked again', () => {
    const world = play(start);
    const before = [...world.objects].map(([key, object]) => [key, { ...object, status: undefined }]);
    const after = [...ask(world).settled.desired].map(([key, { manifest }]) => [
      key,
      { ...manifest, status: undefined },
    ]);
    expect(after).toEqual(before);
  });
});

describe('the archival store', () => {
  const GCS = { provider: 'gcs', bucket: 'acme-archive', secretRef: { name: 'acme-gcs' } };
  const AZURE = {
    provider: 'azureblob',
    bucket: 'archive',
    endpoint: 'https://acme.blob.core.windows.net',
    secretRef: { name: 'acme-azure' },
  };
  const key = (name: string) => ({ name: 'archival-credentials', key: name });
  const from = (secret: string, name: string) => ({
    secretKeyRef: { name: secret, namespace: NAMESPACE, key: name },
  });

  it.each<{
    reason: string;
    archival: JsonObject;
    configuration: JsonObject;
    set?: Json;
    valuesFrom?: Json;
    secret: JsonObject;
  }>([
    {
      reason: 'r2 speaks S3 and knows the region auto alone',
      archival: ARCHIVAL,
      configuration: {
        destinationPath: 's3://acme-archive/acme-platform/acme/postgres/acme-platform/orders',
        endpointURL: 'https://account.r2.cloudflarestorage.com',
        s3Credentials: {
          accessKeyId: key('accessKeyId'),
          secretAccessKey: key('secretAccessKey'),
          region: key('region'),
        },
      },
      set: [
        { name: 'credentials.archival.accessKeyId', valueFrom: from('acme-r2', 'accessKeyId') },
        { name: 'credentials.archival.secretAccessKey', valueFrom: from('acme-r2', 'secretAccessKey') },
      ],
      secret: { plain: { region: 'auto' } },
    },
    {
      reason:
        "Amazon's S3 finds a bucket's region by itself; a prefix replaces the claim's namespace and name",
      archival: { provider: 's3', bucket: 'acme', prefix: 'eu/prod', secretRef: { name: 'acme-s3' } },
      configuration: {
        destinationPath: 's3://acme/eu/prod/postgres/acme-platform/orders',
        s3Credentials: { accessKeyId: key('accessKeyId'), secretAccessKey: key('secretAccessKey') },
      },
      set: [
        { name: 'credentials.archival.accessKeyId', valueFrom: from('acme-s3', 'accessKeyId') },
        { name: 'credentials.archival.secretAccessKey', valueFrom: from('acme-s3', 'secretAccessKey') },
      ],
      secret: {},
    },
    {
      reason: 'a service account is a JSON document, which `set` would take apart at its commas',
      archival: GCS,
      configuration: {
        destinationPath: 'gs://acme-archive/acme-platform/acme/postgres/acme-platform/orders',
        googleCredentials: { applicationCredentials: key('serviceAccount') },
      },
      valuesFrom: [from('acme-gcs', 'serviceAccount')],
      secret: { json: 'serviceAccount' },
    },
    {
      reason: "the address of Azure's account is part of the path",
      archival: AZURE,
      configuration: {
        destinationPath:
          'https://acme.blob.core.windows.net/archive/acme-platform/acme/postgres/acme-platform/orders',
        azureCredentials: { storageAccount: key('accountName'), storageKey: key('accountKey') },
      },
      set: [
        { name: 'credentials.archival.accountName', valueFrom: from('acme-azure', 'accountName') },
        { name: 'credentials.archival.accountKey', valueFrom: from('acme-azure', 'accountKey') },
      ],
      secret: {},
    },
  ])('$reason', ({ archival, configuration, set, valuesFrom, secret }) => {
    const world = play(worldOf({ region: { archival } }));
    expect(at(made(world, 'fsn/store'), ...INNER, 'spec', 'configuration')).toEqual({
      ...configuration,
      wal: { compression: 'gzip', maxParallel: 4 },
      data: { compression: 'gzip', jobs: 2 },
    });
    const release = made(world, 'fsn/credentials');
    expect(at(release, 'spec', 'forProvider', 'set')).toEqual(set);
    expect(at(release, 'spec', 'forProvider', 'valuesFrom')).toEqual(valuesFrom);
    expect(at(release, 'spec', 'forProvider', 'values', 'secrets')).toEqual([
      { name: 'archival-credentials', namespace: 'openova-data-orders', from: 'archival', ...secret },
    ]);
    for (const object of world.objects.values())
      expect(checkManifest({ ...object, status: undefined })).toEqual([]);
  });

  it.each<{ reason: string; spec: JsonObject; region: RegionOptions; condition: string; message: string }>([
    {
      reason: 'a region without one is told where it would be given',
      spec: {},
      region: {},
      condition: 'NoArchivalStore',
      message: 'Region "fsn" has no archival store: spec.archival of OpenOvaCluster "acme" gives it one',
    },
    {
      reason: 'a user may do without',
      spec: { backup: { enabled: false } },
      region: { archival: ARCHIVAL },
      condition: 'Disabled',
      message: 'spec.backup.enabled is false',
    },
    {
      reason: 'azureblob needs the address of the account, which is nowhere else in the clear',
      spec: {},
      region: { archival: { ...AZURE, endpoint: undefined } },
      condition: 'NoEndpoint',
      message:
        'spec.archival.endpoint of OpenOvaCluster "acme" is missing: backups to azureblob need the account\'s address, such as https://ACCOUNT.blob.core.windows.net',
    },
  ])('$reason', ({ spec, region, condition, message }) => {
    const world = play(worldOf({ spec, region }));
    expect([...world.objects.keys()]).toEqual([
      'fsn/namespace',
      'in-use',
      'usage/provider-config',
      'fsn/postgres',
      'connection/orders-conn',
    ]);
    expect(clusterSpec(world, 'plugins')).toBeUndefined();
    const { report, settled } = ask(world);
    expect(conditionIn(report, 'BackupReady')).toEqual({
      type: 'BackupReady',
      status: 'False',
      reason: condition,
      message,
    });
    expect(settled.ready).toBe(true);
    expect(at(world.xr, 'status', 'phase')).toBe('Ready');
    expect(at(world.xr, 'status', 'step', 'number')).toBe(6);
  });

  it('joins a service that runs only when it is there, and stays while it flaps', () => {
    const before = play(worldOf());
    const region = regionNamed({ archival: ARCHIVAL });
    const broken: Live = (key, object) =>
      key === 'fsn/store' ? { conditions: [{ type: 'Ready', status: 'False' }] } : works(key, object);
    const waiting = play({ ...before, regions: [region] }, broken);
    expect(waiting.objects.has('fsn/store')).toBe(true);
    expect(clusterSpec(waiting, 'plugins')).toBeUndefined();
    const joined = play(waiting);
    expect(listAt(clusterSpec(joined, 'plugins'))).toHaveLength(1);
    expect(listAt(clusterSpec(step(step(joined, broken), broken), 'plugins'))).toHaveLength(1);
  });

  it('goes from a service in the reverse order, and the database stays', () => {
    const full = play(worldOf({ region: { archival: ARCHIVAL } }));
    const gone: string[][] = [];
    let now: World = { ...full, xr: serviceOf({ backup: { enabled: false } }) };
    for (let round = 0; round < 12; round += 1) {
      const next = step(now);
      const left = [...now.objects.keys()].filter((key) => !next.objects.has(key));
      if (left.length > 0) gone.push(left);
      now = next;
    }
    expect(gone).toEqual([['fsn/backups'], ['fsn/store'], ['fsn/credentials']]);
    expect(clusterSpec(now, 'plugins')).toBeUndefined();
    expect(now.objects.has('fsn/postgres')).toBe(true);
  });
});

describe('the estimate', () => {
  const GIVEN = { instances: 3, storage: { size: '50Gi' }, resources: { memory: '2Gi', cpu: '1' } };
  const OWN = { ...GIVEN, storage: { size: '50Gi', className: 'fast' } };

  it.each<{ reason: string; spec: JsonObject; provider: string; estimate: JsonObject }>([
    {
      reason: 'memory and a volume of the cloud for each instance, 0.0572 EUR for each GB',
      spec: GIVEN,
      provider: 'hetzner',
      estimate: { memoryMiB: { needed: 6144 }, volumesGB: 150, monthlyEUR: '8.58', pricedAt: PRICED_AT },
    },
    {
      reason: 'no volume of the cloud is smaller than 10 GB',
      spec: { instances: 1, storage: { size: '1500Mi' } },
      provider: 'hetzner',
      estimate: { memoryMiB: { needed: 1024 }, volumesGB: 2, monthlyEUR: '0.57', pricedAt: PRICED_AT },
    },
    {
      reason: 'nobody charges for disks of existing machines',
      spec: OWN,
      provider: 'existing',
      estimate: { memoryMiB: { needed: 6144 }, volumesGB: 150, monthlyEUR: '0.00', pricedAt: PRICED_AT },
    },
    {
      reason: 'a storage class of the user has no price, which is said',
      spec: OWN,
      provider: 'hetzner',
      estimate: {
        memoryMiB: { needed: 6144 },
        volumesGB: 150,
        monthlyEUR: 'unknown',
        unpriced: ['volumes of storage class fast'],
        pricedAt: PRICED_AT,
      },
    },
  ])('$reason', ({ spec, provider, estimate }) => {
    const { report } = ask(worldOf({ spec, region: { provider } }));
    expect(report.status['estimate']).toEqual(estimate);
  });

  it('stays while the region is not found', () => {
    const world = play(worldOf({ spec: GIVEN }));
    const { report } = ask({ ...world, regions: [] });
    expect(report.status['estimate']).toMatchObject({ volumesGB: 150 });
  });
});

describe('BackupReady', () => {
  const archiving =
    (conditions: JsonObject[]): Live =>
    (key, object) => {
      const status = works(key, object);
      if (key !== 'fsn/postgres') return status;
      const inside = objectAt(object, ...INNER);
      return { ...status, atProvider: { manifest: { ...inside, status: { conditions } } } };
    };

  it.each([
    {
      reason: 'nothing was saved yet',
      conditions: [],
      expected: {
        status: 'False',
        reason: 'Waiting',
        message: 'Nothing has been written to the archival store yet',
      },
    },
    {
      reason: 'the operator says that the log arrives',
      conditions: [
        { type: 'ContinuousArchiving', status: 'True', message: 'Continuous archiving is working' },
      ],
      expected: { status: 'True', reason: 'Archiving' },
    },
    {
      reason: "the operator's own words say why it does not",
      conditions: [{ type: 'ContinuousArchiving', status: 'False', message: 'exit status 4' }],
      expected: { status: 'False', reason: 'NotArchiving', message: 'exit status 4' },
    },
  ])('$reason', ({ conditions, expected }) => {
    const world = play(worldOf({ region: { archival: ARCHIVAL } }), archiving(conditions));
    expect(conditionIn(ask(world).report, 'BackupReady')).toEqual({ type: 'BackupReady', ...expected });
  });
});

describe('the cluster', () => {
  it.each<{ reason: string; spec: JsonObject; path: string[]; value: Json | undefined }>([
    {
      reason: 'three instances wait for one of two standbys, but not when there is none',
      spec: {},
      path: ['postgresql', 'synchronous'],
      value: { method: 'any', number: 1, dataDurability: 'preferred' },
    },
    {
      reason: 'a single instance has nothing to wait for',
      spec: { instances: 1 },
      path: ['postgresql', 'synchronous'],
      value: undefined,
    },
    {
      reason: 'a disruption budget for a single instance would block every drain',
      spec: { instances: 1 },
      path: ['enablePDB'],
      value: false,
    },
    {
      reason: 'a quarter of the memory is the cache',
      spec: { resources: { memory: '2Gi' } },
      path: ['postgresql', 'parameters'],
      value: { shared_buffers: '512MB' },
    },
    {
      reason: "a user's settings win, and numbers and truths become text",
      spec: { parameters: { shared_buffers: '256MB', max_connections: 200, jit: false } },
      path: ['postgresql', 'parameters'],
      value: { shared_buffers: '256MB', max_connections: '200', jit: 'false' },
    },
    {
      reason: 'memory is guaranteed and bounded, CPU guaranteed',
      spec: { resources: { memory: '2Gi', cpu: '1' } },
      path: ['resources'],
      value: { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '2Gi' } },
    },
    {
      reason: 'nobody can log in as superuser',
      spec: {},
      path: ['enableSuperuserAccess'],
      value: false,
    },
    {
      reason: 'the database is owned by a user of the same name',
      spec: { database: 'shop' },
      path: ['bootstrap'],
      value: { initdb: { database: 'shop', owner: 'shop' } },
    },
    {
      reason: 'volumes are of the class that was asked for',
      spec: { storage: { size: '20Gi', className: 'fast' } },
      path: ['storage'],
      value: { size: '20Gi', storageClass: 'fast' },
    },
    {
      reason: 'a version is an exact image',
      spec: { version: '17' },
      path: ['imageName'],
      value:
        'ghcr.io/cloudnative-pg/postgresql:17.11-202608170816-standard-trixie@sha256:91e0de662d53895a45f1396f4ee1a75daeb0c26fc87853afc9c8f43e01fdaa21',
    },
  ])('$reason', ({ spec, path, value }) => {
    expect(clusterSpec(play(worldOf({ spec })), ...path)).toEqual(value);
  });

  it('takes what may change while it runs, and keeps what may not', () => {
    const before = play(worldOf());
    const after = play({
      ...before,
      xr: serviceOf({
        database: 'other',
        instances: 5,
        storage: { size: '20Gi', className: 'fast' },
        version: '18',
      }),
    });
    expect(clusterSpec(after, 'instances')).toBe(5);
    expect(clusterSpec(after, 'storage')).toEqual({ size: '20Gi' });
    expect(clusterSpec(after, 'bootstrap')).toEqual({ initdb: { database: 'app', owner: 'app' } });
  });

  it('says where it answers when it does, and with standbys where to read', () => {
    const three = play(worldOf());
    expect(at(three.xr, 'status', 'endpoints')).toEqual({
      primary: 'orders-rw.openova-data-orders.svc.cluster.local:5432',
      readOnly: 'orders-ro.openova-data-orders.svc.cluster.local:5432',
    });
    const one = play(worldOf({ spec: { instances: 1 } }));
    expect(at(one.xr, 'status', 'endpoints')).toEqual({
      primary: 'orders-rw.openova-data-orders.svc.cluster.local:5432',
    });
    expect(at(one.xr, 'status', 'version')).toBe('18');
    expect(at(step(worldOf()).xr, 'status', 'endpoints')).toBeUndefined();
  });

  it.each([
    {
      reason: 'settings that the operator keeps to itself',
      spec: { parameters: { archive_mode: 'off', port: 5433 } },
      problems: [
        { field: 'spec.parameters.archive_mode', message: 'is set by the operator, must be left out' },
        { field: 'spec.parameters.port', message: 'is set by the operator, must be left out' },
      ],
    },
    {
      reason: 'databases that are there already',
      spec: { database: 'postgres' },
      problems: [{ field: 'spec.database', message: 'is "postgres", which PostgreSQL keeps to itself' }],
    },
    {
      reason: 'roles that PostgreSQL reserves',
      spec: { database: 'pg_shop' },
      problems: [{ field: 'spec.database', message: 'is "pg_shop", which PostgreSQL keeps to itself' }],
    },
  ])('$reason are refused, and what runs stays as it is', ({ spec, problems }) => {
    const running = play(worldOf());
    const wrong = { ...running, xr: serviceOf({ instances: 5, ...spec }) };
    expect(ask(wrong).graph.problems).toEqual(problems);
    expect(step(wrong).objects).toEqual(running.objects);
  });
});

describe('a newer package', () => {
  const old = (world: World): World => ({
    ...world,
    objects: new Map(
      [...world.objects].map(([key, object]) => [
        key,
        key === 'fsn/postgres'
          ? JSON.parse(JSON.stringify(object).replaceAll('18.6-202608170814', '18.5-202605110900'))
          : object,
      ]),
    ),
  });

  it.each([
    {
      reason: 'changes no image while the region runs an older release',
      release: '0.0',
      kept: true,
      update: 'True',
    },
    { reason: 'brings its image with the release', release: '0.1', kept: false, update: 'False' },
  ])('$reason', ({ release, kept, update }) => {
    const before = old(play(worldOf()));
    const after = step({ ...before, regions: [regionNamed({ release })] });
    expect(textAt(made(after, 'fsn/postgres'), ...INNER, 'spec', 'imageName')?.includes(':18.5-')).toBe(kept);
    expect(
      conditionIn(ask({ ...before, regions: [regionNamed({ release })] }).report, 'UpdateAvailable')?.status,
    ).toBe(update);
  });

  it('changes no image while the region has lost its status: its platform has the release too', () => {
    const before = old(play(worldOf()));
    const platforms = before.platforms.map((platform) => ({
      ...platform,
      metadata: { ...platform.metadata, annotations: { 'platform.openova.io/release': '0.0' } },
    }));
    expect(clusterSpec(step({ ...before, platforms }), 'imageName')).toContain(':18.5-');
  });

  it('does not stand in the way of a version that the user asks for', () => {
    const before = old(play(worldOf({ spec: { version: '17' } })));
    const after = step({
      ...before,
      xr: serviceOf({ version: '18' }),
      regions: [regionNamed({ release: '0.0' })],
    });
    expect(clusterSpec(after, 'imageName')).toContain(':18.6-');
  });
});

describe('the operator', () => {
  it('is waited for, with the platform named that should bring it', () => {
    const world = play(worldOf({ operators: [] }));
    expect([...world.objects.keys()]).toEqual([]);
    expect(ask(world).settled.ready).toBe(false);
    const { report } = ask(world);
    expect(conditionIn(report, 'OperatorReady')).toEqual({
      type: 'OperatorReady',
      status: 'False',
      reason: 'Waiting',
      message: 'Region "fsn" does not have cnpg ready',
    });
    expect(at(world.xr, 'status', 'step')).toEqual({ number: 2, of: 6, name: 'OperatorReady' });
    expect(at(world.xr, 'status', 'waitingFor')).toEqual([
      {
        object: 'XOpenOvaPlatform/acme-abcde-fsn-platform',
        step: 'OperatorReady',
        message: 'Region "fsn" does not have cnpg ready',
      },
    ]);
  });

  it('does not come to a region of another release, and what to do is said', () => {
    const { report } = ask(worldOf({ operators: [], region: { release: '0.0' } }));
    expect(at(report.status, 'waitingFor', 0, 'hint')).toMatch(
      /^The region runs another release than the installed .* set spec\.platform\.release of OpenOvaCluster "acme" to /,
    );
  });

  it('takes nothing with it when it flaps', () => {
    const running = play(worldOf({ region: { archival: ARCHIVAL } }));
    const flapping = step({ ...running, platforms: [] });
    expect([...flapping.objects]).toEqual([...running.objects]);
  });

  it('of backups is needed only where there are some', () => {
    expect(conditionIn(ask(worldOf({ operators: ['cnpg'] })).report, 'OperatorReady')?.status).toBe('True');
    const archived = worldOf({ operators: ['cnpg'], region: { archival: ARCHIVAL } });
    expect(conditionIn(ask(archived).report, 'OperatorReady')?.message).toBe(
      'Region "fsn" does not have cnpg-barman-plugin ready',
    );
  });
});

describe('waiting', () => {
  it("says what the operator is doing, in the operator's words", () => {
    const starting: Live = (key, object) =>
      key === 'fsn/postgres'
        ? {
            conditions: [{ type: 'Ready', status: 'False', lastTransitionTime: '2026-11-21T10:00:00Z' }],
            atProvider: {
              manifest: {
                apiVersion: 'postgresql.cnpg.io/v1',
                kind: 'Cluster',
                metadata: {},
                status: { phase: 'Setting up primary', phaseReason: 'Creating primary instance orders-1' },
              },
            },
          }
        : works(key, object);
    const world = play(worldOf(), starting);
    expect(at(world.xr, 'status', 'waitingFor')).toEqual([
      {
        object: 'Object/orders-x7k2p-fsn-postgres',
        step: 'PrimaryReady',
        since: '2026-11-21T10:00:00Z',
        message: 'Setting up primary: Creating primary instance orders-1',
      },
    ]);
  });

  it.each([
    {
      reason: 'a change that the operator refuses is no success because the database still runs',
      key: 'fsn/postgres',
      message: 'cannot apply object: admission webhook "vcluster.cnpg.io" denied the request: too large',
      condition: 'PrimaryReady',
      hint: 'The operator refuses what the spec asks for: correct the field that it names',
    },
    {
      reason: "a Secret of the same name is somebody else's",
      key: 'connection/orders-conn',
      message: 'cannot create or update connection secret: existing secret is not controlled by UID "7"',
      condition: 'ConnectionReady',
      hint: 'Something else has a Secret of this name, which is not overwritten: choose another spec.connectionSecret.name, or remove that Secret',
    },
  ])('$reason', ({ key: failing, message, condition, hint }) => {
    const failed: Live = (key, object) =>
      key === failing
        ? {
            conditions: [
              { type: 'Ready', status: 'True' },
              { type: 'Synced', status: 'False', message },
            ],
          }
        : works(key, object);
    const world = play(worldOf(), failed);
    expect(conditionIn(ask(world).report, condition)?.status).toBe('False');
    expect(at(world.xr, 'status', 'waitingFor', 0, 'message')).toBe(message);
    expect(at(world.xr, 'status', 'waitingFor', 0, 'hint')).toBe(hint);
    expect(at(world.xr, 'status', 'connectionSecretRef')).toBeUndefined();
  });
});

describe('the connection Secret', () => {
  it('is written by the provider into the claim’s namespace, from what is in the region', () => {
    const world = play(worldOf());
    const object = made(world, 'connection/orders-conn');
    expect(at(object, 'spec', 'writeConnectionSecretToRef')).toEqual({
      name: 'orders-conn',
      namespace: NAMESPACE,
    });
    expect(at(object, 'spec', 'managementPolicies')).toEqual(['Observe']);
    expect(at(object, ...INNER)).toEqual({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'orders-rw', namespace: 'openova-data-orders' },
    });
    const sources = listAt(object, 'spec', 'connectionDetails').map((detail) => [
      textAt(detail, 'toConnectionSecretKey'),
      `${textAt(detail, 'kind') ?? ''}/${textAt(detail, 'name') ?? ''}`,
      textAt(detail, 'fieldPath'),
      textAt(detail, 'namespace'),
    ]);
    expect(sources).toEqual([
      ['username', 'Secret/orders-app', 'data.username', 'openova-data-orders'],
      ['password', 'Secret/orders-app', 'data.password', 'openova-data-orders'],
      ['dbname', 'Secret/orders-app', 'data.dbname', 'openova-data-orders'],
      ['host', 'Cluster/orders', 'metadata.annotations[platform.openova.io/host]', 'openova-data-orders'],
      ['port', 'Secret/orders-app', 'data.port', 'openova-data-orders'],
      ['uri', 'Secret/orders-app', 'data[fqdn-uri]', 'openova-data-orders'],
      ['jdbc-uri', 'Secret/orders-app', 'data[fqdn-jdbc-uri]', 'openova-data-orders'],
      ['ca.crt', 'Secret/orders-ca', 'data[ca.crt]', 'openova-data-orders'],
    ]);
    expect(at(world.xr, 'status', 'connectionSecretRef')).toEqual({ name: 'orders-conn' });
  });

  it('has under another name another object, and the old one goes when that is there', () => {
    const before = play(worldOf());
    const renamed: World = { ...before, xr: serviceOf({ connectionSecret: { name: 'db' } }) };
    const slow: Live = (key, object) => (key === 'connection/db' ? {} : works(key, object));
    const between = step(step(renamed, slow), slow);
    expect([...between.objects.keys()].filter((key) => key.startsWith('connection/')).sort()).toEqual([
      'connection/db',
      'connection/orders-conn',
    ]);
    expect([...play(between).objects.keys()].filter((key) => key.startsWith('connection/'))).toEqual([
      'connection/db',
    ]);
  });

  it('shows no value of any Secret in any object, status or condition', () => {
    const SECRET = 'b3BlbiBzZXNhbWU';
    const loud: Live = (key, object) => ({
      ...works(key, object),
      // What a provider must not do, and would not be repeated if it did.
      leaked: SECRET,
    });
    const world = play(worldOf({ region: { archival: ARCHIVAL } }), loud);
    const { settled, report } = ask(world);
    expect(JSON.stringify([[...settled.desired], report])).not.toContain(SECRET);
    const kinds = [...settled.desired.values()].flatMap(({ manifest }) => [
      manifest.kind,
      textAt(manifest, ...INNER, 'kind'),
    ]);
    expect(kinds).not.toContain('Secret');
    expect(report.connection).toBeUndefined();
  });
});

describe('the region', () => {
  const fsn = regionNamed({ name: 'fsn', role: 'primary' });
  const hel = regionNamed({ name: 'hel', role: 'standby' });
  const alone = regionNamed({ name: 'main', cluster: undefined });
  const both = [platformOf(fsn, BOTH), platformOf(hel, BOTH), platformOf(alone, BOTH)];
  // The same regions, their roles changed.
  const swapped = [
    regionNamed({ name: 'fsn', role: 'standby' }),
    regionNamed({ name: 'hel', role: 'primary' }),
  ];

  it.each<{ reason: string; spec: JsonObject; regions: Manifest[]; region: string }>([
    {
      reason: "is the cluster's primary one when nothing is said",
      spec: {},
      regions: [hel, fsn],
      region: 'fsn',
    },
    {
      reason: 'is the one that is named',
      spec: { placement: { primary: 'hel' } },
      regions: [fsn, hel],
      region: 'hel',
    },
    {
      reason: 'of a regionRef is the one that stands alone, though a cluster has the same name',
      spec: { clusterRef: undefined, regionRef: { name: 'acme' } },
      regions: [fsn, alone],
      region: 'main',
    },
    {
      reason: 'of a clusterRef is none that stands alone, though it has the same name',
      spec: {},
      regions: [alone, fsn],
      region: 'fsn',
    },
  ])('$reason', ({ spec, regions, region }) => {
    const world = play({ ...worldOf(), xr: serviceOf(spec), regions, platforms: both });
    expect(at(world.xr, 'status', 'activeRegion')).toBe(region);
    expect(at(made(world, `${region}/postgres`), 'spec', 'providerConfigRef', 'name')).toBe(
      `acme-abcde-${region}`,
    );
  });

  it('stays when regions change their roles', () => {
    const before = play({ ...worldOf(), regions: [fsn, hel], platforms: both });
    const after = play({ ...before, regions: swapped });
    expect([...after.objects]).toEqual([...before.objects]);
    expect(at(after.xr, 'status', 'activeRegion')).toBe('fsn');
  });

  it.each(['fsn/namespace', 'fsn/postgres', 'connection/orders-conn'])(
    'stays when regions change their roles, though %s alone is left to tell where it was',
    (key) => {
      const before = play({ ...worldOf(), regions: [fsn, hel], platforms: both });
      const xr = { ...before.xr, status: {} };
      const left = new Map([...before.objects].filter(([one]) => one === key));

      const { report } = ask({ ...before, xr, objects: left, regions: swapped });

      expect(at(report.status, 'activeRegion')).toBe('fsn');
    },
  );

  it('that was given is kept though nothing was made there yet, whatever roles say', () => {
    const given = step({ ...worldOf(), regions: [fsn, hel], platforms: [] });

    expect([...given.objects]).toEqual([]);
    expect(at(step({ ...given, regions: swapped }).xr, 'status', 'activeRegion')).toBe('fsn');
    expect(conditionIn(ask({ ...given, regions: [hel] }).report, 'RegionFound')?.message).toBe(
      'OpenOvaCluster "acme" in namespace "acme-platform" has no region "fsn", only hel',
    );
  });

  it.each<{ reason: string; spec: JsonObject; regions: Manifest[]; message: string }>([
    {
      reason: 'a claim that is not there',
      spec: {},
      regions: [],
      message: 'There is no OpenOvaCluster "acme" in namespace "acme-platform", or it has no region yet',
    },
    {
      reason: 'a region claim that is not there',
      spec: { clusterRef: undefined, regionRef: { name: 'edge' } },
      regions: [],
      message: 'There is no OpenOvaRegion "edge" in namespace "acme-platform", or it has no region yet',
    },
    {
      reason: 'a name that no region has',
      spec: { placement: { primary: 'nbg' } },
      regions: [fsn, hel],
      message: 'OpenOvaCluster "acme" in namespace "acme-platform" has no region "nbg", only fsn, hel',
    },
    {
      reason: 'an archival store that cannot be read, which is not the same as none',
      spec: {},
      regions: [regionNamed({ archival: { provider: 'floppy' } })],
      message: 'spec.archival of region "fsn" cannot be read',
    },
  ])('is missing with $reason: nothing is made, nothing is ready', ({ spec, regions, message }) => {
    const world = play({ ...worldOf(), xr: serviceOf(spec), regions });
    expect([...world.objects]).toEqual([]);
    const { report, settled } = ask(world);
    expect(settled.ready).toBe(false);
    expect(conditionIn(report, 'RegionFound')).toEqual({
      type: 'RegionFound',
      status: 'False',
      reason: 'NotFound',
      message,
    });
    expect(at(world.xr, 'status', 'waitingFor', 0, 'message')).toBe(message);
  });

  it('that is being deleted is said to wait for the service: nothing of it goes, and nothing new begins there', () => {
    const going = { ...fsn, metadata: { ...fsn.metadata, deletionTimestamp: '2026-11-21T12:00:00Z' } };
    const running = play({ ...worldOf(), regions: [fsn], platforms: both });
    const after = { ...running, regions: [going] };

    expect(conditionIn(ask(after).report, 'RegionFound')).toMatchObject({
      status: 'False',
      message: 'Region "fsn" is being deleted, as soon as nothing lives in it: delete this service',
    });
    expect(new Map([...step(after).objects].sort())).toEqual(new Map([...running.objects].sort()));
    expect([...play({ ...worldOf(), regions: [going], platforms: both }).objects]).toEqual([]);
  });

  it('that is gone takes nothing with it', () => {
    const running = play(worldOf({ region: { archival: ARCHIVAL } }));
    const lost: World = { ...running, regions: [hel] };
    const { settled, report } = ask(lost);
    expect(settled.ready).toBe(false);
    expect(conditionIn(report, 'RegionFound')?.message).toBe(
      'The region that holds the service, XOpenOvaRegion "acme-abcde-fsn", is gone',
    );
    const after = step(lost);
    expect(new Map([...after.objects].sort())).toEqual(new Map([...running.objects].sort()));
    for (const field of ['endpoints', 'activeRegion', 'backup', 'connectionSecretRef'])
      expect(at(after.xr, 'status', field)).toEqual(at(running.xr, 'status', field));
    expect([...play({ ...after, regions: running.regions }).objects].sort()).toEqual(
      [...running.objects].sort(),
    );
  });
});

describe('what is asked of the control plane', () => {
  it('is bound to the namespace of the claim', () => {
    const xr = serviceOf();
    const parsed = dataServiceComposer.parse(xr);
    if (!parsed.ok) throw new Error('does not parse');
    const labels = { 'crossplane.io/claim-name': 'acme', 'crossplane.io/claim-namespace': NAMESPACE };
    expect(dataServiceComposer.requires?.(parsed.spec, xr)).toEqual({
      regions: { apiVersion: 'platform.openova.io/v1alpha1', kind: 'XOpenOvaRegion', labels },
      platforms: { apiVersion: 'platform.openova.io/v1alpha1', kind: 'XOpenOvaPlatform', labels },
    });
  });

  it('is nothing for a composite without a claim, which is told so', () => {
    const xr = serviceOf({}, { labels: {} });
    const parsed = dataServiceComposer.parse(xr);
    if (!parsed.ok) throw new Error('does not parse');
    expect(dataServiceComposer.requires?.(parsed.spec, xr)).toEqual({});
    expect(ask({ ...worldOf(), xr }).graph.problems).toEqual([
      {
        field: 'metadata.labels[crossplane.io/claim-namespace]',
        message: 'is missing: make a DataService, which makes this by itself',
      },
    ]);
  });

  it.each(['dragonfly', 'mongodb', 'redpanda', 'valkey'])(
    'refuses engine %s, which is not built yet',
    (engine) => {
      expect(dataServiceComposer.parse(serviceOf({ engine }))).toEqual({
        ok: false,
        problems: [
          { field: 'spec.engine', message: `is "${engine}", which is not available yet, only postgres is` },
        ],
      });
    },
  );
});
