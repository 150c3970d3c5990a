import { setTimeout as pause } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { EXIT, Result } from '../../functions/bootstrap/contract.ts';
import { CommandFailure, Failure } from '../../functions/bootstrap/failure.ts';
import { progressOn, type Event } from '../../functions/bootstrap/progress.ts';
import { logIn } from '../../functions/bootstrap/node/machine.ts';
import { bounded, realWorld, Runner, type World } from '../../functions/bootstrap/runner.ts';
import { Unreachable } from '../../functions/bootstrap/ssh.ts';
import { MemoryStore } from './memory-store.ts';
import { failureOf, target } from './scripted.ts';

const TARGET = target('server-1');
const NAMESPACE = 'openova-system';

async function started(more: Partial<World> & { deadlineSeconds?: number } = {}) {
  const store = new MemoryStore();
  await store.create({ namespace: NAMESPACE, name: 'keys' }, { data: {} });
  await store.create(
    { namespace: NAMESPACE, name: 'ssh' },
    { data: { id_ed25519: 'a private key of ours' } },
  );
  const events: Event[] = [];
  const { deadlineSeconds = 60, ...world } = more;
  const runner = new Runner(
    {
      store,
      progress: (event) => events.push(event),
      now: () => new Date(0),
      stop: new AbortController().signal,
      login: () => Promise.reject(new Unreachable('connect ECONNREFUSED')),
      patience: 0.05,
      ...world,
    },
    {
      operation: 'server',
      target: TARGET,
      deadlineSeconds,
      secrets: { namespace: NAMESPACE, ssh: 'ssh', hostKeys: 'keys' },
    },
  );
  return { runner, store, events };
}

const never = (): never => {
  throw new Error('nobody waits for this');
};

