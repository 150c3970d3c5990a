/** What the program says to machines, said to a shell. */
import { describe, expect, it } from 'vitest';
import { EXIT } from '../../functions/bootstrap/contract.ts';
import { serviceState, startK3s } from '../../functions/bootstrap/node/k3s.ts';
import { machineInFolder, type InFolder } from './in-folder.ts';

const LIVE = new AbortController().signal;

/** K3s in a state of systemd, whose journal has a refusal of an earlier life, and of this one as many words as are given. */
async function withService({ active, sub, says }: { active: string; sub: string; says: string }) {
  const machine = await machineInFolder();
  await machine.place(
    '/usr/local/bin/systemctl',
    `#!/bin/sh
case $* in
  is-active*) echo ${active} ;;
  *SubState*) echo ${sub} ;;
  *InvocationID*) echo 2 ;;
  restart*) echo again >> /var/log/restarts ;;
esac
`,
  );
  await machine.place(
    '/usr/local/bin/journalctl',
    `#!/bin/sh
case $* in *_SYSTEMD_INVOCATION_ID=2*) ;; *) echo 'critical configuration value mismatch' ;; esac
echo '${says}'
`,
  );
  return machine;
}

describe('a service that does not serve yet', () => {
  it.each([
    ['is waited for, whatever it said before it was started', 'activating', 'Starting k3s', undefined],
    [
      'is waited for while its earlier life ends',
      'deactivating',
      'critical configuration mismatch',
      undefined,
    ],
    ['is given up for what it says now', 'activating', 'critical configuration mismatch', EXIT.input],
  ])('%s', async (_, active, says, code) => {
    const machine = await withService({ active, sub: 'start', says });
    const state = serviceState(machine, 'server', LIVE);
    if (code === undefined) expect(await state).toMatchObject({ waiting: expect.stringContaining(active) });
    else await expect(state).rejects.toMatchObject({ code });
  });
});

describe('K3s that was started with what it is told', () => {
  const started = async (machine: InFolder) => {
    for (const path of [
      '/usr/local/bin/k3s',
      '/etc/rancher/k3s/config.yaml',
      '/etc/rancher/k3s/config.yaml.d/openova.yaml',
      '/etc/systemd/system/k3s.service',
    ])
      await machine.place(path, '');
    expect(await startK3s(machine, 'server', LIVE)).toBe(true);
  };

  it.each([
    ['is left alone while it runs', 'active', 'running', false],
    ['is left alone while it starts', 'activating', 'start', false],
    ['is started at once while it waits for another life', 'activating', 'auto-restart', true],
  ])('%s', async (_, active, sub, again) => {
    const machine = await withService({ active, sub, says: '' });
    await started(machine);
    expect(await startK3s(machine, 'server', LIVE)).toBe(again);
    expect(await machine.read('/var/log/restarts')).toBe('again\n'.repeat(again ? 2 : 1));
  });
});
