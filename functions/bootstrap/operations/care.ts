/**
 * A look at the whole region, every hour: certificates that end soon, reboots that are due, snapshots that are set otherwise by
 * now. What disturbs a node is done to one at a time, and in the maintenance window where there is one.
 */
import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { Config, WINDOW_STEP, type Target } from '../contract.ts';
import { Failure } from '../failure.ts';
import { alone } from '../lease.ts';
import { gateServers, lackOf, livingServer } from '../node/cluster.ts';
import { configText, CONFIG, DATA, serviceState, unitOf, type Role } from '../node/k3s.ts';
import { getObject, kubectl, listObjects } from '../node/kubectl.ts';
import { drainNode } from '../node/drain.ts';
import { applyFirewall } from '../node/firewall.ts';
import { lastSnapshot, snapshotConfig } from '../node/snapshots.ts';
import { readText, writeText, type Remote } from '../remote.ts';
import type { InputOf, Look, Outcome, Run } from '../run.ts';
import { openUntil, parseWindow } from '../window.ts';
import { kubeconfig } from './kubeconfig.ts';

type Input = InputOf<'care'>;

const LOOK_SECONDS = 90;
const RESTART_SECONDS = 900;
const DRAIN_SECONDS = 900;
const DAY = 86_400_000;

/** What was found on one machine. */
interface State {
  readonly target: Target;
  readonly role: Role;
  readonly certificatesExpire: Date | undefined;
  readonly reboot: boolean;
  /** The configuration that it shall have; undefined when it has it. */
  readonly config: string | undefined;
}

type Work = 'reboot' | 'restart';

export async function care(run: Run, input: Input): Promise<Outcome> {
  const looked = await lookAtAll(run, input);
  const states = looked.flatMap((one) => (one instanceof Failure ? [] : [one]));
  const unknown = looked.filter((one) => one instanceof Failure);
  const peer = await livingServer(run, await keptFirst(run, input));
  const outcome = await facts(run, peer, states);
  await renewKubeconfig(run, input, peer.target);
  for (const { target } of input.allow === undefined ? [] : states)
    await applyFirewall(run, target, input.allow ?? []);
  for (const state of states) {
    const work = workOn(state, run.now(), input.certificateDays);
    // With a machine that does not answer, no other is disturbed.
    if (work === undefined || unknown.length > 0 || closesAt(input, run.now()) === 'closed') continue;
    await alone(run, input, () => disturb(run, input, state, work));
  }
  await holdWindow(run, input);
  const [first] = unknown;
  if (first !== undefined) throw first;
  return outcome;
}

async function lookAtAll(run: Run, { servers, agents, snapshots }: Input): Promise<(State | Failure)[]> {
  const wanted = await snapshotConfig(run.store, snapshots);
  const all = [
    ...servers.map((target) => ({ target, role: 'server' as const })),
    ...agents.map((target) => ({ target, role: 'agent' as const })),
  ];
  const found: (State | Failure)[] = [];
  for (const { target, role } of all)
    found.push(
      await run
        .step(`look at "${target.name}"`, LOOK_SECONDS, async (signal) => {
          const remote = await run.connect(target, signal);
          return { target, role, ...(await stateOf(remote, role, wanted, signal)) };
        })
        .catch((error: unknown) => {
          if (error instanceof Failure) return error;
          throw error;
        }),
    );
  return found;
}

async function stateOf(remote: Remote, role: Role, wanted: Config, signal: AbortSignal) {
  const { stdout } = await remote.run(
    [
      '[ ! -e /var/run/reboot-required ] || echo reboot-required',
      // Certificates are public; keys are in other files.
      `for file in ${DATA}/server/tls/*.crt ${DATA}/server/tls/etcd/*.crt ${DATA}/agent/*.crt; do`,
      '  [ ! -e "$file" ] || cat "$file"',
      'done',
    ].join('\n'),
    { signal },
  );
  const before = role === 'server' ? await readText(remote, CONFIG, signal) : undefined;
  const config = before === undefined ? undefined : reconfigured(before, wanted);
  return {
    reboot: stdout.startsWith('reboot-required'),
    certificatesExpire: earliestEnd(stdout),
    config: config === before ? undefined : config,
  };
}

/** When the first of the certificates in a text ends. */
export function earliestEnd(pem: string): Date | undefined {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g) ?? [];
  const ends = blocks.map((block) => new X509Certificate(block).validToDate.getTime());
  return ends.length === 0 ? undefined : new Date(Math.min(...ends));
}

/** A configuration with other words about snapshots. */
export function reconfigured(text: string, wanted: Config): string {
  const read = Config.parse(parse(text) ?? {});
  const kept = Object.entries(read).filter(([flag]) => !/^etcd-(s3|snapshot)(-|$)/.test(flag));
  return configText({ ...Object.fromEntries(kept), ...wanted });
}

/** What a machine needs; a reboot starts K3s as well. */
export function workOn(
  { reboot, certificatesExpire, config }: Pick<State, 'reboot' | 'certificatesExpire' | 'config'>,
  now: Date,
  days: number,
): Work | undefined {
  if (reboot) return 'reboot';
  const ends = certificatesExpire !== undefined && certificatesExpire.getTime() - now.getTime() < days * DAY;
  return ends || config !== undefined ? 'restart' : undefined;
}

async function facts(run: Run, peer: Remote, states: readonly State[]): Promise<Outcome> {
  const ends = states.flatMap(({ certificatesExpire }) => certificatesExpire?.getTime() ?? []);
  const last = await run.step('see the last snapshot', LOOK_SECONDS, (signal) => lastSnapshot(peer, signal));
  return {
    ...(ends.length > 0 && { certificatesExpire: new Date(Math.min(...ends)).toISOString() }),
    ...(last !== undefined && { lastSnapshot: last }),
  };
}

