/** The firewall of a cloud in front of a machine. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createConnection, type Socket } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { eventuallyTrue } from '../../live/processes.ts';
import { PUBLIC_RANGE, startNetwork } from './network.ts';

/** Says back on port 22 what it hears. */
const ECHO =
  "require('net').createServer((one) => one.pipe(one)).listen(22, '0.0.0.0', () => process.stdout.write('up'))";

/** A connection to port 22; fails when nobody takes notice. */
async function answered(host: string): Promise<Socket> {
  const socket = createConnection({ host, port: 22 });
  const timer = setTimeout(() => socket.destroy(new Error('no answer')), 1500);
  await once(socket, 'connect');
  clearTimeout(timer);
  return socket;
}

const ssh = (...from: string[]) => [{ ports: ['22'], from }];
const elsewhere = '192.0.2.10/32';

test('lets in whom a rule names, and whoever is in already', async () => {
  const network = await startNetwork();
  try {
    const place = await network.place('one', {
      address: network.address(),
      privateAddress: '10.0.0.2',
      prefix: 24,
      segment: '1',
    });
    const echo = ['netns', 'exec', place.namespace, process.execPath, '--eval', ECHO];
    const server = spawn('ip', echo, { stdio: ['ignore', 'pipe', 'inherit'] });
    try {
      await once(server.stdout, 'data');

      const before = await answered(place.address);
      await network.protect(place, ssh(elsewhere));
      await expect(answered(place.address), 'a rule for others').rejects.toThrow('no answer');
      before.write('still here');
      expect(String(await once(before, 'data'))).toBe('still here');
      before.destroy();

      await network.protect(place, []);
      await expect(answered(place.address), 'no rule').rejects.toThrow('no answer');
      await network.protect(place, ssh('::/0'));
      await expect(answered(place.address), 'a rule for IPv6 alone').rejects.toThrow('no answer');
      await network.protect(place, [...ssh(elsewhere), ...ssh('::/0', PUBLIC_RANGE)]);
      (await answered(place.address)).destroy();
      await network.protect(place, [{ ports: ['80', '6443-6444'], from: ['0.0.0.0/0'] }]);
      await expect(answered(place.address), 'rules for other ports').rejects.toThrow('no answer');
      await network.protect(place, undefined);
      (await answered(place.address)).destroy();
    } finally {
      server.kill();
    }
  } finally {
    await network.stop();
  }
});

test('is gone with its network, also when the test was killed', async () => {
  const script = `
    import { startNetwork } from ${JSON.stringify(join(import.meta.dirname, 'network.ts'))};
    const network = await startNetwork();
    const address = network.address();
    const place = await network.place('one', { address, privateAddress: '10.0.0.2', prefix: 24 });
    await network.protect(place, []);
    process.stdout.write(address, () => process.kill(process.pid, 'SIGKILL'));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
  });
  const [, , number = ''] = stdout.split('.');
  const tables = () => spawnSync('nft', ['list', 'tables', 'netdev'], { encoding: 'utf8' }).stdout;

  expect(number).toMatch(/^\d+$/);
  await eventuallyTrue('the end of its table', 20, () => !tables().includes(`ov${number}-`));
});
