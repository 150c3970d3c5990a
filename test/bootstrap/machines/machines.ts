/**
 * Machines for tests of the bootstrap program: real OpenSSH servers, each with a network, a disk and processes of its own,
 * on which a stand-in of K3s runs real members of etcd. docs/bootstrap-machines.md says what is real and what is not.
 *
 * Needs root, and the packages of Debian that premises.ts names.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { listAt, textAt, at } from '../../../functions/kernel/manifest.ts';
import type { Json } from '../../../functions/kernel/manifest.ts';
import { asJson, type Kube } from '../../live/kube.ts';
import type { Machine } from './machine.ts';
import type { Mirror } from './mirror.ts';
import { adminOf, startPremises, type PremisesOptions } from './premises.ts';

export type { Machine } from './machine.ts';

export interface Options extends PremisesOptions {
  /** Of the machines and their Kubernetes nodes. */
  readonly names: readonly string[];
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
  const { names } = options;
  const { publicKey, privateKey } =
    options.authorizedKeys === undefined ? sshKey() : { publicKey: options.authorizedKeys, privateKey: '' };
  const premises = await startPremises({ ...options, authorizedKeys: publicKey });
  const { shared, mirror, controlPlane } = premises;
  try {
    const places = await premises.network.places(names);
    const machines = await Promise.all([...places].map(([name, place]) => premises.machine(name, place)));
    const named = (name: string) => {
      const found = machines.find((one) => one.name === name);
      if (found === undefined) throw new Error(`no machine "${name}": there are ${names.join(', ')}`);
      return found;
    };
    const kube = async () => {
      if (controlPlane !== undefined) return controlPlane.kube;
      for (const one of machines) {
        const found = await adminOf(one, one.target.nodeAddress);
        if (found !== undefined) return found;
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
        await premises.stop();
      },
    };
  } catch (error) {
    await premises.stop();
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

/** In the forms that OpenSSH reads. */
function sshKey(): { readonly publicKey: string; readonly privateKey: string } {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return { publicKey: `${pair.public}\n`, privateKey: pair.private };
}