/** The servers, with that in the kubeconfig first: it stays there for as long as it serves. */
async function keptFirst(run: Run, { namespace, kubeconfig: name, servers }: Input): Promise<Target[]> {
  const text = (await run.store.secret({ namespace, name }))?.data['kubeconfig'] ?? '';
  const isKept = ({ address }: Target) => text.includes(`//${bracketed(address)}:`);
  return servers.toSorted((one, other) => Number(isKept(other)) - Number(isKept(one)));
}

async function renewKubeconfig(run: Run, input: Input, target: Target): Promise<void> {
  const { version, result, secrets, deadlineSeconds, region, namespace, kubeconfig: name, copy } = input;
  await kubeconfig(run, {
    ...{ version, result, secrets, deadlineSeconds, region, namespace },
    operation: 'kubeconfig',
    target,
    kubeconfig: name,
    ...(copy && { copy }),
    context: region,
  });
}

function bracketed(address: string): string {
  return address.includes(':') ? `[${address}]` : address;
}

/** Until when nodes may be disturbed: as long as one likes where there is no window. */
function closesAt({ window }: Input, now: Date): Date | 'closed' | 'never' {
  return window === undefined ? 'never' : (openUntil(parseWindow(window), now) ?? 'closed');
}

async function disturb(run: Run, input: Input, state: State, work: Work): Promise<void> {
  const { target, role, config } = state;
  const others = input.servers.filter(({ name }) => name !== target.name);
  const remote = await run.step(`log in to "${target.name}"`, LOOK_SECONDS, (signal) =>
    run.connect(target, signal),
  );
  // Of a region with one server, that one is asked.
  const api = others.length > 0 ? await livingServer(run, others) : await livingServer(run, input.servers);
  await gateServers(run, api, { target, peers: others });
  if (config !== undefined)
    await run.step(`configure "${target.name}"`, LOOK_SECONDS, (signal) =>
      writeText(remote, CONFIG, config, '0600', signal),
    );
  if (work === 'reboot') await reboot(run, remote, api);
  else
    await run.step(`restart K3s on "${target.name}"`, LOOK_SECONDS, (signal) =>
      remote.run(`systemctl restart --no-block ${unitOf(role)}`, { signal }),
    );
  await run.step(`wait for "${target.name}"`, RESTART_SECONDS, (signal) =>
    run.until(
      signal,
      async () => {
        const reached = await run.reach(target, signal);
        return 'done' in reached ? serves(reached.done, role, api, signal) : reached;
      },
      5,
    ),
  );
  if (work === 'reboot') await uncordon(run, api, target);
}

async function serves(
  remote: Remote,
  role: Role,
  api: Remote,
  signal: AbortSignal,
): Promise<Look<undefined>> {
  const service = await serviceState(remote, role, signal);
  if ('waiting' in service) return service;
  const { name } = remote.target;
  const asked = api.target.name === name ? remote : api;
  const node = await getObject(asked, 'node', name, { signal }).catch((error: unknown) => {
    if (error instanceof Failure) return undefined;
    throw error;
  });
  const lack = lackOf(node, role);
  return lack === undefined ? { done: undefined } : { waiting: `Node "${name}" is not ${lack}` };
}

/** Its pods move first, where there is another node for them. */
async function reboot(run: Run, remote: Remote, api: Remote): Promise<void> {
  const { name } = remote.target;
  await run.step(`drain "${name}"`, DRAIN_SECONDS + LOOK_SECONDS, async (signal) => {
    if ((await listObjects(api, 'nodes', signal)).length === 1) return;
    try {
      await drainNode(api, name, DRAIN_SECONDS, signal);
    } catch (error) {
      // It is not rebooted, so pods may come back.
      await kubectl(api, ['uncordon', name]).catch(() => undefined);
      throw error;
    }
  });
  await run.step(`reboot "${name}"`, RESTART_SECONDS, async (signal) => {
    const before = await bootOf(remote, signal);
    await remote.run('nohup sh -c "sleep 1; systemctl reboot" >/dev/null 2>&1 &', { signal });
    await run.until(
      signal,
      async () => {
        const reached = await run.reach(remote.target, signal);
        if (!('done' in reached)) return reached;
        const boot = await bootOf(reached.done, signal).catch(() => before);
        return boot === before ? { waiting: 'it has not rebooted yet' } : { done: undefined };
      },
      5,
    );
  });
}

async function bootOf(remote: Remote, signal: AbortSignal): Promise<string> {
  const { stdout } = await remote.run('cat /proc/sys/kernel/random/boot_id', { signal });
  return stdout.trim();
}

async function uncordon(run: Run, api: Remote, { name }: Target): Promise<void> {
  await run.step(`uncordon "${name}"`, LOOK_SECONDS, async (signal) => {
    await kubectl(api, ['uncordon', name], { signal });
  });
}

/** For as long as the window is open others may disturb nodes: the step says so to the region. */
async function holdWindow(run: Run, input: Input): Promise<void> {
  const end = closesAt(input, run.now());
  if (!(end instanceof Date)) return;
  const seconds = Math.ceil((end.getTime() - run.now().getTime()) / 1000);
  await run.step(WINDOW_STEP, seconds + LOOK_SECONDS, (signal) =>
    run.until(
      signal,
      async () =>
        Promise.resolve(
          run.now() >= end ? { done: undefined } : { waiting: `it is open until ${end.toISOString()}` },
        ),
      15,
    ),
  );
}
