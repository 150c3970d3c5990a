import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { VERSION } from '../../functions/release.ts';
import { folder, openova, REGION } from './helpers.ts';

const MAIN = join(import.meta.dirname, '../../functions/cli/main.ts');
const { file } = folder();
const TIME = 120_000;

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** The program as a process of its own, its streams being pipes; `read` takes that much of its output and leaves. */
async function processOf(args: readonly string[], { stdin = '', read = Infinity } = {}): Promise<Ended> {
  const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const written = { out: '', err: '' };
  child.stdout.on('data', (data: Buffer) => {
    written.out += data.toString();
    if (written.out.length >= read) child.stdout.destroy();
  });
  child.stderr.on('data', (data: Buffer) => {
    written.err += data.toString();
  });
  child.stdin.end(stdin);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  return { code, ...written };
}

describe('the program', () => {
  it(
    'takes flags alone for those of a function, as Crossplane specifies the image of one',
    async () => {
      const { code, err } = await processOf(['--debug', '--address', 'nowhere']);

      expect(code).not.toBe(0);
      expect(err).toContain('"nowhere" is not "host:port"');
    },
    TIME,
  );

  it(
    'renders YAML into a pipe from standard input, without a word on the other stream',
    async () => {
      const { code, out, err } = await processOf(['render', '-', '--until', 'first'], { stdin: REGION });

      expect([code, err]).toEqual([0, '']);
      expect(out).toContain('kind: XOpenOvaRegion');
    },
    TIME,
  );

  it(
    'ends without a word when its reader goes away',
    async () => {
      const { code, err } = await processOf(['render', file('claim.yaml', REGION), '-o', 'yaml'], {
        read: 1,
      });

      expect([code, err]).toEqual([0, '']);
    },
    TIME,
  );

  it(
    'exits with what the command says',
    async () => {
      expect(await processOf(['validate', '-'], { stdin: REGION.replace('fsn1', 'mars') })).toMatchObject({
        code: 1,
        out: '',
      });
      expect(await processOf(['validate', 'nowhere.yaml'])).toEqual({
        code: 2,
        out: '',
        err: 'cannot read "nowhere.yaml": no such file\n',
      });
    },
    TIME,
  );

  it.skipIf(process.platform !== 'linux')(
    'says in a line that output cannot be written, and never exits as if something were lost',
    async () => {
      for (const [args, code] of [
        [['explain'], 2],
        [['diff', '--help'], 1],
      ] as const) {
        const full = openSync('/dev/full', 'w');
        const child = spawn(process.execPath, [MAIN, ...args], { stdio: ['ignore', full, 'pipe'] });
        let err = '';
        child.stderr?.on('data', (data: Buffer) => (err += data.toString()));
        const ended = await new Promise<number | null>((resolve) => child.on('close', resolve));
        closeSync(full);

        expect([ended, err]).toEqual([code, 'cannot write to standard output: no space left\n']);
      }
    },
    TIME,
  );

  it('prints its version', async () => {
    expect(await openova(['--version'])).toEqual({ code: 0, out: `${VERSION}\n`, err: '' });
  });

  it('has help with examples for every command', async () => {
    const { out } = await openova(['--help']);
    const commands = [...out.matchAll(/^ {2}([a-z]+) /gm)]
      .map(([, name]) => name ?? '')
      .filter((name) => name !== 'help');

    expect(commands).toEqual(['render', 'validate', 'diff', 'explain', 'bootstrap', 'serve']);
    for (const command of commands.filter((name) => name !== 'serve')) {
      const help = await openova([command, '--help']);

      expect(help).toMatchObject({ code: 0, err: '' });
      expect(help.out).toContain('Examples:\n');
    }
  });

  it('without a command prints its help and fails', async () => {
    const { code, err } = await openova([]);

    expect(code).toBe(2);
    expect(err).toContain('Usage: openova');
  });

  it('guesses a mistyped command', async () => {
    expect(await openova(['rendr', 'x'])).toMatchObject({
      code: 2,
      err: expect.stringContaining("unknown command 'rendr'\n(Did you mean render?)"),
    });
  });
});
