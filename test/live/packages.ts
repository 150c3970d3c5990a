/**
 * Packages as a stranger installs them: built, pushed to a registry on loopback, and resolved by Crossplane itself. The
 * providers' are made here from their real definitions; their programs run beside Crossplane, not under it.
 */
import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { IMAGE } from '../../functions/release.ts';
import { at, isTrue, listAt, objectAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { PACKAGES } from '../../functions/providers/packages.ts';
import { toolPath } from '../../tools/build.ts';
import { buildPackages } from '../../tools/xpkg.ts';
import { referenceOf, type Kube } from './kube.ts';
import { definitionsOf } from './providers.ts';
import { freePorts } from '../ports.ts';
import { eventually, eventuallyTrue, programOf, start, type Running } from './processes.ts';

const run = promisify(execFile);
/** The registries that packages are published in; all of them lead to ours. */
const PUBLISHED = ['ghcr.io/', 'xpkg.crossplane.io/', 'xpkg.upbound.io/'];
const NAMESPACE = 'crossplane-system';
const EXTENSIONS = 'apiextensions.crossplane.io/v1';
const RUNTIME_SECRET = 'live-package-runtime';

/** A tree like this repository. */
export interface Sources {
  readonly root: string;
  /** Of the function, and with its tag the version of all packages of the tree: `ghcr.io/openova/function-openova:v0.1.0`. */
  readonly image: string;
}

export const OURS: Sources = { root: join(import.meta.dirname, '../..'), image: IMAGE };

export interface Registry {
  /** `127.0.0.1:PORT` */
  readonly host: string;
  readonly process: Running;
}

export async function startRegistry({ folder, logs }: Place): Promise<Registry> {
  const [port = 0] = await freePorts(1);
  const host = `127.0.0.1:${port}`;
  const config = join(folder, 'registry.yaml');
  const settings = {
    version: 0.1,
    storage: { filesystem: { rootdirectory: join(folder, 'registry') } },
    http: { addr: host },
  };
  await writeFile(config, stringify(settings));
  const process = start(logs, 'registry', { program: await registryProgram(), args: ['serve', config] });
  await eventuallyTrue('the registry', 30, async () => {
    await process.check();
    return (await fetch(`http://${host}/v2/`)).ok;
  });
  return { host, process };
}

/** The program of the CNCF's distribution, under the name that Debian gives it. */
export async function registryProgram(): Promise<string> {
  return programOf('docker-registry', 'install the package of that name (Debian)');
}

interface Place {
  readonly folder: string;
  readonly logs: string;
}

/** Builds and pushes all of ours, and the provider packages that they depend on. */
export async function publish(registry: Registry, folder: string): Promise<void> {
  await publishOurs(registry, folder, OURS);
  const output = join(folder, 'xpkg');
  await mkdir(output, { recursive: true });
  const theirs = await Promise.all(
    PACKAGES.map(async (provider) => ({
      file: await providerPackage(provider, output),
      to: `${withoutHost(provider.package)}:${provider.tested}`,
    })),
  );
  await push(registry, folder, theirs);
}

/** Builds and pushes the packages of a tree, in its version. */
export async function publishOurs(
  registry: Registry,
  folder: string,
  { root, image }: Sources,
): Promise<void> {
  const version = versionOf(image);
  const built = await buildPackages({ root, output: join(folder, `xpkg-${version}`) });
  await push(
    registry,
    folder,
    built.map(({ file, name }) => ({ file, to: `openova/${name}:${version}` })),
  );
}

interface Pushed {
  readonly file: string;
  /** `organisation/name:version` */
  readonly to: string;
}

async function push({ host }: Registry, folder: string, packages: readonly Pushed[]): Promise<void> {
  const cli = await toolPath('crossplane-cli');
  for (const { file, to } of packages)
    await run(cli, ['xpkg', 'push', `--package-files=${file}`, `${host}/${to}`], { env: { HOME: folder } });
}

/** The tag of an image or a package, such as `v0.1.0`. */
export function versionOf(image: string): string {
  return image.slice(image.lastIndexOf(':') + 1);
}

function withoutHost(reference: string): string {
  return reference.slice(reference.indexOf('/') + 1);
}

/** A provider's package, with its definitions and without its program. */
async function providerPackage(provider: (typeof PACKAGES)[number], output: string): Promise<string> {
  const folder = join(output, provider.name);
  await mkdir(folder, { recursive: true });
  const meta = {
    apiVersion: 'meta.pkg.crossplane.io/v1',
    kind: 'Provider',
    metadata: { name: provider.name },
    // What it defines becomes active when a policy names it, as with the published packages.
    spec: { capabilities: ['safe-start'] },
  };
  await writeFile(join(folder, 'crossplane.yaml'), stringify(meta));
  for (const crd of await definitionsOf(provider.name))
    await writeFile(join(folder, `${crd.metadata.name ?? ''}.yaml`), stringify(crd));
  const file = join(output, `${provider.name}.xpkg`);
  const flags = [`--package-root=${folder}`, `--package-file=${file}`, `--examples-root=${folder}/examples`];
  await run(await toolPath('crossplane-cli'), ['xpkg', 'build', ...flags], { env: { HOME: output } });
  return file;
}

/** One Configuration, by its published name; Crossplane finds the rest. */
export async function installConfiguration(kube: Kube, name: string): Promise<void> {
  await kube.apply({
    apiVersion: 'pkg.crossplane.io/v1',
    kind: 'Configuration',
    metadata: { name },
    spec: { package: `ghcr.io/openova/${name}:${versionOf(IMAGE)}` },
  });
}

/** Where packages are pulled from instead. */
export async function rewriteImages(kube: Kube, { host }: Registry): Promise<void> {
  for (const prefix of PUBLISHED) {
    await kube.apply({
      apiVersion: 'pkg.crossplane.io/v1beta1',
      kind: 'ImageConfig',
      metadata: { name: `live-${prefix.replaceAll(/\W/g, '-')}rewrite` },
      spec: {
        matchImages: [{ type: 'Prefix', prefix }],
        rewriteImage: { prefix: `${host}/` },
      },
    });
  }
}

/** Waits until a Configuration and all that it depends on is installed. */
export async function untilInstalled(kube: Kube, name: string): Promise<void> {
  await eventually(`the Configuration ${name}`, 180, async () => {
    const found = await kube.need({ apiVersion: 'pkg.crossplane.io/v1', kind: 'Configuration', name });
    const conditions = listAt(found, 'status', 'conditions');
    const good = conditions
      .filter((one) => textAt(one, 'status') === 'True')
      .map((one) => textAt(one, 'type'));
    if (good.includes('Installed') && good.includes('Healthy')) return true;
    throw new Error(JSON.stringify(conditions));
  });
}

/** Waits until Crossplane serves every kind of ours with its claim, and would compose by each of our Compositions. */
export async function untilDefined(kube: Kube): Promise<void> {
  await eventually('the definitions and Compositions', 120, async () => {
    const definitions = await kube.list(EXTENSIONS, 'CompositeResourceDefinition');
    const revisions = await kube.list(EXTENSIONS, 'CompositionRevision');
    // As core v2.4.0 says it, in internal/controller/apiextensions.
    const missing = [
      ...definitions.filter((one) => !isTrue(one, 'Established')),
      ...definitions.filter((one) => at(one, 'spec', 'claimNames') !== undefined && !isTrue(one, 'Offered')),
      ...revisions.filter((one) => !isTrue(one, 'ValidPipeline')),
    ];
    if (definitions.length === 0 || revisions.length < definitions.length)
      throw new Error(`${definitions.length} definitions, ${revisions.length} Compositions`);
    if (missing.length > 0) throw new Error(missing.map(({ metadata }) => metadata.name ?? '').join(', '));
    return true;
  });
}

/**
 * What Crossplane leaves to others where it does not run packages itself: each revision gets the Secret of its
 * certificate, and a function's the address at which it answers.
 */
export async function playRuntime(kube: Kube, endpointOf: (image: string) => string): Promise<void> {
  for (const kind of ['FunctionRevision', 'ProviderRevision']) {
    for (const revision of await kube.list('pkg.crossplane.io/v1', kind)) {
      const endpoint =
        kind === 'FunctionRevision' ? endpointOf(textAt(revision, 'spec', 'image') ?? '') : undefined;
      if (isRun(revision, endpoint)) continue;
      if (kind === 'ProviderRevision') for (const object of deploymentOf(revision)) await kube.apply(object);
      const status = {
        tlsServerSecretName: RUNTIME_SECRET,
        tlsClientSecretName: RUNTIME_SECRET,
        ...(endpoint !== undefined && { endpoint }),
        conditions: [
          ...listAt(revision, 'status', 'conditions').filter(
            (one) => textAt(one, 'type') !== 'RuntimeHealthy',
          ),
          healthy,
        ],
      };
      await kube.patch(referenceOf(revision), { status }, 'status');
    }
  }
}

/**
 * What Crossplane's own runtime makes for a provider, and nothing here runs: the RBAC manager binds the role of the package
 * to the account of its Deployment.
 */
function deploymentOf({ apiVersion, kind, metadata }: Manifest): Manifest[] {
  const { name = '', uid = '' } = metadata;
  const ownerReferences = [{ apiVersion, kind, name, uid, controller: true, blockOwnerDeletion: true }];
  const own = { namespace: NAMESPACE, name, ownerReferences };
  const labels = { 'pkg.crossplane.io/revision': name };
  const spec = { serviceAccountName: name, containers: [{ name: 'package-runtime', image: 'none' }] };
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: own },
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: own,
      spec: { selector: { matchLabels: labels }, template: { metadata: { labels }, spec } },
    },
  ];
}

