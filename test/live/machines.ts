/**
 * What nobody runs here: the pods of bootstrap Jobs, and machines with K3s. Jobs of claims with real machines run the
 * program itself. For the others a script does what it would leave behind, with the rights of each Job's own account, and
 * each region's cluster is a further API server.
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
} from '../../functions/bootstrap/contract.ts';
import { objectAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import type { Premises } from '../bootstrap/machines/premises.ts';
import { startApiServer, type ApiServer } from './api-server.ts';
import type { Project } from './hcloud/state.ts';
import { KubeError, kubeconfig, type Kube, type Reference } from './kube.ts';
import { playCluster, UNINITIALIZED } from './controllers.ts';
import { programsOf, type Programs } from './job-program.ts';
import { complete, end, isOpen } from './job-status.ts';
import { isReal, startRealMachines, type RealMachines } from './real-machines.ts';
import { repeat, type Running } from './processes.ts';

/** The API server of a region. */
export interface Cluster {
  readonly kube: Kube;
  /** To be ended by who wants it dead; none where it runs on a machine. */
  readonly processes: readonly Running[];
}

export interface Machines {
  /** By XOpenOvaRegion. */
  readonly clusters: ReadonlyMap<string, Cluster>;
  /** Jobs that were done, in order: their operation and node. */
  readonly done: readonly string[];
  /** Takes a region's cluster for one that is no more. */
  forget(region: string): void;
  /** What became of the real machines of a claim, by their names. */
  readonly life: RealMachines['life'];
  /** What went wrong and is tried again: a right that is missing, a Secret that is not there. */
  readonly problems: readonly string[];
  stop(): Promise<void>;
}

interface Place {
  readonly folder: string;
  readonly logs: string;
  readonly etcd: string;
  readonly light: boolean;
  readonly project: Project;
  readonly premises: Premises;
}

/** Milliseconds between two looks: with one a second, many clusters would take a processor for being looked at. */
const LOOKS = { few: { jobs: 400, clusters: 1000 }, many: { jobs: 2000, clusters: 10_000 } };

export function playMachines(server: ApiServer, place: Place): Machines {
  const { kube: control } = server;
  const clusters = new Map<string, Cluster>();
  const starting = new Map<string, Promise<ApiServer>>();
  const done: string[] = [];
  const problems = new Set<string>();

  const clusterOf = async (region: string): Promise<ApiServer> => {
    const pending = starting.get(region) ?? startApiServer(region, place);
    starting.set(region, pending);
    const cluster = await pending;
    clusters.set(region, cluster);
    return cluster;
  };

  const real = startRealMachines({
    ...place,
    cluster: (region, kube) => {
      if (kube === undefined) clusters.delete(region);
      else clusters.set(region, { kube, processes: [] });
    },
  });
  const problem = (job: Manifest, error: unknown) => {
    const what = error instanceof Error ? error.message : String(error);
    problems.add(`Job ${job.metadata.name ?? ''}: ${what}`);
  };
  const programs = programsOf(control, place, problem);
  const between = LOOKS[place.light ? 'many' : 'few'];
  const jobs = repeat(async () => {
    const open = (await control.list('batch/v1', 'Job')).filter(isOpen);
    programs.keep(open);
    for (const job of open.filter((one) => !programs.has(one))) {
      try {
        const input = inputOf(job);
        await admit(control, job);
        if ('region' in input && isReal(input.region)) {
          const since = new Date().toISOString();
          programs.begin(job, job.metadata.name ?? '', async (ended) => {
            await end(control, job, since, ended);
            done.push(`${ended.reason === undefined ? '' : 'failed: '}${whatOf(input)}`);
          });
        } else done.push(await play(control, job, input, clusterOf));
      } catch (error) {
        problem(job, error);
      }
    }
  }, between.jobs);
  /** Of each cluster, the hooks of charts. */
  const hooks = new Map<Kube, Programs>();
  const inside = repeat(async () => {
    await Promise.all(
      [...clusters].map(async ([region, { kube }]) => {
        const own = hooks.get(kube) ?? programsOf(kube, place, problem);
        hooks.set(kube, own);
        await playCluster(kube, place.project, { region, programs: own });
      }),
    );
  }, between.clusters);

  return {
    clusters,
    forget: (region) => {
      clusters.delete(region);
    },
    life: real.life,
    done,
    get problems() {
      return [...problems, ...jobs.problems, ...inside.problems, ...real.problems];
    },
    stop: async () => {
      await Promise.all([jobs.stop(), inside.stop()]);
      await Promise.all([programs, ...hooks.values()].map((one) => one.stop()));
      await real.stop();
      const all = await Promise.all(starting.values());
      await Promise.all(all.flatMap(({ processes }) => processes).map((one) => one.stop()));
      for (const { kube } of all) kube.close();
    },
  };
}

type ClusterOf = (region: string) => Promise<ApiServer>;

/** Does what the Job's program would leave behind. @returns what was done. */
async function play(control: Kube, job: Manifest, input: Input, clusterOf: ClusterOf): Promise<string> {
  const account = textAt(job, 'spec', 'template', 'spec', 'serviceAccountName') ?? 'default';
  const program = control.as(`system:serviceaccount:${job.metadata.namespace ?? ''}:${account}`);
  const since = new Date().toISOString();
  if ('result' in input && input.result !== undefined) {
    await work(program, input, clusterOf);
    const result = playedResult(input, since, await publicKeyOf(control, input));
    await program.patch(
      { apiVersion: 'v1', kind: 'ConfigMap', namespace: input.namespace, name: input.result },
      { data: { [RESULT_KEY]: JSON.stringify(result) } },
    );
  }
  program.close();
  await complete(control, job, since);
  return whatOf(input);
}

function inputOf(job: Manifest): Input {
  const document = textAt(job, 'spec', 'template', 'metadata', 'annotations', INPUT_ANNOTATION);
  return Input.parse(JSON.parse(document ?? '{}'));
}

/** Operation and node. */
function whatOf(input: Input): string {
  return `${input.operation}${'target' in input ? ` ${input.target.name}` : ''}`;
}

/** Whether Kubernetes would take the Job's pod: the namespace's security level and the account decide. */
async function admit(control: Kube, job: Manifest): Promise<void> {
  const template = objectAt(job, 'spec', 'template');
  const namespace = job.metadata.namespace ?? '';
  await control.post(`/api/v1/namespaces/${namespace}/pods?dryRun=All`, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { ...objectAt(template, 'metadata'), generateName: `${job.metadata.name ?? ''}-`.slice(0, 50) },
    spec: objectAt(template, 'spec') ?? {},
  });
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