describe('a step', () => {
  it('says that it begins and ends, and is in the result while it runs', async () => {
    const { runner, store, events } = await started();
    await expect(runner.step('do it', 10, () => Promise.resolve(7))).resolves.toBe(7);
    expect(events.map(({ step, state }) => `${step} ${state}`)).toEqual(['do it begun', 'do it done']);
    expect(store.results.at(-1)).toMatchObject({ node: 'server-1', phase: 'Running', step: 'do it' });
  });

  it('that takes too long says what it waited for', async () => {
    const { runner } = await started();
    const failure = await failureOf(
      runner.step('wait for etcd', 4, (signal) =>
        runner.until(signal, () => Promise.resolve({ waiting: 'it is a learner', log: ['slow'] })),
      ),
    );
    expect(failure).toMatchObject({
      code: EXIT.timeout,
      message: '"wait for etcd" took longer than 4 s on "server-1": it is a learner',
      log: ['slow'],
    });
  });

  it('goes on looking when a command fails, and says so in the end', async () => {
    const { runner } = await started();
    let looks = 0;
    const failure = await failureOf(
      runner.step('wait for etcd', 4, (signal) =>
        runner.until(signal, () => {
          looks += 1;
          return Promise.reject(new CommandFailure('etcd has no leader', { log: ['election'] }));
        }),
      ),
    );
    expect(failure).toMatchObject({
      code: EXIT.timeout,
      message: expect.stringMatching(/no leader$/),
      log: ['election'],
    });
    expect(looks).toBeGreaterThan(1);
  });

  it('ends at once when the connection breaks', async () => {
    const { runner } = await started();
    const failure = await failureOf(
      runner.step('wait for etcd', 600, (signal) =>
        runner.until(signal, () => Promise.reject(Failure.remote('the connection broke'))),
      ),
    );
    expect(failure).toMatchObject({ code: EXIT.remote, message: 'the connection broke' });
  });

  it('that does not listen is left behind', async () => {
    const { runner } = await started();
    const failure = await failureOf(runner.step('hang', 1, () => pause(60_000, undefined, { ref: false })));
    expect(failure.code).toBe(EXIT.timeout);
  });

  it('may mean something else by its time', async () => {
    const { runner } = await started();
    const failure = await failureOf(
      runner.step(
        'find a server',
        1,
        (signal) => runner.until(signal, () => Promise.resolve({ waiting: 'nobody is there' })),
        ({ message }) => Failure.quorum(`lost: ${message}`),
      ),
    );
    expect(failure).toMatchObject({ code: EXIT.quorum, message: expect.stringMatching(/^lost: .*nobody/) });
  });

  it('tells whoever looks at its result what it waits for, each thing once', async () => {
    const { runner, store } = await started();
    const looks = ['a lock', 'a lock', 'the network'];
    await runner.step('wait', 60, (signal) =>
      runner.until(signal, () => {
        const waiting = looks.shift();
        return Promise.resolve(waiting === undefined ? { done: true } : { waiting, hint: 'look at it' });
      }),
    );
    expect(store.results.map(({ phase, step, cause, hint }) => [phase, step, cause, hint])).toEqual([
      ['Running', 'wait', undefined, undefined],
      ['Running', 'wait', 'a lock', 'look at it'],
      ['Running', 'wait', 'the network', 'look at it'],
    ]);
  });

  it('shows meanwhile what the machine said last, without secrets, in 4 KiB', async () => {
    const { runner, store } = await started();
    const ref = { namespace: NAMESPACE, name: 'tokens' };
    await store.create(ref, { data: { server: 'correct-horse-battery' } });
    await runner.store.secret(ref);
    const lines = Array.from({ length: 60 }, (_, line) => `${line} ${'z'.repeat(200)}`);
    const looks = [{ waiting: 'K3s is "activating"', log: [...lines, 'token correct-horse-battery'] }];
    await runner.step('wait', 60, (signal) =>
      runner.until(signal, () => Promise.resolve(looks.shift() ?? { done: true })),
    );
    const seen = store.results.at(-1);
    expect(seen).toMatchObject({ phase: 'Running', cause: 'K3s is "activating"' });
    expect(seen?.log?.slice(-2)).toEqual([lines.at(-1), 'token ***']);
    expect(Buffer.byteLength(JSON.stringify(seen))).toBeLessThanOrEqual(4096);
  });

  it('says what it waited for when the program is stopped', async () => {
    const stop = new AbortController();
    const { runner } = await started({ stop: stop.signal });
    const failure = await failureOf(
      runner.step('wait', 600, (signal) =>
        runner.until(signal, () => {
          setTimeout(() => {
            stop.abort();
          }, 10);
          return Promise.resolve({ waiting: 'a lock' });
        }),
      ),
    );
    expect(failure.message).toBe('stopped from outside in "wait": a lock');
  });

  it('ends with the operation', async () => {
    const { runner } = await started({ deadlineSeconds: 0.05, patience: 1 });
    const failure = await failureOf(
      runner.step('wait', 600, (signal) => runner.until(signal, () => Promise.resolve({ waiting: 'more' }))),
    );
    expect(failure.message).toContain('the operation took longer than 0.05 s, in "wait"');
  });

  it('is not begun when the program has been stopped', async () => {
    const { runner } = await started({ stop: AbortSignal.abort() });
    let begun = false;
    const failure = await failureOf(
      runner.step('wait', 10, () => {
        begun = true;
        return Promise.resolve();
      }),
    );
    expect(failure.message).toBe('stopped from outside in "wait"');
    expect(begun).toBe(false);
  });

  it('ends when the program is stopped, and may go well the next time', async () => {
    const stop = new AbortController();
    const { runner } = await started({ stop: stop.signal });
    const failing = failureOf(runner.step('wait', 600, () => pause(60_000, undefined, { ref: false })));
    stop.abort();
    await expect(failing).resolves.toMatchObject({
      code: EXIT.remote,
      message: 'stopped from outside in "wait"',
    });
  });

  it('never says a secret, whoever said it first', async () => {
    const { runner, store, events } = await started();
    const ref = { namespace: NAMESPACE, name: 'tokens' };
    await store.create(ref, { data: { server: 'correct-horse-battery', cluster: 'it may be seen by all' } });
    const failure = await failureOf(
      runner.step('join', 10, async () => {
        const { server, cluster } = (await runner.store.secret(ref))?.data ?? {};
        throw Failure.remote(`token ${server ?? ''}: ${cluster ?? ''}`, {
          log: [`K10::server:${server ?? ''}`],
        });
      }),
    );
    await runner.end(failure);
    expect(failure.message).toBe('token ***: it may be seen by all');
    expect(JSON.stringify([events, store.results, failure.log])).not.toContain('correct-horse');
  });

  it('that logs in asks whether this egress is let in', async () => {
    const { runner } = await started();
    const failure = await failureOf(
      runner.step('wait for SSH', 1, (signal) => runner.connect(TARGET, signal)),
    );
    expect(failure.message).toContain('SSH at "203.0.113.1" port 22: connect ECONNREFUSED');
    expect(failure.hint).toContain('access.managementCidrs');
  });

  it('that is refused by who answers asks for the key instead', async () => {
    const { runner } = await started({
      login: () => Promise.reject(new Unreachable('it does not accept the key', { refused: true })),
    });
    const failure = await failureOf(
      runner.step('wait for SSH', 1, (signal) => runner.connect(TARGET, signal)),
    );
    expect(failure.hint).toContain('authorized_keys');
    expect(failure.hint).not.toContain('managementCidrs');
  });

  it('says so too when not even the first attempt came to an end', async () => {
    const { runner } = await started({
      login: () => pause(60_000, undefined, { ref: false }).then(() => never()),
    });
    const failure = await failureOf(
      runner.step('wait for SSH', 1, (signal) => runner.connect(TARGET, signal)),
    );
    expect(failure.message).toContain('port 22: it has not answered yet');
    expect(failure.hint).toContain('access.managementCidrs');
  });
});

