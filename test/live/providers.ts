/** The real providers as processes: Hetzner's against the pretended cloud, those of Helm and Kubernetes as they are. */
import { access, chmod, constants, mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { objectAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import type { PACKAGES } from '../../functions/providers/packages.ts';
import { moduleFolder, toolPath } from '../../tools/build.ts';
import { folderNamedBy } from '../beside.ts';
import type { ApiServer } from './api-server.ts';
import type { Authority } from '../certificates.ts';
import { accountFile, certificates } from './crossplane.ts';
import { readManifests } from './kube.ts';
import { providerAccount } from './packages.ts';
import { EVERYTHING } from '../extent.ts';
import { freePorts } from '../ports.ts';
import { eventually, start, type Running } from './processes.ts';

/** How often providers look at what is ready, in seconds. */
export interface Polls {
  readonly hetzner: number;
  readonly others: number;
}

/**
 * For tests, which would have to wait for the providers' own. A look of provider-hetzner's is two runs of Terraform: a quarter
 * of a second of a processor.
 */
export const TEST_POLLS: Polls = { hetzner: EVERYTHING ? 60 : 30, others: 15 };
/** The providers' own. Source: `--poll` of provider-hetzner v0.2.1, provider-helm v1.3.0, provider-kubernetes v1.2.1, 2026-11. */
export const OWN_POLLS: Polls = { hetzner: 600, others: 600 };

const TERRAFORM = '1.5.7';
const HCLOUD = '1.59.0';

/** Programs that no Go module proxy can give: tools/upstream.ts builds them. */
type Prebuilt = 'provider-hetzner-v0.2.1' | 'terraform-provider-hcloud_v1.59.0';

/** The path of a program from $OPENOVA_TOOLS, where it may lie packed. */
async function prebuilt(name: Prebuilt): Promise<string> {
  const cached = join(
    process.env['OPENOVA_CACHE'] ?? join(homedir(), '.cache', 'openova'),
    'tools',
    name,
    name,
  );
  if (await isThere(cached)) return cached;
  const folder = folderNamedBy('OPENOVA_TOOLS');
  if (folder !== undefined) {
    const plain = join(folder, name);
    if (await isThere(plain)) return plain;
    const packed = join(folder, `${name}-${process.platform}-amd64.xz`);
    if (await isThere(packed)) return unpack(packed, cached);
  }
  throw new Error(
    `cannot find "${name}" in ${folder ?? 'a folder: the variable OPENOVA_TOOLS is not set'}: \`node tools/upstream.ts FOLDER\` builds it in FOLDER/bin`,
  );
}

async function unpack(packed: string, to: string): Promise<string> {
  await mkdir(dirname(to), { recursive: true });
  const unfinished = `${to}.${process.pid}`;
  const output = createWriteStream(unfinished);
  const xz = spawn('xz', ['-dkc', packed], { stdio: ['ignore', 'pipe', 'inherit'] });
  xz.stdout.pipe(output);
  await once(output, 'close');
  await chmod(unfinished, 0o755);
  await rename(unfinished, to);
  return to;
}

/** Every program that is not built here; fails when one is missing. */
export async function prebuiltPrograms(): Promise<{ hetzner: string; hcloud: string }> {
  return {
    hetzner: await prebuilt('provider-hetzner-v0.2.1'),
    hcloud: await prebuilt('terraform-provider-hcloud_v1.59.0'),
  };
}

async function isThere(path: string): Promise<boolean> {
  return access(path, constants.R_OK).then(
    () => true,
    () => false,
  );
}

/** Where a provider's definitions are: in its Go module, or in a folder of $OPENOVA_CRDS. */
const DEFINITIONS: Readonly<Record<ProviderName, () => Promise<string>>> = {
  'provider-hetzner': collected('provider-hetzner'),
  'provider-helm': packaged('provider-helm'),
  'provider-kubernetes': packaged('provider-kubernetes'),
  'provider-cloudflare-dns': collected('provider-upjet-cloudflare-wildbitca'),
  'provider-aws-route53': collected('provider-upjet-aws'),
  'provider-gcp-dns': collected('provider-upjet-gcp'),
  'provider-azure-network': collected('provider-upjet-azure'),
};

export type ProviderName = (typeof PACKAGES)[number]['name'];

function collected(name: string): () => Promise<string> {
  return async () => {
    const all = folderNamedBy('OPENOVA_CRDS');
    const folder = join(all ?? '', name);
    if (all !== undefined && (await isThere(folder))) return folder;
    throw new Error(
      `cannot find the definitions "${name}" in ${all ?? 'a folder: the variable OPENOVA_CRDS is not set'}: ` +
        '`node tools/upstream.ts FOLDER` fills FOLDER/crds, see docs/live.md',
    );
  };
}

function packaged(name: 'provider-helm' | 'provider-kubernetes'): () => Promise<string> {
  return async () => join(await moduleFolder(name, `github.com/crossplane-contrib/${name}`), 'package/crds');
}

/** The kinds of a provider that belong to clusters, as its package defines them. */
export async function definitionsOf(name: ProviderName): Promise<Manifest[]> {
  const folder = await DEFINITIONS[name]();
  const files = (await readdir(folder)).filter((file) => !file.includes('.m.'));
  const crds = await Promise.all(files.map((file) => readManifests(join(folder, file))));
  // Kinds of namespaces are not ours.
  return crds
    .flat()
    .filter((crd) => !(textAt(crd, 'spec', 'group') ?? '').includes('.m.'))
    .map(withoutConversion);
}

/** The webhook that converts is the provider's Service, which leads nowhere here; one version is enough. */
function withoutConversion(crd: Manifest): Manifest {
  return { ...crd, spec: { ...objectAt(crd, 'spec'), conversion: { strategy: 'None' } } };
}

/**
 * provider-helm never fetches a chart again that it finds here, whoever left it: it gets a place of its own.
 * Source: provider-helm v1.3.0, pkg/clients/helm/client.go, 2026-11.
 */
const OWN_CHARTS = 'mkdir -p /tmp/charts && mount --bind "$0" /tmp/charts && exec "$@"';

interface Place {
  readonly folder: string;
  readonly logs: string;
  readonly ca: Authority;
  readonly polls: Polls;
  /** Environment that leads to the charts. */
  readonly proxy: Readonly<Record<string, string>>;
}

export async function startProviders(
  control: ApiServer,
  { folder, logs, ca, polls, proxy }: Place,
): Promise<Running[]> {
  const certs = await certificates(ca, join(folder, 'provider'), 'provider');
  const poll = `--poll=${polls.others}s`;
  const common = {
    TLS_SERVER_CERTS_DIR: certs,
    HOME: folder,
    TMPDIR: folder,
  };
  const charts = join(folder, 'fetched-charts');
  await mkdir(charts);
  const [webhook = 0, health = 0] = await freePorts(2);
  const { plugin, terraform } = await attachedTerraform(folder, logs);
  const { hetzner } = await prebuiltPrograms();
  const account = async (name: ProviderName) => ({
    KUBECONFIG: await accountFile(control, folder, await providerAccount(control.kube, name)),
  });
  return [
    plugin,
    start(logs, 'provider-hetzner', {
      program: hetzner,
      args: [
        `--poll=${polls.hetzner}s`,
        `--webhook-port=${webhook}`,
        '--metrics-bind-address=0',
        `--certs-dir=${certs}`,
      ],
      env: {
        ...common,
        ...(await account('provider-hetzner')),
        PATH: `${terraform}:${process.env['PATH'] ?? ''}`,
        TF_FORK: '0',
        TERRAFORM_VERSION: TERRAFORM,
        TERRAFORM_PROVIDER_SOURCE: 'hetznercloud/hcloud',
        TERRAFORM_PROVIDER_VERSION: HCLOUD,
        TERRAFORM_NATIVE_PROVIDER_PATH: 'unused',
      },
    }),
    start(logs, 'provider-helm', {
      program: 'unshare',
      args: ['--mount', 'sh', '-c', OWN_CHARTS, charts, await toolPath('provider-helm'), poll],
      env: { ...common, ...(await account('provider-helm')), ...proxy },
    }),
    start(logs, 'provider-kubernetes', {
      program: await toolPath('provider-kubernetes'),
      args: [poll, `--health-probe-bind-addr=127.0.0.1:${health}`, '--sanitize-secrets'],
      env: { ...common, ...(await account('provider-kubernetes')) },
    }),
  ];
}

/**
 * Terraform under its own name, attached to its plugin, which runs once instead of three times for every look at a
 * resource: two thirds of what a look costs. Everything here is of one account, so that the plugin may be shared.
 */
async function attachedTerraform(
  folder: string,
  logs: string,
): Promise<{ plugin: Running; terraform: string }> {
  const { hcloud } = await prebuiltPrograms();
  const terraform = join(folder, 'terraform-bin');
  await mkdir(terraform, { recursive: true });
  const plugin = start(logs, 'terraform-provider-hcloud', {
    program: hcloud,
    args: ['-debug'],
    // Its traces are a megabyte a second, and every look at a resource leaves garbage.
    env: { TMPDIR: folder, TF_LOG_SDK: 'ERROR', TF_LOG_PROVIDER: 'ERROR', GOGC: '100' },
  });
  const attach = await eventually(
    'how to attach to the plugin of Terraform',
    20,
    async () => /TF_REATTACH_PROVIDERS='(.+)'/.exec(await readFile(plugin.log, 'utf8'))?.[1],
  );
  // A variable of provider-hetzner's own would not do: it gives Terraform an empty one.
  const script = `#!/bin/sh\nTF_REATTACH_PROVIDERS='${attach}' exec ${await toolPath('terraform')} "$@"\n`;
  await writeFile(join(terraform, 'terraform'), script, { mode: 0o755 });
  return { plugin, terraform };
}
