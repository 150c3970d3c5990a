/** One private network of machines: a bridge, and for each machine a network namespace with a public and a private address. */
import { execFile, spawn } from 'node:child_process';
import { mkdir, mkdtemp, readFile, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
/** One file per network that exists: whose it is, and its folder. */
const CLAIMS = '/run/openova-machines';
const SWEEP = join(import.meta.dirname, 'programs/sweep');
/** Memory, where there is such a place: disks of machines are laid over the root, which a disk laid over itself cannot be. */
const DISKS = '/dev/shm';

export interface Place {
  readonly address: string;
  readonly privateAddress: string;
  readonly namespace: string;
}

export interface Network {
  /** What is below it goes with the network. */
  readonly folder: string;
  /** The outside's address, for what machines shall reach. */
  readonly gateway: string;
  places(names: readonly string[]): Promise<ReadonlyMap<string, Place>>;
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
  const indexes = new Map<string, number>();
  return {
    folder,
    gateway,
    places: async (names) => {
      const places = new Map(
        names.map((name, index): [string, Place] => {
          const namespace = `ov${number}-${name}`;
          indexes.set(namespace, index);
          const [address, privateAddress] = [
            `10.213.${number}.${10 + index}`,
            `10.214.${number}.${10 + index}`,
          ];
          return [name, { address, privateAddress, namespace }];
        }),
      );
      await ip([...places.values()].map(({ namespace }) => `netns add ${namespace}`));
      await ip(
        [...places.values()].flatMap(({ namespace }, index) =>
          cables(number, index).flatMap((cable, place) => [
            `link add ${cable} type veth peer name ${place === 0 ? 'eth0' : 'enp7s0'} netns ${namespace}`,
            `link set ${cable} master ${bridge} up`,
          ]),
        ),
      );
      await Promise.all(
        [...places.values()].map(async ({ namespace, address, privateAddress }) =>
          ip(
            [
              'link set lo up',
              `address add ${address}/24 dev eth0`,
              `address add ${privateAddress}/24 dev enp7s0`,
              'link set eth0 up',
              'link set enp7s0 up',
              `route add default via ${gateway}`,
            ],
            namespace,
          ),
        ),
      );
      return places;
    },
    plug: async ({ namespace }, up) => {
      const index = indexes.get(namespace) ?? 0;
      await ip(cables(number, index).map((cable) => `link set ${cable} ${up ? 'up' : 'down'}`));
    },
    stop: async () => {
      const ended = new Promise((resolve) => watch.once('exit', resolve));
      watch.ref();
      watch.stdin.end();
      await ended;
    },
  };
}

function cables(number: number, index: number): [string, string] {
  return [`ov${number}-${index}a`, `ov${number}-${index}b`];
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
