/** The kubelet of a machine, as far as its Node and the ends of pods go. */
import { arch } from 'node:os';
import {
  isTrue,
  listAt,
  objectAt,
  same,
  textAt,
  isObject,
  type Json,
  type Manifest,
} from '../../../../functions/kernel/manifest.ts';
import { KubeError, referenceOf, type Kube } from '../../../live/kube.ts';
import type { Config } from './config.ts';
import { log, readOr, readyAtOnce } from './place.ts';

/** With these K3s ends what it keeps of a node when the Node is deleted. */
export const NODE_FINALIZER = 'wrangler.cattle.io/node';
export const ETCD_FINALIZER = 'wrangler.cattle.io/managed-etcd-controller';
/** Which Cilium and the controllers of nodes take away when a node is Ready. */
const UNREADY_TAINTS = ['node.cilium.io/agent-not-ready', 'node.kubernetes.io/not-ready'];

export interface Kubelet {
  readonly config: Config;
  readonly version: string;
  readonly role: 'server' | 'agent';
  /** Of an API server that answers, if there is one. */
  readonly kube: () => Kube | undefined;
  /** Whether its member of etcd votes; undefined where it has none. */
  readonly voter: () => boolean | undefined;
}

const nodeReference = (name: string) => ({ apiVersion: 'v1', kind: 'Node', name });

/** Makes the Node unless there is one: labels and taints count only then. */
export async function register(kubelet: Kubelet, kube: Kube): Promise<void> {
  const { config, role } = kubelet;
  if ((await kube.get(nodeReference(config.name))) !== undefined) return;
  await kube.create({
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: config.name,
      labels: {
        'kubernetes.io/hostname': config.name,
        'kubernetes.io/os': 'linux',
        'kubernetes.io/arch': arch() === 'x64' ? 'amd64' : arch(),
        ...(role === 'server' && {
          'node-role.kubernetes.io/control-plane': 'true',
          'node-role.kubernetes.io/etcd': 'true',
        }),
        ...Object.fromEntries(config.list('node-label').map((label) => split(label, '='))),
      },
      finalizers: [NODE_FINALIZER, ...(role === 'server' ? [ETCD_FINALIZER] : [])],
    },
    spec: {
      taints: taintsOf(config),
      ...(!config.is('disable-cloud-controller') &&
        role === 'server' && { providerID: `k3s://${config.name}` }),
    },
  });
}

function taintsOf(config: Config): Json[] {
  const external = config.list('kubelet-arg').includes('cloud-provider=external');
  return [
    ...config.list('node-taint').map((taint) => {
      const [rest, effect] = split(taint, ':');
      const [key, value] = split(rest, '=');
      return { key, ...(value !== '' && { value }), effect };
    }),
    ...(external
      ? [{ key: 'node.cloudprovider.kubernetes.io/uninitialized', value: 'true', effect: 'NoSchedule' }]
      : []),
  ];
}

function split(text: string, at: string): [string, string] {
  const index = text.indexOf(at);
  return index < 0 ? [text, ''] : [text.slice(0, index), text.slice(index + 1)];
}

/** One look: shows how the node is, and does to its pods what a kubelet does. */
export async function tend(kubelet: Kubelet): Promise<void> {
  const kube = kubelet.kube();
  if (kube === undefined) return;
  const node = await kube.get(nodeReference(kubelet.config.name));
  if (node === undefined) return;
  const ready = readyAtOnce || (await hasCni(kube));
  const bootID = (await readOr('/proc/sys/kernel/random/boot_id', '')).trim();
  const status = statusOf(kubelet, node, ready, bootID);
  if (!same(status.shown, shownOf(node)))
    await kube.patch(referenceOf(node), { status: status.full }, 'status');
  const taints = listAt(node, 'spec', 'taints');
  const left = taints.filter((taint) => !UNREADY_TAINTS.includes(textAt(taint, 'key') ?? ''));
  if (ready && left.length < taints.length) await kube.patch(referenceOf(node), { spec: { taints: left } });
  await beat(kube, kubelet.config.name);
  await tendPods(kube, kubelet.config.name);
}

async function hasCni(kube: Kube): Promise<boolean> {
  const found = await kube.get({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    namespace: 'kube-system',
    name: 'cilium-config',
  });
  return found !== undefined;
}

