/**
 * A look at the whole region, every hour: certificates that end soon, reboots that are due, snapshots that are set otherwise by
 * now. What disturbs a node is done to one at a time, and in the maintenance window where there is one.
 */
import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { at, textAt, type JsonObject } from '../../kernel/manifest.ts';
import { Config, EXIT, WINDOW_STEP, type Target } from '../contract.ts';
import { Failure, together } from '../failure.ts';
import { alone } from '../lease.ts';
import { gateServers, livingServer, standing } from '../node/cluster.ts';
import {
  CONFIG,
  configText,
  DATA,
  isOutdated,
  serviceState,
  startK3s,
  unitOf,
  type Role,
} from '../node/k3s.ts';
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
  /** K3s does not run with the configuration that is there. */
  readonly outdated: boolean;
}

/** In this order, on all machines: certificates must not wait for a node whose pods do not go. */
const WORKS = ['restart', 'reboot'] as const;
type Work = (typeof WORKS)[number];

interface Trouble {
  readonly role: Role;
  readonly failure: Failure;
  /** The machine may be of no use to the others. */
  readonly isDown: boolean;
}

/** On a node that we have drained, and that nobody else keeps from pods. */
const DRAINED = 'platform.openova.io/drained-by-care';

export async function care(run: Run, input: Input): Promise<Outcome> {
  const wanted = await attempt(run, () =>
    run.step('read what snapshots need', LOOK_SECONDS, () => snapshotConfig(run.store, input.snapshots)),
  );
  const { states, silent } = await lookAtAll(run, input, 'done' in wanted ? wanted.done : undefined);
  run.found(earliest(states));
  const peer = await livingServer(run, await keptFirst(run, input));
  const last = await attempt(run, () =>
    run.step('see the last snapshot', LOOK_SECONDS, (signal) => lastSnapshot(peer, signal)),
  );
  const access = await attempt(run, () => renewKubeconfig(run, input, peer.target));
  const firewalls = await setFirewalls(run, input, states);
  const drains = await attempt(run, () => endDrains(run, input, peer));
  // Certificates end whatever else has failed.
  const { seen, troubles } = await disturbAll(run, input, states, silent);
  const [first, ...more] = [
    ...troubles.map((trouble) => trouble.failure),
    ...[wanted, last, access, ...firewalls, drains].flatMap((one) => ('failure' in one ? one.failure : [])),
  ];
  const failure = first && together(first, more);
  const outcome = {
    ...earliest(seen),
    ...('done' in last && last.done !== undefined && { lastSnapshot: last.done }),
  };
  // A window may be open for hours.
  run.found({ ...outcome, ...(failure !== undefined && { troubled: true }) });
  await holdWindow(run, input, failure);
  run.found(outcome);
  if (failure !== undefined) throw failure;
  return outcome;
}

type Attempt<T> = { readonly done: T } | { readonly failure: Failure };

/** What work came to, so that a failure can wait until the rest is done; nothing waits once the whole run is over. */
async function attempt<T>(run: Run, work: () => Promise<T>): Promise<Attempt<T>> {
  try {
    return { done: await work() };
  } catch (error) {
    if (error instanceof Failure && !run.isOver) return { failure: error };
    throw error;
  }
}

/** @param wanted what servers shall be told of snapshots; undefined while nobody knows. */
async function lookAtAll(
  run: Run,
  { servers, agents }: Input,
  wanted: Config | undefined,
): Promise<{ states: State[]; silent: Trouble[] }> {
  const all = [
    ...servers.map((target) => ({ target, role: 'server' as const })),
    ...agents.map((target) => ({ target, role: 'agent' as const })),
  ];
  const states: State[] = [];
  const silent: Trouble[] = [];
  for (const { target, role } of all) {
    const seen = await attempt(run, () =>
      run.step(`look at "${target.name}"`, LOOK_SECONDS, async (signal) => {
        const remote = await run.connect(target, signal);
        return { target, role, ...(await stateOf(remote, role, wanted, signal)) };
      }),
    );
    if ('done' in seen) states.push(seen.done);
    else silent.push({ role, failure: seen.failure, isDown: true });
  }
  return { states, silent };
}

