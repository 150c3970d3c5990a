/** A cluster from a file, without a management cluster: the same operations, one after the other. */
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import ssh2 from 'ssh2';
import { reasonOf, type Io } from '../cli/io.ts';
import { counted } from '../cli/words.ts';
import { isObject } from '../kernel/manifest.ts';
import { allowList } from '../region/host.ts';
import { Input, KUBECONFIG_TYPE, type Config, type Target } from './contract.ts';
import {
  clusterDnsOf,
  isServer,
  nodeAddressOf,
  readBootstrap,
  type Bootstrap,
  type Machine,
} from './document.ts';
import { Failure, together } from './failure.ts';
import { FilesStore } from './files-store.ts';
import { issueIn, operate, type OnMachines } from './operate.ts';
import type { Progress } from './progress.ts';
import { asFailure, realWorld, type World } from './runner.ts';
import type { Store } from './store.ts';

/** All operations of one machine together. */
const DEADLINE_SECONDS = 3600;
/** Files have no namespaces; documents name one. */
const NAMESPACE = 'local';
const SECRETS = { tokens: 'tokens', ssh: 'ssh', hostKeys: 'host-keys' } as const;
const KUBECONFIG = 'kubeconfig';

export interface Surroundings {
  readonly io: Io;
  readonly progress: Progress;
  readonly stop: AbortSignal;
}

export function isStandalone(document: unknown): boolean {
  return isObject(document) && document['kind'] === 'Bootstrap';
}

/**
 * Brings up what a document asks for; a second time it finds everything done.
 * @param file the document's, which paths in it are relative to.
 * @throws Failure
 */
export async function standalone(
  document: unknown,
  file: string,
  { io, progress, stop }: Surroundings,
): Promise<void> {
  const wanted = readBootstrap(document, file);
  const inputs = operations(wanted);
  const { store, folder } = await openState(wanted, file);
  for (const input of inputs) {
    await operate(realWorld({ store, progress, stop }, io.env), input);
    if (input.operation === 'prepare') {
      const path = await showKey(store, folder);
      if (wanted.spec.sshKeyFile === undefined && io.out.isTerminal)
        io.out.write(`root on each machine must accept the key ${path}\n`);
    }
  }
  const path = await writeKubeconfig(store, folder);
  io.out.write(`kubectl --kubeconfig ${path} get nodes\n`);
}

/**
 * Takes K3s off every machine of a document, with all data of the cluster; a second time it finds everything gone.
 * @param confirmed the name of the cluster, as a person has written it.
 * @throws Failure input when another cluster is confirmed, or nobody has the key to its machines.
 */
export async function takeDown(
  document: unknown,
  file: string,
  confirmed: string,
  { io, progress, stop }: Surroundings,
): Promise<void> {
  const wanted = readBootstrap(document, file);
  const { name } = wanted.metadata;
  if (confirmed !== name)
    throw Failure.input(
      `--uninstall is "${confirmed}", must be "${name}", the name of the cluster in "${file}"`,
    );
  const inputs = removals(wanted);
  const { store, folder } = await openState(wanted, file);
  if ((await store.secret({ namespace: NAMESPACE, name: SECRETS.ssh })) === undefined)
    throw Failure.input(`there is no key to the machines of "${name}" in "${folder}"`, {
      hint: 'put back that folder, or give a key that they accept in sshKeyFile',
    });
  await store.create({ namespace: NAMESPACE, name: SECRETS.hostKeys }, { data: {} });
  await performAll(realWorld({ store, progress, stop }, io.env), inputs);
  await forgetCluster(store, folder);
  io.out.write(`K3s is gone from ${counted(inputs.length, 'machine')} of "${name}"\n`);
}

/** The folder of a document's keys and tokens, with the key that it gives. */
async function openState({ metadata, spec }: Bootstrap, file: string) {
  const folder = resolve(dirname(file), spec.state ?? `${metadata.name}-state`);
  const store = new FilesStore(folder);
  if (spec.sshKeyFile !== undefined) await takeKey(store, resolve(dirname(file), spec.sshKeyFile));
  return { store, folder };
}

/**
 * Runs operations in turn; one that fails keeps no other from its turn, unless the program is stopped.
 * @throws Failure with the words of all that failed, and the code of the first.
 */
export async function performAll(world: World, inputs: readonly OnMachines[]): Promise<void> {
  const failures: Failure[] = [];
  for (const input of inputs)
    await operate(world, input).catch((error: unknown) => {
      if (world.stop.aborted) throw error;
      failures.push(asFailure(error));
    });
  const [first, ...more] = failures;
  if (first !== undefined) throw together(first, more);
}

/** Another cluster may begin. The token is put aside only: snapshots that somebody has copied are of no use without it. */
async function forgetCluster(store: FilesStore, folder: string): Promise<void> {
  const when = new Date().toISOString().replaceAll(':', '');
  await store.rename({ namespace: NAMESPACE, name: SECRETS.tokens }, `${SECRETS.tokens}-until-${when}`);
  for (const file of [KUBECONFIG, `${KUBECONFIG}.json`]) await rm(join(folder, file), { force: true });
}