function statusOf({ config, version, voter }: Kubelet, node: Manifest, ready: boolean, bootID: string) {
  const votes = voter();
  const shown: Record<string, Json> = {
    Ready: ready ? 'True' : 'False',
    ...(votes !== undefined && { EtcdIsVoter: votes ? 'True' : 'False' }),
    version,
    bootID,
  };
  const now = new Date().toISOString().replace(/\.\d+Z$/, 'Z');
  const condition = (type: string, is: boolean, reason: string, message: string) => ({
    type,
    status: is ? 'True' : 'False',
    reason,
    message,
    lastHeartbeatTime: now,
    lastTransitionTime: isTrue(node, type) === is ? since(node, type, now) : now,
  });
  const conditions = [
    ready
      ? condition('Ready', true, 'KubeletReady', 'kubelet is posting ready status')
      : condition(
          'Ready',
          false,
          'KubeletNotReady',
          'container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady message:Network plugin returns error: cni plugin not initialized',
        ),
    ...(votes === undefined
      ? []
      : [
          votes
            ? condition(
                'EtcdIsVoter',
                true,
                'MemberNotLearner',
                'Node is a voting member of the etcd cluster',
              )
            : condition(
                'EtcdIsVoter',
                false,
                'MemberIsLearner',
                'Node has not been promoted to voting member of the etcd cluster',
              ),
        ]),
  ];
  const addresses = [
    { type: 'InternalIP', address: config.address },
    { type: 'Hostname', address: config.name },
  ];
  const nodeInfo = {
    architecture: arch() === 'x64' ? 'amd64' : arch(),
    bootID,
    containerRuntimeVersion: 'containerd://2.1.5-k3s1',
    kernelVersion: '6.12.0',
    kubeProxyVersion: '',
    kubeletVersion: version,
    machineID: '',
    operatingSystem: 'linux',
    osImage: 'Debian GNU/Linux 13 (trixie)',
    systemUUID: '',
  };
  const capacity = { cpu: '4', memory: '8Gi', pods: '110' };
  return { shown, full: { conditions, addresses, nodeInfo, capacity, allocatable: capacity } };
}

function shownOf(node: Manifest): Record<string, Json> {
  const { kubeletVersion: version, bootID } = objectAt(node, 'status', 'nodeInfo') ?? {};
  return Object.fromEntries([
    ...listAt(node, 'status', 'conditions').map((one): [string, Json] => [
      textAt(one, 'type') ?? '',
      textAt(one, 'status') ?? '',
    ]),
    ...Object.entries({ version, bootID }).flatMap(([name, value]): [string, Json][] =>
      value === undefined ? [] : [[name, value]],
    ),
  ]);
}

function since(node: Manifest, type: string, otherwise: string): string {
  const found = listAt(node, 'status', 'conditions').find((one) => textAt(one, 'type') === type);
  return textAt(found, 'lastTransitionTime') ?? otherwise;
}

/** Says that it lives. */
async function beat(kube: Kube, name: string): Promise<void> {
  await kube.apply(
    {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace: 'kube-node-lease' },
      spec: { holderIdentity: name, renewTime: `${new Date().toISOString().slice(0, -1)}000Z` },
    },
    'kubelet',
  );
}

async function tendPods(kube: Kube, name: string): Promise<void> {
  const pods = await kube.list('v1', 'Pod');
  for (const pod of pods.filter((one) => textAt(one, 'spec', 'nodeName') === name)) {
    const change =
      isObject(pod.metadata) && pod.metadata['deletionTimestamp'] !== undefined
        ? end(kube, pod)
        : run(kube, pod);
    await change.catch((error: unknown) => {
      if (!(error instanceof KubeError)) throw error;
    });
  }
}

async function end(kube: Kube, pod: Manifest): Promise<void> {
  await kube.delete(referenceOf(pod), 'Background', 0);
}

async function run(kube: Kube, pod: Manifest): Promise<void> {
  if (textAt(pod, 'status', 'phase') === 'Running') return;
  const status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await kube.patch(referenceOf(pod), { status }, 'status');
}

/** Does something again and again; says what went wrong, once for each kind of wrong. */
export function again(what: string, milliseconds: number, round: () => Promise<void>): void {
  let last = '';
  const next = (): void => {
    round()
      .then(
        () => {
          last = '';
        },
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          if (message !== last) log('error', `${what}: ${message}`);
          last = message;
        },
      )
      .finally(() => setTimeout(next, milliseconds));
  };
  next();
}
