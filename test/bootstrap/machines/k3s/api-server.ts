/** A server's own API server and controllers, on its member of etcd. */
import { readFile } from 'node:fs/promises';
import { CONTROLLERS } from '../../../live/api-server.ts';
import { Kube, kubeconfig } from '../../../live/kube.ts';
import { eventually } from '../../../live/processes.ts';
import { child } from './child.ts';
import type { Config } from './config.ts';
import { place, SERVER, TLS, tool } from './place.ts';
import { readPair } from './pki.ts';
import type { Upstream } from './supervisor.ts';

/** Beside those of every cluster here: budgets, and what holds volumes and their claims. */
const OWN_CONTROLLERS = [
  'disruption-controller',
  'persistentvolume-binder-controller',
  'persistentvolume-protection-controller',
  'persistentvolumeclaim-protection-controller',
];

/** Resolves once it serves. */
export async function startApiServer(config: Config): Promise<Upstream> {
  const file = (name: string) => `${TLS}/${name}`;
  const quiet = (program: string, args: readonly string[]) => child(program, args).stderr?.resume();
  quiet(tool('kubeApiserver'), [
    '--etcd-servers=https://127.0.0.1:2379',
    `--etcd-cafile=${file('etcd/server-ca.crt')}`,
    `--etcd-certfile=${file('etcd/client.crt')}`,
    `--etcd-keyfile=${file('etcd/client.key')}`,
    '--bind-address=127.0.0.1',
    '--secure-port=6444',
    `--advertise-address=${config.address}`,
    `--tls-cert-file=${file('serving-kube-apiserver.crt')}`,
    `--tls-private-key-file=${file('serving-kube-apiserver.key')}`,
    `--client-ca-file=${file('client-ca.crt')}`,
    `--requestheader-client-ca-file=${file('request-header-ca.crt')}`,
    '--requestheader-username-headers=X-Remote-User',
    '--requestheader-group-headers=X-Remote-Group',
    '--service-account-issuer=https://kubernetes.default.svc.cluster.local',
    `--service-account-key-file=${file('service.pub')}`,
    `--service-account-signing-key-file=${file('service.key')}`,
    '--authorization-mode=RBAC',
    `--service-cluster-ip-range=${config.text('service-cidr') ?? '10.43.0.0/16'}`,
  ]);
  const ca = await readFile(file('server-ca.crt'), 'utf8');
  const access = { url: 'https://127.0.0.1:6444', ca, client: await readPair('client-admin') };
  const kube = new Kube(access);
  await eventually('the API server', 180, () => kube.raw('/readyz'));
  kube.close();
  const controllers = `${SERVER}/cred/controller.kubeconfig`;
  await place(controllers, kubeconfig(access));
  quiet(tool('kubeControllerManager'), [
    `--kubeconfig=${controllers}`,
    '--secure-port=0',
    `--controllers=${[...CONTROLLERS, ...OWN_CONTROLLERS].join(',')}`,
    '--use-service-account-credentials=true',
    `--service-account-private-key-file=${file('service.key')}`,
    `--root-ca-file=${file('server-ca.crt')}`,
  ]);
  return { url: access.url, ca, proxy: await readPair('client-auth-proxy') };
}
