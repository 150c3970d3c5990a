/** What happens to the firewalls of other machines when one joins; on-machines shows the firewall itself. */
import { describe, expect, it } from 'vitest';
import type { Allow, Target } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import { rulesText } from '../../functions/bootstrap/node/firewall.ts';
import { logInTo } from '../../functions/bootstrap/node/host.ts';
import type { Remote } from '../../functions/bootstrap/remote.ts';
import { Runner } from '../../functions/bootstrap/runner.ts';
import { Unreachable } from '../../functions/bootstrap/ssh.ts';
import { MemoryStore } from './memory-store.ts';

const NAMESPACE = 'openova-system';
const SECRETS = { tokens: 'tokens', ssh: 'ssh', hostKeys: 'host-keys' };
const ALLOW: Allow[] = [{ protocol: 'tcp', ports: ['22'], from: ['0.0.0.0/0'] }];
const CHECKED = 40;

const target = (name: string): Target => ({
  name,
  address: '203.0.113.1',
  nodeAddress: '203.0.113.1',
  port: 22,
  identity: name,
});

/** A machine that was checked before, and lets in what it shall. */
const remote = (of: Target, joined = true): Remote => ({
  target: of,
  run: (script) => {
    const answer = (stdout: string, code = 0) => Promise.resolve({ code, stdout, stderr: '' });
    if (script.includes('openova-checked')) return answer('', CHECKED);
    if (script.includes('/server/db/etcd')) return answer(joined ? '/there' : '');
    return answer(script.includes('nft list') ? 'there\n' : rulesText(ALLOW));
  },
  close: () => undefined,
});

/** One machine joins two others. @returns its steps. */
async function join(second: () => Promise<Remote>): Promise<string[]> {
  const store = new MemoryStore();
  await store.create({ namespace: NAMESPACE, name: SECRETS.hostKeys }, { data: {} });
  await store.create({ namespace: NAMESPACE, name: SECRETS.ssh }, { data: { id_ed25519: 'key' } });
  const steps: string[] = [];
  const runner = new Runner(
    {
      store,
      progress: ({ step, state }) => {
        if (state === 'done') steps.push(step);
      },
      now: () => new Date(0),
      stop: new AbortController().signal,
      login: (machine) => (machine.name === 'two' ? second() : Promise.resolve(remote(machine))),
      patience: 0.05,
    },
    { operation: 'server', deadlineSeconds: 60, secrets: { ...SECRETS, namespace: NAMESPACE } },
  );
  const host = { allow: ALLOW, others: [target('two'), target('three')] };
  const k3s = { version: 'v1.36.3+k3s1', common: {}, node: {} };
  try {
    await logInTo(runner, 'server', { target: target('one'), host, k3s });
  } finally {
    await runner.end({});
  }
  return steps;
}

describe('a machine that joins', () => {
  it('is let in by all others', async () => {
    expect(await join(() => Promise.resolve(remote(target('two'))))).toEqual([
      'wait for SSH',
      'check the machine',
      'set the firewall of "one"',
      'see whether "two" has joined',
      'set the firewall of "two"',
      'see whether "three" has joined',
      'set the firewall of "three"',
      'wait for SSH',
    ]);
  });

  it('leaves alone those that have not joined', async () => {
    expect(await join(() => Promise.resolve(remote(target('two'), false)))).not.toContain(
      'set the firewall of "two"',
    );
  });

  it('does not wait for one that is down, and says so', async () => {
    expect(await join(() => Promise.reject(new Unreachable('connect ECONNREFUSED')))).toEqual(
      expect.arrayContaining([
        'go on without "two": SSH at "203.0.113.1" port 22: connect ECONNREFUSED',
        'set the firewall of "three"',
      ]),
    );
  });

  it('does not go on when another shows a key that is not its own', async () => {
    await expect(join(() => Promise.reject(Failure.hostKey('another key')))).rejects.toThrow('another key');
  });
});
