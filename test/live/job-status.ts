/** What the Job controller says of Jobs, which does not run here. */
import { at, isTrue, type Manifest } from '../../functions/kernel/manifest.ts';
import type { Ended } from './job-program.ts';
import { referenceOf, type Kube } from './kube.ts';

/** Whether a Job has neither ended nor been deleted. */
export function isOpen(job: Manifest): boolean {
  return (
    !isTrue(job, 'Complete') &&
    !isTrue(job, 'Failed') &&
    at(job, 'metadata', 'deletionTimestamp') === undefined
  );
}

/** As the Job controller says it. */
function jobCondition(time: string, reason: string, message: string) {
  return (type: string) => ({
    type,
    status: 'True',
    reason,
    message,
    lastProbeTime: time,
    lastTransitionTime: time,
  });
}

/** Says how a Job has ended. */
export async function end(
  kube: Kube,
  job: Manifest,
  since: string,
  { failed, reason }: Ended,
): Promise<void> {
  if (reason === undefined) await complete(kube, job, since);
  else await giveUp(kube, job, since, { failed, reason });
}

/** A Job whose tries are used up, or that its policy ends. */
async function giveUp(
  control: Kube,
  job: Manifest,
  since: string,
  { failed, reason }: Required<Ended>,
): Promise<void> {
  const time = seconds(new Date().toISOString());
  const message =
    reason === 'BackoffLimitExceeded'
      ? 'Job has reached the specified backoff limit'
      : 'Container bootstrap failed with an exit code that matches FailJob rule at index 1';
  const condition = jobCondition(time, reason, message);
  const status = {
    startTime: seconds(since),
    failed,
    ready: 0,
    uncountedTerminatedPods: {},
    conditions: [condition('FailureTarget'), condition('Failed')],
  };
  await control.patch(referenceOf(job), { status }, 'status');
}

/** A time as Kubernetes has it. */
export function seconds(time: string): string {
  return time.replace(/\.\d+Z$/, 'Z');
}

/** A Job whose pod has succeeded. */
export async function complete(control: Kube, job: Manifest, since: string): Promise<void> {
  const time = seconds(new Date().toISOString());
  const condition = jobCondition(time, 'CompletionsReached', '');
  await control.patch(
    referenceOf(job),
    {
      status: {
        startTime: seconds(since),
        completionTime: time,
        succeeded: 1,
        ready: 0,
        uncountedTerminatedPods: {},
        conditions: [condition('SuccessCriteriaMet'), condition('Complete')],
      },
    },
    'status',
  );
}
