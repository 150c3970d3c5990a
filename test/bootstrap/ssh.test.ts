/** Host keys and quick commands, by an SSH server in this process. */
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { HostKeys } from '../../functions/bootstrap/host-keys.ts';
import type { Remote } from '../../functions/bootstrap/remote.ts';
import { connect, parseHostKey, type HostKey } from '../../functions/bootstrap/ssh.ts';
import { MemoryStore } from './memory-store.ts';
import { failureOf, NAMESPACE, target } from './scripted.ts';

type Type = 'ed25519' | 'nistp256' | 'nistp384' | 'nistp521' | 'rsa';

/** In OpenSSH form; the library now and then makes an Ed25519 key that it cannot read. */
function keyPair(type: Type): { private: string; public: string } {
  if (type === 'rsa') return ssh2.utils.generateKeyPairSync('rsa', { bits: 2048 });
  if (type !== 'ed25519')
    return ssh2.utils.generateKeyPairSync('ecdsa', {
      bits: type === 'nistp256' ? 256 : type === 'nistp384' ? 384 : 521,
    });
  const pair = ssh2.utils.generateKeyPairSync('ed25519');
  return ssh2.utils.parseKey(pair.private) instanceof Error ? keyPair(type) : pair;
}

function hostKeyIn(text: string): HostKey {
  const key = parseHostKey(text);
  if (key === undefined) throw new Error(`"${text}" is no host key`);
  return key;
}

const servers: { close(): unknown }[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A machine with these host keys, which lets everybody in, and says in one packet all that it has to say of a command. @returns its port. */
async function machine(hostKeys: readonly string[]): Promise<number> {
  const ssh = new ssh2.Server({ hostKeys: [...hostKeys] });
  const server = createServer((socket) => {
    ssh.once('connection', (client) => {
      serve(client, socket);
    });
    ssh.injectSocket(socket);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('no port');
  return address.port;
}

function serve(client: ssh2.Connection, socket: Socket): void {
  client
    .on('authentication', (attempt) => {
      attempt.accept();
    })
    .on('session', (accept) => {
      accept().on('exec', (begin) => {
        socket.cork();
        const channel = begin();
        channel.write('quick');
        channel.exit(0);
        channel.end();
        setTimeout(() => {
          socket.uncork();
        }, 10);
      });
    })
    // Who does not like the key goes.
    .on('error', () => undefined);
}

/** @param given the key that the machine is known by. */
async function logIn(port: number, given: HostKey): Promise<Remote> {
  const to = { ...target('server-1'), address: '127.0.0.1', port, hostKey: given.openssh };
  const store = new MemoryStore();
  const ref = { namespace: NAMESPACE, name: 'host-keys' };
  await store.create(ref, { data: {} });
  const keys = new HostKeys(store, ref, to.name);
  return connect(to, {
    privateKey: keyPair('ed25519').private,
    hostKey: await keys.known(to),
    trust: async (shown) => {
      await keys.trust(to, shown);
    },
    signal: new AbortController().signal,
  });
}

describe('a machine that is known by its host key', () => {
  it.each<[Type, Type]>([
    ['ed25519', 'rsa'],
    ['rsa', 'ed25519'],
    ['nistp256', 'ed25519'],
    ['nistp384', 'ed25519'],
    ['nistp521', 'ed25519'],
  ])('of %s shows that one, though it has one of %s too', async (type, other) => {
    const known = keyPair(type);
    const port = await machine([keyPair(other).private, known.private]);
    const remote = await logIn(port, hostKeyIn(known.public));
    remote.close();
    expect(remote.target.name).toBe('server-1');
  });

  it.each<[Type, Type]>([
    ['ed25519', 'nistp384'],
    ['nistp256', 'ed25519'],
    ['rsa', 'ed25519'],
  ])('of %s, and has only one of %s, shows another host key: both are said', async (type, other) => {
    const known = hostKeyIn(keyPair(type).public);
    const shown = keyPair(other);
    const failure = await failureOf(logIn(await machine([shown.private]), known));
    expect(failure.code).toBe(EXIT.hostKey);
    expect(failure.message).toContain(known.fingerprint);
    expect(failure.message).toContain(hostKeyIn(shown.public).fingerprint);
  });
});

describe('a command', () => {
  it('that has ended when it is said to have begun has ended well', async () => {
    const known = keyPair('nistp256');
    const remote = await logIn(await machine([known.private]), hostKeyIn(known.public));
    expect(await remote.run('true')).toMatchObject({ stdout: 'quick' });
    remote.close();
  });
});
