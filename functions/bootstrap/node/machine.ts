/** A machine before Kubernetes: what has to be so that K3s can run on it. */
import type { Target } from '../contract.ts';
import { Failure } from '../failure.ts';
import { quote, writeText, type Remote } from '../remote.ts';
import type { Look, Run } from '../run.ts';
import { lastLines } from '../ssh.ts';

const SECOND_ERROR = 2;

/** How long machines may take, as others found (kube-hetzner, hetzner-k3s, 2026-11): these are generous. */
const WAIT = { ssh: 600, cloudInit: 600, locks: 300, address: 300, settings: 60 } as const;

/** Logs in to the machine of an operation: the first step of every one that cannot go on without it. */
export function logIn(run: Run, target: Target): Promise<Remote> {
  return run.step('wait for SSH', run.sshSeconds ?? WAIT.ssh, (signal) => run.connect(target, signal));
}

/** Everything between the first login and K3s. */
export async function readyMachine(run: Run, remote: Remote): Promise<void> {
  await run.step('wait for cloud-init', WAIT.cloudInit, (signal) =>
    run.until(signal, () => cloudInit(remote, signal)),
  );
  await run.step('wait for package locks', WAIT.locks, (signal) =>
    run.until(signal, () => packageLocks(remote, signal)),
  );
  await run.step('find the private interface', WAIT.address, (signal) =>
    run.until(signal, () => privateInterface(remote, signal)),
  );
  await run.step('set the kernel', WAIT.settings, (signal) => setKernel(remote, signal));
}

/** Done also where there is no cloud-init, and with recoverable errors, exit code 2. */
async function cloudInit(remote: Remote, signal: AbortSignal): Promise<Look<undefined>> {
  const { code, stdout } = await remote.run(
    'command -v cloud-init >/dev/null || { echo "status: disabled"; exit 0; }\nexec cloud-init status --long 2>&1',
    { allow: [1, SECOND_ERROR], signal },
  );
  const status = /^status: (.+)$/m.exec(stdout)?.[1]?.trim() ?? '';
  if (code === 1 || status === 'error')
    throw Failure.remote(`cloud-init of "${remote.target.name}" ended with an error`, {
      hint: 'its log is /var/log/cloud-init-output.log on the machine',
      log: lastLines(stdout),
    });
  if (status === 'running' || status === 'not run' || status === 'not started')
    return { waiting: `cloud-init is "${status}"`, log: lastLines(stdout) };
  return { done: undefined };
}

/** Who installs packages on Debian and its kin holds these; elsewhere they do not exist. */
const LOCKS = ['/var/lib/dpkg/lock-frontend', '/var/lib/dpkg/lock', '/var/lib/apt/lists/lock'];

/** Locks of dpkg are fcntl's, which the kernel lists with the number of the file. */
async function packageLocks(remote: Remote, signal: AbortSignal): Promise<Look<undefined>> {
  const { stdout } = await remote.run(
    [
      `for file in ${LOCKS.join(' ')}; do`,
      '  [ -e "$file" ] || continue',
      '  inode=$(stat -c %i "$file")',
      '  awk -v inode="$inode" \'{ n = split($6, part, ":"); if (part[n] == inode) print $5 }\' /proc/locks |',
      '    while read -r process; do',
      '      echo "$file is held by $(cat "/proc/$process/comm" 2>/dev/null || echo process) $process"',
      '    done',
      'done',
    ].join('\n'),
    { signal },
  );
  const held = stdout.trim().split('\n')[0] ?? '';
  return held === '' ? { done: undefined } : { waiting: held };
}

/** Names of interfaces differ between images, and a private one may come after the boot; its address is known. */
async function privateInterface(remote: Remote, signal: AbortSignal): Promise<Look<undefined>> {
  const { target } = remote;
  const { stdout } = await remote.run('ip -o addr show', { signal });
  return interfaceIn(stdout, target.nodeAddress) === undefined
    ? { waiting: `no interface of "${target.name}" has the address "${target.nodeAddress}"` }
    : { done: undefined };
}

/** The name of the interface with an address, in what `ip -o addr show` prints. */
export function interfaceIn(listing: string, address: string): string | undefined {
  for (const line of listing.split('\n')) {
    const [, name, , cidr] = line.trim().split(/\s+/);
    if (name !== undefined && cidr?.split('/')[0] === address) return name.split('@')[0];
  }
  return undefined;
}

/**
 * What the kubelet demands with protect-kernel-defaults, and forwarding and file watches that pods need.
 * Source: docs.k3s.io, CIS hardening guide, 2026-11; the numbers of watches are those that clusters with many pods use.
 */
const KERNEL = {
  'vm.panic_on_oom': 0,
  'vm.overcommit_memory': 1,
  'kernel.panic': 10,
  'kernel.panic_on_oops': 1,
  'net.ipv4.ip_forward': 1,
  'fs.inotify.max_user_instances': 8192,
  'fs.inotify.max_user_watches': 524288,
} as const;

export const KERNEL_FILE = '/etc/sysctl.d/90-openova.conf';

async function setKernel(remote: Remote, signal: AbortSignal): Promise<void> {
  const lines = Object.entries(KERNEL).map(([name, value]) => `${name} = ${value}\n`);
  await writeText(remote, KERNEL_FILE, lines.join(''), '0644', signal);
  await remote.run(`sysctl -q -p ${quote(KERNEL_FILE)} >&2`, { signal });
}
