/** Crossplane as its chart would run it, but for its pods: accounts, roles, init, core, the RBAC manager. */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isObject, listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { moduleFolder, toolPath } from '../../tools/build.ts';
import type { ApiServer } from './api-server.ts';
import { authority, type Authority } from '../certificates.ts';
import { kubeconfig, parseManifests, type Kube } from './kube.ts';
import { freePorts } from '../ports.ts';
import { OURS, runtimeSecret, versionOf, type Sources } from './packages.ts';
import { eventually, eventuallyTrue, service, sleep, start, type Service } from './processes.ts';

const run = promisify(execFile);
const NAMESPACE = 'crossplane-system';

export interface Crossplane {
  readonly core: Service;
  readonly rbac: Service;
  /** Our function, in the newest version that runs. */
  readonly function: Service;
  /** Where that answers, as a revision's status says it. */
  readonly endpoint: string;
  /** Where the function of an image answers. */
  endpointOf(image: string): string;
  /** Begins a newer version of our function, beside those that run. @returns its program */
  begin(sources: Sources): Promise<Service>;
  /** A new certificate of the same authority for our function, in the place of the old one. */
  rotate(): Promise<void>;
}

/** One version of our function. */
interface Answering {
  readonly program: Service;
  readonly endpoint: string;
}

interface Place {
  readonly folder: string;
  readonly logs: string;
}

/** What of the chart does not run. */
const RIGHTS = new Set(['ClusterRole', 'ClusterRoleBinding', 'Secret', 'ServiceAccount']);

async function chart(): Promise<Manifest[]> {
  const module = await moduleFolder('crossplane-core', 'github.com/crossplane/crossplane/v2');
  const { stdout } = await run(await toolPath('helm'), [
    'template',
    'crossplane',
    join(module, 'cluster/charts/crossplane'),
    `--namespace=${NAMESPACE}`,
  ]);
  return parseManifests(stdout).filter(({ kind }) => RIGHTS.has(kind));
}

/** Crossplane with its own rights, and nothing that providers or we add to them. */
export async function startCrossplane(control: ApiServer, { folder, logs }: Place): Promise<Crossplane> {
  const { kube } = control;
  await kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } });
  for (const object of await chart()) {
    const { metadata } = object;
    const namespaced = object.kind === 'Secret' || object.kind === 'ServiceAccount';
    await kube.apply({ ...object, metadata: { ...metadata, ...(namespaced && { namespace: NAMESPACE }) } });
  }
  await sleep(500);
  const core = await toolPath('crossplane-core');
  const account = await accountFile(control, folder, 'crossplane');
  const module = await moduleFolder('crossplane-core', 'github.com/crossplane/crossplane/v2');
  const env = {
    KUBECONFIG: account,
    POD_NAMESPACE: NAMESPACE,
    POD_SERVICE_ACCOUNT: 'crossplane',
    TLS_CA_SECRET_NAME: 'crossplane-root-ca',
    TLS_SERVER_SECRET_NAME: 'crossplane-tls-server',
    TLS_CLIENT_SECRET_NAME: 'crossplane-tls-client',
    WEBHOOK_SERVICE_NAME: 'crossplane-webhooks',
    WEBHOOK_SERVICE_NAMESPACE: NAMESPACE,
    WEBHOOK_SERVICE_PORT: '9443',
    CRDS_PATH: join(module, 'cluster/crds'),
    WEBHOOK_CONFIGS_PATH: join(module, 'cluster/webhookconfigurations'),
  };
  await eventually('crossplane core init', 180, async () => {
    // Its first run ends before its own definitions are established.
    await run(core, ['core', 'init'], { env: { ...env, HOME: folder } });
    return true;
  });

  const ca = await authority('crossplane authority');
  const [webhookPort = 0, metricsPort = 0, healthPort = 0] = await freePorts(3);
  const serverCerts = await certificates(ca, join(folder, 'core-server'), 'crossplane-webhooks');
  const clientCerts = await certificates(ca, join(folder, 'core-client'), 'crossplane');
  const functionCerts = await certificates(ca, join(folder, 'function'), 'function');
  await pointWebhookAt(kube, `https://127.0.0.1:${webhookPort}/validate-no-usages`, ca.cert);
  const cache = join(folder, 'xpkg-cache');
  await mkdir(cache);
  const runtime = await ca.issue('package-runtime');
  await runtimeSecret(kube, runtime, ca.cert);
  const running = service(() =>
    start(logs, 'crossplane-core', {
      program: core,
      args: [
        'core',
        'start',
        `--cache-dir=${cache}`,
        '--package-runtime=Function=External;Provider=External',
        `--webhook-port=${webhookPort}`,
        `--metrics-port=${metricsPort}`,
        `--health-probe-port=${healthPort}`,
        `--tls-server-certs-dir=${serverCerts}`,
        `--tls-client-certs-dir=${clientCerts}`,
      ],
      env,
    }),
  );
  const rights = await accountFile(control, folder, 'rbac-manager');
  const rbac = service(() =>
    start(logs, 'crossplane-rbac', {
      program: core,
      args: ['rbac', 'start', '--provider-clusterrole=crossplane:allowed-provider-permissions'],
      env: { KUBECONFIG: rights },
    }),
  );
  let newest = await startFunction(logs, 'function', OURS, functionCerts);
  const answering = new Map([[OURS.image, newest]]);
  await eventuallyTrue('crossplane core', 180, async () => {
    await Promise.all([running, rbac, newest.program].map((one) => one.check()));
    return (await fetch(`http://127.0.0.1:${healthPort}/readyz`)).ok;
  });
  return {
    core: running,
    rbac,
    get function() {
      return newest.program;
    },
    get endpoint() {
      return newest.endpoint;
    },
    endpointOf: (image) => {
      const found = answering.get(image);
      if (found === undefined) throw new Error(`no function of "${image}" runs`);
      return found.endpoint;
    },
    begin: async (sources) => {
      newest = await startFunction(logs, `function-${versionOf(sources.image)}`, sources, functionCerts);
      answering.set(sources.image, newest);
      return newest.program;
    },
    rotate: async () => {
      await certificates(ca, functionCerts, 'function');
    },
  };
}

