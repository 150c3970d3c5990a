/** The command line without a process: what it wrote, and its exit code. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll } from 'vitest';
import type { Io, Output } from '../../functions/cli/io.ts';
import { run } from '../../functions/cli/program.ts';

export interface Ran {
  readonly code: number | undefined;
  readonly out: string;
  readonly err: string;
}

export interface Surroundings {
  readonly stdin?: string;
  readonly terminal?: boolean;
  readonly env?: Readonly<Record<string, string>>;
}

export async function openova(args: readonly string[], surroundings: Surroundings = {}): Promise<Ran> {
  const { stdin = '', terminal = false, env = {} } = surroundings;
  const written = { out: '', err: '' };
  const output = (name: 'out' | 'err'): Output => ({
    write: (text) => {
      written[name] += text;
    },
    isTerminal: terminal,
    columns: 100,
  });
  const io: Io = { out: output('out'), err: output('err'), readStdin: () => Promise.resolve(stdin), env };
  const code = await run(args, io);
  return { code, ...written };
}

/** A folder that goes with the tests of a file. */
export function folder(): { path: string; file: (name: string, content: string) => string } {
  const path = mkdtempSync(join(tmpdir(), 'openova-cli-'));
  afterAll(() => {
    rmSync(path, { recursive: true, force: true });
  });
  return {
    path,
    file: (name, content) => {
      const full = join(path, name);
      writeFileSync(full, content);
      return full;
    },
  };
}

export const REGION = `apiVersion: platform.openova.io/v1alpha1
kind: OpenOvaRegion
metadata:
  name: acme
  namespace: team
spec:
  domain: acme.example.com
  location: fsn1
  cloud:
    tokenSecretRef: { name: acme-hcloud }
  access:
    managementCidrs: [192.0.2.10/32]
  controlPlane: { count: 1 }
  pools:
    - name: general
      count: 1
`;

export const EXAMPLES = join(import.meta.dirname, '../../examples');
