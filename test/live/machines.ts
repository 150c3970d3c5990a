/**
 * What nobody runs here: the pods of bootstrap Jobs, and machines with K3s. A script does what the Jobs' program would
 * leave behind, with the rights of each Job's own account; each region's cluster is a further API server.
 */
import { generateKeyPairSync } from 'node:crypto';
import {
  Input,
  INPUT_ANNOTATION,
  isOwn,
  ownerLabels,
  playedResult,
  KUBECONFIG_TYPE,
  RESULT_KEY,
  type Result,
} from '../../functions/bootstrap/contract.ts';
import {
  at,
  isObject,
  isTrue,
  listAt,
  numberAt,
  objectAt,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import type { Project } from './hcloud/state.ts';
import { KubeError, kubeconfig, referenceOf, type Kube, type Reference } from './kube.ts';
import { repeat } from './processes.ts';

export interface Machines {
  /** By XOpenOvaRegion. */
  readonly clusters: ReadonlyMap<string, ApiServer>;
  /** Jobs that were done, in order: their operation and node. */
  readonly done: readonly string[];
  /** Takes a region's cluster for one that is no more. */
  forget(region: string): void;
  /** Operations that fail, to be filled by whoever plays. */
  readonly failures: Failure[];
  /** What went wrong and is tried again: a right that is missing, a Secret that is not there. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

/** An operation that fails for good, after all tries of its Job. */
export interface Failure {
  /** Of `<operation> <node>`. */
  readonly when: RegExp;
  /** How many Jobs are left that fail. */
  times: number;
  readonly cause: string;
  readonly hint: string;
}

interface Place {
  readonly folder: string;
  readonly logs: string;
  readonly etcd: string;
  readonly project: Project;
}

export function playMachines(control: Kube, place: Place): Machines {
  const clusters = new Map<string, ApiServer>();
  const starting = new Map<string, Promise<ApiServer>>();
  const done: string[] = [];
  const failures: Failure[] = [];
  const problems = new Set<string>();

  const clusterOf = async (region: string): Promise<ApiServer> => {
    const pending = starting.get(region) ?? startApiServer(region, place);
    starting.set(region, pending);
    const cluster = await pending;
    clusters.set(region, cluster);
    return cluster;
  };

  const jobs = repeat(async () => {
    for (const job of await control.list('batch/v1', 'Job')) {
      if (
        isTrue(job, 'Complete') ||
        isTrue(job, 'Failed') ||
        at(job, 'metadata', 'deletionTimestamp') !== undefined
      )
        continue;
      try {
        done.push(await play(control, job, clusterOf, failures));
      } catch (error) {
        const what = error instanceof Error ? error.message : String(error);
        problems.add(`Job ${job.metadata.name ?? ''}: ${what}`);
      }
    }
  });
  const inside = repeat(async () => {
    for (const { kube } of clusters.values()) await playCluster(kube, place.project);
  }, 1000);

  return {
    clusters,
    forget: (region) => {
      clusters.delete(region);
    },
    done,
    failures,
    get problems() {
      return [...problems, ...jobs.problems, ...inside.problems];
    },
    stop: async () => {
      await Promise.all([jobs.stop(), inside.stop()]);
      const all = await Promise.all(starting.values());
      await Promise.all(all.flatMap(({ processes }) => processes).map((one) => one.stop()));
      for (const { kube } of all) kube.close();
    },
  };
}

type ClusterOf = (region: string) => Promise<ApiServer>;

/** Runs one Job to its end. */
async function play(
  control: Kube,
  job: Manifest,
  clusterOf: ClusterOf,
  failures: readonly Failure[],
): Promise<string> {
  const template = objectAt(job, 'spec', 'template') ?? {};
  const input = Input.parse(
    JSON.parse(textAt(template, 'metadata', 'annotations', INPUT_ANNOTATION) ?? '{}'),
  );
  await admit(control, job, template);
  await mounts(control, job, template);
  const account = textAt(template, 'spec', 'serviceAccountName') ?? 'default';
  const program = control.as(`system:serviceaccount:${job.metadata.namespace ?? ''}:${account}`);
  const since = new Date().toISOString();
  const what = `${input.operation}${'target' in input ? ` ${input.target.name}` : ''}`;
  const failure = failures.find(({ when, times }) => times > 0 && when.test(what));
  if ('result' in input) {
    if (failure === undefined) await work(program, input, clusterOf);
    const succeeded = playedResult(input, since, await publicKeyOf(control, input));
    const result: Result =
      failure === undefined
        ? succeeded
        : { ...succeeded, phase: 'Failed', step: 'connect', cause: failure.cause, hint: failure.hint };
    await program.patch(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: input.namespace, name: input.result },
      { data: { [RESULT_KEY]: JSON.stringify(result) } },
    );
  }
  program.close();
  if (failure === undefined) await complete(control, job, since);
  else {
    failure.times -= 1;
    await giveUp(control, job, since);
  }
  return failure === undefined ? what : `failed: ${what}`;
}

/** Whether Kubernetes would take the Job's pod: the namespace's security level and the account decide. */
async function admit(control: Kube, job: Manifest, template: JsonObject): Promise<void> {
  const namespace = job.metadata.namespace ?? '';
  await control.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...objectAt(template, 'metadata'), generateName: `${job.metadata.name ?? ''}-`.slice(0, 50) },
    spec: objectAt(template, 'spec') ?? {},
  });
}

