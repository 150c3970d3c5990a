/** etcd is saved now, beside its regular snapshots. */
import { logIn } from '../node/machine.ts';
import { lastSnapshot, saveEtcd } from '../node/snapshots.ts';
import type { InputOf, Outcome, Run } from '../run.ts';

const LOOK_SECONDS = 60;

export async function snapshot(run: Run, { target }: InputOf<'snapshot'>): Promise<Outcome> {
  const remote = await logIn(run, target);
  await saveEtcd(run, remote, 'on-demand');
  const last = await run.step('see the snapshot', LOOK_SECONDS, (signal) => lastSnapshot(remote, signal));
  return { ...(last !== undefined && { lastSnapshot: last }) };
}
