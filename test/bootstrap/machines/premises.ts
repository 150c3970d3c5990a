/** What machines stand on: their networks, the mirror of releases, and the folder that all of them see as /opt/machines. */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { textAt } from '../../../functions/kernel/manifest.ts';
import { toolPath } from '../../../tools/build.ts';
import { asJson, Kube } from '../../live/kube.ts';
import { programOf } from '../../live/processes.ts';
import { startControlPlane, type ControlPlane } from './control-plane.ts';
import { machine as newMachine, type Machine, type OwnMachine } from './machine.ts';
import { startMirror, type Mirror } from './mirror.ts';
import { startNetwork, type Network, type Place } from './network.ts';

export interface PremisesOptions {
  /**
   * All machines share one API server, with what a cluster there had before still in it until `reset`: for tests that
   * need many clusters one after the other. Otherwise each server runs one of its own on its member of etcd.
   */
  readonly light?: boolean;
  /** When nodes are Ready: once there is a CNI, that is the ConfigMap kube-system/cilium-config, or at once. */
  readonly ready?: 'cni' | 'at-once';
  /** Keys that may log in as root on every machine, one line each. */
  readonly authorizedKeys?: string;
}

export interface Premises {
  readonly network: Network;
  readonly mirror: Mirror;
  /** The API server that all machines share, if they do. */
  readonly controlPlane: ControlPlane | undefined;
  readonly shared: string;
  /** A new machine, switched on. @param authorizedKeys that may log in as root there, one line each. */
  machine(name: string, place: Place, authorizedKeys?: string): Promise<OwnMachine>;
  /** Once all machines have stopped. */
  stop(): Promise<void>;
}

/** By Debian package, a program of it that machines need. */
const PROGRAMS = {
  'openssh-server': '/usr/sbin/sshd',
  iproute2: 'ip',
  nftables: 'nft',
  curl: 'curl',
  openssl: 'openssl',
  psmisc: 'fuser',
  procps: 'ps',
} as const;

/** Fails with what is missing for machines on this one. */
export async function machinePrerequisites(): Promise<void> {
  if (process.getuid?.() !== 0)
    throw new Error(
      'machines of tests have networks and disks of their own: this must run as root, on Linux',
    );
  for (const [name, program] of Object.entries(PROGRAMS))
    await programOf(program, `install the package "${name}" (Debian)`);
}

export async function startPremises(options: PremisesOptions): Promise<Premises> {
  const { light = false, ready = 'cni', authorizedKeys = '' } = options;
  const network = await startNetwork();
  try {
    const shared = join(network.folder, 'shared');
    const logs = join(network.folder, 'logs');
    for (const part of ['pids', 'life', 'keys', 'faults'])
      await mkdir(join(shared, part), { recursive: true });
    await mkdir(logs);
    const tools = await toolPaths();
    const [controlPlane, mirror] = await Promise.all([
      light ? startControlPlane({ folder: network.folder, logs, address: network.gateway }) : undefined,
      startMirror(network.gateway),
    ]);
    const files: Record<string, string> = {
      env: environment(tools),
      tools: `${Object.values(tools).join('\n')}\n`,
      'settings.json': JSON.stringify({
        ready,
        tools,
        ...(controlPlane !== undefined && { light: controlPlane.light }),
      }),
      hosts: `${network.gateway} github.com\n`,
      'mirror.crt': mirror.ca,
      authorized_keys: authorizedKeys,
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(shared, file), text);
    return {
      network,
      mirror,
      controlPlane,
      shared,
      machine: async (name, place, own = '') => {
        await mkdir(join(shared, 'faults', name), { recursive: true });
        await writeFile(join(shared, 'keys', name), own);
        const made = newMachine(name, { network, place, logs, shared });
        await made.boot();
        return made;
      },
      stop: async () => {
        await Promise.all([mirror.stop(), controlPlane?.stop()]);
        await network.stop();
      },
    };
  } catch (error) {
    await network.stop();
    throw error;
  }
}

/** A client of the API server on a machine, as an administrator; undefined while none answers. */
export async function adminOf(machine: Machine, address: string): Promise<Kube | undefined> {
  const answer = await machine
    .exec('cat /var/lib/rancher/k3s/server/admin-access.json')
    .catch(() => undefined);
  if (answer?.code !== 0) return undefined;
  const read = asJson(JSON.parse(answer.stdout));
  const need = (field: string) => textAt(read, field) ?? '';
  const kube = new Kube({
    url: `https://${address}:6443`,
    ca: need('ca'),
    client: { cert: need('cert'), key: need('key') },
  });
  if ((await kube.raw('/readyz').catch(() => undefined)) !== undefined) return kube;
  kube.close();
  return undefined;
}

type Tools = Readonly<
  Record<'node' | 'kubectl' | 'etcd' | 'etcdutl' | 'kubeApiserver' | 'kubeControllerManager', string>
>;

async function toolPaths(): Promise<Tools> {
  return {
    node: process.execPath,
    kubectl: await toolPath('kubectl'),
    etcd: await toolPath('etcd'),
    etcdutl: await toolPath('etcdutl'),
    kubeApiserver: await toolPath('kube-apiserver'),
    kubeControllerManager: await toolPath('kube-controller-manager'),
  };
}

function environment({ node, kubectl }: Tools): string {
  const repository = join(import.meta.dirname, '../../..');
  return `NODE=${node}\nKUBECTL=${kubectl}\nREPOSITORY=${repository}\n`;
}
