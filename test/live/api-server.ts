/** One Kubernetes without machines: an API server, and the controllers that collect garbage and end namespaces. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { toolPath } from '../../tools/build.ts';
import { authority, signingKey, type Authority } from '../certificates.ts';
import { Kube, kubeconfig, type Access } from './kube.ts';
import { freePorts } from '../ports.ts';
import { eventually, start, type Running } from './processes.ts';

export interface ApiServer {
  readonly kube: Kube;
  readonly access: Access;
  /** What signed its certificate and signs those of its clients. */
  readonly authority: Authority;
  /** Of an administrator. */
  readonly kubeconfig: string;
  readonly processes: readonly Running[];
  readonly auditLog: string;
}

/** Who wrote what, and what was answered; not what it said. */
const AUDIT = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  omitStages: ['RequestReceived'],
  rules: [
    { level: 'None', verbs: ['get', 'list', 'watch'] },
    { level: 'None', resources: [{ group: 'coordination.k8s.io' }, { group: '', resources: ['events'] }] },
    { level: 'None', resources: [{ group: 'events.k8s.io' }, { group: 'authentication.k8s.io' }] },
    { level: 'Metadata' },
  ],
};

export const CONTROLLERS = [
  'garbage-collector-controller',
  'namespace-controller',
  'serviceaccount-controller',
  'serviceaccount-token-controller',
  'clusterrole-aggregation-controller',
];

export async function startEtcd(folder: string, logs: string): Promise<{ url: string; process: Running }> {
  const [client = 0, peer = 0] = await freePorts(2);
  const url = `http://127.0.0.1:${client}`;
  const peers = `http://127.0.0.1:${peer}`;
  const process = start(logs, 'etcd', {
    program: await toolPath('etcd'),
    args: [
      `--data-dir=${join(folder, 'etcd')}`,
      `--listen-client-urls=${url}`,
      `--advertise-client-urls=${url}`,
      `--listen-peer-urls=${peers}`,
      `--initial-advertise-peer-urls=${peers}`,
      `--initial-cluster=default=${peers}`,
      '--unsafe-no-fsync',
    ],
  });
  return { url, process };
}

export interface ApiServerPlace {
  readonly folder: string;
  readonly logs: string;
  readonly etcd: string;
  /** Where it listens; loopback unless told. */
  readonly address?: string;
  /** PEM of the authority whose clients may speak for others. */
  readonly frontProxies?: string;
  /** Beside those that every cluster here has. */
  readonly controllers?: readonly string[];
  /** Without controllers, and with a third of the memory: 0.3 GB instead of 0.9 with the definitions of a platform. */
  readonly light?: boolean;
}

/** @param name tells it from others, in the logs and in etcd. */
export async function startApiServer(name: string, place: ApiServerPlace): Promise<ApiServer> {
  const {
    folder: parent,
    logs,
    etcd,
    address = '127.0.0.1',
    frontProxies,
    controllers: further = [],
    light = false,
  } = place;
  const folder = join(parent, name);
  await mkdir(folder, { recursive: true });
  const [port = 0] = await freePorts(1);
  const ca = await authority(`${name} authority`);
  const [server, client] = await Promise.all([
    ca.issue('kube-apiserver', { hosts: ['kubernetes.default.svc'], addresses: [address] }),
    ca.issue('admin', { organization: 'system:masters' }),
  ]);
  const { privateKey, publicKey } = signingKey();
  const access: Access = { url: `https://${address}:${port}`, ca: ca.cert, client };
  const files: Record<string, string> = {
    'ca.crt': ca.cert,
    'tls.crt': server.cert,
    'tls.key': server.key,
    'sa.key': privateKey,
    'sa.pub': publicKey,
    'audit.json': JSON.stringify(AUDIT),
    kubeconfig: kubeconfig(access),
    ...(frontProxies !== undefined && { 'front-proxies.crt': frontProxies }),
  };
  for (const [file, text] of Object.entries(files))
    await writeFile(join(folder, file), text, { mode: 0o600 });
  const file = (one: string) => join(folder, one);
  const apiServer = start(logs, `${name}-kube-apiserver`, {
    program: await toolPath('kube-apiserver'),
    ...(light && { env: { GOGC: '50' } }),
    args: [
      `--etcd-servers=${etcd}`,
      `--etcd-prefix=/${name}`,
      `--bind-address=${address}`,
      `--secure-port=${port}`,
      `--tls-cert-file=${file('tls.crt')}`,
      `--tls-private-key-file=${file('tls.key')}`,
      `--client-ca-file=${file('ca.crt')}`,
      '--service-account-issuer=https://kubernetes.default.svc',
      `--service-account-key-file=${file('sa.pub')}`,
      `--service-account-signing-key-file=${file('sa.key')}`,
      '--authorization-mode=RBAC',
      '--service-cluster-ip-range=10.96.0.0/16',
      '--endpoint-reconciler-type=none',
      `--audit-policy-file=${file('audit.json')}`,
      `--audit-log-path=${join(logs, `${name}-audit.log`)}`,
      // All of it in one file.
      '--audit-log-maxsize=10000',
      ...(light ? ['--watch-cache=false', '--enable-priority-and-fairness=false'] : []),
      ...(frontProxies === undefined
        ? []
        : [
            `--requestheader-client-ca-file=${file('front-proxies.crt')}`,
            '--requestheader-username-headers=X-Remote-User',
            '--requestheader-group-headers=X-Remote-Group',
          ]),
    ],
  });
  const kube = new Kube(access);
  await eventually(`the API server ${name}`, 180, async () => {
    await apiServer.check();
    return kube.raw('/readyz');
  });
  const controllers = light
    ? []
    : [
        start(logs, `${name}-kube-controller-manager`, {
          program: await toolPath('kube-controller-manager'),
          args: [
            `--kubeconfig=${file('kubeconfig')}`,
            '--secure-port=0',
            `--controllers=${[...CONTROLLERS, ...further].join(',')}`,
            '--use-service-account-credentials=true',
            `--service-account-private-key-file=${file('sa.key')}`,
            `--root-ca-file=${file('ca.crt')}`,
            '--leader-elect=false',
          ],
        }),
      ];
  return {
    kube,
    access,
    authority: ca,
    kubeconfig: file('kubeconfig'),
    processes: [...controllers, apiServer],
    auditLog: join(logs, `${name}-audit.log`),
  };
}