/** A pod starts only when every Secret that it mounts is there, with the keys that it mounts. */
async function mounts(control: Kube, job: Manifest, template: JsonObject): Promise<void> {
  const sources = listAt(template, 'spec', 'volumes').flatMap((volume) =>
    listAt(volume, 'projected', 'sources'),
  );
  for (const source of sources) {
    const name = textAt(source, 'secret', 'name');
    if (name === undefined || at(source, 'secret', 'optional') === true) continue;
    const secret = await control.need(secretReference(job.metadata.namespace ?? '', name));
    for (const item of listAt(source, 'secret', 'items')) {
      const key = textAt(item, 'key') ?? '';
      if (at(secret, 'data', key) === undefined) throw new Error(`Secret "${name}" has no key "${key}"`);
    }
  }
}

function secretReference(namespace: string, name: string): Reference {
  return { apiVersion: 'v1', kind: 'Secret', namespace, name };
}

async function work(program: Kube, input: Input, clusterOf: ClusterOf): Promise<void> {
  if (!('secrets' in input)) return;
  const { namespace, secrets, region } = input;
  switch (input.operation) {
    case 'prepare': {
      const pair = generateKeyPairSync('ed25519');
      const key = pair.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
      const der = pair.publicKey.export({ type: 'spki', format: 'der' });
      for (const name of Object.values(secrets)) {
        const there = await program.get(secretReference(namespace, name));
        if (there !== undefined && !isOwn(input, there.metadata.labels))
          throw new Error(`Secret "${name}" is of another claim`);
      }
      const labels = ownerLabels(input);
      await fill(program, namespace, secrets.tokens, { server: SECRET_VALUE, agent: SECRET_VALUE }, labels);
      const files = { id_ed25519: `${SECRET_VALUE}\n${key}`, public: openSsh(der) };
      await fill(program, namespace, secrets.ssh, files, labels);
      await fill(program, namespace, secrets.hostKeys, {}, labels);
      return;
    }
    case 'server':
    case 'agent': {
      const { kube } = await clusterOf(region);
      const node = { apiVersion: 'v1', kind: 'Node', name: input.target.name };
      // A node that is there keeps what others have done to it.
      if ((await kube.get(node)) !== undefined) return;
      const labels = Object.fromEntries(
        [input.k3s.node['node-label']].flat().map((pair) => {
          const [key = '', value = ''] = String(pair ?? '').split('=');
          return [key, value];
        }),
      );
      await kube.apply({
        apiVersion: 'v1',
        kind: 'Node',
        metadata: {
          name: input.target.name,
          labels: Object.fromEntries(Object.entries(labels).filter(([k]) => k)),
        },
        spec: { taints: [{ key: UNINITIALIZED, value: 'true', effect: 'NoSchedule' }] },
      });
      return;
    }
    case 'kubeconfig': {
      const { access } = await clusterOf(region);
      const data = { kubeconfig: kubeconfig(access) };
      await fill(program, namespace, input.kubeconfig, data);
      if (input.copy !== undefined && (await isOurs(program, input.copy)))
        await fill(program, input.copy.namespace, input.copy.name, data);
      return;
    }
    case 'label': {
      const { kube } = await clusterOf(region);
      const { target, labels } = input;
      await kube.patch({ apiVersion: 'v1', kind: 'Node', name: target.name }, { metadata: { labels } });
      return;
    }
    case 'drain-and-remove': {
      const { kube } = await clusterOf(region);
      const node = { apiVersion: 'v1', kind: 'Node', name: input.target.name };
      if ((await kube.get(node)) !== undefined) await kube.delete(node);
      return;
    }
    default:
  }
}

