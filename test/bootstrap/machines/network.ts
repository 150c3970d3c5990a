/** Networks of machines: a bridge that leads to us, others that do not, and for each machine a network namespace between. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Allow } from '../../../functions/bootstrap/contract.ts';

const run = promisify(execFile);
/** One file per network that exists: whose it is, and its folder. */
const CLAIMS = '/run/openova-machines';
const SWEEP = join(import.meta.dirname, 'programs/sweep');
/** Memory, where there is such a place: disks of machines are laid over the root, which a disk laid over itself cannot be. */
const DISKS = '/dev/shm';

/** All public addresses of machines, and of us who reach them: one network is a /24 of it. */
export const PUBLIC_RANGE = '10.213.0.0/16';

/** Last parts of the addresses of machines. */
const [FIRST, LAST] = [10, 254];

export interface Place {
  readonly address: string;
  readonly privateAddress: string;
  readonly namespace: string;
}

/** Where a machine is to be. */
export interface Location {
  /** Of `address()`. */
  readonly address: string;
  readonly privateAddress: string;
  /** Bits of the private range. */
  readonly prefix: number;
  /** Machines of one segment reach each other's private addresses, and nobody else does; left out, we do too. */
  readonly segment?: string;
}

/** Who reaches which ports, as the bootstrap program's own contract writes it. */
export type Opening = Pick<Allow, 'ports' | 'from'>;

export interface Network {
  /** What is below it goes with the network. */
  readonly folder: string;
  /** The outside's address, for what machines shall reach. */
  readonly gateway: string;
  /** An address on the bridge that nobody has. */
  address(): string;
  places(names: readonly string[]): Promise<ReadonlyMap<string, Place>>;
  place(name: string, location: Location): Promise<Place>;
  /**
   * Puts a cloud's firewall in front of a place's public side, from now on: to a TCP connection that comes from elsewhere
   * nobody answers, and those that are there go on. Left out, there is none.
   */
  protect(place: Place, allow: readonly Opening[] | undefined): Promise<void>;
  /** Takes a place away, with its cables. */
  vacate(place: Place): Promise<void>;
  /** Pulls a machine's cables, or plugs them in. */
  plug(place: Place, up: boolean): Promise<void>;
  stop(): Promise<void>;
}

export async function startNetwork(): Promise<Network> {
  await mkdir(CLAIMS, { recursive: true });
  await sweepLeftovers();
  const folder = await mkdtemp(join(DISKS, 'openova-machines-'));
  const number = await claim(folder);
  // Ends when its standard input does: when we end, however.
  const watch = spawn(SWEEP, ['later', `${number}`, folder], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
  });
  watch.unref();
  const gateway = `10.213.${number}.1`;
  const bridge = `ovbr${number}`;
  await ip([
    `link add ${bridge} type bridge forward_delay 0`,
    `address add ${gateway}/24 dev ${bridge}`,
    `address add 10.214.${number}.1/24 dev ${bridge}`,
    `link set ${bridge} up`,
  ]);
  let next = FIRST;
  const segments = new Map<string, Promise<string>>();
  const bridgeOf = (segment: string) => {
    const name = `ov${number}-s${segments.size}`;
    const made = segments.get(segment) ?? addBridge(name);
    segments.set(segment, made);
    return made;
  };
  const address = () => {
    if (next > LAST) throw new Error(`a network of machines has ${LAST - FIRST + 1} addresses`);
    next += 1;
    return `10.213.${number}.${next - 1}`;
  };
  const place = async (name: string, location: Location): Promise<Place> => {
    const namespace = `ov${number}-${name}`;
    const [outer, inner] = cables(number, location.address);
    const segment = location.segment === undefined ? bridge : await bridgeOf(location.segment);
    await ip([
      `netns add ${namespace}`,
      `link add ${outer} type veth peer name eth0 netns ${namespace}`,
      `link set ${outer} master ${bridge} up`,
      `link add ${inner} type veth peer name enp7s0 netns ${namespace}`,
      `link set ${inner} master ${segment} up`,
    ]);
    await ip(
      [
        'link set lo up',
        `address add ${location.address}/24 dev eth0`,
        `address add ${location.privateAddress}/${location.prefix} dev enp7s0`,
        'link set eth0 up',
        'link set enp7s0 up',
        `route add default via ${gateway}`,
      ],
      namespace,
    );
    return { address: location.address, privateAddress: location.privateAddress, namespace };
  };
  return {
    folder,
    gateway,
    address,
    place,
    places: async (names) => {
      const places = new Map<string, Place>();
      for (const name of names) {
        const own = address();
        const privateAddress = own.replace('10.213.', '10.214.');
        places.set(name, await place(name, { address: own, privateAddress, prefix: 24 }));
      }
      return places;
    },
    protect: async ({ address: own }, allow) => {
      await nft(firewallText(cables(number, own)[0], allow));
    },
    vacate: async ({ namespace, address: own }) => {
      await nft(firewallText(cables(number, own)[0], undefined));
      await ip([...cables(number, own).map((cable) => `link delete ${cable}`), `netns delete ${namespace}`]);
    },
    plug: async ({ address: own }, up) => {
      await ip(cables(number, own).map((cable) => `link set ${cable} ${up ? 'up' : 'down'}`));
    },
    stop: async () => {
      const ended = new Promise((resolve) => watch.once('exit', resolve));
      watch.ref();
      watch.stdin.end();
      await ended;
    },
  };
}