async function stateOf(remote: Remote, role: Role, wanted: Config | undefined, signal: AbortSignal) {
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
  const config = before === undefined || wanted === undefined ? before : reconfigured(before, wanted);
  return {
    reboot: stdout.startsWith('reboot-required'),
    certificatesExpire: earliestEnd(stdout),
    config: config === before ? undefined : config,
    outdated: await isOutdated(remote, role, signal),
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

/** What a machine needs. */
export function needs(
  work: Work,
  { reboot, certificatesExpire, config, outdated }: Omit<State, 'target' | 'role'>,
  now: Date,
  days: number,
): boolean {
  if (work === 'reboot') return reboot;
  return endsSoon({ certificatesExpire }, now, days) || outdated || config !== undefined;
}

function endsSoon(
  { certificatesExpire }: Pick<State, 'certificatesExpire'>,
  now: Date,
  days: number,
): boolean {
  return certificatesExpire !== undefined && certificatesExpire.getTime() - now.getTime() < days * DAY;
}

function earliest(states: readonly State[]): Outcome {
  const ends = states.flatMap(({ certificatesExpire }) => certificatesExpire?.getTime() ?? []);
  return ends.length === 0 ? {} : { certificatesExpire: new Date(Math.min(...ends)).toISOString() };
}

/** @returns what came of it, of each machine that it was tried on. */
async function setFirewalls(run: Run, { allow }: Input, states: readonly State[]): Promise<Attempt<void>[]> {
  const attempts: Attempt<void>[] = [];
  for (const { target } of allow === undefined ? [] : states) {
    const set = await attempt(run, () => applyFirewall(run, target, allow ?? []));
    attempts.push(set);
    // A list that locks us out of one machine would lock us out of the next.
    if ('failure' in set && set.failure.code === EXIT.input) break;
  }
  return attempts;
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

/** @returns what went wrong, with what did before, and the machines as they are after it. */
async function disturbAll(
  run: Run,
  input: Input,
  states: readonly State[],
  silent: readonly Trouble[],
): Promise<{ seen: State[]; troubles: Trouble[] }> {
  const troubles = [...silent];
  const seen = new Map(states.map((state) => [state.target.name, state]));
  for (const work of WORKS)
    for (const state of states) {
      if (!needs(work, state, run.now(), input.certificateDays)) continue;
      if (isHeldUp(work, state, troubles) || closesAt(input, run.now()) === 'closed') continue;
      const { role, target } = state;
      const ended = await attempt(run, () => alone(run, input, () => disturb(run, input, state, work)));
      if ('failure' in ended) troubles.push({ role, failure: ended.failure, isDown: true });
      else if (ended.done !== undefined) troubles.push({ role, failure: ended.done, isDown: false });
      else if (work === 'restart') {
        const renewed = await attempt(run, () => seeRenewed(run, input, state));
        if ('done' in renewed) seen.set(target.name, renewed.done);
        else troubles.push({ role, failure: renewed.failure, isDown: false });
      }
    }
  return { seen: [...seen.values()], troubles };
}

/**
 * A machine after its restart. An agent asks for its certificates while its service counts as started already.
 * @throws Failure timeout when they still end soon: every look would restart it again.
 */
function seeRenewed(run: Run, { certificateDays }: Input, { target, role }: State): Promise<State> {
  return run.step(`see what ends on "${target.name}" now`, LOOK_SECONDS, (signal) =>
    run.until(
      signal,
      async () => {
        const reached = await run.reach(target, signal);
        if (!('done' in reached)) return reached;
        const state = { target, role, ...(await stateOf(reached.done, role, undefined, signal)) };
        return endsSoon(state, run.now(), certificateDays)
          ? { waiting: `a certificate still ends on ${state.certificatesExpire?.toISOString() ?? ''}` }
          : { done: state };
      },
      5,
    ),
  );
}

/** By a server that is down everybody is; by an agent, reboots of agents, whose pods need a place. */
function isHeldUp(work: Work, { role }: State, troubles: readonly Trouble[]): boolean {
  const isDown = (one: Role) => troubles.some((trouble) => trouble.isDown && trouble.role === one);
  return isDown('server') || (work === 'reboot' && role === 'agent' && isDown('agent'));
}

/** @returns why a node is left as it was. */
async function disturb(run: Run, input: Input, state: State, work: Work): Promise<Failure | undefined> {
  const { target, role } = state;
  const others = input.servers.filter(({ name }) => name !== target.name);
  const remote = await run.step(`log in to "${target.name}"`, LOOK_SECONDS, (signal) =>
    run.connect(target, signal),
  );
  // Of a region with one server, that one is asked.
  const asked = others.length > 0 ? others : input.servers;
  const api = await livingServer(run, asked);
  await gateServers(run, api, { target, peers: others });
  if (work === 'restart') await restart(run, remote, state);
  else {
    const kept = await drain(run, api, target.name);
    if (kept !== undefined) return kept;
    await reboot(run, remote);
  }
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
  // The machine that has rebooted may be the one that was asked.
  if (work === 'reboot') await uncordon(run, await livingServer(run, asked), target.name);
  return undefined;
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
  return standing(name, node, role);
}

async function restart(run: Run, remote: Remote, { target, role, config }: State): Promise<void> {
  if (config !== undefined)
    await run.step(`configure "${target.name}"`, LOOK_SECONDS, (signal) =>
      writeText(remote, CONFIG, config, '0600', signal),
    );
  await run.step(`restart K3s on "${target.name}"`, LOOK_SECONDS, async (signal) => {
    if (await startK3s(remote, role, signal)) return;
    // As it is, for its certificates.
    await remote.run(`systemctl restart --no-block ${unitOf(role)}`, { signal });
  });
}

/**
 * Moves its pods, where there is another node for them. It is marked before, so that whoever comes after us lets them back.
 * @returns why they do not go; then they may come back.
 */
async function drain(run: Run, api: Remote, name: string): Promise<Failure | undefined> {
  const drained = await attempt(run, () =>
    run.step(`drain "${name}"`, DRAIN_SECONDS + LOOK_SECONDS, async (signal) => {
      const nodes = await listObjects(api, 'nodes', signal);
      if (nodes.length === 1) return;
      const node = nodes.find((one) => textAt(one, 'metadata', 'name') === name);
      if (at(node, 'spec', 'unschedulable') !== true) await markDrained(api, name, true, signal);
      await drainNode(api, name, DRAIN_SECONDS, signal);
    }),
  );
  if ('done' in drained) return undefined;
  await uncordon(run, api, name);
  return drained.failure;
}

/** Cordons and marks in one, so that neither is ever there without the other. */
async function markDrained(
  api: Remote,
  name: string,
  isDrained: boolean,
  signal: AbortSignal,
): Promise<void> {
  const patch = {
    metadata: { annotations: { [DRAINED]: isDrained ? 'true' : null } },
    spec: { unschedulable: isDrained ? true : null },
  };
  await kubectl(api, ['patch', 'node', name, '--type=merge', '-p', JSON.stringify(patch)], { signal });
}

/** Takes back our own cordon, and nobody else's. */
async function uncordon(run: Run, api: Remote, name: string): Promise<void> {
  await run.step(`uncordon "${name}"`, LOOK_SECONDS, (signal) =>
    run.until(signal, async () => {
      const node = await getObject(api, 'node', name, { signal });
      if (isDrained(node)) await markDrained(api, name, false, signal);
      return { done: undefined };
    }),
  );
}

function isDrained(node: JsonObject | undefined): boolean {
  return textAt(node, 'metadata', 'annotations', DRAINED) !== undefined;
}

/** What a run before us has drained and not let go of, as it was ended in between. */
async function endDrains(run: Run, input: Input, api: Remote): Promise<void> {
  const nodes = await run.step('see what is drained', LOOK_SECONDS, (signal) =>
    listObjects(api, 'nodes', signal),
  );
  for (const node of nodes.filter(isDrained))
    await alone(run, input, () => uncordon(run, api, textAt(node, 'metadata', 'name') ?? ''));
}

async function reboot(run: Run, remote: Remote): Promise<void> {
  const { name } = remote.target;
  await run.step(`reboot "${name}"`, RESTART_SECONDS, async (signal) => {
    const before = await bootOf(remote, signal);
    await remote.run('nohup sh -c "sleep 1; systemctl reboot" >/dev/null 2>&1 &', { signal });
    await run.until(
      signal,
      async () => {
        const reached = await run.reach(remote.target, signal);
        if (!('done' in reached)) return reached;
        // It goes down in the middle of what it is asked.
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

/**
 * For as long as the window is open others may disturb nodes: the step says so to the region.
 * @param failure what has gone wrong, which is said meanwhile.
 */
async function holdWindow(run: Run, input: Input, failure: Failure | undefined): Promise<void> {
  const end = closesAt(input, run.now());
  if (!(end instanceof Date)) return;
  const seconds = Math.ceil((end.getTime() - run.now().getTime()) / 1000);
  const waiting = {
    waiting: failure?.message ?? `it is open until ${end.toISOString()}`,
    ...(failure?.hint !== undefined && { hint: failure.hint }),
    ...(failure && { log: failure.log }),
  };
  await run.step(WINDOW_STEP, seconds + LOOK_SECONDS, (signal) =>
    run.until(signal, () => Promise.resolve(run.now() >= end ? { done: undefined } : waiting), 15),
  );
}