/** Whether the tenant has no Secret of that name that is not ours. */
async function isOurs(
  program: Kube,
  { namespace, name }: { readonly namespace: string; readonly name: string },
): Promise<boolean> {
  const found = await program.get(secretReference(namespace, name));
  return found === undefined || textAt(found, 'type') === KUBECONFIG_TYPE;
}

/** Must be seen in Secrets only. */
export const SECRET_VALUE = 'K10live-secret-value-that-nobody-may-see';
const UNINITIALIZED = 'node.cloudprovider.kubernetes.io/uninitialized';

/** Makes a Secret, or fills one that is there, as the Job's program may. */
async function fill(
  program: Kube,
  namespace: string,
  name: string,
  values: Readonly<Record<string, string>>,
  labels: Record<string, string> = {},
): Promise<void> {
  const reference = secretReference(namespace, name);
  const data = Object.fromEntries(
    Object.entries(values).map(([key, value]) => [key, Buffer.from(value).toString('base64')]),
  );
  try {
    await program.patch(reference, { metadata: { labels }, data });
  } catch (error) {
    if (!(error instanceof KubeError) || error.code !== 404) throw error;
    await program.create({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name, labels }, data });
  }
}

/** The public half as OpenSSH writes it. */
function openSsh(spki: Buffer): string {
  const part = (bytes: Buffer) => {
    const length = Buffer.alloc(4);
    length.writeUInt32BE(bytes.length);
    return Buffer.concat([length, bytes]);
  };
  const blob = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(spki.subarray(-32))]);
  return `ssh-ed25519 ${blob.toString('base64')}`;
}

async function publicKeyOf(control: Kube, input: Input): Promise<string> {
  if (input.operation !== 'prepare') return '';
  const secret = await control.need(secretReference(input.namespace, input.secrets.ssh));
  return Buffer.from(textAt(secret, 'data', 'public') ?? '', 'base64').toString('utf8');
}

/** As the Job controller says it. */
function jobCondition(time: string, reason: string, message: string) {
  return (type: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastProbeTime: time,
    lastTransitionTime: time,
  });
}

/** A Job whose tries are used up. */
async function giveUp(control: Kube, job: Manifest, since: string): Promise<void> {
  const time = seconds(new Date().toISOString());
  const condition = jobCondition(time, 'BackoffLimitExceeded', 'Job has reached the specified backoff limit');
  const status = {
    startTime: seconds(since),
    failed: 3,
    ready: 0,
    uncountedTerminatedPods: {},
    conditions: [condition('FailureTarget'), condition('Failed')],
  };
  await control.patch(referenceOf(job), { status }, 'status');
}

