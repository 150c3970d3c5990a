/**
 * K3s on a machine: its binary, its configuration, its service. Without its installer, which would be one more thing to fetch
 * and to trust: a binary, a unit of systemd and two files are all that there is.
 * Source: docs.k3s.io, configuration and air-gap installation, and K3s v1.36.3 (2026-08).
 */
import { parse, stringify } from 'yaml';
import { isObject } from '../../kernel/manifest.ts';
import type { Config, K3s } from '../contract.ts';
import { Failure } from '../failure.ts';
import { quote, readText, writeText, type Remote } from '../remote.ts';
import type { Look, Run } from '../run.ts';
import { lastLines } from '../ssh.ts';

export type Role = 'server' | 'agent';

const BIN = '/usr/local/bin';
export const BINARY = `${BIN}/k3s`;
export const DATA = '/var/lib/rancher/k3s';
/** The words of it that all servers share; none on agents. */
export const CONFIG = '/etc/rancher/k3s/config.yaml';
/** The machine's own words, and how it comes into the cluster. */
export const NODE_CONFIG = '/etc/rancher/k3s/config.yaml.d/openova.yaml';
/** What K3s was last started with. */
const STARTED = `${DATA}/openova-started`;
const RELEASES = 'https://github.com/k3s-io/k3s/releases/download';

const LOOK_SECONDS = 60;
const INSTALL_SECONDS = 600;
/** Says the version of the binary. */
const VERSION = `${BINARY} --version 2>/dev/null | awk '/^k3s version/ { print $3 }'`;
const UNSUPPORTED = 40;
const WRONG_DIGEST = 41;
const MISSING = 42;

/** The service of systemd. */
export function unitOf(role: Role): string {
  return role === 'server' ? 'k3s' : 'k3s-agent';
}

/** What a machine has once it is in a cluster. */
const LET_IN: Readonly<Record<Role, string>> = {
  server: `${DATA}/server/db/etcd/member`,
  agent: `${DATA}/agent/client-kubelet.crt`,
};

/**
 * Puts the binary of a version in place on a machine that comes into a cluster, or is in it with that version.
 * @throws Failure input where it is with another one: only an upgrade knows what other nodes run, and saves etcd before.
 */
export async function installFor(run: Run, remote: Remote, role: Role, k3s: K3s): Promise<void> {
  await run.step('see which K3s it runs', LOOK_SECONDS, async (signal) => {
    // One that has left its cluster has data as well, and K3s is disabled there.
    const { stdout } = await remote.run(
      `[ ! -e ${LET_IN[role]} ] || ! systemctl is-enabled --quiet ${unitOf(role)} || ${VERSION}`,
      { signal },
    );
    const runs = stdout.trim();
    if (runs === '' || runs === k3s.version) return;
    throw Failure.input(`"${remote.target.name}" runs K3s "${runs}", must be upgraded to "${k3s.version}"`, {
      hint: 'give the version that it runs: a region upgrades its nodes one at a time, a document of kind Bootstrap upgrades none',
    });
  });
  await installK3s(run, remote, k3s);
}

/** The version of the binary on a machine; empty where there is none. */
export async function versionOn(remote: Remote, signal: AbortSignal): Promise<string> {
  const { stdout } = await remote.run(VERSION, { signal });
  return stdout.trim();
}

/** Puts the binary of a version in place, with its digest verified; it replaces another one also while that runs. */
export async function installK3s(run: Run, remote: Remote, { version, source }: K3s): Promise<void> {
  await run.step(`install K3s ${version}`, INSTALL_SECONDS, async (signal) => {
    const { code, stderr } = await remote.run(installation(version, source), {
      allow: [UNSUPPORTED, WRONG_DIGEST, MISSING],
      signal,
    });
    const log = lastLines(stderr);
    if (code === UNSUPPORTED)
      throw Failure.input(
        `"${remote.target.name}" has the architecture "${log.at(-1) ?? ''}", must be one of "aarch64", "x86_64"`,
      );
    if (code === MISSING)
      throw Failure.input(
        `K3s ${version} is not to be had for "${remote.target.name}": ${log.at(-1) ?? ''}`,
        {
          hint: 'is there such a version, and does the source have its binaries and lists of digests as GitHub has',
        },
      );
    if (code === WRONG_DIGEST)
      throw Failure.remote(
        `the binary of K3s ${version} on "${remote.target.name}" is not what its digest says`,
        {
          hint: 'if another try does not help, compare the source with the release on GitHub',
          log,
        },
      );
  });
}

