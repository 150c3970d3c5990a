/**
 * Machines behind the servers of the pretended cloud: a server of a claim that is to be real becomes a machine of
 * test/bootstrap/machines once it has its private address, lets in whom its firewalls there do, and goes when the cloud has
 * it no more.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { listAt, numberAt, same, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import type { OwnMachine } from '../bootstrap/machines/machine.ts';
import type { Opening, Place as Position } from '../bootstrap/machines/network.ts';
import { adminOf, type Premises } from '../bootstrap/machines/premises.ts';
import { written } from './hcloud/routes.ts';
import { AUTHORIZED_KEYS, firewallsOf } from './hcloud/servers.ts';
import type { Project } from './hcloud/state.ts';
import type { Kube } from './kube.ts';
import { repeat } from './processes.ts';

/**
 * Claims whose machines are real, by how they and all that is theirs is named. Every server of theirs runs an API server
 * and a member of etcd: the others have to do with a script.
 */
const REAL = /^(rough|unlucky)-/;

export function isReal(name: string): boolean {
  return REAL.test(name);
}

export interface RealMachines {
  /** What became of all machines of a name, of one after the other, by name: `start`, `cluster-init`, `join 10.0.0.2` … */
  readonly life: (claim: string) => Promise<ReadonlyMap<string, readonly string[]>>;
  /** The machine that is a server now. */
  named(server: string): OwnMachine | undefined;
  readonly problems: ReadonlySet<string>;
  stop(): Promise<void>;
}

/** A machine, and the server that it is. */
interface Standing {
  readonly id: number;
  readonly region: string;
  readonly role: string;
  readonly place: Position;
  readonly machine: OwnMachine;
  /** What the firewall in front of it lets in. */
  allow: Opening[] | undefined;
}

interface Place {
  readonly project: Project;
  readonly premises: Premises;
  /** To be told which API server is that of a region's cluster, and that there is none any more. */
  readonly cluster: (region: string, kube: Kube | undefined) => void;
}

export function startRealMachines({ project, premises, cluster }: Place): RealMachines {
  const standing = new Map<string, Standing>();
  /** The machine whose API server stands for a region's cluster. */
  const serving = new Map<string, { readonly machine: OwnMachine; readonly kube: Kube }>();

  const end = async (name: string, { region, machine }: Standing) => {
    standing.delete(name);
    const served = serving.get(region);
    if (served?.machine === machine) {
      serving.delete(region);
      cluster(region, undefined);
      served.kube.close();
    }
    await machine.remove();
  };

  const follow = repeat(async () => {
    const servers = project.all('servers').filter((server) => isReal(nameOf(server)));
    for (const [name, one] of standing)
      if (!servers.some((server) => numberAt(server, 'id') === one.id)) await end(name, one);
    for (const server of servers) {
      const name = nameOf(server);
      const one = standing.get(name);
      if (one !== undefined) await protect(server, one);
      else if (textAt(server, 'private_net', 0, 'ip') !== undefined)
        standing.set(name, {
          id: numberAt(server, 'id') ?? 0,
          region: textAt(server, 'labels', 'openova.io/region') ?? '',
          role: textAt(server, 'labels', 'openova.io/role') ?? '',
          ...(await install(server)),
        });
    }
  }, 200);

  const protect = async (server: JsonObject, one: Standing) => {
    const allow = letIn(project, server);
    if (same(allow, one.allow)) return;
    await premises.network.protect(one.place, allow);
    one.allow = allow;
  };

  const install = async (server: JsonObject) => {
    const network = numberAt(server, 'private_net', 0, 'network') ?? 0;
    const place = await premises.network.place(nameOf(server), {
      address: textAt(server, 'public_net', 'ipv4', 'ip') ?? '',
      privateAddress: textAt(server, 'private_net', 0, 'ip') ?? '',
      prefix: Number(textAt(project.get('networks', network), 'ip_range')?.split('/')[1]),
      segment: `${network}`,
    });
    // Before anything listens there.
    const allow = letIn(project, server);
    await premises.network.protect(place, allow);
    const keys = listAt(server, AUTHORIZED_KEYS).map(written).join('\n');
    return { place, allow, machine: await premises.machine(nameOf(server), place, keys) };
  };

  const look = repeat(async () => {
    for (const { region, role, machine } of standing.values()) {
      if (role !== 'server' || serving.has(region)) continue;
      const kube = await adminOf(machine, machine.target.address);
      if (kube === undefined) continue;
      serving.set(region, { machine, kube });
      cluster(region, kube);
    }
  }, 1000);

  return {
    life: async (claim) => {
      const folder = join(premises.shared, 'life');
      const names = (await readdir(folder)).filter((name) => name.startsWith(`${claim}-`)).sort();
      const events = async (name: string) => (await readFile(join(folder, name), 'utf8')).trim().split('\n');
      return new Map(await Promise.all(names.map(async (name) => [name, await events(name)] as const)));
    },
    named: (server) => standing.get(server)?.machine,
    get problems() {
      return new Set([...follow.problems, ...look.problems]);
    },
    stop: async () => {
      await Promise.all([follow.stop(), look.stop()]);
      for (const { kube } of serving.values()) kube.close();
      await Promise.all([...standing.values()].map(({ machine }) => machine.stop()));
    },
  };
}

const ALL_PORTS = '1-65535';

/**
 * What a server's firewalls let in over TCP; undefined where it has none. What is in no rule is dropped.
 * Source: docs.hetzner.com, cloud/firewalls/faq, 2026-11.
 */
function letIn(project: Project, server: JsonObject): Opening[] | undefined {
  const firewalls = firewallsOf(project, server);
  if (firewalls.length === 0) return undefined;
  return firewalls
    .flatMap((firewall) => listAt(firewall, 'rules'))
    .filter((rule) => textAt(rule, 'direction') === 'in' && textAt(rule, 'protocol') === 'tcp')
    .map((rule) => ({
      ports: [textAt(rule, 'port')?.replace('any', ALL_PORTS) ?? ALL_PORTS],
      from: listAt(rule, 'source_ips').map(written),
    }));
}

function nameOf(server: JsonObject): string {
  return textAt(server, 'name') ?? '';
}