/** A time as Kubernetes has it. */
function seconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

/** A Job whose pod has succeeded. */
async function complete(control: Kube, job: Manifest, since: string): Promise<void> {
  const time = seconds(new Date().toISOString());
  const condition = jobCondition(time, 'CompletionsReached', '');
  await control.patch(
    referenceOf(job),
    {
      status: {
        startTime: seconds(since),
        completionTime: time,
        succeeded: 1,
        ready: 0,
        uncountedTerminatedPods: {},
        conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
      },
    },
    'status',
  );
}

/** The controllers inside a region's cluster: whoever waits for them sees what they would say. */
async function playCluster(kube: Kube, project: Project): Promise<void> {
  await playNodes(kube, project);
  const met = (...types: readonly string[]) =>
    types.map((type) => ({
      type,
      status: 'True',
      reason: type,
      message: '',
      lastTransitionTime: '2026-11-21T00:00:00Z',
    }));
  await meet(kube, 'cert-manager.io/v1', 'ClusterIssuer', met('Ready'));
  await meet(kube, 'cert-manager.io/v1', 'Certificate', met('Ready'));
  await meet(kube, 'gateway.networking.k8s.io/v1', 'Gateway', met('Accepted', 'Programmed'));
  for (const job of await kube.list('batch/v1', 'Job')) {
    if (isTrue(job, 'Complete')) continue;
    if (textAt(job, 'spec', 'template', 'spec', 'containers', 0, 'name') === 'teardown')
      await tearDown(kube, project);
    await complete(kube, job, new Date().toISOString());
  }
}

/** What the hook of openova-system does with Services of workloads, and the cloud controller with their load balancers. */
async function tearDown(kube: Kube, project: Project): Promise<void> {
  for (const service of await kube.list('v1', 'Service')) {
    if (textAt(service, 'spec', 'type') !== 'LoadBalancer') continue;
    await kube.delete(referenceOf(service));
    const name = textAt(service, 'metadata', 'annotations', LOAD_BALANCER_NAME);
    const balancer = project.all('load_balancers').find((one) => one['name'] === name);
    if (balancer !== undefined) project.remove('load_balancers', numberAt(balancer, 'id') ?? 0);
  }
}

/** How a Service says the name of its load balancer. Source: hcloud-cloud-controller-manager, annotations, 2026-11. */
export const LOAD_BALANCER_NAME = 'load-balancer.hetzner.cloud/name';

async function meet(kube: Kube, apiVersion: string, kind: string, conditions: JsonObject[]): Promise<void> {
  const found = await kube.list(apiVersion, kind).catch((error: unknown) => {
    // Not served yet, or served since a moment ago.
    if (error instanceof KubeError && (error.code === 404 || error.code === 429)) return [];
    throw error;
  });
  for (const object of found) {
    const missing = conditions.some(({ type }) => typeof type === 'string' && !isTrue(object, type));
    if (missing) await kube.patch(referenceOf(object), { status: { conditions } }, 'status');
  }
}

/** The cloud controller, once its chart is there. */
async function playNodes(kube: Kube, project: Project): Promise<void> {
  const installed = await kube.get({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'kube-system',
    name: 'hcloud-ccm',
  });
  if (installed === undefined) return;
  for (const node of await kube.list('v1', 'Node')) {
    if (at(node, 'spec', 'providerID') !== undefined) continue;
    const server = project.all('servers').find(({ name }) => name === node.metadata.name);
    if (server === undefined) continue;
    const taints = listAt(node, 'spec', 'taints').filter(
      (taint) => isObject(taint) && taint['key'] !== UNINITIALIZED,
    );
    await kube.patch(referenceOf(node), {
      spec: { providerID: `hcloud://${numberAt(server, 'id') ?? 0}`, taints },
    });
  }
}
