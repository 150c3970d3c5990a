/** The bootstrap Jobs: our own image with another entry point. What runs again needs a new key. */
import * as z from 'zod';
import type { RegionSpec } from '../apis/region.ts';
import {
  Config,
  EXIT,
  Input,
  INPUT_ANNOTATION,
  INPUT_FILE,
  readResult,
  RESULT_KEY,
  type Operation,
  type Result,
} from '../bootstrap/contract.ts';
import { compareVersions } from '../bootstrap/versions.ts';
import type { After, Node, Template } from '../kernel/graph.ts';
import { listAt, textAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { nameFor, RETRY_ANNOTATION, SYSTEM_NAMESPACE } from '../kernel/names.ts';
import { hasFailed, isReady, type Observed } from '../kernel/observed.ts';
import { few } from '../kernel/report.ts';
import { IMAGE } from '../release.ts';
import { identityOf, machinesBeingRemoved, type Machine } from './machines.ts';

const VERSION_ANNOTATION = 'platform.openova.io/kubernetes-version';

/** The user of distroless images; the number has no meaning on the machines. */
const USER = 65532;
/** Tries of one Job; then a person is asked, see `retry`. */
const TRIES = 3;

/** Seconds that an operation may take, above the sum of its steps: what is slow fails as the step that it is slow in. */
const DEADLINES: Partial<Record<Operation, number>> = {
  prepare: 300,
  server: 10_800,
  agent: 5400,
  kubeconfig: 900,
  'drain-and-remove': 5400,
  upgrade: 6000,
};
const DEADLINE = 3600;
/** More that a Job may take in all its tries: its end by Kubernetes would say nothing of what was waited for. */
const MARGIN = 300;

export interface Jobs {
  readonly xr: Manifest;
  /** See `attemptsIn`. */
  readonly attempts: ReadonlyMap<string, number>;
  readonly spec: RegionSpec;
  readonly observed: Observed;
}

export interface Task {
  /** `<operation>/<machine>/<identity>`: what is to be achieved, never how. */
  readonly key: string;
  /** Worked out only for a Job that does not exist yet. */
  readonly input: () => Input;
  readonly after: readonly After[];
  readonly step: string;
}

/** Names of the Secrets that the program makes and that outlive the claim. */
export function secretNames(xr: Manifest): { tokens: string; ssh: string; hostKeys: string } {
  const name = xr.metadata.name ?? '';
  return {
    tokens: nameFor(name, 'tokens'),
    ssh: nameFor(name, 'ssh'),
    hostKeys: nameFor(name, 'host-keys'),
  };
}

/** The Lease of whoever disturbs a node of the region: the Jobs and `care`. */
export function leaseName(xr: Manifest): string {
  return nameFor(xr.metadata.name ?? '', 'lease');
}

/** What every input document says. */
export function common(xr: Manifest, key: string, operation: Operation) {
  return {
    version: 1 as const,
    region: xr.metadata.name ?? '',
    namespace: SYSTEM_NAMESPACE,
    result: nameFor(xr.metadata.name ?? '', `${key}/result`),
    secrets: secretNames(xr),
    lease: leaseName(xr),
    deadlineSeconds: DEADLINES[operation] ?? DEADLINE,
  };
}

/**
 * The newest attempt at a task: a failed one is followed by another when the claim's retry annotation has a value that
 * this one was not made with. The first attempt has the plain key.
 */
function currentAttempt(
  { xr, observed, attempts }: Jobs,
  key: string,
): { key: string; retry: string | undefined } {
  const retry = textAt(xr, 'metadata', 'annotations', RETRY_ANNOTATION);
  const attempt = attempts.get(key) ?? 1;
  const job = observed.get(attemptKey(key, attempt));
  const madeWith = textAt(job, 'metadata', 'annotations', RETRY_ANNOTATION);
  const again = job !== undefined && hasFailed(job) && retry !== undefined && retry !== madeWith;
  return { key: attemptKey(key, again ? attempt + 1 : attempt), retry };
}

function attemptKey(key: string, attempt: number): string {
  return attempt === 1 ? key : `${key}/${attempt}`;
}

/**
 * The number of the newest attempt, by the key of its task: of earlier ones nothing may be left, and its result is there
 * before its Job.
 */
export function attemptsIn(observed: Observed): ReadonlyMap<string, number> {
  const attempts = new Map<string, number>();
  for (const [key] of observed.ours) {
    const [, task, attempt] = /^([^/]+\/[^/]+\/[^/]+)\/(\d+)(?:\/result)?$/.exec(key) ?? [];
    if (task !== undefined) attempts.set(task, Math.max(attempts.get(task) ?? 1, Number(attempt)));
  }
  return attempts;
}

/** The key of the newest attempt at a task; any other key as it is. */
export function attemptAt(jobs: Jobs, key: string): string {
  return currentAttempt(jobs, key).key;
}

/**
 * By what the Jobs of a machine know it. While the cloud does not say, that of its newest Job: a flap must not drop the
 * Job. Undefined before there is either.
 */
export function jobIdentity({ observed }: Jobs, machine: Machine): string | undefined {
  return identityOf(machine, observed) ?? identityOfNewestJob(observed, `${machine.role}/${machine.id}/`);
}

function identityOfNewestJob(observed: Observed, prefix: string): string | undefined {
  const born = (job: Manifest) => textAt(job, 'metadata', 'creationTimestamp') ?? '';
  const newest = observed.ours
    .filter(([key]) => key.startsWith(prefix))
    .sort(([, left], [, right]) => (born(left) < born(right) ? 1 : -1))[0];
  return newest?.[0].slice(prefix.length).split('/')[0];
}

/** The Job that makes K3s run on a machine. It names the machine as it is now: one that comes back blank is done again. */
export function joinKey(jobs: Jobs, machine: Machine): string {
  return `${machine.role}/${machine.id}/${jobIdentity(jobs, machine) ?? 'new'}`;
}

/** The Jobs by which servers have joined, by machine; without those of machines whose way out has begun. */
export function joinedServers(observed: Observed): ReadonlyMap<string, Manifest> {
  const beingRemoved = machinesBeingRemoved(observed);
  return new Map(
    observed.ours.flatMap(([key, object]): [string, Manifest][] => {
      const [operation, id] = key.split('/');
      const joined = operation === 'server' && object.kind === 'Job' && isReady(object);
      return joined && id !== undefined && !beingRemoved.has(id) ? [[id, object]] : [];
    }),
  );
}

/** What waits for the end, good or bad, of those Jobs of a sort that still run. */
export function untilEnded(observed: Observed, isSuch: (key: string, job: Manifest) => boolean): After[] {
  const running = observed.ours.filter(
    ([key, one]) => one.kind === 'Job' && !isReady(one) && !hasFailed(one) && isSuch(key, one),
  );
  return waiting(running.map(([key]) => key));
}

/** What waits until other tasks are done, and may leave after them as well as before. */
export function untilDone(jobs: Jobs, keys: readonly string[]): After[] {
  return waiting(keys.filter((key) => !isDone(jobs, key)));
}

/** Not a wait for the keys themselves: what was made after something else keeps that from leaving. */
function waiting(keys: readonly string[]): After[] {
  if (keys.length === 0) return [];
  return [{ key: 'role', until: `when done: ${few(keys)}`, test: () => false }];
}

/** Whether a Job adds, stops or takes away a member of etcd: of these one runs at a time. */
export function touchesEtcd(key: string, job: Manifest): boolean {
  if (key.startsWith('server/')) return true;
  return /^(upgrade|drain-and-remove)\//.test(key) && inputTextOf(job)?.includes('"role":"server"') === true;
}

/** A Job and the ConfigMap for its result. */
export function job(jobs: Jobs, task: Task): Node[] {
  const { xr, observed } = jobs;
  const { key, retry } = currentAttempt(jobs, task.key);
  const result = `${key}/result`;
  const after = task.after.map((one) => (typeof one === 'string' ? attemptAt(jobs, one) : one));
  return [
    {
      key: result,
      step: task.step,
      scales: true,
      after,
      manifest: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { namespace: SYSTEM_NAMESPACE } },
    },
    {
      key,
      step: task.step,
      scales: true,
      after: [
        ...after,
        result,
        'service-account',
        mayWrite(nameFor(xr.metadata.name ?? '', result)),
        'role-binding',
      ],
      once: true,
      // One that exists is held whole, so there is nothing to work out again.
      manifest: observed.get(key) ?? jobManifest(xr, task.input(), result, retry),
    },
  ];
}

