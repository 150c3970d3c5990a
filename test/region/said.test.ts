/** What a person reads of a Job: what the bootstrap program wrote in its result. */
import { expect, it } from 'vitest';
import { RESULT_KEY, type Result } from '../../functions/bootstrap/contract.ts';
import { isObject, listAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { History, jobsOf } from './history.ts';

const SINCE = '2026-11-21T10:00:00Z';
const running: Result = {
  version: 1,
  operation: 'agent',
  phase: 'Running',
  step: 'reach the machine',
  since: SINCE,
};
const timeout = 'ssh: connect to 203.0.113.104:22: ETIMEDOUT';

/** What is said of the Job of the last agent, whose result is this. */
function saidOf(result: Partial<Result>, failed = false): JsonObject | undefined {
  const history = new History();
  history.settle();
  const key = jobsOf(history, 'agent').at(-1) ?? '';
  if (failed) history.fail(key);
  else history.change(key, 'status', {});
  history.change(`${key}/result`, 'data', { [RESULT_KEY]: JSON.stringify({ ...running, ...result }) });
  return listAt(history.turn().report.status, 'waitingFor')
    .filter(isObject)
    .find(({ object }) => object === `Job/${history.name(key)}`);
}

const retry = 'Annotate the claim with platform.openova.io/retry=<any new value> to try again';
const egress = "SSH does not answer: is this control plane's egress in access.managementCidrs?";

it.each([
  { reason: 'where it is', result: {}, want: { message: 'at step "reach the machine"' } },
  {
    reason: 'why it does not get on, and what the region knows to help',
    result: { cause: timeout },
    want: { message: `at step "reach the machine": ${timeout}`, hint: egress },
  },
  {
    reason: 'what the program itself knows to help',
    result: { cause: timeout, hint: 'open port 22' },
    want: { message: `at step "reach the machine": ${timeout}`, hint: 'open port 22' },
  },
  {
    reason: 'how to try again, once it has given up',
    result: { phase: 'Failed' as const, cause: timeout },
    failed: true,
    want: { message: `at step "reach the machine": ${timeout}`, hint: `${egress}; ${retry}` },
  },
])('a Job that is not done says $reason', ({ result, failed, want }) => {
  expect(saidOf(result, failed)).toEqual({
    object: expect.stringMatching(/^Job\//),
    step: 'KubernetesReady',
    since: SINCE,
    ...want,
  });
});

it('a Job that has given up without a word says so itself', () => {
  const said = saidOf({ phase: 'Succeeded' }, true);

  expect(said).toMatchObject({ message: 'BackoffLimitExceeded', hint: expect.stringContaining(retry) });
});
