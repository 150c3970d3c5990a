/** The controllers inside of regions' clusters, none of which runs here: of Jobs, certificates, gateways and the cloud. */
import {
  at,
  isObject,
  isTrue,
  listAt,
  numberAt,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import type { Project } from './hcloud/state.ts';
import type { Programs } from './job-program.ts';
import { complete, end, isOpen } from './job-status.ts';
import { referenceOf, type Kube } from './kube.ts';

/** Which a kubelet sets and a cloud controller takes away. */
export const UNINITIALIZED = 'node.cloudprovider.kubernetes.io/uninitialized';

/** Of charts, in a region's cluster. */
export interface Hooks {
  readonly region: string;
  readonly programs: Programs;
}

/** The controllers inside a region's cluster: whoever waits for them sees what they would say. */
export async function playCluster(kube: Kube, project: Project, hooks: Hooks): Promise<void> {
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
  for (const service of await kube.list('v1', 'Service')) await playBalancer(kube, service, project);
  for (const volume of await kube.list('v1', 'PersistentVolume')) await playVolume(kube, volume, project);
  const open = (await kube.list('batch/v1', 'Job')).filter(isOpen);
  hooks.programs.keep(open);
  for (const job of open.filter((one) => !hooks.programs.has(one))) {
    const since = new Date().toISOString();
    if (textAt(job, 'spec', 'template', 'spec', 'containers', 0, 'name') === 'teardown')
      hooks.programs.begin(job, `${hooks.region}-teardown`, (ended) => end(kube, job, since, ended));
    else await complete(kube, job, since);
  }
}

/** The cloud controller holds a Service until its load balancer has gone. */
async function playBalancer(kube: Kube, service: Manifest, project: Project): Promise<void> {
  if (textAt(service, 'spec', 'type') !== 'LoadBalancer') return;
  const finalizers = listAt(service, 'metadata', 'finalizers');
  const held = finalizers.includes(CLEANUP);
  const leaves = at(service, 'metadata', 'deletionTimestamp') !== undefined;
  if (held !== leaves) return;
  if (!leaves) {
    await kube.patch(referenceOf(service), { metadata: { finalizers: [...finalizers, CLEANUP] } });
    return;
  }
  const name = textAt(service, 'metadata', 'annotations', LOAD_BALANCER_NAME);
  const balancer = project.all('load_balancers').find((one) => one['name'] === name);
  if (balancer !== undefined) project.drop('load_balancers', numberAt(balancer, 'id') ?? 0);
  const left = finalizers.filter((one) => one !== CLEANUP);
  await kube.patch(referenceOf(service), { metadata: { finalizers: left } });
}

/** The driver deletes a volume at the cloud, and its object, when no claim has it any more and its policy is to. */
async function playVolume(kube: Kube, volume: Manifest, project: Project): Promise<void> {
  const released = textAt(volume, 'status', 'phase') === 'Released';
  const policy = textAt(volume, 'spec', 'persistentVolumeReclaimPolicy');
  const handle = textAt(volume, 'spec', 'csi', 'volumeHandle');
  if (!released || policy !== 'Delete' || handle === undefined) return;
  project.drop('volumes', Number(handle));
  await kube.delete(referenceOf(volume));
}

/** Source: hcloud-csi, the name of its driver, 2026-11. */
export const VOLUME_DRIVER = 'csi.hetzner.cloud';

/** Source: k8s.io/cloud-provider, service helpers, 2026-11. */
const CLEANUP = 'service.kubernetes.io/load-balancer-cleanup';

/** How a Service says the name of its load balancer. Source: hcloud-cloud-controller-manager, annotations, 2026-11. */
export const LOAD_BALANCER_NAME = 'load-balancer.hetzner.cloud/name';

async function meet(kube: Kube, apiVersion: string, kind: string, conditions: JsonObject[]): Promise<void> {
  for (const object of await kube.listServed(apiVersion, kind)) {
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
