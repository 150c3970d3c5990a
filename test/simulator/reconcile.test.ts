import {
  Ready,
  RunFunctionResponse,
  Severity,
  Status,
  Target,
} from '@crossplane-org/function-sdk-typescript';
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { conditionOf, type JsonObject, type Manifest } from '../../functions/kernel/manifest.ts';
import { inProcess } from '../../functions/simulator/call.ts';
import { editSpec } from '../../functions/simulator/faults.ts';
import { reconcile, type Setup } from '../../functions/simulator/reconcile.ts';
import { simulate } from '../../functions/simulator/simulate.ts';
import { EMPTY, idOf, put, uidFor, type World } from '../../functions/simulator/world.ts';
import {
  API_VERSION,
  CLAIM_ID,
  DEFINITIONS,
  fieldsOfManager,
  NETWORK_ID,
  serverId,
  toy,
  TOY_ID,
  TOYS,
} from './toy.ts';

interface Answer {
  readonly resources?: Record<string, Manifest>;
  readonly ready?: Record<string, Ready>;
  readonly composite?: Ready;
  readonly status?: JsonObject;
  readonly rest?: Partial<RunFunctionResponse>;
}

/** A function that answers always the same, ready unless said otherwise. */
function answering({ resources = {}, ready = {}, composite, status = {}, rest = {} }: Answer): Setup {
  const desired = Object.entries(resources).map(([key, resource]) => [
    key,
    { resource, ready: ready[key] ?? Ready.READY_TRUE },
  ]);
  return {
    definitions: DEFINITIONS,
    call: inProcess(() =>
      RunFunctionResponse.fromPartial({
        desired: {
          resources: Object.fromEntries(desired),
          composite: { resource: { status }, ...(composite !== undefined && { ready: composite }) },
        },
        ...rest,
      }),
    ),
  };
}

const configMap = (name: string, data: JsonObject = { a: 'b' }): Manifest => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'team' },
  data,
});
const xr = (name = 'x', metadata: Manifest['metadata'] = {}): Manifest => ({
  apiVersion: API_VERSION,
  kind: 'XToy',
  metadata: { name, ...metadata },
  spec: {},
});
const ID = 'XToy.toys.openova.io/x';
const world = put(EMPTY, xr());
const messageOf = (result: World, type: string) =>
  conditionOf(result.objects.get(ID) ?? {}, type)?.['message'];
const statusOf = (result: World, type: string) => conditionOf(result.objects.get(ID) ?? {}, type)?.['status'];

