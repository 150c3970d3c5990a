/** What a machine that somebody else has made must be like, before anything is changed on it. */
import { CLUSTER_PORTS, GATEWAY_PORTS } from '../../region/ports.ts';
import type { K3s } from '../contract.ts';
import { Failure } from '../failure.ts';
import { writeText, type Remote } from '../remote.ts';
import type { Run } from '../run.ts';
import { BINARY, DATA, type Role } from './k3s.ts';

const SECONDS = 300;
/** Writes of etcd's size that are timed. */
const WRITES = 100;
/** etcd asks for 10 ms; above this it loses its leader under load. Source: etcd.io, hardware recommendations, 2026-11. */
const SLOWEST_MS = 40;
/** Certificates and leases bear less than a minute. */
const CLOCK_SECONDS = 10;
/** How a machine that has been checked answers. */
const CHECKED = 40;

/** Oldest versions with what K3s and Cilium need of the kernel. Source: docs.cilium.io, system requirements, 2026-11. */
const SYSTEMS: Readonly<Record<string, number>> = { debian: 12, ubuntu: 22.04 };
const ARCHITECTURES = ['aarch64', 'x86_64'];

/** What K3s says to itself on a machine. Source: docs.k3s.io, requirements, and k3s v1.36.3 (2026-08). */
const OWN_PORTS: Readonly<Record<Role, readonly number[]>> = {
  server: [2381, 2382, 6444, 10248, 10249, 10256, 10257, 10258, 10259],
  agent: [6444, 10248, 10249, 10256],
};
/** Ports of the region that only servers answer. */
const OF_SERVERS = ['api', 'etcd'];

/** What has to be free, such as `6443/tcp`: for K3s, for Cilium and for the Gateway. */
export function portsOf(role: Role): string[] {
  const ofRegion = [...CLUSTER_PORTS, ...GATEWAY_PORTS].filter(
    ({ name }) => role === 'server' || !OF_SERVERS.includes(name),
  );
  return [
    ...OWN_PORTS[role].map((port) => `${port}/tcp`),
    ...ofRegion.flatMap(({ port, protocol }) => port.split('-').map((one) => `${one}/${protocol}`)),
  ];
}

/** What a machine says of itself. */
export interface Facts {
  readonly system: string;
  readonly version: string;
  readonly architecture: string;
  /** Programs that listen on ports that are needed, as `6443/tcp nginx`; undefined where nobody can say. */
  readonly listeners: readonly string[] | undefined;
  /** The version of a K3s that is there, empty where it says none. */
  readonly k3s: string | undefined;
  /** Units that are active and in the way. */
  readonly active: readonly string[];
  readonly synchronized: boolean;
  /** Seconds since 1970, and when we asked. */
  readonly clock: number;
  readonly hasNft: boolean;
  readonly fsyncMs: readonly number[];
}

/**
 * Checks a machine once: what is put on it from then on must not be in the way of another try.
 * @param version of K3s that it is to have, and may have already.
 * @throws Failure input that says everything at once.
 */
export async function preflight(
  run: Run,
  remote: Remote,
  role: Role,
  { version }: Pick<K3s, 'version'>,
): Promise<void> {
  const checked = `${DATA}/openova-checked-${role}`;
  await run.step('check the machine', SECONDS, async (signal) => {
    const asked = run.now();
    const { code, stdout } = await remote.run(
      `for mark in ${checked} ${DATA}/openova-started; do [ ! -e $mark ] || exit ${CHECKED}; done\n${questions(role)}`,
      { allow: [CHECKED], signal },
    );
    if (code === CHECKED) return;
    const times = { from: asked.getTime() / 1000, to: run.now().getTime() / 1000 };
    const found = problemsOf(readFacts(stdout), { role, version, ...times });
    if (found.length > 0)
      throw Failure.input(`"${remote.target.name}" cannot take K3s: ${found.join('; ')}`, {
        hint: 'mend this on the machine, or install it anew, and try again',
      });
    await writeText(remote, checked, '', '0600', signal);
  });
}

