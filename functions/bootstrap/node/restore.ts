/** A cluster that begins with what a snapshot holds. */
import { Failure } from '../failure.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Run } from '../run.ts';

/**
 * Puts a snapshot in place on the server that begins the cluster, before K3s is started for the first time.
 * Does nothing on one that has its data already.
 */
export function restoreSnapshot(run: Run, remote: Remote, { restore }: InputOf<'server'>): Promise<void> {
  return run.step('restore the snapshot', 60, () =>
    Promise.reject(
      Failure.input(
        `"${remote.target.name}" cannot begin with the snapshot "${restore?.snapshot ?? ''}" yet`,
      ),
    ),
  );
}