describe('composed objects', () => {
  it('get the marks of their composite', async () => {
    const labels = {
      'crossplane.io/composite': 'root',
      'crossplane.io/claim-name': 'c',
      'crossplane.io/claim-namespace': 'n',
    };
    const { applied } = await reconcile(
      answering({ resources: { key: configMap('one') } }),
      put(EMPTY, xr('x', { labels })),
      ID,
    );

    expect(applied.get('key')?.metadata).toEqual({
      name: 'one',
      namespace: 'team',
      labels,
      annotations: { 'crossplane.io/composition-resource-name': 'key' },
      ownerReferences: [
        {
          apiVersion: API_VERSION,
          kind: 'XToy',
          name: 'x',
          uid: uidFor({ apiVersion: API_VERSION, kind: 'XToy', name: 'x' }),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    });
  });

  it('have no claim labels where the composite has none, and the root of a tree is its own composite', async () => {
    const { applied } = await reconcile(answering({ resources: { key: configMap('one') } }), world, ID);

    expect(applied.get('key')?.metadata.labels).toEqual({ 'crossplane.io/composite': 'x' });
  });

  it('keep the name that was observed', async () => {
    const first = await reconcile(answering({ resources: { key: configMap('one') } }), world, ID);
    const { applied, world: after } = await reconcile(
      answering({ resources: { key: configMap('two') } }),
      first.world,
      ID,
    );

    expect(applied.get('key')?.metadata.name).toBe('one');
    expect(after.objects.has('ConfigMap/team/two')).toBe(false);
  });

  it('without a name get one of core', async () => {
    const nameless = { ...configMap('x'), metadata: { namespace: 'team' } };
    const { applied } = await reconcile(answering({ resources: { key: nameless } }), world, ID);
    const uid = uidFor({ apiVersion: API_VERSION, kind: 'XToy', name: 'x' });

    expect(applied.get('key')?.metadata).toMatchObject({
      generateName: 'x-',
      name: `x-${createHash('sha256').update(`${uid}key`).digest('hex').slice(0, 12)}`,
    });
  });

  it('are written by a manager named after the composite', async () => {
    const { world: after } = await reconcile(answering({ resources: { key: configMap('one') } }), world, ID);
    const hash = createHash('sha256').update('xXToy.toys.openova.io').digest('hex');
    const manager = `apiextensions.crossplane.io/composed/${hash}`;

    expect(fieldsOfManager(after.objects.get('ConfigMap/team/one'), manager)).toHaveLength(1);
  });

  it('are referred to from the composite in the order of kinds and names', async () => {
    const { world: after } = await reconcile(
      answering({ resources: { z: configMap('a'), a: configMap('b') } }),
      world,
      ID,
    );

    expect(after.objects.get(ID)).toMatchObject({
      spec: {
        resourceRefs: [
          { kind: 'ConfigMap', name: 'a', namespace: 'team' },
          { kind: 'ConfigMap', name: 'b', namespace: 'team' },
        ],
      },
    });
  });

  it('of another composite are left alone, and the resource is not synced', async () => {
    const first = await reconcile(answering({ resources: { key: configMap('one') } }), world, ID);
    const second = put(first.world, xr('y'));
    const { world: after } = await reconcile(
      answering({ resources: { key: configMap('one', { c: 'd' }) } }),
      second,
      'XToy.toys.openova.io/y',
    );

    expect(after.objects.get('ConfigMap/team/one')).toMatchObject({ data: { a: 'b' } });
    expect(conditionOf(after.objects.get('XToy.toys.openova.io/y') ?? {}, 'Synced')).toMatchObject({
      status: 'False',
      message: 'Unsynced resources: key',
    });
  });

  it('that are no longer desired are deleted in the same reconcile', async () => {
    const first = await reconcile(
      answering({ resources: { a: configMap('a'), b: configMap('b') } }),
      world,
      ID,
    );
    const { deleted, world: after } = await reconcile(
      answering({ resources: { a: configMap('a') } }),
      first.world,
      ID,
    );

    expect(deleted).toEqual(['ConfigMap/team/b']);
    expect(after.objects.get('ConfigMap/team/b')?.metadata).toMatchObject({
      deletionTimestamp: '2026-01-01T00:00:00Z',
      labels: {},
    });
  });
});

describe('what the API server refuses', () => {
  const job = (image: string): Manifest => ({
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'job', namespace: 'team' },
    spec: { template: { spec: { containers: [{ name: 'main', image }] } } },
  });

  it('a Job with another template: the others are applied, the composite is not synced', async () => {
    const first = await reconcile(answering({ resources: { job: job('one') } }), world, ID);
    const { world: after, events } = await reconcile(
      answering({ resources: { job: job('two'), map: configMap('m') } }),
      first.world,
      ID,
    );

    expect(after.objects.has('ConfigMap/team/m')).toBe(true);
    expect(after.objects.get('Job.batch/team/job')).toMatchObject(job('one'));
    expect(messageOf(after, 'Synced')).toBe('Unsynced resources: job');
    expect(events.map(({ message }) => message)).toEqual([
      'cannot apply composed resource "job": Job.batch/team/job is invalid: spec.template: field is immutable',
    ]);
  });

  it('whatever else a simulation says', async () => {
    const setup = {
      ...answering({ resources: { key: configMap('one') } }),
      refuses: () => ['data is too long'],
    };
    const { world: after } = await reconcile(setup, world, ID);

    expect(statusOf(after, 'Synced')).toBe('False');
  });

  it('a kind that nobody serves: the composite is dead for good', async () => {
    const release: Manifest = {
      apiVersion: 'helm.crossplane.io/v1beta1',
      kind: 'Release',
      metadata: { name: 'r' },
    };
    const isServed = (apiVersion: string) => !apiVersion.startsWith('helm');
    const first = await reconcile({ ...answering({ resources: { r: release } }), isServed }, world, ID);
    const second = await reconcile(
      { ...answering({ resources: { key: configMap('one') } }), isServed },
      first.world,
      ID,
    );

    expect(first.error).toBe(
      'cannot compose resources: cannot apply composed resource "r": no matches for kind "Release" in version "helm.crossplane.io/v1beta1"',
    );
    expect(second.calls).toBe(0);
    expect(second.error).toContain('cannot get existing composed resources: no matches for kind "Release"');
  });
});

describe('usages', () => {
  const usage = (name: string, of: string): Manifest => ({
    apiVersion: 'protection.crossplane.io/v1beta1',
    kind: 'Usage',
    metadata: { name, namespace: 'team' },
    spec: { of: { apiVersion: 'v1', kind: 'ConfigMap', resourceRef: { name: of } }, reason: 'kept' },
  });

  it('what is in use is not deleted, and nothing else of the composite is applied or said', async () => {
    const first = await reconcile(
      answering({ resources: { a: configMap('a'), use: usage('use', 'a') } }),
      world,
      ID,
    );
    const {
      world: after,
      error,
      events,
    } = await reconcile(
      answering({ resources: { use: usage('use', 'a'), b: configMap('b') }, status: { phase: 'new' } }),
      first.world,
      ID,
    );

    expect(error).toContain('"ConfigMap/team/a" is in use by "Usage.protection.crossplane.io/team/use"');
    expect(events).toEqual([]);
    expect(after.objects.has('ConfigMap/team/b')).toBe(false);
    expect(after.objects.get(ID)).toEqual(first.world.objects.get(ID));
  });

  it('dropped together with its Usage, it goes', async () => {
    const first = await reconcile(
      answering({ resources: { a: configMap('a'), use: usage('use', 'a') } }),
      world,
      ID,
    );
    const { deleted } = await reconcile(answering({}), first.world, ID);

    expect([...deleted].sort()).toEqual(['ConfigMap/team/a', 'Usage.protection.crossplane.io/team/use']);
  });
});

describe('the answer', () => {
  const fatal = { results: [{ severity: Severity.SEVERITY_FATAL, message: 'cannot read' }] };
  const seen = (message: string) => ({
    conditions: [
      {
        type: 'Seen',
        status: Status.STATUS_CONDITION_TRUE,
        reason: 'Seen',
        message,
        target: Target.TARGET_COMPOSITE_AND_CLAIM,
      },
    ],
  });

  it('a fatal result: nothing is applied or deleted, conditions become unknown', async () => {
    const first = await reconcile(
      answering({ resources: { key: configMap('one') }, status: { phase: 'x' }, rest: seen('') }),
      world,
      ID,
    );
    const { world: after, error } = await reconcile(answering({ rest: fatal }), first.world, ID);

    expect(error).toBe(
      'cannot compose resources: pipeline step "openova" returned a fatal result: cannot read',
    );
    expect(after.objects.has('ConfigMap/team/one')).toBe(true);
    expect(after.objects.get(ID)).toMatchObject({ status: { phase: 'x' } });
    expect(conditionOf(after.objects.get(ID) ?? {}, 'Seen')).toMatchObject({
      status: 'Unknown',
      reason: 'FatalError',
    });
  });

  const readiness: Record<
    string,
    { reason: string; answer: Answer; ready: string; message: string | undefined }
  > = {
    'all ready': {
      reason: 'every resource counts',
      answer: { resources: { a: configMap('a') } },
      ready: 'True',
      message: undefined,
    },
    'none desired': { reason: 'nothing is missing', answer: {}, ready: 'True', message: undefined },
    'some not ready': {
      reason: 'they are named, three at most',
      answer: {
        resources: { a: configMap('a'), b: configMap('b'), c: configMap('c'), d: configMap('d') },
        ready: {
          a: Ready.READY_FALSE,
          b: Ready.READY_UNSPECIFIED,
          c: Ready.READY_FALSE,
          d: Ready.READY_FALSE,
        },
      },
      ready: 'False',
      message: 'Unready resources: a, b, c, and 1 more',
    },
    'the composite is not': {
      reason: 'what the function says of it wins',
      answer: { composite: Ready.READY_FALSE },
      ready: 'False',
      message: undefined,
    },
    'the composite is': {
      reason: 'what the function says of it wins',
      answer: {
        resources: { a: configMap('a') },
        ready: { a: Ready.READY_FALSE },
        composite: Ready.READY_TRUE,
      },
      ready: 'True',
      message: undefined,
    },
  };
  for (const [name, { reason, answer, ready, message }] of Object.entries(readiness)) {
    it(`${name}: ${reason}`, async () => {
      const { world: after } = await reconcile(answering(answer), world, ID);

      expect([statusOf(after, 'Ready'), messageOf(after, 'Ready')]).toEqual([ready, message]);
    });
  }

  it('status fields that are no longer given are gone, conditions stay', async () => {
    const first = await reconcile(
      answering({ status: { phase: 'x', secrets: 1 }, rest: seen('one') }),
      world,
      ID,
    );
    const { world: after } = await reconcile(answering({ status: { phase: 'y' } }), first.world, ID);

    expect(after.objects.get(ID)?.['status']).toMatchObject({ phase: 'y', claimConditionTypes: ['Seen'] });
    expect(after.objects.get(ID)?.['status']).not.toHaveProperty('secrets');
    expect(messageOf(after, 'Seen')).toBe('one');
  });

  it("a function cannot set Crossplane's own conditions", async () => {
    const lie = {
      conditions: [
        {
          type: 'Synced',
          status: Status.STATUS_CONDITION_FALSE,
          reason: 'Lie',
          target: Target.TARGET_COMPOSITE,
        },
      ],
    };
    const { world: after } = await reconcile(answering({ rest: lie }), world, ID);

    expect(statusOf(after, 'Synced')).toBe('True');
  });

  it('the same twice changes nothing at all', async () => {
    const setup = answering({ resources: { a: configMap('a') }, status: { phase: 'x' }, rest: seen('s') });
    const first = await reconcile(setup, world, ID);
    const second = await reconcile(setup, first.world, ID);

    expect(second.world).toBe(first.world);
  });
});

describe('requirements', () => {
  const asking = (requirements: RunFunctionResponse['requirements']) => answering({ rest: { requirements } });
  const secrets = {
    extraResources: {},
    schemas: {},
    resources: { s: { apiVersion: 'v1', kind: 'Secret', namespace: 'team', matchLabels: { labels: {} } } },
  };

  it('none: one call', async () => {
    expect((await reconcile(answering({}), world, ID)).calls).toBe(1);
  });

  it('a second call shows what was asked for; next time it is there at once', async () => {
    const first = await reconcile(asking(secrets), world, ID);
    const second = await reconcile(asking(secrets), first.world, ID);

    expect([first.calls, second.calls]).toEqual([2, 1]);
  });

  it('that never settle fail the reconcile', async () => {
    let turn = 0;
    const setup: Setup = {
      definitions: DEFINITIONS,
      call: inProcess(() => {
        turn += 1;
        return RunFunctionResponse.fromPartial({
          requirements: {
            resources: {
              [`s${turn}`]: { apiVersion: 'v1', kind: 'Secret', matchName: 'x', namespace: 'team' },
            },
          },
        });
      }),
    };
    const { error } = await reconcile(setup, world, ID);

    expect(turn).toBe(6);
    expect(error).toBe(
      "cannot compose resources: requirements didn't stabilize after the maximum number of iterations (5)",
    );
  });

  it('of a kind that nobody serves fail the reconcile', async () => {
    const setup = { ...asking(secrets), isServed: () => false };

    expect((await reconcile(setup, world, ID)).error).toContain(
      'fetching resources for s: no matches for kind "Secret"',
    );
  });

  it('probes are answered by a schema that is not empty only for what is served', async () => {
    const answers: unknown[] = [];
    const setup: Setup = {
      definitions: DEFINITIONS,
      isServed: (_, kind) => kind !== 'Missing',
      call: inProcess((request) => {
        answers.push(
          Object.entries(request.requiredSchemas).map(([name, { openapiV3 }]) => [
            name,
            openapiV3 === undefined,
          ]),
        );
        return RunFunctionResponse.fromPartial({
          requirements: {
            schemas: {
              there: { apiVersion: 'a/v1', kind: 'There' },
              missing: { apiVersion: 'a/v1', kind: 'Missing' },
            },
          },
        });
      }),
    };
    await reconcile(setup, world, ID);

    expect(answers.at(-1)).toEqual([
      ['missing', true],
      ['there', false],
    ]);
  });

  it('objects are found by label and namespace, in the order of their names', async () => {
    const secret = (name: string, labels: Record<string, string>, namespace = 'team'): Manifest => ({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels },
    });
    const seen = [
      secret('b', { toy: 'yes' }),
      secret('a', { toy: 'yes' }),
      secret('c', { toy: 'no' }),
      secret('d', { toy: 'yes' }, 'other'),
    ];
    const { world: after } = await simulate(TOYS, seen.reduce(put, put(EMPTY, toy())), { until: 1 });

    expect(after.objects.get(TOY_ID)).toMatchObject({ status: { secrets: 2 } });
  });
});

