import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { waitForCilium } from '../../functions/bootstrap/node/cilium.ts';
import { failureOf, runOn, target } from './scripted.ts';

/** A server whose node is Ready after so many looks. */
async function readyAfter(looks: number) {
  let left = looks;
  const { run } = await runOn({
    'server-1': () => {
      const conditions = [
        { type: 'Ready', status: left-- > 0 ? 'False' : 'True' },
        { type: 'EtcdIsVoter', status: 'True' },
      ];
      return JSON.stringify({ metadata: { name: 'server-1' }, status: { conditions } });
    },
  });
  const remote = await run.step('log in', 60, (signal) => run.connect(target('server-1'), signal));
  return waitForCilium(run, remote);
}

describe('Cilium that K3s installs', () => {
  it('is waited for until the node is Ready', async () => {
    await expect(readyAfter(2)).resolves.toBeUndefined();
  });

  it('that does not come up ends the step, with what to look at', async () => {
    const { code, message, hint } = await failureOf(readyAfter(Infinity));

    expect(code).toBe(EXIT.timeout);
    expect(message).toContain('Node "server-1" is not Ready');
    expect(hint).toContain('helm.cilium.io');
  });
});
