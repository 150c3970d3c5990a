import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { Failure } from '../../functions/bootstrap/failure.ts';
import { drainAndRemove } from '../../functions/bootstrap/operations/drain-and-remove.ts';
import type { InputOf } from '../../functions/bootstrap/run.ts';
import { Unreachable } from '../../functions/bootstrap/ssh.ts';
import { failureOf, NAMESPACE, runOn, SECRETS, target, type Answers, type Scripted } from './scripted.ts';

const AGENT = 'agent-1';
const silence = new Unreachable('connect ETIMEDOUT');

/** A living server, which shows the Node of the agent until that is deleted. */
function server(ready: string): Answers {
  let isThere = true;
  return (script) => {
    if (script.includes('/readyz')) return '';
    if (script.includes(' delete node ')) isThere = false;
    if (!script.includes(' get node ')) return script.includes(' get secret ') ? '' : undefined;
    return isThere ? JSON.stringify({ status: { conditions: [{ type: 'Ready', status: ready }] } }) : '';
  };
}

async function remove(machines: Scripted, more: Partial<InputOf<'drain-and-remove'>> = {}) {
  const { run, ran } = await runOn(machines);
  const removal = drainAndRemove(run, {
    version: 1,
    operation: 'drain-and-remove',
    region: 'acme',
    namespace: NAMESPACE,
    result: 'acme-result',
    secrets: SECRETS,
    deadlineSeconds: 60,
    target: target(AGENT),
    peers: [target('server-1')],
    role: 'agent',
    drainSeconds: 60,
    ...more,
  });
  return { removal, hasDeleted: () => ran.some(({ script }) => script.includes(' delete node ')) };
}

describe('a machine that leaves', () => {
  it('and misses an attempt or two is stopped all the same', async () => {
    let attempts = 0;
    const scripts: string[] = [];
    const { removal } = await remove({
      'server-1': server('True'),
      get [AGENT]() {
        attempts += 1;
        return attempts < 3 ? silence : (script: string) => void scripts.push(script);
      },
    });
    await removal;
    expect(scripts.at(-1)).toContain('systemctl disable --now k3s-agent');
  });

  it('as the leader of five lets a server lead that answers, not the first that may be dead', async () => {
    const names = ['server-1', 'server-2', 'server-3', 'server-4', 'server-5'];
    const [dead = '', ...living] = names;
    const leaving = 'server-5';
    const moved: string[] = [];
    const gone = new Set<string>();
    const node = (name: string) => ({
      metadata: { name },
      status: {
        conditions: ['Ready', 'EtcdIsVoter'].map((type) => ({
          type,
          status: name === dead ? 'Unknown' : 'True',
        })),
      },
    });
    const answers: Answers = (script) => {
      if (script.includes('/readyz')) return '';
      if (script.includes('member/list'))
        return JSON.stringify({
          members: names
            .filter((name) => !gone.has(name))
            .map((name, index) => ({ ID: String(index + 1), name: `${name}-0123abcd`, peerURLs: [] })),
        });
      if (script.includes('member/remove')) gone.add(leaving);
      if (script.includes('maintenance/status')) return JSON.stringify({ leader: '5' });
      if (script.includes('transfer-leadership')) moved.push(/"targetID":"(\d+)"/.exec(script)?.[1] ?? '');
      if (script.includes(' get nodes')) return JSON.stringify({ items: names.map(node) });
      if (script.includes(' get node ') || script.includes(' get secret ')) return '';
      return undefined;
    };
    const { removal } = await remove(Object.fromEntries(living.map((name) => [name, answers])), {
      target: target(leaving),
      peers: names.slice(0, -1).map(target),
      role: 'server',
    });
    await removal;
    expect(moved).toEqual(['2']);
  });

  it('is gone when it is silent and its Node is not Ready', async () => {
    const { removal, hasDeleted } = await remove({ 'server-1': server('Unknown') });
    await expect(removal).resolves.toEqual({});
    expect(hasDeleted()).toBe(true);
  });

  it.each([
    ['lives by its Node, and does not let us in', silence, EXIT.timeout],
    [
      'shows another host key',
      Failure.hostKey('shows the host key SHA256:b, pinned is SHA256:a'),
      EXIT.hostKey,
    ],
  ])('stays when it %s', async (_, refusal, code) => {
    const { removal, hasDeleted } = await remove({ 'server-1': server('True'), [AGENT]: refusal });
    expect(await failureOf(removal)).toMatchObject({ code });
    expect(hasDeleted()).toBe(false);
  });
});
