/** Which host key a machine is asked to show, by an SSH server in this process. */
import { once } from 'node:events';
import ssh2 from 'ssh2';
import { afterEach, describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { HostKeys } from '../../functions/bootstrap/host-keys.ts';
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

const servers: ssh2.Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** A machine with these host keys, which lets everybody in. @returns its port. */
async function machine(hostKeys: readonly string[]): Promise<number> {
  const server = new ssh2.Server({ hostKeys: [...hostKeys] }, (client) => {
    client
      .on('authentication', (attempt) => {
        attempt.accept();
      })
      // Who does not like the key goes.
      .on('error', () => undefined);
  });
  servers.push(server);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address: unknown = server.address();
  if (typeof address !== 'object' || address === null || !('port' in address)) throw new Error('no port');
  return Number(address.port);
}

/** @param given the key that the machine is known by. */
async function logIn(port: number, given: HostKey) {
  const to = { ...target('server-1'), address: '127.0.0.1', port, hostKey: given.openssh };
  const store = new MemoryStore();
  const ref = { namespace: NAMESPACE, name: 'host-keys' };
  await store.create(ref, { data: {} });
  const keys = new HostKeys(store, ref, to.name);
  const remote = await connect(to, {
    privateKey: keyPair('ed25519').private,
    hostKey: await keys.known(to),
    trust: async (shown) => {
      await keys.trust(to, shown);
    },
    signal: new AbortController().signal,
  });
  remote.close();
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
    await expect(logIn(port, hostKeyIn(known.public))).resolves.toBeUndefined();
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
