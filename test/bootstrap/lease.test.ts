import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { alone } from '../../functions/bootstrap/lease.ts';
import { MemoryStore } from './memory-store.ts';
import { failureOf, NAMESPACE, runOn } from './scripted.ts';

const HOLDER = { namespace: NAMESPACE, lease: 'acme-lease', result: 'ours' };
const MINUTE = 60_000;

/** A store whose Lease is held as the test says, once it is ours. */
async function holding(...renewals: (() => Promise<string | undefined>)[]) {
  const hold = vi.fn(() => (renewals.length > 1 ? renewals.shift() : renewals[0])?.() ?? ours());
  const release = vi.fn(() => Promise.resolve());
  const store = Object.assign(new MemoryStore(), { leases: { hold, release } });
  return { ...(await runOn({}, { store, patience: 1 })), release };
}

const ours = () => Promise.resolve(undefined);
const theirs = () => Promise.resolve('another');
const away = () => Promise.reject(new Error('the API does not answer'));
const forever = () => new Promise<never>(() => undefined);

describe('alone', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each([
    ['another has taken the Lease over', theirs, '"another" has taken over the Lease "acme-lease"'],
    ['it cannot be renewed', away, 'the Lease "acme-lease" could not be renewed in time'],
  ])('work ends as soon as %s, and what would come next does not begin', async (_, then, cause) => {
    const { run, ran, release } = await holding(ours, then);
    const next = vi.fn(ours);
    const failing = failureOf(
      alone(run, HOLDER, async () => {
        await run.step('drain', 900, forever).catch(() => undefined);
        await run.step('reboot', 900, next);
      }),
    );
    await vi.advanceTimersByTimeAsync(MINUTE);

    expect(await failing).toMatchObject({ code: EXIT.remote, message: cause });
    expect(next).not.toHaveBeenCalled();
    expect(ran).toEqual([]);
    expect(release).toHaveBeenCalledOnce();
  });

  it('work goes on for as long as renewals go well, one that fails in between included', async () => {
    const { run } = await holding(ours, away, ours, away, ours, away, ours);
    const working = alone(run, HOLDER, () =>
      run.step('drain', 900, () => new Promise((done) => setTimeout(done, 2 * MINUTE, 'drained'))),
    );
    await vi.advanceTimersByTimeAsync(2 * MINUTE);

    expect(await working).toBe('drained');
    await expect(run.step('after it', 900, () => Promise.resolve('done'))).resolves.toBe('done');
  });
});
