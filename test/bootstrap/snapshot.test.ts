import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { CommandFailure } from '../../functions/bootstrap/failure.ts';
import { saveEtcd } from '../../functions/bootstrap/node/snapshots.ts';
import { failureOf, runOn, target } from './scripted.ts';

const UNNAMED = new CommandFailure('a command ended with code 1: etcd-snapshot error ID 53415');
const UNNAMED_IN_LOG = new CommandFailure('a command ended with code 1', {
  log: ['level=fatal msg="Internal error occurred: etcd-snapshot error ID 53415"'],
});

/** A server whose K3s fails so many times that it is asked. */
async function failingOn(times: number, failure: CommandFailure) {
  let left = times;
  const { run, ran } = await runOn(
    {
      'server-1': () => {
        if (left-- > 0) throw failure;
        return '';
      },
    },
    { patience: 0.005 },
  );
  const remote = await run.step('log in', 60, (signal) => run.connect(target('server-1'), signal));
  const asked = () =>
    ran.filter(({ script }) => script.includes('etcd-snapshot save --name on-demand')).length;
  return { saved: saveEtcd(run, remote, 'on-demand'), asked };
}

describe('a snapshot of etcd', () => {
  it.each([
    ['its message', UNNAMED],
    ['its log', UNNAMED_IN_LOG],
  ])(
    'is asked for again while K3s may be saving another one, as %s says, and made once',
    async (_, failure) => {
      const { saved, asked } = await failingOn(2, failure);
      await saved;
      expect(asked()).toBe(3);
    },
  );

  it('that fails for two minutes without a reason ends with what K3s says, and where it says why', async () => {
    const { saved, asked } = await failingOn(Infinity, UNNAMED);
    expect(await failureOf(saved)).toMatchObject({
      code: EXIT.remote,
      message: expect.stringContaining('etcd-snapshot error ID 53415'),
      hint: expect.stringContaining('journalctl -u k3s'),
    });
    expect(asked()).toBe(13);
  });

  it.each([
    ['K3s does not run', 'see server log for details: dial tcp 127.0.0.1:6443: connect: connection refused'],
    ['the store of snapshots refuses', 'Bad Request: failed to initialize S3 client: Access Denied'],
  ])('ends at once where K3s says why: %s', async (_, words) => {
    const { saved, asked } = await failingOn(Infinity, new CommandFailure(words, { log: [words] }));
    expect(await failureOf(saved)).toMatchObject({ code: EXIT.remote, message: words, log: [words] });
    expect(asked()).toBe(1);
  });
});
