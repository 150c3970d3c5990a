/** All of it at once: a control plane, Crossplane, our function, the providers, a pretended cloud and machines. */
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programs } from '../../tools/programs.ts';
import { toolPath } from '../../tools/build.ts';
import { startApiServer, startEtcd, type ApiServer } from './api-server.ts';
import { machinePrerequisites, startPremises } from '../bootstrap/machines/premises.ts';
import { authority } from '../certificates.ts';
import { serveCharts, type Charts } from './charts.ts';
import { startCrossplane, type Crossplane } from './crossplane.ts';
import { startHcloud, type Hcloud } from './hcloud/server.ts';
import { Project } from './hcloud/state.ts';
import { readManifests, type Kube, type Reference } from './kube.ts';
import { playMachines, type Machines } from './machines.ts';
import { NEWER, newerSources } from './newer.ts';
import {
  installConfiguration,
  playRuntime,
  publish,
  publishOurs,
  registryProgram,
  rewriteImages,
  startRegistry,
  untilDefined,
  untilInstalled,
  type Sources,
} from './packages.ts';
import { isReal } from './real-machines.ts';
import { repeat, sweepLater, type Running } from './processes.ts';
import { definitionsOf, prebuiltPrograms, startProviders, TEST_POLLS, type Polls } from './providers.ts';
import { playRecords } from './records.ts';
import { PACKAGES } from '../../functions/providers/packages.ts';

const root = join(import.meta.dirname, '../..');

