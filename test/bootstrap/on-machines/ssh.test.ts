/** The SSH client against Debian's OpenSSH server on the loopback address. */
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { access, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, type Target } from '../../../functions/bootstrap/contract.ts';
import { Failure } from '../../../functions/bootstrap/failure.ts';
import { quote, readText, writeText, type Remote } from '../../../functions/bootstrap/remote.ts';
import { connect, parseHostKey, Unreachable, type HostKey } from '../../../functions/bootstrap/ssh.ts';

const SSHD = '/usr/sbin/sshd';
const run = promisify(execFile);

let folder: string;
let server: ChildProcess;
let target: Target;
let client: { private: string; public: string };
const open: Remote[] = [];

beforeAll(async () => {
  await access(SSHD).catch(() => {
    throw new Error(`there is no ${SSHD}: install openssh-server`);
  });
  folder = await mkdtemp(join(tmpdir(), 'openova-ssh-'));
  client = readableKeyPair();
  await writeFile(join(folder, 'authorized_keys'), `${client.public}\n`, { mode: 0o600 });
  for (const type of ['ed25519', 'rsa'])
    await run('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', join(folder, `host_${type}`)]);
  const port = await freePort();
  const config = [
    `Port ${port}`,
    'ListenAddress 127.0.0.1',
    `HostKey ${folder}/host_ed25519`,
    `HostKey ${folder}/host_rsa`,
    `AuthorizedKeysFile ${folder}/authorized_keys`,
    'StrictModes no',
    'UsePAM no',
    'PermitRootLogin prohibit-password',
    'PasswordAuthentication no',
    'PidFile none',
  ];
  await writeFile(join(folder, 'sshd_config'), config.join('\n'));
  await run('mkdir', ['-p', '/run/sshd']);
  server = spawn(SSHD, ['-D', '-e', '-f', join(folder, 'sshd_config')], { stdio: 'ignore' });
  target = { name: 'one', address: '127.0.0.1', nodeAddress: '127.0.0.1', port, identity: '1' };
  await answers();
});

afterAll(async () => {
  for (const remote of open) remote.close();
  server.kill();
  await once(server, 'exit');
  await rm(folder, { recursive: true });
});

function readableKeyPair(): { private: string; public: string } {
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return ssh2.utils.parseKey(pair.private) instanceof Error ? readableKeyPair() : pair;
}