/** The account of an installed provider, once the RBAC manager has given it the rights of its package. */
export async function providerAccount(kube: Kube, name: string): Promise<string> {
  const revisions = await kube.list('pkg.crossplane.io/v1', 'ProviderRevision');
  const found = revisions.find((one) => textAt(one, 'spec', 'image')?.includes(`/${name}:`));
  if (found === undefined) throw new Error(`the package of ${name} is not installed`);
  const account = found.metadata.name ?? '';
  const bound = kube.as(`system:serviceaccount:${NAMESPACE}:${account}`);
  await eventually(`the rights of ${name}`, 60, () =>
    bound.list('apiextensions.k8s.io/v1', 'CustomResourceDefinition'),
  );
  bound.close();
  return account;
}

const healthy = {
  type: 'RuntimeHealthy',
  status: 'True',
  reason: 'HealthyPackageRevision',
  lastTransitionTime: '2026-11-21T00:00:00Z',
};

function isRun(revision: Manifest, endpoint: string | undefined): boolean {
  const status = objectAt(revision, 'status');
  return (
    textAt(status, 'tlsServerSecretName') === RUNTIME_SECRET &&
    textAt(status, 'endpoint') === endpoint &&
    listAt(status, 'conditions').some((one) => textAt(one, 'type') === 'RuntimeHealthy')
  );
}

/** The Secret that `playRuntime` names. */
export async function runtimeSecret(
  kube: Kube,
  pair: { cert: string; key: string },
  ca: string,
): Promise<void> {
  await kube.apply({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace: NAMESPACE, name: RUNTIME_SECRET },
    stringData: { 'tls.crt': pair.cert, 'tls.key': pair.key, 'ca.crt': ca },
  });
}