export function questions(role: Role): string {
  const ports = portsOf(role).join('|');
  return [
    'set -u',
    '. /etc/os-release; echo "system $ID"; echo "version ${VERSION_ID:-0}"',
    'echo "architecture $(uname -m)"',
    'echo "clock $(date +%s)"',
    'echo "synchronized $(timedatectl show -p NTPSynchronized --value 2>/dev/null)"',
    'for unit in docker firewalld k3s k3s-agent kubelet; do',
    '  [ "$(systemctl is-active $unit 2>/dev/null)" != active ] || echo "active $unit"',
    'done',
    // Its unit is active on every Ubuntu, and does nothing unless it is enabled here.
    "! grep -qi '^ENABLED=yes' /etc/ufw/ufw.conf 2>/dev/null || echo 'active ufw'",
    `[ ! -e ${BINARY} ] || echo "k3s $(${BINARY} --version 2>/dev/null | awk '/^k3s version/ { print $3 }')"`,
    'command -v nft >/dev/null && echo "nft yes"',
    `listening=$(ss -Htulnp) && echo 'ss yes' && echo "$listening" | awk '{ n = split($5, part, ":"); print "listener " part[n] "/" $1 " " $7 }' | grep -E '^listener (${ports}) ' | sort -u`,
    ...(role === 'server' ? [fsyncs()] : []),
    'true',
  ].join('\n');
}

/** dd says how long each write took until it was on the disk. */
function fsyncs(): string {
  return [
    `mkdir -p ${DATA}; file=${DATA}/.preflight; i=0`,
    `while [ $i -lt ${WRITES} ]; do`,
    '  LC_ALL=C dd if=/dev/zero of="$file" bs=2300 count=1 oflag=dsync 2>&1 | sed -n "s/.* copied, \\([0-9.e-]*\\) s.*/fsync \\1/p"',
    '  i=$((i + 1))',
    'done',
    'rm -f "$file"',
  ].join('\n');
}

export function readFacts(text: string): Facts {
  const values = (name: string) =>
    text
      .split('\n')
      .flatMap((line) => (line.startsWith(`${name} `) ? [line.slice(name.length + 1).trim()] : []));
  const one = (name: string) => values(name)[0] ?? '';
  return {
    system: one('system'),
    version: one('version'),
    architecture: one('architecture'),
    clock: Number(one('clock')),
    synchronized: one('synchronized') === 'yes',
    active: values('active'),
    k3s: values('k3s')[0],
    hasNft: one('nft') === 'yes',
    listeners:
      one('ss') === 'yes'
        ? values('listener').map((line) => line.replace(/users:\(\("([^"]*)".*/, '$1'))
        : undefined,
    fsyncMs: values('fsync').map((seconds) => Number(seconds) * 1000),
  };
}

interface Wanted {
  readonly role: Role;
  /** Of K3s. */
  readonly version: string;
  /** Between which times it was asked, in seconds since 1970. */
  readonly from: number;
  readonly to: number;
}

/** Everything that is in the way, one phrase each. */
export function problemsOf(facts: Facts, { role, version, from, to }: Wanted): string[] {
  const oldest = SYSTEMS[facts.system];
  const slow = percentile(facts.fsyncMs, 0.99);
  const behind = Math.max(from - facts.clock, facts.clock - to);
  const others = facts.active.filter((unit) => !unit.startsWith('k3s'));
  const foreign = others.length < facts.active.length || (facts.k3s !== undefined && facts.k3s !== version);
  return [
    ...(oldest === undefined || Number(facts.version) < oldest
      ? [
          `its system is "${facts.system} ${facts.version}", must be one of ${Object.entries(SYSTEMS)
            .map(([name, version]) => `${name} ${version === 22.04 ? '22.04' : version} or newer`)
            .join(', ')}`,
        ]
      : []),
    ...(ARCHITECTURES.includes(facts.architecture)
      ? []
      : [`its architecture is "${facts.architecture}", must be one of ${ARCHITECTURES.join(', ')}`]),
    ...(foreign ? ['a K3s that was not installed by this program is there'] : []),
    ...(others.length > 0 ? [`active already, and in the way: "${others.join('", "')}"`] : []),
    ...(facts.listeners === undefined ? ['"ss" does not say which of its ports are taken'] : []),
    ...(foreign || facts.listeners === undefined || facts.listeners.length === 0
      ? []
      : [`ports that are needed are taken: "${facts.listeners.join('", "')}"`]),
    ...(facts.hasNft ? [] : ['it has no nftables']),
    ...(facts.synchronized ? [] : ['its clock is not synchronised by NTP']),
    ...(behind > CLOCK_SECONDS ? [`its clock is ${Math.round(behind)} s off`] : []),
    ...(role === 'server' && slow === undefined ? ['"dd" does not say how fast its disk is'] : []),
    ...(role === 'server' && slow !== undefined && slow > SLOWEST_MS
      ? [
          `its disk takes ${slow.toFixed(0)} ms for a write (99th percentile), must take ${SLOWEST_MS} ms or less for etcd`,
        ]
      : []),
  ];
}

/** The smallest value that this share of the others does not exceed. */
export function percentile(values: readonly number[], share: number): number | undefined {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)];
}
