/** The real providers as processes: Hetzner's against the pretended cloud, those of Helm and Kubernetes as they are. */
import { execFile } from 'node:child_process';
import { access, chmod, constants, cp, mkdir, readdir, rename, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { at, objectAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { moduleFolder, toolPath } from '../../tools/build.ts';
import { collectedCrds } from '../fields/derive.ts';
import type { ApiServer } from './api-server.ts';
import type { Authority } from '../certificates.ts';
import { certificates } from './crossplane.ts';
import { readManifests, type Kube } from './kube.ts';
import { freePorts } from '../ports.ts';
import { eventually, start, type Running } from './processes.ts';

const run = promisify(execFile);

/** How often providers look at what is ready, in seconds: their own 600 would make every test wait. */
export const POLL_SECONDS = 15;

const TERRAFORM = '1.5.7';
const HCLOUD = '1.59.0';

/** Programs that no Go module proxy can give. */
const PREBUILT = {
  'provider-hetzner-v0.2.1': 'github.com/hipervincle/provider-hetzner at v0.2.1, ./cmd/provider',
  'terraform-provider-hcloud_v1.59.0': 'github.com/hetznercloud/terraform-provider-hcloud at v1.59.0',
} as const;

/** The path of a program from $OPENOVA_TOOLS, where it may lie packed with xz. */
async function prebuilt(name: keyof typeof PREBUILT): Promise<string> {
  const cached = join(
    process.env['OPENOVA_CACHE'] ?? join(homedir(), '.cache', 'openova'),
    'tools',
    name,
    name,
  );
  if (await isThere(cached)) return cached;
  const folder = process.env['OPENOVA_TOOLS'];
  if (folder !== undefined) {
    const plain = join(folder, name);
    if (await isThere(plain)) return plain;
    const packed = join(folder, `${name}-${process.platform}-amd64.xz`);
    if (await isThere(packed)) return unpack(packed, cached);
  }
  throw new Error(
    `cannot find "${name}" in the folder $OPENOVA_TOOLS: build it from ${PREBUILT[name]}, with CGO_ENABLED=0 go build -trimpath -ldflags "-s -w" -o $OPENOVA_TOOLS/${name}`,
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

/** The providers' definitions, and Crossplane's rights to their kinds, as its RBAC manager gives them with packages. */
export async function installProviderCrds(kube: Kube): Promise<void> {
  const helm = await moduleFolder('provider-helm', 'github.com/crossplane-contrib/provider-helm');
  const kubernetes = await moduleFolder(
    'provider-kubernetes',
    'github.com/crossplane-contrib/provider-kubernetes',
  );
  const collected = collectedCrds();
  if (collected === undefined)
    throw new Error(
      'cannot find the definitions of provider-hetzner: OPENOVA_CRDS must name a folder with them, docs/live.md says which',
    );
  const folders = [
    join(helm, 'package/crds'),
    join(kubernetes, 'package/crds'),
    join(collected, 'provider-hetzner'),
  ];
  const groups = new Set<string>();
  for (const folder of folders) {
    for (const file of await readdir(folder)) {
      for (const crd of await readManifests(join(folder, file))) {
        const group = textAt(crd, 'spec', 'group') ?? '';
        // Kinds of namespaces are not ours.
        if (group.includes('.m.crossplane.io')) continue;
        groups.add(group);
        await kube.apply(withoutConversion(crd));
      }
    }
  }
  await kube.apply({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRole',
    metadata: { name: 'live:providers', labels: { 'rbac.crossplane.io/aggregate-to-crossplane': 'true' } },
    rules: [{ apiGroups: [...groups].sort(), resources: ['*'], verbs: ['*'] }],
  });
  await eventually('the definitions of providers', 120, async () => {
    const found = await kube.list('apiextensions.k8s.io/v1', 'CustomResourceDefinition');
    return found.every((crd) =>
      JSON.stringify(at(crd, 'status', 'conditions') ?? '').includes('"Established"'),
    )
      ? true
      : undefined;
  });
}

/** The webhook that converts is the provider's Service, which leads nowhere here; one version is enough. */
function withoutConversion(crd: Manifest): Manifest {
  return { ...crd, spec: { ...objectAt(crd, 'spec'), conversion: { strategy: 'None' } } };
}

interface Place {
  readonly folder: string;
  readonly logs: string;
  readonly ca: Authority;
  /** Environment that leads to the charts. */
  readonly charts: Readonly<Record<string, string>>;
}

export async function startProviders(
  control: ApiServer,
  { folder, logs, ca, charts }: Place,
): Promise<Running[]> {
  const certs = await certificates(ca, join(folder, 'provider'), 'provider');
  const poll = `--poll=${POLL_SECONDS}s`;
  const common = {
    KUBECONFIG: control.kubeconfig,
    TLS_SERVER_CERTS_DIR: certs,
    HOME: folder,
    TMPDIR: folder,
  };
  const [webhook = 0, health = 0] = await freePorts(2);
  const { terraform, config } = await terraformFolder(folder);
  const { hetzner } = await prebuiltPrograms();
  return [
    start(logs, 'provider-hetzner', {
      program: hetzner,
      args: [poll, `--webhook-port=${webhook}`, '--metrics-bind-address=0', `--certs-dir=${certs}`],
      env: {
        ...common,
        PATH: `${terraform}:${process.env['PATH'] ?? ''}`,
        TF_CLI_CONFIG_FILE: config,
        TF_FORK: '0',
        TERRAFORM_VERSION: TERRAFORM,
        TERRAFORM_PROVIDER_SOURCE: 'hetznercloud/hcloud',
        TERRAFORM_PROVIDER_VERSION: HCLOUD,
        TERRAFORM_NATIVE_PROVIDER_PATH: 'unused',
      },
    }),
    start(logs, 'provider-helm', {
      program: await toolPath('provider-helm'),
      args: [poll],
      env: { ...common, ...charts },
    }),
    start(logs, 'provider-kubernetes', {
      program: await toolPath('provider-kubernetes'),
      args: [poll, `--health-probe-bind-addr=127.0.0.1:${health}`, '--sanitize-secrets'],
      env: common,
    }),
  ];
}

/** Terraform under its own name, and its plugin where it looks for it without a network. */
async function terraformFolder(folder: string): Promise<{ terraform: string; config: string }> {
  const { hcloud } = await prebuiltPrograms();
  const bin = join(folder, 'terraform-bin');
  const mirror = join(folder, 'terraform-mirror');
  const plugin = join(mirror, `registry.terraform.io/hetznercloud/hcloud/${HCLOUD}/linux_amd64`);
  await mkdir(bin, { recursive: true });
  await mkdir(plugin, { recursive: true });
  await run('ln', ['-sf', await toolPath('terraform'), join(bin, 'terraform')]);
  await cp(hcloud, join(plugin, `terraform-provider-hcloud_v${HCLOUD}`));
  const config = join(folder, 'terraformrc');
  await writeFile(
    config,
    `disable_checkpoint = true
provider_installation {
  filesystem_mirror {
    path    = "${mirror}"
    include = ["*/*"]
  }
  direct {
    exclude = ["*/*"]
  }
}
`,
  );
  return { terraform: bin, config };
}
