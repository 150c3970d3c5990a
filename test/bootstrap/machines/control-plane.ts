/** One API server for all clusters of a test, one after the other. */
import { authority, type Pair } from '../../certificates.ts';
import { startApiServer, startEtcd } from '../../live/api-server.ts';
import { eventually } from '../../live/processes.ts';
import { KubeError, referenceOf, type Kube } from '../../live/kube.ts';
import { createKinds } from './k3s/kinds.ts';
import type { Manifest } from '../../../functions/kernel/manifest.ts';

/** What servers need to pass requests on to it, and to be taken for it. */
export interface Light {
  readonly url: string;
  readonly ca: string;
  /** Proves a front proxy, who says on whose behalf it asks. */
  readonly proxy: Pair;
  /** The authority of all clusters' API: the shared server tells accounts of it. */
  readonly authority: Pair;
}

export interface ControlPlane {
  readonly kube: Kube;
  readonly light: Light;
  /** Deletes what came since the start. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export interface ControlPlanePlace {
  readonly folder: string;
  readonly logs: string;
  readonly address: string;
}

export async function startControlPlane({ folder, logs, address }: ControlPlanePlace): Promise<ControlPlane> {
  const proxies = await authority('front proxies');
  const etcd = await startEtcd(folder, logs);
  const server = await startApiServer('shared', {
    folder,
    logs,
    etcd: etcd.url,
    address,
    frontProxies: proxies.cert,
    controllers: ['disruption-controller'],
  });
  const { kube, access } = server;
  await createKinds(kube);
  const before = new Set((await everything(kube)).map(keyOf));
  return {
    kube,
    light: {
      url: access.url,
      ca: access.ca,
      proxy: await proxies.issue('front-proxy'),
      authority: { cert: server.authority.cert, key: server.authority.key },
    },
    reset: async () => {
      for (let round = 0; round < 5; round += 1) {
        const since = (await everything(kube)).filter((object) => !before.has(keyOf(object)));
        if (since.length === 0) return;
        await Promise.all(since.map((object) => remove(kube, object)));
      }
    },
    stop: async () => {
      kube.close();
      await Promise.all([...server.processes, etcd.process].map((one) => one.stop()));
    },
  };
}

/** What clusters do not share, or what comes again by itself. */
const PASSING = new Set([
  'Event',
  'Lease',
  'Endpoints',
  'EndpointSlice',
  'PodMetrics',
  'ComponentStatus',
  'APIService',
]);

async function everything(kube: Kube): Promise<Manifest[]> {
  // A group may be named a moment before it is served, or a moment after.
  const all = await eventually('the kinds', 20, () => kube.kinds());
  const kinds = all.filter(({ kind }) => !PASSING.has(kind));
  const lists = await Promise.all(
    kinds.map(({ apiVersion, kind }) => kube.list(apiVersion, kind).catch(() => [])),
  );
  return lists.flat();
}

function keyOf({ kind, metadata }: Manifest): string {
  return `${kind} ${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
}

async function remove(kube: Kube, object: Manifest): Promise<void> {
  try {
    if (Array.isArray(object.metadata['finalizers'])) {
      await kube.patch(referenceOf(object), { metadata: { finalizers: null } });
    }
    await kube.delete(referenceOf(object), 'Background', 0);
  } catch (error) {
    if (!(error instanceof KubeError)) throw error;
  }
}
