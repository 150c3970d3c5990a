/** Secrets and the result ConfigMap on the management cluster. */
import {
  CoordinationV1Api,
  CoreV1Api,
  KubeConfig,
  PatchStrategy,
  setHeaderOptions,
  V1Secret,
} from '@kubernetes/client-node';
import { reasonOf } from '../cli/io.ts';
import { RESULT_KEY, type Result } from './contract.ts';
import { Failure } from './failure.ts';
import { answer } from './kubernetes-answer.ts';
import { KubernetesLeases } from './kubernetes-leases.ts';
import type { Leases, NewSecret, Ref, Secret, Store } from './store.ts';

const MERGE = setHeaderOptions('Content-Type', PatchStrategy.MergePatch);

export class KubernetesStore implements Store {
  readonly #api: CoreV1Api;
  readonly #result: Ref | undefined;
  readonly leases: Leases;

  /** @param result the ConfigMap for results, which exists; undefined when nobody looks. */
  constructor(config: KubeConfig, result: Ref | undefined) {
    this.#api = config.makeApiClient(CoreV1Api);
    this.#result = result;
    this.leases = new KubernetesLeases(config.makeApiClient(CoordinationV1Api));
  }

  async secret(ref: Ref): Promise<Secret | undefined> {
    return answer(
      `read Secret "${nameOf(ref)}"`,
      async () => secretOf(await this.#api.readNamespacedSecret(ref)),
      [[404, undefined]],
    );
  }

  async create(ref: Ref, { labels = {}, type = 'Opaque', data }: NewSecret): Promise<boolean> {
    return answer(
      `create Secret "${nameOf(ref)}"`,
      async () => {
        await this.#api.createNamespacedSecret({
          namespace: ref.namespace,
          body: Object.assign(new V1Secret(), {
            metadata: { name: ref.name, labels },
            type,
            data: encoded(data),
          }),
        });
        return true;
      },
      [[409, false]],
    );
  }

  async merge(ref: Ref, data: Readonly<Record<string, string>>, version?: string): Promise<boolean> {
    return answer(
      `write Secret "${nameOf(ref)}"`,
      async () => {
        const metadata = version === undefined ? {} : { metadata: { resourceVersion: version } };
        await this.#api.patchNamespacedSecret({ ...ref, body: { ...metadata, data: encoded(data) } }, MERGE);
        return true;
      },
      [[409, false]],
    );
  }

  async writeResult(result: Result): Promise<void> {
    const ref = this.#result;
    if (ref === undefined) return;
    await answer(`write ConfigMap "${nameOf(ref)}"`, async () => {
      const body = { data: { [RESULT_KEY]: JSON.stringify(result) } };
      await this.#api.patchNamespacedConfigMap({ ...ref, body }, MERGE);
    });
  }
}

/** The cluster that `KUBECONFIG` names, or that the program runs in. @throws Failure input when there is neither. */
export function kubeConfig(env: Readonly<Record<string, string | undefined>>): KubeConfig {
  const config = new KubeConfig();
  const { KUBECONFIG: file, KUBERNETES_SERVICE_HOST: host } = env;
  if (file === undefined && host === undefined)
    throw Failure.input(
      'there is no cluster to read Secrets from: KUBECONFIG is not set, and this is no pod',
      {
        hint: 'a document of kind Bootstrap does without one',
      },
    );
  try {
    if (file === undefined) config.loadFromCluster();
    else config.loadFromFile(file);
    return config;
  } catch (error) {
    const place = file === undefined ? 'the service account of the pod' : `KUBECONFIG "${file}"`;
    throw Failure.input(`cannot read ${place}: ${reasonOf(error)}`);
  }
}

function secretOf({ metadata, type, data }: V1Secret): Secret {
  return {
    labels: metadata?.labels ?? {},
    type: type ?? 'Opaque',
    data: Object.fromEntries(
      Object.entries(data ?? {}).map(([key, value]) => [key, Buffer.from(value, 'base64').toString('utf8')]),
    ),
    version: metadata?.resourceVersion ?? '',
  };
}

function encoded(data: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(data).map(([key, value]) => [key, Buffer.from(value, 'utf8').toString('base64')]),
  );
}

function nameOf({ namespace, name }: Ref): string {
  return `${namespace}/${name}`;
}