function installation(version: string, source: K3s['source']): string {
  const folder = `${(source?.address ?? RELEASES).replace(/\/+$/, '')}/${version.replace('+', '%2B')}`;
  // The script of a program that has died may still run, so each has a draft of its own.
  const draft = `${BINARY}.openova.$$`;
  return [
    'set -eu',
    'case $(uname -m) in',
    `  x86_64) file=k3s; list=sha256sum-amd64.txt; digest=${source?.sha256?.amd64 ?? ''} ;;`,
    `  aarch64) file=k3s-arm64; list=sha256sum-arm64.txt; digest=${source?.sha256?.arm64 ?? ''} ;;`,
    `  *) uname -m >&2; exit ${UNSUPPORTED} ;;`,
    'esac',
    `verify() { [ "$(sha256sum < "$1" | cut -c 1-64)" = "$digest" ] || { echo "$1 has another SHA-256 than $digest" >&2; exit ${WRONG_DIGEST}; }; }`,
    `have=$(${VERSION})`,
    `if [ "$have" = ${quote(version)} ]; then [ -z "$digest" ] || verify ${BINARY}; exit 0; fi`,
    `mkdir -p ${BIN}; rm -f ${BINARY}.openova.*`,
    `trap 'rm -f ${draft}' EXIT`,
    // curl's own words do not say that the disk is full.
    'fetch() {',
    `  answer=$(curl -fsSL --retry 3 -w '%{http_code}' -o ${draft} ${quote(folder)}/"$1") || {`,
    '    code=$?',
    `    [ "$answer" != 404 ] || { echo ${quote(folder)}/"$1 does not exist" >&2; exit ${MISSING}; }`,
    `    [ $code -ne 23 ] || df -P ${BIN} | awk 'NR == 2 { print "cannot write to ${BIN}: " $4 " KiB are free" }' >&2`,
    '    exit $code',
    '  }',
    '}',
    'if [ -z "$digest" ]; then',
    '  fetch "$list"',
    `  digest=$(awk -v file="$file" '$2 == file { print $1 }' ${draft})`,
    `  [ -n "$digest" ] || { echo ${quote(folder)}/"$list has no $file" >&2; exit ${MISSING}; }`,
    'fi',
    'fetch "$file"',
    `verify ${draft}`,
    `chmod 0755 ${draft}; sync ${draft}; mv -f ${draft} ${BINARY}`,
  ].join('\n');
}

/** Configuration as text: equal for equal words, in whatever order they come. */
export function configText(config: Config): string {
  return stringify(config, { sortMapEntries: true, lineWidth: 0 });
}

/** Writes what K3s is told. It takes effect with its next start, see `startK3s`. */
export async function configure(
  remote: Remote,
  role: Role,
  { common, node }: { readonly common: Config; readonly node: Config },
  signal: AbortSignal,
): Promise<void> {
  await writeText(remote, CONFIG, configText(common), '0600', signal);
  await writeText(remote, NODE_CONFIG, configText(node), '0600', signal);
  await writeText(remote, `/etc/systemd/system/${unitOf(role)}.service`, unitText(role), '0644', signal);
}

/** What a machine was told before in its own part; empty where there is nothing. */
export async function nodeConfigOf(
  remote: Remote,
  signal: AbortSignal,
): Promise<Readonly<Record<string, unknown>>> {
  const read: unknown = parse((await readText(remote, NODE_CONFIG, signal)) ?? '{}');
  return isObject(read) ? read : {};
}

/** From now on K3s stays where it is once it ends: systemd starts it no more, until it is configured again. */
export async function startNoMore(remote: Remote, role: Role, signal: AbortSignal): Promise<void> {
  const unit = `/etc/systemd/system/${unitOf(role)}.service`;
  await remote.run(
    `[ ! -e ${unit} ] || { sed -i 's/^Restart=.*/Restart=no/' ${unit} && systemctl daemon-reload; }`,
    { signal },
  );
}

/**
 * Notifies systemd when it serves, and never gives up: a join that is refused is tried again every five seconds, so those who
 * wait have a time of their own. Pods live on when it stops.
 */
