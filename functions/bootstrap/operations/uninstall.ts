/**
 * K3s leaves a machine that goes on without it, with everything that it brought. Source: k3s-killall.sh and k3s-uninstall.sh of
 * K3s v1.36.3 (2026-08), for what there is to clean up; docs.cilium.io, uninstalling, and docs.kernel.org, cgroup v2, 2026-11.
 */
import { BINARY, DATA, unitOf } from '../node/k3s.ts';
import { KERNEL_FILE, logIn } from '../node/machine.ts';
import { removeFirewall } from '../node/firewall.ts';
import type { InputOf, Outcome, Run } from '../run.ts';

const SECONDS = 600;

const FOLDERS = [
  '/etc/rancher',
  '/var/lib/rancher',
  '/var/lib/kubelet',
  '/var/lib/cni',
  '/etc/cni',
  '/run/k3s',
  '/run/flannel',
  '/run/cilium',
  '/var/run/cilium',
];

/** The node has left its cluster already, or the cluster goes with it. */
export async function uninstall(run: Run, { target, role }: InputOf<'uninstall'>): Promise<Outcome> {
  const remote = await logIn(run, target);
  await run.step('remove K3s', SECONDS, (signal) => remote.run(removal(unitOf(role)), { signal }));
  await run.step('remove the firewall', SECONDS, (signal) => removeFirewall(remote, signal));
  return {};
}

function removal(unit: string): string {
  return [
    'set -u',
    `systemctl disable --now ${unit} >&2 2>/dev/null || true`,
    // What K3s started goes on without it, by its unit's KillMode.
    `for process in /proc/[0-9]*; do`,
    `  case $(readlink "$process/exe" 2>/dev/null) in ${DATA}/*) kill -KILL "\${process#/proc/}" 2>/dev/null || true ;; esac`,
    'done',
    // Containers outlive that. All pods are in one group, whose name depends on the driver.
    'for group in /sys/fs/cgroup/kubepods /sys/fs/cgroup/kubepods.slice; do',
    '  [ ! -e $group/cgroup.kill ] || echo 1 > $group/cgroup.kill',
    'done',
    // Links and rules of Cilium would leave the machine without a network.
    'for link in cilium_host cilium_net cilium_vxlan cilium_wg0 $(ip -o link show 2>/dev/null | sed -n "s/^[0-9]*: \\(lxc[^@:]*\\).*/\\1/p"); do',
    '  ip link delete "$link" 2>/dev/null || true',
    'done',
    'command -v iptables-save >/dev/null && iptables-save | grep -viE "KUBE-|CILIUM_|CNI-" | iptables-restore || true',
    'command -v ip6tables-save >/dev/null && ip6tables-save | grep -viE "KUBE-|CILIUM_|CNI-" | ip6tables-restore || true',
    // Deepest first.
    `awk '$2 ~ "^(/run/k3s|/run/netns/cni-|/var/lib/kubelet|${DATA})" { print $2 }' /proc/self/mounts | sort -r |`,
    '  while read -r mount; do umount -l "$mount" || true; done',
    'rm -rf /sys/fs/bpf/cilium /sys/fs/bpf/tc/globals 2>/dev/null || true',
    `rm -rf ${FOLDERS.join(' ')}`,
    `rm -f ${BINARY} /etc/systemd/system/${unit}.service ${KERNEL_FILE}`,
    'systemctl daemon-reload >&2 || true',
  ].join('\n');
}
