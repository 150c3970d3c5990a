/**
 * Machines for tests of the bootstrap program: real OpenSSH servers, each with a network, a disk and processes of its own,
 * on which a stand-in of K3s runs real members of etcd. docs/bootstrap-machines.md says what is real and what is not.
 *
 * Needs root, and Debian's openssh-server, iproute2 and nftables.
 */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { toolPath } from '../../../tools/build.ts';
import { listAt, textAt, at } from '../../../functions/kernel/manifest.ts';
import type { Json } from '../../../functions/kernel/manifest.ts';
import { asJson, Kube } from '../../live/kube.ts';
import { machine, type Machine } from './machine.ts';
import { startMirror, type Mirror } from './mirror.ts';
import { startNetwork } from './network.ts';
import { startControlPlane } from './control-plane.ts';

export type { Machine } from './machine.ts';

export interface Options {
  /** Of the machines and their Kubernetes nodes. */
  readonly names: readonly string[];
  /**
   * All machines share one API server, with what a cluster there had before still in it until `reset`: for tests that
   * need many clusters one after the other. Otherwise each server runs one of its own on its member of etcd.
   */
  readonly light?: boolean;
  /** When nodes are Ready: once there is a CNI, that is the ConfigMap kube-system/cilium-config, or at once. */
  readonly ready?: 'cni' | 'at-once';
  /** Keys that may log in as root; left out, one is made. */
  readonly authorizedKeys?: string;
}

export interface Member {
  readonly id: string;
  readonly name: string;
  readonly learner: boolean;
}

export interface Machines {
  readonly machines: readonly Machine[];
  named(name: string): Machine;
  readonly mirror: Mirror;
  /** A key with which root may log in, in PEM; there is none when keys were given. */
  readonly privateKey: string;
  /** Which keys may log in as root, from now on and on machines to come. One line each. */
  authorize(publicKeys: string): Promise<void>;
  /** How often a cluster was begun, since the start or the last reset. */
  initCount(): Promise<number>;
  /** Of the etcd that the machine is a member of, as it says itself. */
  members(name: string): Promise<Member[]>;
  /** Of the cluster, as an administrator; of the first server that answers. */
  kube(): Promise<Kube>;
  /** What Cilium's chart would bring as far as nodes look at it. */
  installCni(): Promise<void>;
  /** All machines blank, without faults, and all of the shared cluster forgotten. */
  reset(): Promise<void>;
  stop(): Promise<void>;
}

export async function startMachines(options: Options): Promise<Machines> {
  const { names, light = false, ready = 'cni' } = options;
  const network = await startNetwork();
  try {
    const shared = join(network.folder, 'shared');
    const logs = join(network.folder, 'logs');
    for (const part of ['pids', 'life', ...names.map((name) => `faults/${name}`)])
      await mkdir(join(shared, part), { recursive: true });
    await mkdir(logs);
    const tools = await toolPaths();
    const [controlPlane, mirror, places] = await Promise.all([
      light ? startControlPlane({ folder: network.folder, logs, address: network.gateway }) : undefined,
      startMirror(network.gateway),
      network.places(names),
    ]);
    const { publicKey, privateKey } =
      options.authorizedKeys === undefined ? sshKey() : { publicKey: options.authorizedKeys, privateKey: '' };
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
      authorized_keys: publicKey,
    };
    for (const [file, text] of Object.entries(files)) await writeFile(join(shared, file), text);
    const machines = [...places].map(([name, place]) => machine(name, { network, place, logs, shared }));
    await Promise.all(machines.map((one) => one.boot()));
    const named = (name: string) => {
      const found = machines.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no machine "${name}": there are ${names.join(', ')}`);
      return found;
    };
    const kube = async () => {
      if (controlPlane !== undefined) return controlPlane.kube;
      for (const one of machines) {
        const access = await one
          .exec('cat /var/lib/rancher/k3s/server/admin-access.json')
          .catch(() => undefined);
        if (access?.code !== 0) continue;
        const found = new Kube(readAccess(access.stdout, one.target.nodeAddress));
        if ((await found.raw('/readyz').catch(() => undefined)) !== undefined) return found;
        found.close();
      }
      throw new Error('no machine has a Kubernetes that answers');
    };
    return {
      machines,
      named,
      mirror,
      privateKey,
      authorize: async (keys) => writeFile(join(shared, 'authorized_keys'), keys),
      initCount: async () => {
        const lives = await Promise.all(machines.map((one) => one.life()));
        return lives.flat().filter((event) => event === 'cluster-init').length;
      },
      members: async (name) => {
        const { stdout, stderr } = await named(name).exec(MEMBER_LIST);
        if (!stdout.startsWith('{'))
          throw new Error(`machine ${name} has no etcd that answers: ${stdout}${stderr}`);
        return listAt(asJson(JSON.parse(stdout)), 'members').map(memberOf);
      },
      kube,
      installCni: async () => {
        await (
          await kube()
        ).apply({
          apiVersion: 'v1',
          kind: 'ConfigMap',
          metadata: { name: 'cilium-config', namespace: 'kube-system' },
        });
      },
      reset: async () => {
        mirror.corrupt(false);
        await Promise.all(
          machines.map(async (one) => {
            await one.faults.none();
            await writeFile(join(shared, 'life', one.name), '');
            await one.wipe();
          }),
        );
        await controlPlane?.reset();
      },
      stop: async () => {
        await Promise.all(machines.map((one) => one.stop()));
        await Promise.all([mirror.stop(), controlPlane?.stop()]);
        await network.stop();
      },
    };
  } catch (error) {
    await network.stop();
    throw error;
  }
}

const ETCD = '/var/lib/rancher/k3s/server/tls/etcd';
const MEMBER_LIST = `curl -sS --max-time 5 --cacert ${ETCD}/server-ca.crt --cert ${ETCD}/client.crt --key ${ETCD}/client.key https://127.0.0.1:2382/v3/cluster/member/list -d '{}'`;

function memberOf(member: Json): Member {
  return {
    id: textAt(member, 'ID') ?? '',
    name: textAt(member, 'name') ?? '',
    learner: at(member, 'isLearner') === true,
  };
}

function readAccess(text: string, address: string) {
  const read = asJson(JSON.parse(text));
  const need = (field: string) => textAt(read, field) ?? '';
  return {
    url: `https://${address}:6443`,
    ca: need('ca'),
    client: { cert: need('cert'), key: need('key') },
  };
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

/** In the forms that OpenSSH reads. */
function sshKey(): { readonly publicKey: string; readonly privateKey: string } {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return { publicKey: `${pair.public}\n`, privateKey: pair.private };
}
