/** What may happen to a control plane: to objects, to clouds, and people's edits of claims. */
import * as fc from 'fast-check';
import { refusedChanges } from '../../../functions/apis/changes.ts';
import { specOf } from '../../../functions/apis/parse.ts';
import {
  isObject,
  listAt,
  textAt,
  withField,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { RETRY_ANNOTATION } from '../../../functions/kernel/names.ts';
import { claimsOf } from '../../../functions/simulator/claims.ts';
import {
  annotate,
  editSpec,
  failJob,
  garbageStatus,
  heal,
  pause,
  replace,
  resume,
  unready,
  vanish,
} from '../../../functions/simulator/faults.ts';
import { MACHINERY } from '../../../functions/apis/parse.ts';
import { compositesIn } from '../../../functions/simulator/simulate.ts';
import type { World } from '../../../functions/simulator/world.ts';
import { archivalChoices, dnsChoices, existingMachine, isValid } from './claims.ts';
import { composedIn, DEFINITIONS, keyOf } from './life.ts';

/** One thing that happens; `pick` chooses the object or claim, `value` what becomes of it. */
export interface Change {
  readonly what: keyof typeof HAPPENINGS;
  readonly pick: number;
  readonly value: number;
  readonly garbage?: Json;
}

/** A world after something has happened in it; undefined when it could not. */
type Happening = (world: World, change: Change) => World | undefined;

function oneOf<Item>(items: readonly Item[], pick: number): Item | undefined {
  return items[pick % Math.max(1, items.length)];
}

/** Ids of composed objects that pass a test, in order. */
function objectsIn(world: World, test: (object: Manifest) => boolean = () => true): string[] {
  return [...composedIn(world)]
    .filter(([, object]) => test(object))
    .map(([id]) => id)
    .sort();
}

const isComposite = ({ apiVersion }: Manifest) => apiVersion.startsWith('platform.openova.io/');

function toObject(
  test: (object: Manifest) => boolean,
  become: (world: World, id: string, change: Change) => World,
): Happening {
  return (world, change) => {
    const id = oneOf(objectsIn(world, test), change.pick);
    return id === undefined ? undefined : become(world, id, change);
  };
}

const HAPPENINGS = {
  /** An object says that it is not ready, until it is healed. */
  flap: toObject(
    (object) => !isComposite(object),
    (world, id) => unready(world, id),
  ),
  heal: (world) => [...world.faults.keys()].reduce(heal, world),
  vanish: toObject((object) => !isComposite(object), vanish),
  lose: toObject(({ kind }) => kind === 'Server', replace),
  fail: toObject(
    ({ kind }) => kind === 'Job',
    (world, id) => failJob(world, id),
  ),
  garbage: toObject(
    () => true,
    (world, id, { garbage = null }) => garbageStatus(world, id, garbage),
  ),
  pause: (world, { pick }) => {
    const id = oneOf(compositesIn({ definitions: DEFINITIONS }, world), pick);
    return id === undefined ? undefined : pause(world, id);
  },
  resume: (world) => compositesIn({ definitions: DEFINITIONS }, world).reduce(resume, world),
  retry: (world, { value }) =>
    claimsOf(world, DEFINITIONS).reduce(
      (next, [id]) => annotate(next, id, RETRY_ANNOTATION, String(value)),
      world,
    ),
  edit: (world, change) => edited(world, change, [...SIZES, ...TYPES, ...OTHERS]),
  /** More machines or fewer. */
  resize: (world, change) => edited(world, change, SIZES),
  /** Other machines, from now on. */
  retype: (world, change) => edited(world, change, TYPES),
  /** A region is no longer listed, whether or not the API server would have taken that. */
  unlist: (world, { pick }) => {
    const clusters = claimsOf(world, DEFINITIONS).filter(
      ([, { claimKind }]) => claimKind === 'OpenOvaCluster',
    );
    const id = oneOf(clusters, pick)?.[0];
    return id === undefined
      ? undefined
      : editSpec(world, id, (spec) => {
          const regions = listAt(spec, 'regions').filter(isObject);
          const left = regions.filter(({ role }) => role !== 'standby');
          return left.length === 0 ? spec : { ...spec, regions: left };
        });
  },
} satisfies Record<string, Happening>;

export function happen(world: World, change: Change): World {
  const happening: Happening = HAPPENINGS[change.what];
  return happening(world, change) ?? world;
}

/** A status that nobody foresaw: wrong types, nothing, far too much. */
export const garbage: fc.Arbitrary<Json> = fc.oneof(
  fc.constantFrom<Json>(
    null,
    '',
    'ready',
    7,
    true,
    [],
    [1, 'two', null],
    {},
    { conditions: 'Ready' },
    { conditions: [null, 'Ready', 3, { type: 5 }, { type: 'Ready' }] },
    { conditions: [{ type: 'Ready', status: true, message: 7, lastTransitionTime: {} }] },
    { conditions: [{ type: 'Ready', status: 'False', message: 'x'.repeat(100_000) }] },
    { conditions: [{ type: 'Synced', status: 'False', message: 'a\nb'.repeat(2000) }] },
    { conditions: { Ready: 'True' }, atProvider: 'gone' },
    { atProvider: null },
    { atProvider: { id: '' } },
    { atProvider: { id: 7, ipv4Address: 9, network: 'none', ipv4: [], manifest: 3 } },
    { atProvider: { id: null, ipv4Address: '', ipv6Address: 'nonsense', manifest: [] } },
    { atProvider: { manifest: { kind: 7, metadata: [], status: 'x' } } },
    { succeeded: 'yes', failed: -1, active: {}, startTime: 5 },
    { phase: 9, step: [], waitingFor: 'me', release: 1, machines: {}, components: 'all' },
    { waitingFor: [null, { object: 1, step: [], message: {} }], gatewayAddresses: ['nonsense', 3, null] },
    { apiAddresses: {}, gatewayAddresses: 'none', apiEndpoint: [], kubeconfigSecretRef: 3 },
    { estimate: { memoryMiB: { needed: 'much', available: null }, monthlyEUR: 3 }, networkReady: 'yes' },
    { operators: 'cnpg', networkReady: 1, memoryMiB: 'all', components: [1] },
    { network: [], kubeconfigSecretRef: {}, machines: [null, 7] },
  ),
  fc.jsonValue({ maxDepth: 3 }).map(jsonOf),
);

function jsonOf(value: unknown): Json {
  if (Array.isArray(value)) return value.map(jsonOf);
  if (isObject(value)) return value;
  return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null;
}

/** Random changes of these kinds. */
export function changes(
  what: readonly Change['what'][],
  { most = 5 }: { readonly most?: number } = {},
): fc.Arbitrary<readonly Change[]> {
  const one = fc
    .record({ what: fc.constantFrom(...what), pick: fc.nat(999), value: fc.nat(999) })
    .chain((change) =>
      change.what === 'garbage'
        ? garbage.map((status): Change => ({ ...change, garbage: status }))
        : fc.constant<Change>(change),
    );
  return fc.array(one, { minLength: 1, maxLength: most });
}

/** A valid edit of one claim that the API server would take. */
function edited(world: World, { pick, value }: Change, edits: readonly Edit[]): World | undefined {
  const claims = claimsOf(world, DEFINITIONS);
  const id = oneOf(claims, value)?.[0] ?? '';
  const claim = world.objects.get(id);
  if (claim === undefined) return undefined;
  const before = specOf(claim);
  const found = (claim.kind === 'DataService' ? SERVICE_EDITS : edits)
    .map((edit) => edit(before, value))
    .filter((spec): spec is JsonObject => spec !== undefined)
    .filter((spec) => isValid({ ...claim, spec }) && refusedChanges(claim.kind, before, spec).length === 0);
  const spec = oneOf(found, pick);
  return spec === undefined ? undefined : editSpec(world, id, (had) => ({ ...machinery(had), ...spec }));
}

/** What Crossplane keeps in the spec of a claim. */
function machinery(spec: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(spec).filter(([field]) => MACHINERY.some((one) => one === field)));
}

