/** One API server for all clusters of a test, one after the other. */
import { authority, type Pair } from '../../certificates.ts';
import { startApiServer, startEtcd } from '../../live/api-server.ts';
import { eventually, sleep } from '../../live/processes.ts';
import { KubeError, referenceOf, type Kube } from '../../live/kube.ts';
import { createKinds, KINDS } from './k3s/kinds.ts';
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
  // A kind may be named some time after its definition, and a moment before it is served. What comes as a further kind goes with its definition.
  const [kinds, before] = await eventually('all kinds', 20, async () => {
    const found = (await kube.kinds()).filter(({ kind }) => !PASSING.has(kind));
    if (!KINDS.every((one) => found.some(({ kind }) => kind === one.kind))) return undefined;
    return [found, new Set((await everything(kube, found)).map(keyOf))] as const;
  });
  return {
    kube,
    light: {
      url: access.url,
      ca: access.ca,
      proxy: await proxies.issue('front-proxy'),
      authority: { cert: server.authority.cert, key: server.authority.key },
    },
    reset: async () => {
      let looked: readonly Kind[] = kinds;
      while (looked.length > 0) {
        const since = (await everything(kube, looked)).filter((object) => !before.has(keyOf(object)));
        await Promise.all(since.map((object) => remove(kube, object)));
        looked = looked.filter(({ kind }) => since.some((object) => object.kind === kind));
        if (looked.length > 0) await sleep(50);
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

type Kind = Pick<Manifest, 'apiVersion' | 'kind'>;

async function everything(kube: Kube, kinds: readonly Kind[]): Promise<Manifest[]> {
  const lists = await Promise.all(kinds.map(({ apiVersion, kind }) => kube.list(apiVersion, kind)));
  return lists.flat().filter((object) => !comesAgain(object));
}

/** What controllers put into every namespace, as often as somebody takes it away. */
function comesAgain({ kind, metadata }: Manifest): boolean {
  return (
    (kind === 'ServiceAccount' && metadata.name === 'default') ||
    (kind === 'ConfigMap' && metadata.name === 'kube-root-ca.crt')
  );
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
