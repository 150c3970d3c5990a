/** What goes wrong on a machine, at a test's wish. */
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';

export interface Faults {
  /** What cloud-init says, from now and over restarts. `degraded` is done with recoverable errors, exit code 2. */
  cloudInit(state: 'done' | 'running' | 'error' | 'degraded'): Promise<void>;
  /** Somebody else installs packages. */
  packageLock(held: boolean): Promise<void>;
  /** No room for programs, configuration and data of K3s. */
  fullDisk(full: boolean): Promise<void>;
  /** Peers refuse it: its configuration is not theirs. */
  refusedJoin(refused: boolean): Promise<void>;
  /** Once joined, it stays a learner. */
  staysLearner(stays: boolean): Promise<void>;
  /** No packet comes or goes. */
  unreachable(cut: boolean): Promise<void>;
  /** Its clock is so many seconds ahead, and nothing sets it right; 0 is right. */
  clock(seconds: number): Promise<void>;
  /** K3s is there already, of this version, and runs. */
  olderK3s(version: string): Promise<void>;
  /** Its certificates end after so many days, until K3s starts again. */
  certificates(days: number): Promise<void>;
  docker(): Promise<void>;
  /** As Ubuntu brings it, its unit active; its rules are in force when it is enabled. */
  ufw(enabled: boolean): Promise<void>;
  /** Takes back those that would outlive a wipe. */
  none(): Promise<void>;
}

interface Means {
  readonly name: string;
  readonly shared: string;
  readonly exec: (script: string) => Promise<{ code: number; stderr: string }>;
  readonly plug: (up: boolean) => Promise<void>;
}

export function faultsOf({ name, shared, exec, plug }: Means): Faults {
  const folder = join(shared, 'faults', name);
  /** A file that stand-ins look for. */
  const mark = async (fault: string, text: string | undefined) => {
    await mkdir(folder, { recursive: true });
    if (text === undefined) await rm(join(folder, fault), { force: true });
    else await writeFile(join(folder, fault), text);
  };
  const must = async (script: string) => {
    const { code, stderr } = await exec(script);
    if (code !== 0) throw new Error(`machine ${name}: ${stderr}`);
  };
  const program = (path: string, body: string) =>
    `printf '%s\\n' '#!/bin/sh' '${body}' > ${path} && chmod 755 ${path}`;
  return {
    cloudInit: async (state) => mark('cloud-init', state),
    packageLock: async (held) => must(held ? LOCK : UNLOCK),
    fullDisk: async (full) => must(full ? FULL : 'umount /usr/local/bin /etc/rancher /var/lib/rancher'),
    refusedJoin: async (refused) => mark('refused-join', refused ? '' : undefined),
    staysLearner: async (stays) => mark('stays-learner', stays ? '' : undefined),
    unreachable: async (cut) => plug(!cut),
    clock: async (seconds) => {
      await mark('clock', seconds === 0 ? undefined : `${seconds}`);
      await must(
        seconds === 0
          ? 'rm -f /usr/local/bin/date'
          : program(
              '/usr/local/bin/date',
              `exec /usr/bin/date -d "@$(( $(/usr/bin/date +%s) + ${seconds} ))" "$@"`,
            ),
      );
    },
    olderK3s: async (version) =>
      must(
        [
          program(
            '/usr/local/bin/k3s',
            `case $1 in --version) echo "k3s version ${version} (00000000)" ;; *) sleep 100000 ;; esac`,
          ),
          "printf '[Service]\\nType=simple\\nExecStart=/usr/local/bin/k3s server\\n' > /etc/systemd/system/k3s.service",
          'systemctl enable --now k3s',
        ].join('\n'),
      ),
    certificates: async (days) => must(`k3s age-certificates ${days}`),
    docker: async () =>
      must(
        [
          program('/usr/bin/docker', 'echo "Docker version 28.5.2, build ecc6942"'),
          program('/usr/bin/dockerd', 'sleep 100000'),
          "printf '[Service]\\nType=simple\\nExecStart=/usr/bin/dockerd\\n' > /etc/systemd/system/docker.service",
          'systemctl enable --now docker',
        ].join('\n'),
      ),
    none: async () => {
      await rm(folder, { recursive: true, force: true });
      await plug(true);
    },
    ufw: async (enabled) =>
      must(
        [
          program('/usr/sbin/ufw', `echo "Status: ${enabled ? 'active' : 'inactive'}"`),
          `mkdir -p /etc/ufw; printf 'ENABLED=${enabled ? 'yes' : 'no'}\\nLOGLEVEL=low\\n' > /etc/ufw/ufw.conf`,
          "printf '[Service]\\nType=oneshot\\nRemainAfterExit=yes\\nExecStart=/bin/true\\n' > /etc/systemd/system/ufw.service",
          'systemctl enable --now ufw',
        ].join('\n'),
      ),
  };
}

/** dpkg locks with fcntl; a process of the name that usually has it keeps it. */
const LOCK = `
cat > /run/machine/unattended-upgr <<'END'
use Fcntl;
$0 = "unattended-upgr";
for my $name ("lock-frontend", "lock") {
  open(my $file, "+<", "/var/lib/dpkg/$name") or die;
  my $lock = pack("s s x4 q q i x4", F_WRLCK, 0, 0, 0, 0);
  fcntl($file, F_SETLK, $lock) or die;
  push(@files, $file);
}
open(my $ready, ">", "/run/machine/locked");
close($ready);
sleep(100000);
END
setsid perl /run/machine/unattended-upgr </dev/null >/dev/null 2>/run/machine/lock.log &
echo $! > /run/machine/lock.pid
while [ ! -e /run/machine/locked ] && kill -0 $!; do sleep 0.02; done
[ -e /run/machine/locked ] || { cat /run/machine/lock.log >&2; false; }
`;
const UNLOCK = 'kill -KILL "$(cat /run/machine/lock.pid)" && rm -f /run/machine/locked';

const FULL = `
for folder in /usr/local/bin /etc/rancher /var/lib/rancher; do
  mkdir -p $folder
  rm -rf /run/machine/full && cp -a $folder /run/machine/full
  mount -t tmpfs -o size=4k,mode=755 tmpfs $folder
  cp -a /run/machine/full/. $folder/ 2>/dev/null
  dd if=/dev/zero of=$folder/.full bs=1k count=64 2>/dev/null
done
true
`;