async function startFunction(
  logs: string,
  name: string,
  { root }: Sources,
  certs: string,
): Promise<Answering> {
  const [port = 0] = await freePorts(1);
  const program = service(() =>
    start(logs, name, {
      program: process.execPath,
      args: [
        join(root, 'functions/cli/main.ts'),
        'serve',
        `--address=127.0.0.1:${port}`,
        `--tls-server-certs-dir=${certs}`,
        '--health-address=off',
        '--metrics-address=off',
        '--debug',
      ],
    }),
  );
  return { program, endpoint: `dns:///localhost:${port}` };
}

/** A kubeconfig with a token of an account, of Crossplane's namespace unless told. */
export async function accountFile(
  { kube }: Pick<ApiServer, 'kube'>,
  folder: string,
  name: string,
  namespace = NAMESPACE,
): Promise<string> {
  const path = `/api/v1/namespaces/${namespace}/serviceaccounts/${name}/token`;
  const answer = await kube.post(path, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 86_400 },
  });
  const { url, ca } = kube.access;
  const file = join(folder, `${name}.kubeconfig`);
  await writeFile(file, kubeconfig({ url, ca, token: textAt(answer, 'status', 'token') ?? '' }), {
    mode: 0o600,
  });
  return file;
}

export async function certificates(ca: Authority, folder: string, name: string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const { cert, key } = await ca.issue(name);
  const files = { 'ca.crt': ca.cert, 'tls.crt': cert, 'tls.key': key };
  for (const [file, text] of Object.entries(files))
    await writeFile(join(folder, file), text, { mode: 0o600 });
  return folder;
}

/** There are no Services that lead anywhere here. */
async function pointWebhookAt(kube: Kube, url: string, ca: string): Promise<void> {
  const reference = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingWebhookConfiguration',
    name: 'crossplane-no-usages',
  };
  const found = await kube.need(reference);
  const webhooks = listAt(found, 'webhooks')
    .filter(isObject)
    .map((webhook) => ({ ...webhook, clientConfig: { url, caBundle: Buffer.from(ca).toString('base64') } }));
  await kube.patch(reference, { webhooks });
}
