import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { CommandFailure } from '../../functions/bootstrap/failure.ts';
import { saveEtcd } from '../../functions/bootstrap/node/snapshots.ts';
import { failureOf, runOn, target } from './scripted.ts';

const REFUSED = new CommandFailure('a command ended with code 1: etcd-snapshot error ID 53415');

/** A server whose K3s saves something else already, so many times that it is asked. */
async function savingOn(times: number) {
  let left = times;
  const { run, ran } = await runOn({
    'server-1': () => {
      if (left-- > 0) throw REFUSED;
      return '';
    },
  });
  const remote = await run.step('log in', 60, (signal) => run.connect(target('server-1'), signal));
  return { saved: saveEtcd(run, remote, 'on-demand'), ran };
}

describe('a snapshot of etcd', () => {
  it('is asked for again while K3s saves another one, and made once', async () => {
    const { saved, ran } = await savingOn(2);
    await saved;
    const asked = ran.filter(({ script }) => script.includes('etcd-snapshot save --name on-demand'));
    expect(asked).toHaveLength(3);
  });

  it('that never comes about ends the step, with what K3s says', async () => {
    const { saved } = await savingOn(Infinity);
    const { code, message } = await failureOf(saved);
    expect(code).toBe(EXIT.timeout);
    expect(message).toContain('etcd-snapshot error ID 53415');
  });
});
