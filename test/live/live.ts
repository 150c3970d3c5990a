/** All of it at once: a control plane, Crossplane, our function, the providers, a pretended cloud and machines. */
import { randomBytes } from 'node:crypto';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { programs } from '../../tools/programs.ts';
import { toolPath } from '../../tools/build.ts';
import { startApiServer, startEtcd, type ApiServer } from './api-server.ts';
import { authority } from '../certificates.ts';
import { serveCharts, type Charts } from './charts.ts';
import { installApis, startCrossplane } from './crossplane.ts';
import { startHcloud, type Hcloud } from './hcloud/server.ts';
import { readManifests, type Kube } from './kube.ts';
import { playMachines, type Machines } from './machines.ts';
import { sweepLater, type Running } from './processes.ts';
import { installProviderCrds, prebuiltPrograms, startProviders } from './providers.ts';

const root = join(import.meta.dirname, '../..');

export interface Live {
  readonly control: ApiServer;
  readonly kube: Kube;
  readonly hcloud: Hcloud;
  readonly machines: Machines;
  readonly charts: Charts;
  /** Where every process writes its log; it stays. */
  readonly logs: string;
  readonly token: string;
  /** Fails when a process has ended. */
  check(): Promise<void>;
  stop(): Promise<void>;
}

/** Groups of install.yaml that are of no use without packages. */
const PACKAGED = new Set(['DeploymentRuntimeConfig', 'ImageConfig']);

export async function startLive(say: (line: string) => void): Promise<Live> {
  const { hetzner } = await prebuiltPrograms();
  say(`with ${hetzner}`);
  for (const { name } of programs) await toolPath(name);

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
    // Whoever was started last goes first.
    for (const close of closers.reverse()) await close();
    await rm(folder, { recursive: true, force: true, maxRetries: 5 });
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
    const hcloud = await startHcloud(token);
    closers.push(() => {
      hcloud.close();
    });
    const ca = await authority('live authority');
    const charts = await serveCharts(folder, ca);
    closers.push(() => {
      charts.close();
    });

    const crossplane = await startCrossplane(control, { folder, logs });
    keep(...crossplane.processes);
    await installProviderCrds(kube);
    await installApis(kube);
    await install(kube, token, hcloud.url);
    keep(...(await startProviders(control, { folder, logs, ca, charts: charts.env })));
    const machines = playMachines(kube, { folder, logs, etcd: etcd.url, project: hcloud.project });
    closers.push(() => machines.stop());
    say('Crossplane and its providers are up');
    const check = async () => {
      await Promise.all(running.map((one) => one.check()));
    };
    return { control, kube, hcloud, machines, charts, logs, token, check, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** install.yaml as it is, but for what only packages need, and the credentials. */
async function install(kube: Kube, token: string, endpoint: string): Promise<void> {
  for (const object of await readManifests(join(root, 'package/install.yaml')))
    if (!PACKAGED.has(object.kind)) await kube.apply(object);
  const credentials = JSON.stringify({ token, endpoint, poll_interval: '100ms' });
  await kube.apply(secret('openova-system', 'hetzner', { credentials }));
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'acme-platform' } });
  await kube.apply(secret('acme-platform', 'acme-hcloud', { token }));
}

function secret(namespace: string, name: string, stringData: Readonly<Record<string, string>>) {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData: { ...stringData } };
}
