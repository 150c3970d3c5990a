/** The real program on machines of the test: its inputs as a region writes them, and what came of it. */
import { EXIT, type Config, type Target } from '../../../functions/bootstrap/contract.ts';
import { Failure } from '../../../functions/bootstrap/failure.ts';
import { leader, members, membersOf, moveLeader, nodeOf } from '../../../functions/bootstrap/node/etcd.ts';
import { operate, type OnMachines } from '../../../functions/bootstrap/operate.ts';
import type { Event } from '../../../functions/bootstrap/progress.ts';
import type { Remote } from '../../../functions/bootstrap/remote.ts';
import { realWorld, type World } from '../../../functions/bootstrap/runner.ts';
import { MemoryStore } from '../memory-store.ts';
import type { Machine, Machines } from '../machines/machines.ts';

export const VERSION = 'v1.36.3+k3s1';
export const NAMESPACE = 'openova-system';
export const SECRETS = { tokens: 'acme-tokens', ssh: 'acme-ssh', hostKeys: 'acme-host-keys' } as const;

const SHARED: Config = {
  disable: ['traefik', 'servicelb'],
  'flannel-backend': 'none',
  'disable-network-policy': true,
  'disable-kube-proxy': true,
  'cluster-cidr': '10.42.0.0/16',
  'service-cidr': '10.43.0.0/16',
  'cluster-dns': '10.43.0.10',
  'secrets-encryption': true,
};

/** What every input says. */
export const COMMON = {
  version: 1 as const,
  region: 'acme',
  namespace: NAMESPACE,
  result: 'acme-result',
  secrets: SECRETS,
  deadlineSeconds: 3600,
};

/** What servers are told of snapshots. */
export const SNAPSHOTS = { schedule: '0 */6 * * *', retention: 5 };

export interface Ended {
  readonly code: number;
  readonly cause: string;
  readonly hint: string | undefined;
  readonly log: readonly string[];
  readonly events: readonly Event[];
}

/** A management cluster, of which only the Secrets matter. */
export class Site {
  readonly machines: Machines;
  store = new MemoryStore();
  /** Short, because these machines are quick. */
  patience = 0.1;

  constructor(machines: Machines) {
    this.machines = machines;
  }

  target(name: string): Target {
    return this.machines.named(name).target;
  }

  k3s(machine: Machine, role: 'server' | 'agent') {
    const { address, nodeAddress } = machine.target;
    const node: Config = {
      'protect-kernel-defaults': true,
      'node-name': machine.name,
      'node-ip': nodeAddress,
      ...(role === 'server' && {
        'advertise-address': nodeAddress,
        'tls-san': [...new Set([address, nodeAddress])],
      }),
    };
    return { version: VERSION, common: role === 'server' ? SHARED : {}, node };
  }

  /** @param peers names of the region's other servers. */
  server(name: string, peers: readonly string[]): OnMachines {
    const machine = this.machines.named(name);
    return {
      ...COMMON,
      operation: 'server',
      target: machine.target,
      peers: peers.filter((peer) => peer !== name).map((peer) => this.target(peer)),
      k3s: this.k3s(machine, 'server'),
      snapshots: SNAPSHOTS,
      cni: 'none',
    };
  }

  agent(name: string, servers: readonly string[]): OnMachines {
    const machine = this.machines.named(name);
    return {
      ...COMMON,
      operation: 'agent',
      target: machine.target,
      peers: servers.map((peer) => this.target(peer)),
      k3s: this.k3s(machine, 'agent'),
    };
  }

  kubeconfig(name: string): OnMachines {
    return {
      ...COMMON,
      operation: 'kubeconfig',
      target: this.target(name),
      kubeconfig: 'acme-kubeconfig',
      context: 'acme',
    };
  }

  /** Makes the tokens and the key, and lets the key in on the machines. */
  async prepare(): Promise<Ended> {
    const ended = await this.run({ ...COMMON, operation: 'prepare' });
    const secret = await this.store.secret({ namespace: NAMESPACE, name: SECRETS.ssh });
    await this.machines.authorize(`${secret?.data['public'] ?? ''}\n`);
    return ended;
  }

  /** Cuts waits short: for what never comes. */
  async soon<T>(work: () => Promise<T>): Promise<T> {
    const { patience } = this;
    this.patience = 0.03;
    try {
      return await work();
    } finally {
      this.patience = patience;
    }
  }

  /** @throws Error when a command line shows a word of a Secret. */
  async run(input: OnMachines, other: Partial<World> = {}): Promise<Ended> {
    const events: Event[] = [];
    const scripts: string[] = [];
    const world: World = {
      ...realWorld(
        {
          store: this.store,
          progress: (event) => events.push(event),
          stop: new AbortController().signal,
        },
        {},
      ),
      patience: this.patience,
      ...other,
    };
    const listened: World = {
      ...world,
      login: async (target, login) => listening(await world.login(target, login), scripts),
    };
    const { code, cause, hint, log } = await endOf(listened, input);
    const shown = this.store.hidden().find((word) => scripts.some((script) => script.includes(word)));
    if (shown !== undefined)
      throw new Error(
        `a Secret is shown to whoever lists processes: ${scripts
          .filter((script) => script.includes(shown))
          .join('\n')
          .replaceAll(shown, '***')}`,
      );
    return { code, cause, hint, log, events };
  }
}

async function endOf(world: World, input: OnMachines): Promise<Omit<Ended, 'events'>> {
  try {
    await operate(world, input);
    return { code: EXIT.done, cause: '', hint: undefined, log: [] };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { code: error.code, cause: error.message, hint: error.hint, log: error.log };
  }
}

function listening(remote: Remote, scripts: string[]): Remote {
  return {
    target: remote.target,
    run: (script, options) => {
      scripts.push(script);
      return remote.run(script, options);
    },
    close: () => {
      remote.close();
    },
  };
}

/** A machine by no means that it offers itself. */
function remoteOf(machine: Machine): Remote {
  return { target: machine.target, run: (script) => machine.exec(script), close: () => undefined };
}

/** The node whose member leads etcd, as another one says. */
export async function leaderOf(machines: Machines, asked: string): Promise<string | undefined> {
  const remote = remoteOf(machines.named(asked));
  const [all, id] = [await members(remote), await leader(remote)];
  const found = all.find((member) => member.id === id);
  return found && nodeOf(found);
}

/** Makes the member of a node lead etcd. */
export async function letLead(machines: Machines, name: string): Promise<void> {
  const machine = machines.named(name);
  const now = await leaderOf(machines, name);
  const [member] = membersOf(await members(remoteOf(machine)), machine.target);
  if (now === undefined || member === undefined) throw new Error(`etcd of "${name}" has no leader`);
  if (now !== name) await moveLeader(remoteOf(machines.named(now)), member);
}

/** A mishap that ends with its test, whatever comes of it. */
export async function during<T>(fault: (on: boolean) => Promise<void>, work: () => Promise<T>): Promise<T> {
  await fault(true);
  try {
    return await work();
  } finally {
    await fault(false);
  }
}
