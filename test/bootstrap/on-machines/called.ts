/** `openova bootstrap --config` as a person calls it: a file in a folder, and a process. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { stringify } from 'yaml';
import { isObject, type JsonObject } from '../../../functions/kernel/manifest.ts';
import { toolPath } from '../../../tools/build.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { VERSION } from './support.ts';

const run = promisify(execFile);

export interface Ran {
  readonly code: number | null;
  readonly lines: readonly JsonObject[];
  readonly out: string;
  readonly err: string;
}

export interface Called {
  readonly flags?: readonly string[];
  /** A step at whose beginning the program gets a signal. */
  readonly until?: { readonly step: string; readonly signal: NodeJS.Signals };
}

/** Machines that a person has, with the key to them and a document of kind Bootstrap, whose cluster is "garage". */
export interface Garage {
  readonly machines: Machines;
  readonly folder: string;
  readonly config: string;
  readonly bootstrap: (called?: Called) => Promise<Ran>;
  stop(): Promise<void>;
}

/** @param names of machines; those that begin with "server" are servers. */
export async function startGarage(names: readonly string[]): Promise<Garage> {
  const pair = keyPair();
  const machines = await startMachines({ names, light: true, authorizedKeys: `${pair.public}\n` });
  const folder = await mkdtemp(join(tmpdir(), 'openova-standalone-'));
  const config = join(folder, 'cluster.yaml');
  await writeFile(join(folder, 'key'), pair.private, { mode: 0o600 });
  const list = machines.machines.map(({ name, target }) => ({
    name,
    role: name.startsWith('server') ? 'server' : 'agent',
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
  return {
    machines,
    folder,
    config,
    bootstrap: (called) => bootstrap(config, called),
    stop: async () => {
      await machines.stop();
      await rm(folder, { recursive: true });
    },
  };
}

function keyPair(): { private: string; public: string } {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return ssh2.utils.parseKey(pair.private) instanceof Error ? keyPair() : pair;
}

async function bootstrap(config: string, { flags = [], until }: Called = {}): Promise<Ran> {
  const args = ['functions/cli/main.ts', 'bootstrap', '--config', config, ...flags];
  const program = spawn(process.execPath, args);
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

export function recordIn(text: string): JsonObject {
  const read: unknown = JSON.parse(text);
  return isObject(read) ? read : {};
}

/** Names of nodes, as the real kubectl lists them with a kubeconfig and nothing else. */
export async function nodesThrough(kubeconfig: string): Promise<string[]> {
  const kubectl = await toolPath('kubectl');
  const { stdout } = await run(kubectl, ['--kubeconfig', kubeconfig, 'get', 'nodes', '--output=name']);
  return stdout.trim().split('\n').sort();
}