type Edit = (spec: JsonObject, value: number) => JsonObject | undefined;

const set =
  (path: string, to: (value: number, before: Json | undefined) => Json | undefined): Edit =>
  (spec, value) =>
    withField(spec, path.split('.'), to(value, valueAt(spec, path)));

function valueAt(spec: JsonObject, path: string): Json | undefined {
  return path
    .split('.')
    .reduce<Json | undefined>((here, field) => (isObject(here) ? here[field] : undefined), spec);
}

/** An edit of one of the pools. */
const inPool =
  (edit: (pool: JsonObject, value: number) => JsonObject | undefined): Edit =>
  (spec, value) => {
    const pools = listAt(spec, 'pools').filter(isObject);
    const index = value % Math.max(1, pools.length);
    const pool = pools[index];
    if (pool === undefined) return undefined;
    const after = edit(pool, value);
    return { ...spec, pools: after === undefined ? pools.toSpliced(index, 1) : pools.with(index, after) };
  };

const hasMachines = (spec: JsonObject) => textAt(spec, 'cloud', 'provider') === 'hetzner';

/** An edit of the machines that exist already, of a region alone or of a cluster's first one. */
const inMachines =
  (edit: (machines: JsonObject[], value: number) => JsonObject[]): Edit =>
  (spec, value) => {
    if (hasMachines(spec)) return undefined;
    const [first, ...others] = listAt(spec, 'regions').filter(isObject);
    const change = (one: JsonObject) => ({
      ...one,
      machines: edit(listAt(one, 'machines').filter(isObject), value),
    });
    return first === undefined ? change(spec) : { ...spec, regions: [change(first), ...others] };
  };