describe('hold', () => {
  it('a mistake in the claim keeps everything, and its correction finds the same fields owned', async () => {
    const first = await simulate(TOYS, put(EMPTY, toy({ servers: 2 })));
    const edit = (from: World, size: string) => editSpec(from, CLAIM_ID, (spec) => ({ ...spec, size }));
    const broken = await simulate(TOYS, edit(first.world, 'wrong'));
    const mended = await simulate(TOYS, edit(broken.world, 'small'));
    const owned = (result: World) =>
      [NETWORK_ID, serverId(1), serverId(2)].map((id) =>
        fieldsOfManager(result.objects.get(id), 'apiextensions'),
      );

    expect(conditionOf(broken.world.objects.get(TOY_ID) ?? {}, 'InputValid')).toMatchObject({
      status: 'False',
    });
    expect(owned(broken.world)).toEqual(owned(first.world));
    expect(owned(mended.world)).toEqual(owned(first.world));
    expect([...mended.world.objects.keys()]).toEqual([...first.world.objects.keys()]);
  });
});

describe('uidFor', () => {
  it('is what crossplane composition render gives an XR', () => {
    const reference = { apiVersion: 'test.openova.io/v1', kind: 'XEcho', name: 'echo' };

    expect(uidFor(reference)).toMatch(
      /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
    );
    expect(idOf({ ...reference, metadata: { name: 'echo' } })).toBe('XEcho.test.openova.io/echo');
  });
});
