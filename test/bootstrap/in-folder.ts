/** A machine that is a folder: scripts run for real, with its paths in the folder and programs of the test before others. */
import { spawn } from 'node:child_process';
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { onTestFinished } from 'vitest';
import { CommandFailure } from '../../functions/bootstrap/failure.ts';
import type { Output, Remote } from '../../functions/bootstrap/remote.ts';
import { lastLines } from '../../functions/bootstrap/ssh.ts';
import { target } from './scripted.ts';

const TARGET = target('server-1');

/** Where the program has what it writes, and programs that it calls by their whole name. */
const OWN = /\/(?:etc\/(?:rancher|systemd)|usr\/local\/bin|var\/(?:lib\/rancher|log)|run)(?=[/;" ])/g;

export interface InFolder extends Remote {
  /** Puts a file in place; programs begin with `#!`. */
  place(path: string, content: string): Promise<void>;
  /** Undefined where there is none. */
  read(path: string): Promise<string | undefined>;
}

/** Gone with its test. */
export async function machineInFolder(): Promise<InFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'openova-machine-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const place = async (path: string, content: string) => {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), content.replaceAll(OWN, `${folder}$&`));
    if (content.startsWith('#!')) await chmod(join(folder, path), 0o755);
  };
  for (const path of ['run', 'var/log', 'var/lib/rancher'])
    await mkdir(join(folder, path), { recursive: true });
  return {
    target: TARGET,
    place,
    read: (path) => readFile(join(folder, path), 'utf8').catch(() => undefined),
    run: async (script, { input = '', allow = [] } = {}) => {
      const output = await shell(script.replaceAll(OWN, `${folder}$&`), input, join(folder, 'usr/local/bin'));
      if (output.code === 0 || allow.includes(output.code)) return output;
      throw new CommandFailure(`it ended with ${output.code}: ${output.stderr}`, {
        log: lastLines(output.stderr),
      });
    },
    close: () => undefined,
  };
}

async function shell(script: string, input: string, programs: string): Promise<Output> {
  const child = spawn('sh', ['-c', script], { env: { PATH: `${programs}:${process.env['PATH'] ?? ''}` } });
  const output = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const)
    child[stream].setEncoding('utf8').on('data', (text: string) => (output[stream] += text));
  child.stdin.on('error', () => undefined).end(input);
  const code = await new Promise<number>((resolve) =>
    child.once('close', (ended) => {
      resolve(ended ?? 1);
    }),
  );
  return { code, ...output };
}
