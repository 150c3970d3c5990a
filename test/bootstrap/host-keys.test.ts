import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { EXIT, type Target } from '../../functions/bootstrap/contract.ts';
import { HostKeys } from '../../functions/bootstrap/host-keys.ts';
import { parseHostKey, type HostKey } from '../../functions/bootstrap/ssh.ts';
import { MemoryStore } from './memory-store.ts';

const REF = { namespace: 'openova-system', name: 'acme-host-keys' };

/** A new public key as sshd shows it. Source: RFC 8709 section 4. */
function hostKey(): HostKey {
  const raw = generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }).subarray(-32);
  const part = (bytes: Buffer) => Buffer.concat([Buffer.from([0, 0, 0, bytes.length]), bytes]);
  const wire = Buffer.concat([part(Buffer.from('ssh-ed25519')), part(raw)]);
  const key = parseHostKey(`ssh-ed25519 ${wire.toString('base64')} a comment`);
  if (key === undefined) throw new Error('no key');
  return key;
}

const [first, second] = [hostKey(), hostKey()];

function machine(more: Partial<Target> = {}): Target {
  return {
    name: 'server-1',
    address: '203.0.113.1',
    nodeAddress: '10.0.0.1',
    port: 22,
    identity: '11',
    ...more,
  };
}

async function store(pin?: string): Promise<MemoryStore> {
  const made = new MemoryStore();
  await made.create(REF, { data: { ...(pin !== undefined && { 'server-1': pin }) } });
  return made;
}

const pinned = (key: HostKey, identity = '11') => JSON.stringify({ identity, key: key.openssh });

interface Case {
  readonly reason: string;
  readonly pin?: string;
  readonly target?: Partial<Target>;
  readonly own?: string;
  readonly pinnedThen: string | undefined;
}

describe('a host key', () => {
  it.each<Case>([
    { reason: 'pins what the first contact shows', pinnedThen: pinned(first) },
    { reason: 'is the one that is pinned', pin: pinned(first), pinnedThen: pinned(first) },
    {
      reason: 'is pinned anew for another machine of that name, by its own Job',
      pin: pinned(second),
      target: { identity: '12' },
      pinnedThen: pinned(first, '12'),
    },
    {
      reason: 'of a peer that is the same under another identity is still its own',
      pin: pinned(first),
      target: { identity: '12' },
      own: 'server-2',
      pinnedThen: pinned(first),
    },
    { reason: 'that is given is not pinned', target: { hostKey: first.openssh }, pinnedThen: undefined },
  ])('$reason', async ({ pin, target, own = 'server-1', pinnedThen }) => {
    const kept = await store(pin);
    const keys = new HostKeys(kept, REF, own);
    await expect(keys.trust(machine(target), first)).resolves.toEqual({
      fingerprint: first.fingerprint,
      trust: target?.hostKey === undefined ? 'PinnedOnFirstUse' : 'Given',
    });
    expect((await kept.secret(REF))?.data['server-1']).toBe(pinnedThen);
  });

  it.each([
    ['another one than is pinned', pinned(second), machine()],
    ['another one than is given', undefined, machine({ hostKey: `${second.openssh} root@one` })],
    ['another one than is given, whatever is pinned', pinned(first), machine({ hostKey: second.openssh })],
  ])('stops the program that is %s', async (_, pin, target) => {
    const kept = await store(pin);
    const before = await kept.secret(REF);
    await expect(new HostKeys(kept, REF, 'server-1').trust(target, first)).rejects.toMatchObject({
      code: EXIT.hostKey,
      message: expect.stringContaining(first.fingerprint),
    });
    await expect(new HostKeys(kept, REF, 'server-1').trust(target, first)).rejects.toThrow(
      second.fingerprint,
    );
    expect(await kept.secret(REF)).toEqual(before);
  });

  it('of a peer that is another machine now is left to the Job of that machine', async () => {
    const kept = await store(pinned(second));
    const keys = new HostKeys(kept, REF, 'server-2');
    await expect(keys.trust(machine({ identity: '12' }), first)).rejects.toThrow(
      'waits for its own bootstrap',
    );
  });

  it.each([
    ['another identity than was pinned', pinned(second), { identity: '12' }, true],
    ['the one that is pinned', pinned(second), {}, false],
    ['none that is pinned', undefined, {}, false],
    ['a key that is given', pinned(second), { identity: '12', hostKey: first.openssh }, false],
  ])('says whether a machine is new: it has %s', async (_, pin, more, isNew) => {
    expect(await new HostKeys(await store(pin), REF, 'server-2').isNew(machine(more))).toBe(isNew);
  });

  it('is pinned once when two pin at the same time', async () => {
    const kept = await store();
    const merge = kept.merge.bind(kept);
    let others = 1;
    kept.merge = async (ref, data, version) => {
      if (others-- > 0) await merge(ref, { 'server-2': pinned(second) });
      return merge(ref, data, version);
    };
    await new HostKeys(kept, REF, 'server-1').trust(machine(), first);
    expect((await kept.secret(REF))?.data).toEqual({ 'server-1': pinned(first), 'server-2': pinned(second) });
  });

  it.each([
    [
      'a Secret that is not there',
      new MemoryStore(),
      machine(),
      'there is no Secret "openova-system/acme-host-keys"',
    ],
    ['a given key that is none', new MemoryStore(), machine({ hostKey: 'SHA256:abc' }), '"SHA256:abc"'],
  ])('says what is wrong with %s', async (_, kept, target, words) => {
    await expect(new HostKeys(kept, REF, 'server-1').known(target)).rejects.toMatchObject({
      code: EXIT.input,
      message: expect.stringContaining(words),
    });
  });
});

describe('a public key in OpenSSH form', () => {
  it.each([
    ['nothing', ''],
    ['an algorithm alone', 'ssh-ed25519'],
    ['another algorithm than it says', first.openssh.replace('ssh-ed25519', 'ssh-rsa')],
    ['a fingerprint', first.fingerprint],
  ])('is not %s', (_, text) => {
    expect(parseHostKey(text)).toBeUndefined();
  });
});
