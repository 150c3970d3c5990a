import ssh2 from 'ssh2';
import { describe, expect, it } from 'vitest';
import { EXIT, ownerLabels } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import { operate, type OnMachines } from '../../functions/bootstrap/operate.ts';
import { realWorld } from '../../functions/bootstrap/runner.ts';
import { MemoryStore } from './memory-store.ts';

const NAMESPACE = 'openova-system';
const CLAIM = { namespace: 'acme-platform', name: 'acme' };
const TOKENS = { namespace: NAMESPACE, name: 'acme-tokens' };
const SSH = { namespace: NAMESPACE, name: 'acme-ssh' };
const RESTORE = { namespace: CLAIM.namespace, name: 'old' };

function input(more: { claim?: typeof CLAIM; restoreToken?: typeof RESTORE } = { claim: CLAIM }): OnMachines {
  return {
    version: 1,
    operation: 'prepare',
    region: 'acme',
    namespace: NAMESPACE,
    result: 'acme-result',
    secrets: { tokens: TOKENS.name, ssh: SSH.name, hostKeys: 'acme-host-keys' },
    deadlineSeconds: 60,
    ...more,
  };
}

async function prepare(store: MemoryStore, document = input()): Promise<Failure | undefined> {
  const stop = new AbortController().signal;
  try {
    await operate(realWorld({ store, progress: () => undefined, stop }, {}), document);
    return undefined;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

describe('prepare', () => {
  it('makes tokens that differ, a key pair that can be used, and says the public key', async () => {
    const store = new MemoryStore();
    expect(await prepare(store)).toBeUndefined();
    const { server, agent } = (await store.secret(TOKENS))?.data ?? {};
    expect(server).toMatch(/^[0-9a-f]{64}$/);
    expect(agent).toMatch(/^[0-9a-f]{64}$/);
    expect(server).not.toBe(agent);
    const ssh = await store.secret(SSH);
    expect(ssh?.labels).toEqual(ownerLabels({ claim: CLAIM }));
    const pair = ssh2.utils.parseKey(ssh?.data['id_ed25519'] ?? '');
    const shown = ssh2.utils.parseKey(ssh?.data['public'] ?? '');
    if (pair instanceof Error || shown instanceof Error) throw new Error('no key pair');
    expect(shown.verify('signed', pair.sign('signed'))).toBe(true);
    expect(store.results.at(-1)).toMatchObject({ phase: 'Succeeded', publicKey: ssh?.data['public'] });
  });

  it('overwrites nothing, and ends what was begun', async () => {
    const store = new MemoryStore();
    await prepare(store);
    const before = [await store.secret(TOKENS), await store.secret(SSH)];
    expect(await prepare(store)).toBeUndefined();
    expect([await store.secret(TOKENS), await store.secret(SSH)]).toEqual(before);
    const half = new MemoryStore();
    const tokens = { server: 'a'.repeat(64), agent: 'b'.repeat(64) };
    await half.create(TOKENS, { labels: ownerLabels({ claim: CLAIM }), data: tokens });
    expect(await prepare(half)).toBeUndefined();
    expect((await half.secret(TOKENS))?.data).toEqual(tokens);
    expect(await half.secret(SSH)).toBeDefined();
  });

  it('takes what another try made a moment before', async () => {
    const store = new MemoryStore();
    const create = store.create.bind(store);
    store.create = async (ref, secret) => {
      await create(ref, {
        ...secret,
        data: { ...secret.data, ...(ref.name === SSH.name && { public: 'theirs' }) },
      });
      return create(ref, secret);
    };
    expect(await prepare(store)).toBeUndefined();
    expect(store.results.at(-1)?.publicKey).toBe('theirs');
  });

  interface Refusal {
    readonly reason: string;
    readonly labels: Record<string, string>;
    readonly data: Record<string, string>;
    readonly document?: OnMachines;
    readonly words: string;
  }

  it.each<Refusal>([
    {
      reason: 'tokens of another claim',
      labels: ownerLabels({ claim: { namespace: 'evil', name: 'acme' } }),
      data: { server: 's', agent: 'a' },
      words: 'belongs to the claim "evil/acme"',
    },
    {
      reason: 'tokens of a composite without a claim',
      labels: {},
      data: { server: 's', agent: 'a' },
      words: 'belongs to a composite without a claim',
    },
    {
      reason: 'tokens of which one is missing',
      labels: ownerLabels({ claim: CLAIM }),
      data: { server: 's' },
      words: 'lacks "agent"',
    },
    {
      reason: 'a restore where a cluster was made before',
      labels: ownerLabels({ claim: CLAIM }),
      data: { server: 's', agent: 'a' },
      document: input({ claim: CLAIM, restoreToken: RESTORE }),
      words: 'has another server token than restoreFrom gives',
    },
  ])('refuses $reason', async ({ labels, data, document, words }) => {
    const store = new MemoryStore();
    await store.create(RESTORE, { data: { token: 'K10abc::server:old-token' } });
    await store.create(TOKENS, { labels, data });
    const failure = await prepare(store, document);
    expect(failure).toMatchObject({ code: EXIT.input, message: expect.stringContaining(words) });
    expect(await store.secret(SSH)).toBeUndefined();
  });

  it.each([
    ['in its long form', 'K10abc::server:old-token\n', 'old-token'],
    ['in its short form', 'old-token', 'old-token'],
  ])('takes over the token of a restore %s', async (_, token, password) => {
    const store = new MemoryStore();
    await store.create(RESTORE, { data: { token } });
    const document = input({ claim: CLAIM, restoreToken: RESTORE });
    expect(await prepare(store, document)).toBeUndefined();
    expect(await prepare(store, document)).toBeUndefined();
    expect((await store.secret(TOKENS))?.data['server']).toBe(password);
  });

  it('says which token of a restore is missing', async () => {
    const failure = await prepare(new MemoryStore(), input({ restoreToken: RESTORE }));
    expect(failure).toMatchObject({
      code: EXIT.input,
      message: expect.stringContaining('acme-platform/old'),
    });
  });
});