/** What is done in order: each of these is done at once when it has been done before. */
export function operations({ metadata, spec }: Bootstrap): OnMachines[] {
  const servers = spec.machines.filter(isServer);
  const agents = spec.machines.filter((machine) => !isServer(machine));
  const peersOf = (machine: Machine) => servers.filter((one) => one !== machine).map(targetOf);
  // Those before it have been told of it by then.
  const laterServers = (machine: Machine) =>
    isServer(machine) ? servers.slice(servers.indexOf(machine) + 1).map(targetOf) : [];
  const common = (result: string) => commonOf(metadata.name, result);
  const k3s = (machine: Machine) => ({
    version: spec.kubernetes.version,
    common: isServer(machine) ? sharedConfig(spec) : {},
    node: nodeConfig(machine, metadata.name),
    ...(spec.kubernetes.source !== undefined && { source: spec.kubernetes.source }),
  });
  const allow = allowList({
    places: spec.machines.map(targetOf),
    podCidr: spec.network.podCidr,
    access: spec.access,
  });
  const on = (machine: Machine) => ({
    ...common(machine.name),
    target: targetOf(machine),
    peers: peersOf(machine),
    k3s: k3s(machine),
    host: { allow, others: laterServers(machine) },
  });
  const { snapshots, cni } = spec;
  const documents = [
    { ...common('prepare'), operation: 'prepare' },
    ...servers.map((machine) => ({ ...on(machine), operation: 'server', snapshots, cni })),
    ...agents.map((machine) => ({ ...on(machine), operation: 'agent' })),
    ...servers.slice(0, 1).map((machine) => ({
      ...common('kubeconfig'),
      operation: 'kubeconfig',
      target: targetOf(machine),
      kubeconfig: KUBECONFIG,
      context: metadata.name,
    })),
  ];
  return documents.map((one) => inputIn(one, metadata.name));
}

/** What takes all of it away: agents first, then servers. */
export function removals({ metadata, spec }: Bootstrap): OnMachines[] {
  const machines = [...spec.machines.filter((one) => !isServer(one)), ...spec.machines.filter(isServer)];
  return machines.map((machine) =>
    inputIn(
      {
        ...commonOf(metadata.name, machine.name),
        operation: 'uninstall',
        target: targetOf(machine),
        role: machine.role,
      },
      metadata.name,
    ),
  );
}

/** What every input says. */
function commonOf(cluster: string, result: string) {
  return {
    version: 1,
    region: cluster,
    namespace: NAMESPACE,
    result,
    secrets: SECRETS,
    deadlineSeconds: DEADLINE_SECONDS,
  };
}

function inputIn(document: object, cluster: string): OnMachines {
  const read = Input.safeParse(document);
  if (!read.success) throw Failure.input(`"${cluster}" is no cluster: ${issueIn(read.error)}`);
  if (read.data.operation === 'teardown') throw new Error('a teardown was planned');
  return read.data;
}

function targetOf(machine: Machine): Target {
  const { name, address, sshPort, hostKey, generation } = machine;
  return {
    name,
    address,
    nodeAddress: nodeAddressOf(machine),
    port: sshPort,
    identity: `generation-${generation}`,
    ...(hostKey !== undefined && { hostKey }),
  };
}

/** As regions on existing machines have it, docs/k3s.md says why. */
function sharedConfig({ network }: Bootstrap['spec']): Config {
  return {
    disable: ['traefik', 'servicelb'],
    'flannel-backend': 'none',
    'disable-network-policy': true,
    'disable-kube-proxy': true,
    'cluster-cidr': network.podCidr,
    'service-cidr': network.serviceCidr,
    'cluster-dns': clusterDnsOf(network),
    'secrets-encryption': true,
  };
}

/** Without the taint that regions have: the Job with which K3s installs Cilium does not tolerate it. */
function nodeConfig(machine: Machine, cluster: string): Config {
  const { address, nodeAddress } = targetOf(machine);
  return {
    'protect-kernel-defaults': true,
    'node-name': machine.name,
    'node-ip': nodeAddress,
    ...(address !== nodeAddress && { 'node-external-ip': address }),
    ...(isServer(machine) && {
      'advertise-address': nodeAddress,
      'tls-san': [...new Set([`api.${cluster}`, address, nodeAddress])],
    }),
    'node-label': Object.entries(machine.labels).map(([label, value]) => `${label}=${value}`),
  };
}

/** Takes over a key that the machines accept already. */
async function takeKey(store: Store, file: string): Promise<void> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw Failure.input(`cannot read sshKeyFile "${file}": ${reasonOf(error)}`);
  });
  const key = ssh2.utils.parseKey(text);
  if (key instanceof Error)
    throw Failure.input(
      `sshKeyFile "${file}" is no private key in OpenSSH form without a passphrase: ${key.message}`,
    );
  const ref = { namespace: NAMESPACE, name: SECRETS.ssh };
  const data = { id_ed25519: text, public: `${key.type} ${key.getPublicSSH().toString('base64')}` };
  if (await store.create(ref, { data })) return;
  const kept = await store.secret(ref);
  if (kept?.data['id_ed25519'] !== text)
    throw Failure.input(`sshKeyFile "${file}" is another key than the one that is kept already`, {
      hint: `to use it from now on, delete "${SECRETS.ssh}.json" in the folder of the state`,
    });
}

/** For people to put on their machines. @returns the path of the public key. */
async function showKey(store: Store, folder: string): Promise<string> {
  const secret = await store.secret({ namespace: NAMESPACE, name: SECRETS.ssh });
  const path = join(folder, 'id_ed25519.pub');
  await writeFile(path, `${secret?.data['public'] ?? ''}\n`);
  return path;
}

async function writeKubeconfig(store: Store, folder: string): Promise<string> {
  const secret = await store.secret({ namespace: NAMESPACE, name: KUBECONFIG });
  const text = secret?.type === KUBECONFIG_TYPE ? secret.data['kubeconfig'] : undefined;
  const path = join(folder, KUBECONFIG);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await writeFile(`${path}.new`, text ?? '', { mode: 0o600 });
  await rename(`${path}.new`, path);
  return path;
}
