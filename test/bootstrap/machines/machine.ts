/** One machine: an OpenSSH server and the programs of a Debian, with a network, a disk and processes of its own. */
import { execFile } from 'node:child_process';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Target } from '../../../functions/bootstrap/contract.ts';
import { eventually, sleep, start, type Running } from '../../live/processes.ts';
import { faultsOf, type Faults } from './faults.ts';
import type { Network, Place } from './network.ts';

export interface Machine {
  readonly name: string;
  /** Its identity changes with every wipe. */
  readonly target: Target;
  readonly faults: Faults;
  /** As root, by no means that the machine itself offers. */
  exec(script: string): Promise<{ code: number; stdout: string; stderr: string }>;
  /** What became of it so far: `start`, `cluster-init`, `join 10.214.3.10`, `member removed server-2` … */
  life(): Promise<string[]>;
  /** Cuts its power. The disk stays. */
  kill(): Promise<void>;
  /** Switches it on again. */
  boot(): Promise<void>;
  /** In its place comes a new machine of the same name and addresses: blank, with another identity and host key. */
  wipe(): Promise<void>;
}

export interface Setting {
  readonly network: Network;
  readonly place: Place;
  readonly logs: string;
  /** Seen by all machines as /opt/machines. */
  readonly shared: string;
}

const REPOSITORY = join(import.meta.dirname, '../../..');

export interface OwnMachine extends Machine {
  stop(): Promise<void>;
  /** Takes it away for good, with its disk and its place. */
  remove(): Promise<void>;
}

export function machine(name: string, setting: Setting): OwnMachine {
  const { network, place, logs, shared } = setting;
  const disks = join(network.folder, 'disks');
  const pidFile = join(shared, 'pids', name);
  const lifeFile = join(shared, 'life', name);
  let generation = 1;
  let running: Running | undefined;

  const pid = async () => readFile(pidFile, 'utf8').then((text) => text.trim());
  const exec = async (script: string) => inside(await pid(), script);

  const kill = async () => {
    if (running === undefined) return;
    const first = Number(await pid());
    signal(first);
    while (isAlive(first)) await sleep(5);
    await running.stop();
    await rm(pidFile);
    running = undefined;
  };
  const discard = () => rm(join(disks, `${name}-${generation}`), { recursive: true, force: true });
  const boot = async () => {
    if (running !== undefined) return;
    const disk = join(disks, `${name}-${generation}`);
    for (const part of ['upper', 'work', 'root']) await mkdir(join(disk, part), { recursive: true });
    const spaces = ['--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child=KILL'];
    const program = join(import.meta.dirname, 'programs/boot');
    running = start(logs, name, {
      program: 'ip',
      args: ['netns', 'exec', place.namespace, 'unshare', ...spaces, program, name, disk, shared, REPOSITORY],
    });
    const started = running;
    await eventually(
      `SSH of machine ${name}`,
      20,
      async () => {
        await started.check();
        return (await listens(await pid(), 22)) || undefined;
      },
      10,
    );
  };

  return {
    name,
    get target() {
      return {
        name,
        address: place.address,
        nodeAddress: place.privateAddress,
        port: 22,
        identity: `${name}-${generation}`,
      };
    },
    faults: faultsOf({ name, shared, exec, plug: async (up) => network.plug(place, up) }),
    exec,
    life: async () =>
      (await readFile(lifeFile, 'utf8').catch(() => '')).split('\n').filter((line) => line !== ''),
    kill,
    boot,
    wipe: async () => {
      await kill();
      await discard();
      generation += 1;
      await writeFile(lifeFile, 'wipe\n', { flag: 'a' });
      await boot();
    },
    stop: kill,
    remove: async () => {
      await kill();
      await discard();
      await network.vacate(place);
    },
  };
}

async function inside(pid: string, script: string) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const path = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    const child = execFile(
      'nsenter',
      [
        '-t',
        pid,
        '-m',
        '-u',
        '-i',
        '-n',
        '-p',
        '-r',
        '-w',
        'env',
        '-i',
        `PATH=${path}`,
        'HOME=/root',
        'sh',
        '-c',
        script,
      ],
      (_, stdout, stderr) => {
        resolve({ code: child.exitCode ?? 1, stdout, stderr });
      },
    );
  });
}

/** Whether somebody waits for connections on a port of every IPv4 address, also where a firewall lets none of ours in. */
async function listens(pid: string, port: number): Promise<boolean> {
  const sockets = await readFile(`/proc/${pid}/net/tcp`, 'utf8');
  const hex = port.toString(16).toUpperCase().padStart(4, '0');
  return sockets.includes(` 00000000:${hex} 00000000:0000 0A `);
}

function signal(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
