/** The maintenance window, as `care` says whether it is open: a function has no clock. */
import { WINDOW_STEP } from '../bootstrap/contract.ts';
import { resultIn } from './jobs.ts';
import type { Region } from './region.ts';

/** The key of the ConfigMap that `care` writes. */
export const CARE_RESULT = 'care/result';

/** Whether nodes may be disturbed now: any time where the region has no window. */
export function mayDisturb({ spec, observed }: Pick<Region, 'spec' | 'observed'>): boolean {
  if (spec.maintenance.window === undefined) return true;
  const result = resultIn(observed.get(CARE_RESULT));
  return result?.operation === 'care' && result.phase === 'Running' && result.step === WINDOW_STEP;
}
