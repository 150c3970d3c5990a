/** What the server that leads etcd does for all: promotes learners, ends what belonged to deleted nodes, misses nodes. */
import { isTrue, listAt, textAt, type Manifest } from '../../../../functions/kernel/manifest.ts';
import { KubeError, referenceOf, type Kube } from '../../../live/kube.ts';
import { etcd, members, nodeOf } from './etcd.ts';
import { ETCD_FINALIZER, NODE_FINALIZER } from './node.ts';
import { passwordSecret } from './node-password.ts';
import { hasFault, life, log } from './place.ts';

/** Less than our configuration says, so that nobody waits; more than a busy machine needs. */
const SILENCE_MS = 10_000;

export async function lead(kube: Kube): Promise<void> {
  await promote();
  const nodes = await kube.list('v1', 'Node');
  const leases = nodes.some((node) => isTrue(node, 'Ready'))
    ? await kube.list('coordination.k8s.io/v1', 'Lease')
    : [];
  for (const node of nodes) {
    if (node.metadata['deletionTimestamp'] !== undefined) await forget(kube, node);
    else if (isTrue(node, 'Ready') && isSilent(node, leases)) await miss(kube, node);
  }
}

async function promote(): Promise<void> {
  for (const member of await members()) {
    if (!member.learner || member.name === '' || (await hasFault(nodeOf(member), 'stays-learner'))) continue;
    const promoted = await etcd('cluster/member/promote', { ID: member.id }).then(
      () => true,
      () => false,
    );
    if (promoted) log('info', `Promoted member ${member.name} from learner`);
  }
}

/** First the member of etcd, then the password, then the Node itself. */
async function forget(kube: Kube, node: Manifest): Promise<void> {
  const finalizers = listAt(node, 'metadata', 'finalizers');
  const name = node.metadata.name ?? '';
  if (finalizers.includes(ETCD_FINALIZER)) {
    for (const member of await members()) {
      if (nodeOf(member) !== name) continue;
      await etcd('cluster/member/remove', { ID: member.id }, 10);
      await life(`member removed ${name}`);
      log('info', `Removing etcd member ${member.name}`);
    }
  }
  if (finalizers.includes(NODE_FINALIZER)) await kube.delete(passwordSecret(name)).catch(ignoreMissing);
  const left = finalizers.filter((one) => one !== ETCD_FINALIZER && one !== NODE_FINALIZER);
  if (left.length < finalizers.length)
    await kube.patch(referenceOf(node), { metadata: { finalizers: left } }).catch(ignoreMissing);
}

function ignoreMissing(error: unknown): void {
  if (!(error instanceof KubeError && error.code === 404)) throw error;
}

function isSilent(node: Manifest, leases: readonly Manifest[]): boolean {
  const lease = leases.find(
    ({ metadata }) => metadata.namespace === 'kube-node-lease' && metadata.name === node.metadata.name,
  );
  const renewed = textAt(lease, 'spec', 'renewTime');
  return renewed !== undefined && Date.now() - Date.parse(renewed) > SILENCE_MS;
}

async function miss(kube: Kube, node: Manifest): Promise<void> {
  const conditions = listAt(node, 'status', 'conditions').map((one) =>
    textAt(one, 'type') === 'Ready' && typeof one === 'object' && !Array.isArray(one)
      ? {
          ...one,
          status: 'Unknown',
          reason: 'NodeStatusUnknown',
          message: 'Kubelet stopped posting node status.',
        }
      : one,
  );
  await kube.patch(referenceOf(node), { status: { conditions } }, 'status');
}