/** The account may write the result: its Role names each, and one of a new Job only after the next look. */
export function mayWrite(result: string): After {
  return {
    key: 'role',
    until: 'it names the result',
    test: (role) => listAt(role, 'rules').some((rule) => listAt(rule, 'resourceNames').includes(result)),
  };
}

function jobManifest(xr: Manifest, planned: Input, result: string, retry: string | undefined): Template {
  const input = {
    ...planned,
    ...('result' in planned && { result: nameFor(xr.metadata.name ?? '', result) }),
  };
  const annotations = {
    ...(retry !== undefined && { [RETRY_ANNOTATION]: retry }),
    ...('k3s' in input && { [VERSION_ANNOTATION]: input.k3s.version }),
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      namespace: SYSTEM_NAMESPACE,
      ...(Object.keys(annotations).length > 0 && { annotations }),
    },
    spec: jobSpec(xr, input),
  };
}

/** The version of K3s that a Job made or makes its node run. */
export function versionOf(jobObject: Manifest | undefined): string | undefined {
  return textAt(jobObject, 'metadata', 'annotations', VERSION_ANNOTATION);
}

/** The spec of a Job that runs the program with an input. */
export function jobSpec(xr: Manifest, input: Input): JsonObject {
  const xrName = xr.metadata.name ?? '';
  return {
    backoffLimit: TRIES - 1,
    activeDeadlineSeconds: input.deadlineSeconds + MARGIN,
    completions: 1,
    parallelism: 1,
    podReplacementPolicy: 'Failed',
    podFailurePolicy: {
      rules: [
        { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
        {
          // What another try can not mend.
          action: 'FailJob',
          onExitCodes: { operator: 'In', values: [EXIT.input, EXIT.hostKey, EXIT.quorum] },
        },
      ],
    },
    template: {
      metadata: { annotations: { [INPUT_ANNOTATION]: JSON.stringify(input) } },
      spec: {
        restartPolicy: 'Never',
        serviceAccountName: nameFor(xrName, 'service-account'),
        securityContext: {
          runAsNonRoot: true,
          runAsUser: USER,
          runAsGroup: USER,
          fsGroup: USER,
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'bootstrap',
            image: IMAGE,
            args: ['bootstrap', '--config', INPUT_FILE],
            terminationMessagePolicy: 'FallbackToLogsOnError',
            securityContext: {
              allowPrivilegeEscalation: false,
              readOnlyRootFilesystem: true,
              capabilities: { drop: ['ALL'] },
            },
            resources: { requests: { cpu: '50m', memory: '64Mi' }, limits: { memory: '256Mi' } },
            volumeMounts: [
              { name: 'input', mountPath: INPUT_FILE.slice(0, INPUT_FILE.lastIndexOf('/')), readOnly: true },
              { name: 'tmp', mountPath: '/tmp' },
            ],
          },
        ],
        volumes: [
          {
            name: 'input',
            downwardAPI: {
              items: [
                {
                  path: INPUT_FILE.slice(INPUT_FILE.lastIndexOf('/') + 1),
                  fieldRef: { fieldPath: `metadata.annotations['${INPUT_ANNOTATION}']` },
                },
              ],
            },
          },
          { name: 'tmp', emptyDir: {} },
        ],
      },
    },
  };
}