export interface Live {
  readonly control: ApiServer;
  readonly kube: Kube;
  readonly crossplane: Crossplane;
  readonly hcloud: Hcloud;
  readonly machines: Machines;
  readonly charts: Charts;
  /** Goes with the control plane. */
  readonly folder: string;
  /** Where every process writes its log; it stays. */
  readonly logs: string;
  readonly token: string;
  readonly running: readonly Running[];
  /** Which claim a composite is of, of all that scenarios have looked at, also when both are gone. */
  readonly composites: Map<string, Reference>;
  /** Machines that scenarios asked to go, or took away themselves. */
  readonly intended: Intended[];
  /** What went wrong with what is played, and is tried again. */
  problems(): string[];
  /** Publishes all of ours in a newer version; who installs it gets a function of its own. @returns its sources */
  publishNewer(): Promise<Sources>;
  /** Fails when a process has ended. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

/** Machines of such names may go from then on, with what stands for them here. */
export interface Intended {
  readonly goes: (name: string) => boolean;
  /** Milliseconds since 1970. */
  readonly since: number;
  /** Only what stands for them here may go: they stay at the cloud. */
  readonly kept?: boolean;
}

export interface Options {
  readonly polls: Polls;
  /** Whether regions' clusters are as small as can be: for many of them. */
  readonly light: boolean;
}

export async function startLive(
  say: (line: string) => void,
  { polls, light }: Options = { polls: TEST_POLLS, light: false },
): Promise<Live> {
  await prerequisites();

  const folder = await mkdtemp(join(tmpdir(), 'openova-live-'));
  const logs = join(root, 'dist/live');
  await rm(logs, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
  const swept = sweepLater(folder);
  // The process of a test outlives the one that started it, unless it is told to end too.
  process.once('disconnect', () => process.exit(1));
  const closers: (() => Promise<void> | void)[] = [swept];
  const running: Running[] = [];
  const stop = async () => {
    const problems: unknown[] = [];
    // Whoever was started last goes first; one that cannot be ended leaves no other running.
    for (const close of closers.splice(0).reverse())
      try {
        await close();
      } catch (error) {
        problems.push(error);
      }
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    if (problems.length > 0)
      throw new AggregateError(problems, `cannot end: ${problems.map(String).join('; ')}`);
  };
  const keep = (...processes: readonly Running[]) => {
    running.push(...processes);
    closers.push(async () => {
      await Promise.all(processes.map((one) => one.stop()));
    });
  };
  try {
    const etcd = await startEtcd(folder, logs);
    keep(etcd.process);
    const control = await startApiServer('control', { folder, logs, etcd: etcd.url });
    const { kube } = control;
    closers.push(() => {
      kube.close();
    });
    keep(...control.processes);
    say('control plane is up');

    const token = randomBytes(32).toString('hex');
    const premises = await startPremises({});
    closers.push(() => premises.stop());
    const project = new Project(
      (name, id) => (isReal(name) ? premises.network.address() : `198.51.100.${id % 250}`),
      ({ time, method, path, status, about }) => {
        appendFileSync(join(logs, 'hcloud.log'), `${time} ${method} ${path} ${status} ${about}\n`);
      },
    );
    const hcloud = await startHcloud(token, project);
    closers.push(() => {
      hcloud.close();
    });
    const ca = await authority('live authority');
    const charts = await serveCharts(folder, ca);
    closers.push(() => {
      charts.close();
    });

    const registry = await startRegistry({ folder, logs });
    keep(registry.process);
    const [crossplane] = await Promise.all([
      startCrossplane(control, { folder, logs }),
      publish(registry, folder),
    ]);
    keep(crossplane.core, crossplane.rbac, crossplane.function);
    say('Crossplane is up');

    const runtime = repeat(() => playRuntime(kube, (image) => crossplane.endpointOf(image)), 1000);
    closers.push(() => runtime.stop());
    await rewriteImages(kube, registry);
    await installConfiguration(kube, 'openova');
    await untilInstalled(kube, 'openova');
    await untilDefined(kube);
    await install(kube, token, hcloud.url);
    // Many claims have no records.
    const records = light ? undefined : repeat(() => playRecords(kube), 1000);
    closers.push(() => records?.stop());
    say('the Configuration is installed');

    keep(...(await startProviders(control, { folder, logs, ca, polls, proxy: charts.env })));
    const machines = playMachines(control, { folder, logs, etcd: etcd.url, light, project, premises });
    closers.push(() => machines.stop());
    say('the providers are up');
    const publishNewer = async () => {
      const newer = await newerSources(folder);
      await publishOurs(registry, folder, newer);
      await charts.publish(newer.root, NEWER.version);
      keep(await crossplane.begin(newer));
      return newer;
    };
    const check = async () => {
      await Promise.all(running.map((one) => one.check()));
    };
    return {
      control,
      kube,
      crossplane,
      hcloud,
      machines,
      charts,
      folder,
      logs,
      token,
      running,
      composites: new Map(),
      intended: [],
      problems: () => [
        ...machines.problems,
        ...[...(records?.problems ?? [])].map((problem) => `records: ${problem}`),
      ],
      publishNewer,
      check,
      stop,
    };
  } catch (error) {
    // Why it did not start says more than what could not be ended then.
    await stop().catch((problem: unknown) => {
      say(String(problem));
    });
    throw error;
  }
}

/** Everything that is not made here; fails with what is missing and where it comes from. */
export async function prerequisites(): Promise<void> {
  await prebuiltPrograms();
  await Promise.all(PACKAGES.map(({ name }) => definitionsOf(name)));
  await registryProgram();
  await machinePrerequisites();
  for (const { name } of programs) await toolPath(name);
}

/** install.yaml as it is, and the credentials. */
async function install(kube: Kube, token: string, endpoint: string): Promise<void> {
  for (const object of await readManifests(join(root, 'package/install.yaml'))) await kube.apply(object);
  const credentials = JSON.stringify({ token, endpoint, poll_interval: '100ms' });
  await kube.apply(secret('openova-system', 'hetzner', { credentials }));
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'acme-platform' } });
  await kube.apply(secret('acme-platform', 'acme-hcloud', { token }));
}

function secret(namespace: string, name: string, stringData: Readonly<Record<string, string>>) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData: { ...stringData } };
}