/** Names of the bridge's ends of a machine's cables. */
function cables(number: number, address: string): [string, string] {
  const own = address.split('.')[3] ?? '';
  return [`ov${number}-${own}a`, `ov${number}-${own}b`];
}

/**
 * A table of nftables at our end of a cable, which no machine sees: what goes out there goes into the machine. Without
 * connection tracking, which that place has not: only the first packet of a connection is judged.
 * Source: wiki.nftables.org, Netfilter hooks and List of updates since Linux kernel 3.13 (the hook is of 5.16), 2026-11.
 */
function firewallText(cable: string, allow: readonly Opening[] | undefined): string {
  const replaced = [`table netdev ${cable}`, `delete table netdev ${cable}`];
  const accepted = (allow ?? []).flatMap(({ ports, from }) =>
    from
      .filter((source) => !source.includes(':'))
      .map((source) => `ip saddr ${source} tcp dport { ${ports.join(', ')} } accept`),
  );
  const chain = [
    `table netdev ${cable} {`,
    'chain in {',
    `type filter hook egress device "${cable}" priority filter; policy accept;`,
    ...accepted,
    'tcp flags & (syn | ack) == syn drop',
    '}',
    '}',
  ];
  return [...replaced, ...(allow === undefined ? [] : chain), ''].join('\n');
}

async function nft(text: string): Promise<void> {
  const done = run('nft', ['-f', '-']);
  done.child.stdin?.end(text);
  await done;
}

async function addBridge(name: string): Promise<string> {
  await ip([`link add ${name} type bridge forward_delay 0`, `link set ${name} up`]);
  return name;
}

async function ip(commands: readonly string[], namespace?: string): Promise<void> {
  const done = run('ip', [...(namespace === undefined ? [] : ['-n', namespace]), '-batch', '-']);
  done.child.stdin?.end(`${commands.join('\n')}\n`);
  await done;
}

/** Takes a number that no other network has: it is in every address and name. */
async function claim(folder: string): Promise<number> {
  const owner = `${process.pid} ${await startOf(process.pid)} ${folder}`;
  for (let step = 0; step < 250; step += 1) {
    const number = 2 + ((process.pid + step) % 250);
    const free = await writeFile(join(CLAIMS, `${number}`), owner, { flag: 'wx' }).then(
      () => true,
      () => false,
    );
    if (free) return number;
  }
  throw new Error('every network of machines is taken: 250 run at once');
}

/** Removes the networks whose owner has ended without anybody noticing. */
async function sweepLeftovers(): Promise<void> {
  for (const number of await readdir(CLAIMS)) {
    const [pid, start, folder] = (await readFile(join(CLAIMS, number), 'utf8').catch(() => '')).split(' ');
    if (pid === undefined || start === undefined || folder === undefined) continue;
    if ((await startOf(Number(pid))) !== start) await run(SWEEP, [number, folder]);
  }
}

/** When a process started, which tells it from a later one of the same id. */
async function startOf(pid: number): Promise<string> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  return stat.slice(stat.lastIndexOf(')')).split(' ')[20] ?? 'ended';
}