async function freePort(): Promise<number> {
  const socket = createServer().listen(0, '127.0.0.1');
  await once(socket, 'listening');
  const address = socket.address();
  socket.close();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

async function answers(): Promise<void> {
  for (;;) {
    try {
      (await logIn()).close();
      return;
    } catch (error) {
      if (!(error instanceof Unreachable)) throw error;
    }
  }
}

interface Wishes {
  readonly privateKey?: string;
  readonly hostKey?: HostKey;
  readonly trust?: (shown: HostKey) => Promise<void>;
  readonly to?: Partial<Target>;
  readonly onClose?: () => void;
}

async function logIn({ to, ...wishes }: Wishes = {}): Promise<Remote> {
  const remote = await connect(
    { ...target, ...to },
    {
      privateKey: client.private,
      trust: () => Promise.resolve(),
      signal: new AbortController().signal,
      ...wishes,
    },
  );
  open.push(remote);
  return remote;
}

async function publicKey(type: string): Promise<HostKey> {
  const key = parseHostKey(await readFile(join(folder, `host_${type}.pub`), 'utf8'));
  if (key === undefined) throw new Error(`no ${type} key`);
  return key;
}

describe('logging in', () => {
  it('shows the host key with the fingerprint that ssh-keygen prints', async () => {
    let shown: HostKey | undefined;
    await logIn({
      trust: (key) => {
        shown = key;
        return Promise.resolve();
      },
    });
    const { stdout } = await run('ssh-keygen', ['-lf', join(folder, 'host_ed25519.pub')]);
    expect(shown?.algorithm).toBe('ssh-ed25519');
    expect(stdout).toContain(shown?.fingerprint);
  });

  it('asks for the kind of key that is known, of several that a machine has', async () => {
    const known = await publicKey('rsa');
    let shown: HostKey | undefined;
    await logIn({
      hostKey: known,
      trust: (key) => {
        shown = key;
        return Promise.resolve();
      },
    });
    expect(shown).toEqual(known);
  });

  it.each([
    ['before it logs in, where one is known', true],
    ['before it says anything, at the first contact', false],
  ])('ends with the refusal of a host key %s', async (_, isKnown) => {
    const refusal = Failure.hostKey('another machine');
    const failing = logIn({
      ...(isKnown && { hostKey: await publicKey('ed25519') }),
      trust: () => Promise.reject(refusal),
    });
    await expect(failing).rejects.toBe(refusal);
  });

  it('learns nothing of a host key from a machine that does not take our key', async () => {
    const { private: privateKey } = readableKeyPair();
    let asked = false;
    const trust = () => {
      asked = true;
      return Promise.resolve();
    };
    await expect(logIn({ privateKey, trust })).rejects.toThrow('it does not accept the client key');
    expect(asked).toBe(false);
  });

  it('says that nobody listens', async () => {
    const failing = logIn({ to: { port: await freePort() } });
    await expect(failing).rejects.toThrow(Unreachable);
    await expect(failing).rejects.toThrow('ECONNREFUSED');
  });

  it('says that what answers is no SSH server', async () => {
    const other = createServer((socket) => socket.end('220 mail\r\n')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    const address = other.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(logIn({ to: { port } })).rejects.toThrow(Unreachable);
    other.close();
  });
});

describe('a command', () => {
  it('gets its input and gives its output', async () => {
    const remote = await logIn();
    await expect(remote.run('tr a-z A-Z; echo "$((1 + 1)) it\'s" >&2', { input: 'secret' })).resolves.toEqual(
      {
        code: 0,
        stdout: 'SECRET',
        stderr: "2 it's\n",
      },
    );
  });

  it('runs beside others on one connection', async () => {
    const remote = await logIn();
    const outputs = await Promise.all(
      [1, 2, 3, 4].map((number) => remote.run(`sleep 0.0${number}; echo ${number}`)),
    );
    expect(outputs.map(({ stdout }) => stdout)).toEqual(['1\n', '2\n', '3\n', '4\n']);
  });

  it('may say much', async () => {
    const remote = await logIn();
    const { stdout } = await remote.run('head -c 3000000 /dev/zero | tr "\\0" x');
    expect(stdout.length).toBe(3_000_000);
  });

  it('may end without reading its input', async () => {
    const remote = await logIn();
    await expect(remote.run('exit 0', { input: 'x'.repeat(1_000_000) })).resolves.toMatchObject({ code: 0 });
  });

  it('that fails says how, with its last lines', async () => {
    const remote = await logIn();
    await expect(remote.run('seq 1 100 >&2; echo "disk full" >&2; exit 28')).rejects.toMatchObject({
      code: EXIT.remote,
      message: 'a command on "one" ended with code 28: disk full',
      log: expect.arrayContaining(['100', 'disk full']),
    });
    await expect(remote.run('exit 3', { allow: [3] })).resolves.toMatchObject({ code: 3 });
  });

  it('whose connection breaks is a failure to be tried again', async () => {
    let closed = false;
    const remote = await logIn({ onClose: () => (closed = true) });
    await expect(remote.run('kill -KILL $PPID; sleep 10')).rejects.toMatchObject({
      code: EXIT.remote,
      message: expect.stringContaining('the connection broke'),
    });
    await expect(remote.run('true')).rejects.toThrow('"one" at "127.0.0.1": the connection broke');
    expect(closed).toBe(true);
  });

  it('is waited for no longer than its signal says', async () => {
    const remote = await logIn();
    const waiting = new AbortController();
    const failing = remote.run('sleep 60', { signal: waiting.signal });
    setTimeout(() => {
      waiting.abort();
    }, 100);
    await expect(failing).rejects.toMatchObject({ code: EXIT.remote });
    await expect(remote.run('echo alive')).resolves.toMatchObject({ stdout: 'alive\n' });
  });
});

describe('a file', () => {
  it('is written in one piece with its folder and mode, and only when it changes', async () => {
    const remote = await logIn();
    const path = join(folder, "a new/it's $HOME");
    expect(await readText(remote, path)).toBeUndefined();
    expect(await writeText(remote, path, 'one\n', '0600')).toBe(true);
    const { ino, mode } = await stat(path);
    expect((mode & 0o777).toString(8)).toBe('600');
    expect(await writeText(remote, path, 'one\n', '0640')).toBe(false);
    expect(await stat(path)).toMatchObject({ ino });
    expect(((await stat(path)).mode & 0o777).toString(8)).toBe('640');
    expect(await writeText(remote, path, 'two', '0600')).toBe(true);
    expect(await readText(remote, path)).toBe('two');
    expect(await readdir(join(folder, 'a new'))).toEqual(["it's $HOME"]);
  });

  it('is rid of what a program that died in the middle left', async () => {
    const remote = await logIn();
    const path = join(folder, 'left/token');
    await writeText(remote, path, 'old', '0600');
    await writeFile(`${path}.openova.4711`, 'half a sec');
    expect(await writeText(remote, path, 'old', '0600')).toBe(false);
    expect(await readdir(join(folder, 'left'))).toEqual(['token']);
  });

  it('stays as it was when its content breaks off', async () => {
    const remote = await logIn();
    const path = join(folder, 'config.yaml');
    await writeText(remote, path, 'disable: [traefik]\n', '0600');
    const breaking: Remote = {
      target,
      close: () => undefined,
      run: (script, { input = '', ...options } = {}) =>
        remote.run(script, { ...options, input: input.slice(0, 8) }),
    };
    await expect(writeText(breaking, path, 'disable: [servicelb]\n', '0600')).rejects.toThrow('broke off');
    expect(await readText(remote, path)).toBe('disable: [traefik]\n');
  });

  it.each([
    [
      'an argument is seen',
      true,
      (remote: Remote, secret: string) =>
        remote.run(`read -r it; sh -c 'sleep 1; true' sh "$it"`, { input: `${secret}\n` }),
    ],
    [
      'a variable of the environment is seen',
      true,
      (remote: Remote, secret: string) =>
        remote.run(`read -r IT; export IT; sleep 1`, { input: `${secret}\n` }),
    ],
    [
      'what is written to a file is not',
      false,
      async (remote: Remote, secret: string) => {
        for (let number = 0; number < 5; number++)
          await writeText(remote, join(folder, 'token'), `${secret}-${number}`, '0600');
      },
    ],
  ])('keeps secrets from whoever looks at processes: %s', async (_, isSeen, act) => {
    const remote = await logIn();
    const stop = join(folder, 'stop-looking');
    const word = `hunter-${process.pid}`;
    // The pattern does not match itself.
    const look = `{ ps -eo args; cat /proc/[0-9]*/environ 2>/dev/null; } | tr '\\0' '\\n' | grep '[h]${word.slice(1)}'`;
    const looking = remote.run(`while [ ! -e ${quote(stop)} ]; do ${look}; done; rm ${quote(stop)}`);
    try {
      await act(remote, word);
    } finally {
      await writeFile(stop, '');
    }
    expect((await looking).stdout.includes(word)).toBe(isSeen);
  });
});

describe('a word of a script', () => {
  it.each(['plain', "it's", '$HOME `id` "x"', '', 'two\nlines', '*'])(
    'is passed as it is: %j',
    async (word) => {
      const remote = await logIn();
      const { stdout } = await remote.run(`printf %s ${quote(word)}`);
      expect(stdout).toBe(word);
    },
  );
});
