/** One at a time: whoever disturbs a node of a region holds its Lease meanwhile. */
import { Failure } from './failure.ts';
import type { Run } from './run.ts';

/** A holder that says nothing for this long has gone. */
const HELD_SECONDS = 60;
const RENEW_MS = 20_000;
/** Without a renewal work ends before another holder can begin. */
const EXPIRES_MS = 50_000;
const WAIT_SECONDS = 1800;

interface Holder {
  readonly namespace: string;
  readonly lease?: string | undefined;
  /** Of one attempt at one operation: another try of it goes on with the Lease that it holds. */
  readonly result: string;
}

/**
 * Waits until nobody else disturbs a node of the region, and keeps others away until the work is done.
 * @throws Failure remote, in the middle of the work, once others are not kept away any more.
 */
export async function alone<T>(
  run: Run,
  { namespace, lease, result: holder }: Holder,
  work: () => Promise<T>,
): Promise<T> {
  const { leases } = run.store;
  if (lease === undefined || leases === undefined) return work();
  const ref = { namespace, name: lease };
  await run.step('wait for others at work in the region', WAIT_SECONDS, (signal) =>
    run.until(
      signal,
      async () => {
        const other = await leases.hold(ref, holder, HELD_SECONDS);
        return other === undefined ? { done: undefined } : { waiting: `"${other}" is at work` };
      },
      5,
    ),
  );
  const lost = new AbortController();
  const expiry = setTimeout(() => {
    lost.abort(Failure.remote(`the Lease "${lease}" could not be renewed in time`));
  }, EXPIRES_MS);
  const renewal = setInterval(() => {
    leases.hold(ref, holder, HELD_SECONDS).then(
      (other) => {
        if (other === undefined) expiry.refresh();
        else lost.abort(Failure.remote(`"${other}" has taken over the Lease "${lease}"`));
      },
      // One that failed may go well the next time.
      () => undefined,
    );
  }, RENEW_MS);
  try {
    return await run.guarded(lost.signal, work);
  } finally {
    clearInterval(renewal);
    clearTimeout(expiry);
    await leases.release(ref, holder).catch(() => undefined);
  }
}
