/** What a person is told to do can be done, also without a control plane: a document of kind Bootstrap has no upgrade and no restore. */
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { livingServer } from '../../functions/bootstrap/node/cluster.ts';
import { installFor } from '../../functions/bootstrap/node/k3s.ts';
import type { Remote } from '../../functions/bootstrap/remote.ts';
import { failureOf, runOn, target } from './scripted.ts';

describe('a hint says what a claim can do, and what a document can, where', () => {
  it('all servers are lost', async () => {
    const { run } = await runOn({ 'server-1': () => 'K3s is not installed' });
    expect(await failureOf(livingServer(run, [target('server-1')], 'lost'))).toMatchObject({
      code: EXIT.quorum,
      hint: expect.stringMatching(/claim from a snapshot.*kind Bootstrap from nothing/),
    });
  });

  it('a machine runs another version', async () => {
    const { run } = await runOn({});
    const remote: Remote = {
      target: target('server-1'),
      run: () => Promise.resolve({ code: 0, stdout: 'v1.35.1+k3s1\n', stderr: '' }),
      close: () => undefined,
    };
    const k3s = { version: 'v1.36.3+k3s1', common: {}, node: {} };
    expect(await failureOf(installFor(run, remote, 'server', k3s))).toMatchObject({
      code: EXIT.input,
      hint: expect.stringMatching(/region upgrades.*kind Bootstrap upgrades none/),
    });
  });
});
