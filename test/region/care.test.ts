import { describe, expect, it } from 'vitest';
import {
  Care,
  INPUT_ANNOTATION,
  RESULT_KEY,
  WINDOW_STEP,
  type Result,
} from '../../functions/bootstrap/contract.ts';
import { listAt, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { inputOf } from '../../functions/region/jobs.ts';
import { after, History, jobsOf, LEAST, machine, madeIn } from './history.ts';

const WINDOW = 'Sun 02:30-04:00 UTC';
const NEWER = { version: 'v1.36.4+k3s1' };

const POD = ['spec', 'jobTemplate', 'spec', 'template'];

const careOf = (history: History) =>
  Care.parse(
    JSON.parse(textAt(history.get('care'), ...POD, 'metadata', 'annotations', INPUT_ANNOTATION) ?? ''),
  );

function say(history: History, result: Partial<Result>): void {
  const said: Result = {
    version: 1,
    operation: 'care',
    phase: 'Running',
    step: WINDOW_STEP,
    since: '2026-11-22T02:31:00Z',
    ...result,
  };
  history.change('care/result', 'data', { [RESULT_KEY]: JSON.stringify(said) });
}

function condition(history: History, type: string) {
  const { report } = history.turn();
  return report.conditions.find((one) => one.type === type);
}

describe('care', () => {
  const history = new History();
  const turns = history.settle();

  it('begins when every machine has joined', () => {
    const joins = [
      ...jobsOf(history, 'server'),
      ...jobsOf(history, 'agent'),
      ...jobsOf(history, 'kubeconfig'),
    ];

    expect(joins).toHaveLength(6);
    for (const key of joins) expect(madeIn(turns, 'care')).toBeGreaterThan(madeIn(turns, key));
  });

  it('runs the program of the Jobs, never twice at once; both read Secrets as their account may, and mount none', () => {
    const care = history.get('care');
    const spec = [...POD, 'spec'];
    const job = history.get(jobsOf(history, 'server')[0] ?? '');

    expect(care).toMatchObject({ spec: { concurrencyPolicy: 'Forbid', timeZone: 'Etc/UTC' } });
    expect(textAt(care, ...spec, 'containers', 0, 'image')).toBe(
      textAt(job, 'spec', 'template', 'spec', 'containers', 0, 'image'),
    );
    const volumes = [listAt(care, ...spec, 'volumes'), listAt(job, 'spec', 'template', 'spec', 'volumes')];
    expect(JSON.stringify(volumes)).not.toContain('secret');
  });

  it('may write its result and hold the Lease that the Jobs hold', () => {
    const role = JSON.stringify(history.get('role'));
    const server = inputOf(history.get(jobsOf(history, 'server')[0] ?? ''));

    expect(role).toContain(`"${history.name('care/result')}"`);
    expect(role).toContain(`"${history.name('lease')}"`);
    expect(careOf(history)).toMatchObject({ lease: history.name('lease') });
    expect(server).toMatchObject({ lease: history.name('lease') });
  });

  it('knows the machines, also those that come and go', () => {
    const names = (one: History) => {
      const { servers, agents } = careOf(one);
      return [...servers, ...agents].map(({ name }) => name.replace('acme-x7k2p-', ''));
    };
    const smaller = after((one) => {
      one.spec = { ...LEAST, controlPlane: { count: 1 }, pools: [{ name: 'general', count: 3 }] };
    });

    expect(names(history)).toEqual([
      'control-plane-1-g1',
      'control-plane-2-g1',
      'control-plane-3-g1',
      'general-1-g1',
      'general-2-g1',
    ]);
    expect(names(smaller.history)).toEqual([
      'control-plane-1-g1',
      'general-1-g1',
      'general-2-g1',
      'general-3-g1',
    ]);
  });

  it('does not change while the cloud says nothing of a machine', () => {
    const { before, history: later } = after((one) => {
      one.change(machine('general-1'), 'status', {});
    });

    expect(later.get('care')['spec']).toEqual(before.get('care')?.['spec']);
  });

  it('is told of other snapshots, a store and a window of a region that runs', () => {
    const { history: later } = after((one) => {
      one.spec = {
        ...LEAST,
        maintenance: { window: WINDOW },
        backup: { etcd: { schedule: '0 * * * *', retention: 5 } },
        archival: { provider: 's3', bucket: 'acme', secretRef: { name: 'acme-s3' } },
      };
    });

    expect(later.get('care')).toMatchObject({ spec: { schedule: '30 * * * *' } });
    expect(careOf(later)).toMatchObject({
      window: WINDOW,
      deadlineSeconds: 3 * 3600 + 90 * 60,
      snapshots: {
        schedule: '0 * * * *',
        retention: 5,
        s3: { bucket: 'acme', secret: { namespace: 'acme-platform', name: 'acme-s3' } },
      },
    });
  });

  it.each<[string, Partial<Result>, JsonObject]>([
    [
      'that has failed',
      { phase: 'Failed', step: 'restart server "a"', cause: 'it is not Ready', hint: 'Look at it' },
      { status: 'False', message: 'at step "restart server "a"": it is not Ready; Look at it' },
    ],
    [
      'that has met trouble, and holds its window open',
      { phase: 'Running', cause: 'look at "a" took longer than 90 s', troubled: true },
      { status: 'False', message: 'at step "maintenance window": look at "a" took longer than 90 s' },
    ],
    [
      'that runs, and waits for a node',
      { phase: 'Running', step: 'wait for "a"', cause: 'Node "a" is not Ready' },
      { status: 'True', reason: 'Looked' },
    ],
    [
      'that is done',
      {
        phase: 'Succeeded',
        step: 'done',
        certificatesExpire: '2027-11-21T00:00:00Z',
        lastSnapshot: '2026-11-21T18:00:00Z',
      },
      {
        status: 'True',
        message: 'certificates end on 2027-11-21, last snapshot of etcd at 2026-11-21T18:00:00Z',
      },
    ],
  ])('%s says so, and holds nothing up', (_, result, want) => {
    const { history: later } = after((one) => {
      say(one, result);
    });

    expect(condition(later, 'Maintained')).toMatchObject(want);
    expect(later.status).toMatchObject({ phase: 'Ready' });
  });
});

describe('a maintenance window', () => {
  const withWindow: JsonObject = { ...LEAST, maintenance: { window: WINDOW } };

  it('holds up another version of Kubernetes until care says that it is open, and the region stays ready', () => {
    const { made, history } = after((one) => {
      one.spec = { ...withWindow, kubernetes: NEWER };
    }, withWindow);

    expect(made).toEqual([]);
    expect(history.status).toMatchObject({ phase: 'Ready' });
    expect(condition(history, 'KubernetesCurrent')).toMatchObject({
      status: 'False',
      reason: 'WaitingForWindow',
      message: expect.stringContaining(WINDOW),
    });

    say(history, {});
    history.settle();

    expect(jobsOf(history, 'upgrade')).toHaveLength(5);
    expect(condition(history, 'KubernetesCurrent')).toMatchObject({ status: 'True' });
  });

  it.each<[string, Partial<Result>]>([
    ['it is over', { phase: 'Succeeded', step: 'done' }],
    ['care is at work itself', { step: 'restart server "a"' }],
    ['care has failed', { phase: 'Failed' }],
    ['another has written it', { operation: 'server' }],
  ])('stays shut when %s', (_, result) => {
    const { made } = after((one) => {
      one.spec = { ...withWindow, kubernetes: NEWER };
      say(one, result);
    }, withWindow);

    expect(made).toEqual([]);
  });

  it('that shuts lets what has begun end, and begins no more', () => {
    const { history } = after((one) => {
      one.spec = { ...withWindow, kubernetes: NEWER };
      say(one, {});
      while (jobsOf(one, 'upgrade').length === 0) one.turn();
      say(one, { phase: 'Succeeded', step: 'done' });
    }, withWindow);

    expect(jobsOf(history, 'upgrade').map((key) => key.split('/')[1])).toEqual(['control-plane-1-g1']);
  });

  it('keeps no agent out: it joins with what the servers run', () => {
    const { history } = after((one) => {
      one.spec = { ...withWindow, kubernetes: NEWER, pools: [{ name: 'general', count: 3 }] };
    }, withWindow);
    const [join = ''] = jobsOf(history, 'agent').filter((key) => key.includes('general-3-'));

    expect(inputOf(history.get(join))).toMatchObject({ k3s: { version: 'v1.36.3+k3s1' } });

    say(history, {});
    history.settle();

    expect(jobsOf(history, 'upgrade')).toHaveLength(6);
  });

  it('what a machine runs is known until it runs something newer', () => {
    const { history } = after((one) => {
      one.spec = { ...withWindow, kubernetes: NEWER };
      say(one, {});
      one.settle();
      say(one, { phase: 'Succeeded', step: 'done' });
      one.spec = {
        ...withWindow,
        kubernetes: { version: 'v1.36.5+k3s1' },
        pools: [{ name: 'general', count: 3 }],
      };
    }, withWindow);
    const [join = ''] = jobsOf(history, 'agent').filter((key) => key.includes('general-3-'));

    expect(inputOf(history.get(join))).toMatchObject({ k3s: NEWER });
    expect(history.status).toMatchObject({ phase: 'Ready' });

    say(history, {});
    history.settle();

    expect(jobsOf(history, 'upgrade').every((key) => key.endsWith('-v1.36.5-k3s1'))).toBe(true);
  });
});

describe('the store of snapshots', () => {
  const archival = (store: JsonObject) => {
    const history = new History({
      ...LEAST,
      archival: { provider: 's3', bucket: 'acme', secretRef: { name: 'acme-store' }, ...store },
    });
    history.settle();
    const input = inputOf(history.get(jobsOf(history, 'server')[0] ?? ''));
    return { history, s3: input?.operation === 'server' ? input.snapshots.s3 : undefined };
  };
  const r2 = 'https://acme.r2.cloudflarestorage.com';

  it.each<[string, JsonObject, string, string]>([
    ['Amazon', {}, 's3.eu-central-1.amazonaws.com', 'eu-central-1'],
    ['Amazon elsewhere', { region: 'us-east-2' }, 's3.us-east-2.amazonaws.com', 'us-east-2'],
    ['R2', { provider: 'r2', endpoint: r2 }, 'acme.r2.cloudflarestorage.com', 'auto'],
    ['Google', { provider: 'gcs' }, 'storage.googleapis.com', 'auto'],
  ])(
    '%s: without a scheme, by the name of its Secret, which the Jobs may read',
    (_, store, endpoint, region) => {
      const { history, s3 } = archival(store);

      expect(s3).toEqual({
        endpoint,
        region,
        bucket: 'acme',
        folder: 'acme-platform/acme/fsn/etcd',
        secret: { namespace: 'acme-platform', name: 'acme-store' },
      });
      expect(listAt(history.get('role/claim'), 'rules')).toContainEqual({
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: ['acme-store'],
        verbs: ['get'],
      });
      expect(condition(history, 'SnapshotsArchived')).toMatchObject({ status: 'True' });
    },
  );

  it('Azure: snapshots stay on the servers, nothing is read, and the region says so', () => {
    const { history, s3 } = archival({ provider: 'azureblob' });

    expect(s3).toBeUndefined();
    expect(JSON.stringify(history.get('role/claim'))).not.toContain('acme-store');
    expect(condition(history, 'SnapshotsArchived')).toMatchObject({
      status: 'False',
      reason: 'NotS3',
      message: expect.stringContaining('"azureblob"'),
    });
  });
});
