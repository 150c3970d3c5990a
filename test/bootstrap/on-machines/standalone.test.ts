/** `openova bootstrap --config` as a person calls it: a process, a file, and machines. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { EXIT } from '../../../functions/bootstrap/contract.ts';
import { isObject, isTrue, objectAt, type JsonObject } from '../../../functions/kernel/manifest.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { VERSION } from './support.ts';

const SERVER = 'server-1';
const AGENT = 'agent-1';

let machines: Machines;
let folder: string;
let config: string;

function keyPair(): { private: string; public: string } {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return ssh2.utils.parseKey(pair.private) instanceof Error ? keyPair() : pair;
}

beforeAll(async () => {
  const pair = keyPair();
  machines = await startMachines({
    names: [SERVER, AGENT],
    light: true,
    authorizedKeys: `${pair.public}\n`,
  });
  folder = await mkdtemp(join(tmpdir(), 'openova-standalone-'));
  config = join(folder, 'cluster.yaml');
  await writeFile(join(folder, 'key'), pair.private, { mode: 0o600 });
  const list = machines.machines.map(({ name, target }) => ({
    name,
    role: name === SERVER ? 'server' : 'agent',
    address: target.address,
    privateAddress: target.nodeAddress,
  }));
  await writeFile(
    config,
    stringify({
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'Bootstrap',
      metadata: { name: 'garage' },
      spec: { sshKeyFile: 'key', kubernetes: { version: VERSION }, machines: list },
    }),
  );
});

afterAll(async () => {
  await machines.stop();
  await rm(folder, { recursive: true });
});

interface Ran {
  readonly code: number | null;
  readonly lines: readonly JsonObject[];
  readonly out: string;
  readonly err: string;
}

function recordIn(text: string): JsonObject {
  const read: unknown = JSON.parse(text);
  return isObject(read) ? read : {};
}

/** @param until a step at whose beginning the program gets a signal. */
async function bootstrap(until?: { readonly step: string; readonly signal: NodeJS.Signals }): Promise<Ran> {
  const program = spawn(process.execPath, ['functions/cli/main.ts', 'bootstrap', '--config', config]);
  let out = '';
  let err = '';
  program.stdout.setEncoding('utf8').on('data', (text: string) => {
    out += text;
    if (until !== undefined && text.includes(`"step":"${until.step}","state":"begun"`))
      program.kill(until.signal);
  });
  program.stderr.setEncoding('utf8').on('data', (text: string) => {
    err += text;
  });
  await once(program, 'close');
  const lines = out.split('\n').filter((line) => line.startsWith('{'));
  return { code: program.exitCode, lines: lines.map(recordIn), out, err };
}

describe('openova bootstrap', () => {
  it('says that it was stopped, and that another try may help', async () => {
    const ran = await bootstrap({ step: 'wait for cloud-init', signal: 'SIGTERM' });
    expect(ran).toMatchObject({ code: EXIT.remote, err: 'stopped from outside in "wait for cloud-init"\n' });
  });

  it('goes on where it was killed', async () => {
    expect(await bootstrap({ step: 'wait for Kubernetes', signal: 'SIGKILL' })).toMatchObject({ code: null });
    const ran = await bootstrap();
    expect(ran).toMatchObject({ code: EXIT.done, err: '' });
    expect(await machines.initCount()).toBe(1);
    expect(ran.lines.filter(({ state }) => state === 'done').length).toBeGreaterThan(20);
    for (const line of ran.lines)
      expect(line).toMatchObject({ time: expect.any(String), node: expect.any(String) });
  });

  it('leaves a kubeconfig that works, and says how to use it', async () => {
    const ran = await bootstrap();
    const path = join(folder, 'garage-state/kubeconfig');
    expect(ran.out).toContain(`kubectl --kubeconfig ${path} get nodes`);
    const { clusters, users } = parse(await readFile(path, 'utf8'));
    expect(clusters).toMatchObject([
      { name: 'garage', cluster: { server: `https://${machines.named(SERVER).target.address}:6443` } },
    ]);
    expect(users).toMatchObject([{ name: 'garage', user: { token: expect.stringMatching(/^eyJ/) } }]);
    const nodes = (await (await machines.kube()).list('v1', 'Node')).map(({ metadata }) => metadata.name);
    expect(nodes.sort()).toEqual([AGENT, SERVER]);
  });

  it('gives K3s Cilium to install, on nodes that take the pod that does', async () => {
    const { stdout } = await machines
      .named(SERVER)
      .exec('cat /var/lib/rancher/k3s/server/manifests/cilium.yaml');
    expect(parse(stdout)).toMatchObject({ kind: 'HelmChart', spec: { chart: 'cilium', bootstrap: true } });
    for (const node of await (await machines.kube()).list('v1', 'Node'))
      expect(isTrue(node, 'Ready'), node.metadata.name).toBe(true);
  });

  it('leaves each machine with a firewall', async () => {
    for (const machine of machines.machines)
      expect((await machine.exec('nft list table inet openova')).stdout).toContain('policy drop');
  });

  it('says no secret', async () => {
    const { out, err } = await bootstrap();
    const text = await readFile(join(folder, 'garage-state/tokens.json'), 'utf8');
    const { server, agent } = objectAt(recordIn(text), 'data') ?? {};
    for (const secret of [server, agent]) expect(out + err).not.toContain(secret);
  });
});
