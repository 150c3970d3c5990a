/** The cluster that the teardown runs in, with the rights of its pod. */
import {
  AppsV1Api,
  BatchV1Api,
  CoreV1Api,
  PatchStrategy,
  setHeaderOptions,
  type KubeConfig,
} from '@kubernetes/client-node';
import { answer } from './kubernetes-answer.ts';
import { SYSTEM_NAMESPACE } from '../kernel/names.ts';
import type { Cluster, Found, Kind } from './operations/teardown.ts';

/** The cloud's controllers and drivers live in the first, the teardown in the second. */
const KEPT = new Set(['kube-system', SYSTEM_NAMESPACE]);
const PROVISIONED = 'pv.kubernetes.io/provisioned-by';
const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);
/** Pods that do not end by then are ended. */
const GRACE_SECONDS = 30;

interface Listed {
  readonly metadata?: {
    readonly name?: string;
    readonly namespace?: string;
    readonly deletionTimestamp?: Date;
    readonly annotations?: Readonly<Record<string, string>>;
  };
}

export function workloadCluster(config: KubeConfig): Cluster {
  const core = config.makeApiClient(CoreV1Api);
  const apps = config.makeApiClient(AppsV1Api);
  const batch = config.makeApiClient(BatchV1Api);

  const removers: Readonly<Record<Kind, (place: { name: string; namespace: string }) => Promise<unknown>>> = {
    Service: (place) => core.deleteNamespacedService(place),
    CronJob: (place) => batch.deleteNamespacedCronJob({ ...place, propagationPolicy: 'Background' }),
    Deployment: (place) => apps.deleteNamespacedDeployment({ ...place, propagationPolicy: 'Background' }),
    StatefulSet: (place) => apps.deleteNamespacedStatefulSet({ ...place, propagationPolicy: 'Background' }),
    DaemonSet: (place) => apps.deleteNamespacedDaemonSet({ ...place, propagationPolicy: 'Background' }),
    ReplicaSet: (place) => apps.deleteNamespacedReplicaSet({ ...place, propagationPolicy: 'Background' }),
    Job: (place) => batch.deleteNamespacedJob({ ...place, propagationPolicy: 'Background' }),
    Pod: (place) => core.deleteNamespacedPod({ ...place, gracePeriodSeconds: GRACE_SECONDS }),
    PersistentVolumeClaim: (place) => core.deleteNamespacedPersistentVolumeClaim(place),
    // Its driver deletes a volume that no claim has any more, when its policy is to.
    PersistentVolume: ({ name }) =>
      core.patchPersistentVolume(
        { name, body: { spec: { persistentVolumeReclaimPolicy: 'Delete' } } },
        MERGE,
      ),
  };

  return {
    loadBalancers: () =>
      answer('list Services', async () => {
        const { items } = await core.listServiceForAllNamespaces();
        return items.filter(({ spec }) => spec?.type === 'LoadBalancer').map(foundAs('Service'));
      }),
    workloads: () =>
      answer('list what uses volumes', async () => {
        const claims = (await core.listPersistentVolumeClaimForAllNamespaces()).items.filter(isTheirs);
        if (claims.length === 0) return [];
        const pods = (await core.listPodForAllNamespaces()).items.filter(({ spec }) =>
          (spec?.volumes ?? []).some(
            ({ persistentVolumeClaim, ephemeral }) =>
              persistentVolumeClaim !== undefined || ephemeral !== undefined,
          ),
        );
        const makers: (readonly [Kind, readonly Listed[]])[] = [
          ['CronJob', (await batch.listCronJobForAllNamespaces()).items],
          ['Deployment', (await apps.listDeploymentForAllNamespaces()).items],
          ['StatefulSet', (await apps.listStatefulSetForAllNamespaces()).items],
          ['DaemonSet', (await apps.listDaemonSetForAllNamespaces()).items],
          ['ReplicaSet', (await apps.listReplicaSetForAllNamespaces()).items],
          ['Job', (await batch.listJobForAllNamespaces()).items],
          ['Pod', pods],
          ['PersistentVolumeClaim', claims],
        ];
        return makers.flatMap(([kind, items]) => items.filter(isTheirs).map(foundAs(kind)));
      }),
    volumes: () =>
      answer('list volumes', async () => {
        const { items } = await core.listPersistentVolume();
        return items
          .filter(({ metadata }) => metadata?.annotations?.[PROVISIONED] !== undefined)
          .map((volume) => ({
            ...foundAs('PersistentVolume')(volume),
            leaving: volume.spec?.persistentVolumeReclaimPolicy === 'Delete',
          }));
      }),
    remove: ({ kind, name, namespace = '' }) =>
      answer(
        `delete ${kind} "${namespace}/${name}"`,
        async () => {
          await removers[kind]({ name, namespace });
        },
        [[404, undefined]],
      ),
  };
}

function isTheirs({ metadata }: Listed): boolean {
  return !KEPT.has(metadata?.namespace ?? '');
}

function foundAs(kind: Kind): (object: Listed) => Found {
  return ({ metadata }) => ({
    kind,
    name: metadata?.name ?? '',
    ...(metadata?.namespace !== undefined && { namespace: metadata.namespace }),
    leaving: metadata?.deletionTimestamp !== undefined,
  });
}