describe('how long SSH is waited for', () => {
  const given = { store: new MemoryStore(), progress: () => undefined, stop: new AbortController().signal };

  it.each([
    ['600', 'a new machine of a cloud', {}],
    ['20', 'whoever starts the program knows its machines', { OPENOVA_SSH_SECONDS: '20' }],
  ])('is %s s: %s', async (seconds, _, env) => {
    const { sshSeconds } = realWorld(given, env);
    const { runner } = await started({ sshSeconds, patience: 0.0001 });
    const failure = await failureOf(logIn(runner, TARGET));
    expect(failure).toMatchObject({
      code: EXIT.timeout,
      message: expect.stringContaining(`"wait for SSH" took longer than ${seconds} s`),
    });
  });

  it.each(['', '0', '1.5', 'ten', '100000'])('is not %j', (text) => {
    expect(() => realWorld(given, { OPENOVA_SSH_SECONDS: text })).toThrow(
      `OPENOVA_SSH_SECONDS is "${text}", must be a whole number of seconds from 1 to 99999`,
    );
  });
});

describe('a result', () => {
  const failed: Result = {
    version: 1,
    operation: 'server',
    phase: 'Failed',
    step: 'wait for Kubernetes',
    since: new Date(0).toISOString(),
    cause: 'x'.repeat(3000),
    hint: 'y'.repeat(3000),
    log: Array.from({ length: 60 }, (_, line) => `${line} ${'z'.repeat(200)}`),
  };

  it.each([
    ['of many long lines', failed],
    ['of words that JSON makes longer', { ...failed, cause: '\u0001'.repeat(3000), hint: '"'.repeat(3000) }],
    ['of one line', { ...failed, cause: 'c', hint: 'h', log: ['w'.repeat(9000)] }],
  ])('%s fits into 4 KiB', (_, result) => {
    expect(Buffer.byteLength(JSON.stringify(bounded(result)))).toBeLessThanOrEqual(4096);
  });

  it('keeps the last lines of a log', () => {
    const { log = [] } = bounded({ ...failed, cause: 'c', hint: 'h' });
    expect(log.length).toBeGreaterThan(10);
    expect(log.at(-1)).toBe(failed.log?.at(-1));
  });

  it('holds what was found before it failed, and what was found last', async () => {
    const { runner, store } = await started();
    runner.found({ certificatesExpire: '2027-11-21T00:00:00.000Z', troubled: true });
    await runner.step('go on', 1, () => Promise.resolve());
    runner.found({ certificatesExpire: '2027-11-22T00:00:00.000Z' });
    await runner.end(Failure.remote('no'));

    expect(store.results).toMatchObject([
      { phase: 'Running', certificatesExpire: '2027-11-21T00:00:00.000Z', troubled: true },
      { phase: 'Failed', certificatesExpire: '2027-11-22T00:00:00.000Z', cause: 'no' },
    ]);
    expect(store.results[1]?.troubled).toBeUndefined();
  });

  it('of success says so, and is tried again when it cannot be written', async () => {
    const store = new MemoryStore();
    let refusals = 2;
    store.writeResult = (result) => {
      if (refusals-- > 0) return Promise.reject(new Error('conflict'));
      store.results.push(result);
      return Promise.resolve();
    };
    const { runner } = await started({ store });
    await runner.end({ publicKey: 'ssh-ed25519 AAAA' });
    expect(store.results).toMatchObject([
      { phase: 'Succeeded', step: 'done', publicKey: 'ssh-ed25519 AAAA' },
    ]);
    expect(Result.safeParse(store.results[0]).success).toBe(true);
  });
});

describe('progress', () => {
  const done: Event = { node: 'server-1', step: 'wait for SSH', state: 'done', seconds: 3.14 };
  const written = (isTerminal: boolean, colour: boolean, event: Event) => {
    let text = '';
    progressOn(
      { isTerminal, columns: 40, write: (more) => (text += more) },
      colour,
      () => new Date(0),
    )(event);
    return text;
  };

  it('is a line for each step on a terminal', () => {
    expect(written(true, false, done)).toBe('\r\u001b[K✓ server-1  wait for SSH  3.1 s\n');
    expect(written(true, true, done)).toContain('\u001b[32m✓');
  });

  it('says on a terminal what is waited for, in one line of it, which the next one is written over', () => {
    const waiting: Event = { ...done, state: 'waiting', cause: 'it does not accept the client key' };
    expect(written(true, false, waiting)).toBe('\r\u001b[K· server-1  wait for SSH  it does not a…');
    expect(written(false, false, waiting)).toContain('"cause":"it does not accept the client key"');
  });

  it('is JSON elsewhere, with the time', () => {
    const line = written(false, false, done);
    expect(line).toMatch(/^[^\n]+\n$/);
    expect(JSON.parse(line)).toEqual({ time: '1970-01-01T00:00:00.000Z', ...done });
  });
});