/** The key of the ConfigMap with the result of the newest attempt at a task. */
export function resultKey(jobs: Jobs, key: string): string {
  return `${attemptAt(jobs, key)}/result`;
}

/** The result in a ConfigMap; undefined before the program has written one. */
export function resultIn(configMap: Manifest | undefined): Result | undefined {
  return readResult(textAt(configMap, 'data', RESULT_KEY));
}

/**
 * How a machine's host key came to be trusted, by the result of its Job. Read by itself: this is asked for every machine
 * on every call, and the whole document is not needed.
 */
export function trustIn(configMap: Manifest | undefined): string | undefined {
  const text = textAt(configMap, 'data', RESULT_KEY);
  return text === undefined ? undefined : /"trust":"(Given|PinnedOnFirstUse)"/.exec(text)?.[1];
}

/** The result of the newest attempt at a task. */
export function resultOf(jobs: Jobs, key: string): Result | undefined {
  return resultIn(jobs.observed.get(resultKey(jobs, key)));
}

export function isDone(jobs: Jobs, key: string): boolean {
  const done = jobs.observed.get(attemptAt(jobs, key));
  return done !== undefined && isReady(done);
}

/** The input that a Job was made with, as text: for questions asked of every Job on every call. */
export function inputTextOf(jobObject: Manifest | undefined): string | undefined {
  return textAt(jobObject, 'spec', 'template', 'metadata', 'annotations', INPUT_ANNOTATION);
}

/** The input that a Job was made with; undefined for one that is not ours. */
export function inputOf(jobObject: Manifest | undefined): Input | undefined {
  return Input.safeParse(documentOf(jobObject)).data;
}

const WithSharedConfig = z.object({ k3s: z.object({ common: Config }) });

/** What a server's Job told every server in the same words: read by itself, also where the contract has changed since. */
export function sharedConfigIn(jobObject: Manifest): Config | undefined {
  return WithSharedConfig.safeParse(documentOf(jobObject)).data?.k3s.common;
}

function documentOf(jobObject: Manifest | undefined): unknown {
  try {
    return JSON.parse(inputTextOf(jobObject) ?? '');
  } catch {
    return undefined;
  }
}

/** The version of K3s that a machine runs, by the newest Job that is done; undefined before it has joined. */
export function runningVersion(jobs: Jobs, machine: Machine): string | undefined {
  const identity = jobIdentity(jobs, machine) ?? 'new';
  const upgraded = jobs.observed.ours
    .filter(([key, one]) => key.startsWith(`upgrade/${machine.id}/${identity}-`) && isReady(one))
    .flatMap(([, one]) => versionOf(one) ?? []);
  const joined = isDone(jobs, joinKey(jobs, machine))
    ? versionOf(jobs.observed.get(attemptAt(jobs, joinKey(jobs, machine))))
    : undefined;
  return [...(joined === undefined ? [] : [joined]), ...upgraded].sort(compareVersions).at(-1);
}

/** A short stand-in for a version in keys: `v1.36.3+k3s1` becomes `v1.36.3-k3s1`. */
export function versionKey(version: string): string {
  return version.replace('+', '-');
}
