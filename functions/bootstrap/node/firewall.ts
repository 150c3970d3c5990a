/**
 * What a machine that exists already lets in, where no firewall of a cloud does: an allow-list of nftables, in a table of its own.
 * A mistake in it must not lock anybody out: the machine takes it back by itself unless a new connection confirms it.
 */
import type { Allow, Target } from '../contract.ts';
import { Failure } from '../failure.ts';
import { readText, writeText, type Remote } from '../remote.ts';
import type { Run } from '../run.ts';
import { lastLines } from '../ssh.ts';

const FOLDER = '/etc/openova';
const RULES = `${FOLDER}/firewall.nft`;
const DRAFT = `${FOLDER}/firewall.new.nft`;
const UNIT = '/etc/systemd/system/openova-firewall.service';
const TIMER = 'openova-firewall-rollback';
/** Seconds until the machine takes it back. */
const ROLLBACK = 60;
/** Seconds in which a new connection must have confirmed it. */
const CONFIRM = 45;
const APPLY_SECONDS = 120;
const REFUSED = 40;

/** Makes a machine let in exactly what is listed. @throws Failure input when it would lock us out, and is taken back. */
export async function applyFirewall(run: Run, target: Target, allow: readonly Allow[]): Promise<void> {
  const rules = rulesText(allow);
  const isNew = await run.step(`set the firewall of "${target.name}"`, APPLY_SECONDS, async (signal) => {
    const remote = await run.connect(target, signal);
    if (await isApplied(remote, rules, signal)) return false;
    await writeText(remote, UNIT, UNIT_TEXT, '0644', signal);
    await writeText(remote, DRAFT, rules, '0600', signal);
    const { code, stderr } = await remote.run(application(), { allow: [REFUSED], signal });
    if (code === REFUSED)
      throw Failure.remote(`nftables of "${target.name}" refuses its rules`, { log: lastLines(stderr) });
    // Only a connection that is new proves anything.
    remote.close();
    return true;
  });
  if (!isNew) return;
  await run.step(
    `confirm the firewall of "${target.name}"`,
    CONFIRM,
    async (signal) => {
      const fresh = await run.connect(target, signal);
      await fresh.run(CONFIRMATION, { signal });
    },
    () =>
      Failure.input(
        `with its new firewall "${target.name}" does not answer any more; it takes it back within ${ROLLBACK} s`,
        { hint: 'is the address that this program comes from in access.managementCidrs' },
      ),
  );
}

const CONFIRMATION = [
  'set -eu',
  `systemctl stop ${TIMER}.timer`,
  // It may have come too late.
  'nft list table inet openova >/dev/null',
  `mv -f ${DRAFT} ${RULES}`,
  'systemctl daemon-reload',
  'systemctl enable --quiet openova-firewall >&2',
].join('\n');

async function isApplied(remote: Remote, rules: string, signal: AbortSignal): Promise<boolean> {
  const { stdout } = await remote.run('nft list table inet openova >/dev/null 2>&1 && echo there || true', {
    signal,
  });
  return stdout.trim() === 'there' && (await readText(remote, RULES, signal)) === rules;
}

/** The timer is armed before anything changes; an earlier one is still right, and is armed anew. */
function application(): string {
  const back = `nft delete table inet openova 2>/dev/null; [ ! -e ${RULES} ] || nft -f ${RULES}`;
  return [
    'set -eu',
    `nft -c -f ${DRAFT} || exit ${REFUSED}`,
    `systemctl stop ${TIMER}.timer 2>/dev/null || true`,
    `systemd-run --quiet --collect --unit=${TIMER} --on-active=${ROLLBACK} /bin/sh -c '${back}' >&2`,
    `nft -f ${DRAFT}`,
  ].join('\n');
}

/** In force before anything listens, and after what Debian's own service flushes. */
const UNIT_TEXT = `[Unit]
Description=What OpenOva lets in
DefaultDependencies=no
After=nftables.service
Before=network-pre.target k3s.service k3s-agent.service
Wants=network-pre.target

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/sbin/nft -f ${RULES}

[Install]
WantedBy=multi-user.target
`;

/**
 * The table, replaced as a whole. What the machine itself begins, and what pods on it say to it, is not filtered; nor is what
 * it passes on to pods, which Cilium filters.
 */
export function rulesText(allow: readonly Allow[]): string {
  const lists = allow.flatMap(listsOf);
  return [
    'table inet openova',
    'delete table inet openova',
    'table inet openova {',
    ...lists.map(
      // Ranges may hold each other.
      ({ type, sources }, index) =>
        `  set from${index} { type ${type}; flags interval; auto-merge; elements = { ${sources.join(', ')} }; }`,
    ),
    '  chain input {',
    '    type filter hook input priority filter - 10; policy drop;',
    '    ct state established,related accept',
    '    iifname { "lo", "cilium_host", "cilium_net", "lxc*" } accept',
    '    meta l4proto { icmp, ipv6-icmp } accept',
    '    udp dport { 68, 546 } accept',
    ...lists.map(
      ({ family, protocol, ports }, index) =>
        `    ${family} saddr @from${index} ${protocol} dport { ${ports.join(', ')} } accept`,
    ),
    '  }',
    '}',
    '',
  ].join('\n');
}

const FAMILIES = [
  { family: 'ip', type: 'ipv4_addr', isOne: (source: string) => !source.includes(':') },
  { family: 'ip6', type: 'ipv6_addr', isOne: (source: string) => source.includes(':') },
] as const;

function listsOf({ from, protocol, ports }: Allow) {
  return FAMILIES.flatMap(({ family, type, isOne }) => {
    const sources = [...new Set(from.filter(isOne))].sort();
    return sources.length === 0 ? [] : [{ family, type, sources, protocol, ports }];
  });
}

/** Takes it all away; the machine lets in what it did before. */
export async function removeFirewall(remote: Remote, signal: AbortSignal): Promise<void> {
  await remote.run(
    [
      `systemctl stop ${TIMER}.timer 2>/dev/null || true`,
      'systemctl disable --quiet openova-firewall 2>/dev/null || true',
      `rm -rf ${FOLDER} ${UNIT}`,
      'nft delete table inet openova 2>/dev/null || true',
    ].join('\n'),
    { signal },
  );
}