function unitText(role: Role): string {
  return `[Unit]
Description=K3s ${role}
Documentation=https://docs.k3s.io
Wants=network-online.target
After=network-online.target

[Service]
Type=${role === 'server' ? 'notify' : 'exec'}
EnvironmentFile=-/etc/default/%N
ExecStartPre=-/sbin/modprobe br_netfilter
ExecStartPre=-/sbin/modprobe overlay
ExecStart=${BINARY} ${role}
KillMode=process
Delegate=yes
LimitNOFILE=1048576
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
TimeoutStartSec=0
Restart=always
RestartSec=5s

[Install]
WantedBy=multi-user.target
`;
}

/** Prints what stands for all that K3s is told, and for the binary. */
function digestOf(unit: string): string {
  return `cat ${BINARY} ${CONFIG} ${NODE_CONFIG} /etc/systemd/system/${unit}.service | sha256sum | cut -c 1-64`;
}

/** Whether K3s was started with other words than it is told by now. */
export async function isOutdated(remote: Remote, role: Role, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await remote.run(
    `[ "$(${digestOf(unitOf(role))})" = "$(cat ${STARTED} || true)" ] || echo outdated`,
    { signal },
  );
  return stdout.trim() === 'outdated';
}

/**
 * Starts K3s with what it is told, and does not wait for it. One that runs with exactly that already is left alone.
 * @returns whether it was started anew.
 */
export async function startK3s(remote: Remote, role: Role, signal: AbortSignal): Promise<boolean> {
  const unit = unitOf(role);
  const { stdout } = await remote.run(
    [
      'set -eu',
      `wanted=$(${digestOf(unit)})`,
      `started=$(cat ${STARTED} 2>/dev/null || true)`,
      `state=$(systemctl show -p SubState --value ${unit})`,
      // One that has failed and waits for its next life is given it now.
      'case $state in running|start*) [ "$wanted" != "$started" ] || exit 0 ;; esac',
      'systemctl daemon-reload',
      `systemctl enable --quiet ${unit}`,
      // Written last: after a cut in between it is started once more, rather than never with the new words.
      `systemctl restart --no-block ${unit}`,
      `mkdir -p ${DATA}; echo "$wanted" > ${STARTED}`,
      'echo started',
    ].join('\n'),
    { signal },
  );
  return stdout.trim() === 'started';
}

/** Whether systemd says that K3s serves; what it says otherwise, with the last lines that it wrote since it was started. */
export async function serviceState(
  remote: Remote,
  role: Role,
  signal: AbortSignal,
): Promise<Look<undefined>> {
  const unit = unitOf(role);
  const { stdout } = await remote.run(
    [
      `state=$(systemctl is-active ${unit} || true); echo "$state"`,
      // What an earlier life said may be mended, and one that ends is none that was started last.
      'case $state in active|deactivating) exit 0 ;; esac',
      `life=$(systemctl show -p InvocationID --value ${unit})`,
      `journalctl -u ${unit} _SYSTEMD_INVOCATION_ID="$life" -n 20 --no-pager -o cat 2>&1 || true`,
    ].join('\n'),
    { signal },
  );
  const [state = '', ...journal] = lastLines(stdout, 21);
  if (state === 'active') return { done: undefined };
  const refusal = refusalIn(journal);
  if (refusal !== undefined)
    throw Failure.input(`K3s on "${remote.target.name}" cannot run: ${refusal.reason}`, {
      hint: refusal.hint,
      log: journal,
    });
  return { waiting: `service ${unit} of "${remote.target.name}" is "${state}"`, log: journal };
}

/** What no other try can mend, by the words of K3s. Source: k3s pkg/cluster, pkg/etcd and pkg/agent/config, 2026-11. */
const REFUSALS = [
  {
    words: /critical configuration (?:value )?mismatch/i,
    reason: 'its configuration differs from that of the servers it joins',
    hint: 'values that all servers share cannot change once the first one runs',
  },
  {
    words: /bootstrap data already found and encrypted with different token|token CA hash does not match/i,
    reason: 'the cluster was made with another token',
    hint: 'the Secret with the tokens is not that of this cluster; for a restore, give the token in restoreFrom',
  },
] as const;

export function refusalIn(journal: readonly string[]): { reason: string; hint: string } | undefined {
  return REFUSALS.find(({ words }) => journal.some((line) => words.test(line)));
}
