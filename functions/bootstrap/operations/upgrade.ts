/** Another version of K3s on one node. Pods run on: a new binary, a restart, and the node is as it was. */
import { textAt, type JsonObject } from '../../kernel/manifest.ts';
import { Failure } from '../failure.ts';
import { alone } from '../lease.ts';
import { gateServers, isServer, livingServer, standing } from '../node/cluster.ts';
import { installK3s, serviceState, startK3s, versionOn, type Role } from '../node/k3s.ts';
import { getObject, listObjects } from '../node/kubectl.ts';
import { logIn } from '../node/machine.ts';
import { saveEtcd } from '../node/snapshots.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Look, Outcome, Run } from '../run.ts';
import { compareVersions, keptFromUpgrade } from '../versions.ts';

const LOOK_SECONDS = 60;
const GATE_SECONDS = 900;

export function upgrade(run: Run, input: InputOf<'upgrade'>): Promise<Outcome> {
  return alone(run, input, async () => {
    const { target, peers, role, k3s } = input;
    const remote = await logIn(run, target);
    const installed = await run.step('read the version', LOOK_SECONDS, (signal) => versionOn(remote, signal));
    checkVersion(target.name, installed, k3s.version);
    // A server asks itself, which is the only one in some regions.
    const api = role === 'server' ? remote : await livingServer(run, peers);
    if (installed !== k3s.version) await prepare(run, input, remote, api);
    await installK3s(run, remote, k3s);
    await run.step('restart K3s', LOOK_SECONDS, (signal) => startK3s(remote, role, signal));
    await run.step('wait for the node', GATE_SECONDS, (signal) =>
      run.until(signal, () => upgraded(remote, api, role, k3s.version, signal), 5),
    );
    return {};
  });
}

function checkVersion(name: string, from: string, to: string): void {
  const kept = keptFromUpgrade(from, to);
  if (kept !== undefined) throw Failure.input(`"${name}" ${kept}`);
}

/** What comes before the first binary is replaced: others are whole, and etcd is saved. */
async function prepare(run: Run, input: InputOf<'upgrade'>, remote: Remote, api: Remote): Promise<void> {
  const { target, role, k3s } = input;
  await gateServers(run, api, input);
  if (role === 'server') await saveEtcd(run, remote, `before-${k3s.version.replace('+', '-')}`);
  else
    await run.step('check that the servers are no older', LOOK_SECONDS, async (signal) => {
      const older = (await listObjects(api, 'nodes', signal)).filter(
        (node) => isServer(node) && compareVersions(kubeletOf(node), k3s.version) < 0,
      );
      const names = older.flatMap((node) => textAt(node, 'metadata', 'name') ?? []).sort();
      if (names.length > 0)
        throw Failure.input(
          `agent "${target.name}" must not run "${k3s.version}", which is newer than what servers run: "${names.join('", "')}"`,
          { hint: 'upgrade the servers first' },
        );
    });
}

function kubeletOf(node: JsonObject): string {
  return textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? '';
}

async function upgraded(
  remote: Remote,
  api: Remote,
  role: Role,
  version: string,
  signal: AbortSignal,
): Promise<Look<undefined>> {
  const { name } = remote.target;
  const service = await serviceState(remote, role, signal);
  if ('waiting' in service) return service;
  const node = await getObject(api, 'node', name, { signal }).catch((error: unknown) => {
    // The API of a server that restarts is away for a moment.
    if (role === 'server' && error instanceof Failure) return undefined;
    throw error;
  });
  if (node !== undefined && kubeletOf(node) !== version)
    return { waiting: `Node "${name}" runs "${kubeletOf(node)}"` };
  return standing(name, node, role);
}