const SIZES: readonly Edit[] = [
  inPool((pool) => ({ ...pool, count: Number(pool['count'] ?? 0) + 1 })),
  inPool((pool) => ({ ...pool, count: Math.max(0, Number(pool['count'] ?? 0) - 1) })),
  inPool((pool) => ({ ...pool, count: 0 })),
  inPool((pool) => ({ ...pool, count: 3 })),
  inPool(() => undefined),
  (spec) =>
    hasMachines(spec)
      ? { ...spec, pools: [...listAt(spec, 'pools'), { name: 'late', count: 1 }] }
      : undefined,
  set('controlPlane.count', (_value, before) => (before === 1 ? 3 : 1)),
  inMachines((machines) => [...machines, existingMachine('late', machines.length, 'agent')]),
  inMachines((machines) =>
    machines.filter(({ role }, index) => role === 'server' || index !== machines.length - 1),
  ),
];

const TYPES: readonly Edit[] = [
  inPool((pool, value) => ({ ...pool, serverTypes: value % 2 === 0 ? ['cx53'] : ['cax31'] })),
  inPool((pool, value) => ({ ...pool, labels: { value: String(value) } })),
  set('controlPlane.serverTypes', () => ['cpx41']),
  set('image', () => 'debian-13'),
  set('access.authorizedKeys', () => [`ssh-ed25519 ${'A'.repeat(68)} ops`]),
  set('kubernetes.maxPods', (value) => 100 + (value % 50)),
];

const OTHERS: readonly Edit[] = [
  set('access.apiAllowedCidrs', (value) => (value % 2 === 0 ? [] : ['198.51.100.0/24'])),
  set('kubernetes.version', (value) => (value % 2 === 0 ? 'v1.36.4+k3s1' : 'v1.37.0+k3s1')),
  set('loadBalancer', (value) => (value % 2 === 0 ? { type: 'k8gb' } : { type: 'cloud', size: 'lb31' })),
  set('loadBalancer.api', (_value, before) => before !== true),
  set('dns', (value) => dnsChoices[value % (dnsChoices.length + 1)]),
  set('archival', (value) => archivalChoices[value % (archivalChoices.length + 1)]),
  set('platform.profile', (value) => ['minimal', 'standard', 'full'][value % 3]),
  set('platform.components.flux.enabled', (_value, before) => before !== true),
  set('platform.components.flux.values', (value) => ({ logLevel: String(value) })),
  set('platform.components.external-secrets.enabled', (_value, before) => before === false),
  set('platform.components.cilium.values', (value) => ({ operator: { replicas: 1 + (value % 2) } })),
  set('platform.release', (value) => [undefined, 'latest'][value % 2]),
  set('deletion.machines', (_value, before) => (before === 'Orphan' ? 'Delete' : 'Orphan')),
  set('backup.etcd.retention', (value) => 1 + (value % 100)),
  (spec) =>
    'regions' in spec ? set('deletionProtection', (_value, had) => had === false)(spec, 0) : undefined,
  (spec) => {
    const regions = listAt(spec, 'regions');
    const another = { name: 'late', location: 'nbg1', role: 'standby' };
    return regions.length === 1 && hasMachines(spec)
      ? { ...spec, regions: [...regions, another] }
      : undefined;
  },
  (spec) => {
    const regions = listAt(spec, 'regions').filter(isObject);
    return regions.length === 2
      ? { ...spec, regions: regions.filter(({ role }) => role !== 'standby') }
      : undefined;
  },
  (spec) => ('regions' in spec ? { ...spec, regions: listAt(spec, 'regions').toReversed() } : undefined),
  inMachines((machines) => machines.toReversed()),
];

const SERVICE_EDITS: readonly Edit[] = [
  set('instances', (value) => 1 + (value % 3)),
  set('storage.size', () => '200Gi'),
  set('resources.memory', () => '2Gi'),
  set('parameters', (value) => ({ max_connections: 100 + value })),
  set('backup.enabled', (_value, before) => before === false),
  set('connectionSecret.name', (value) => `conn-${value % 2}`),
  set('version', () => '18'),
];

/** Key of the composed object with an id, for messages. */
export function keyIn(world: World, id: string): string {
  const object = world.objects.get(id);
  return (object && keyOf(object)) ?? id;
}
