/** A machine that is not fit yet: what every mishap is called. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../../functions/bootstrap/contract.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { during, Site } from './support.ts';

let machines: Machines;
let site: Site;

beforeAll(async () => {
  machines = await startMachines({ names: ['server-1'], light: true, ready: 'at-once' });
  site = new Site(machines);
  await site.prepare();
});

afterAll(async () => {
  await machines.stop();
});

const bootstrap = () => site.run(site.server('server-1', []));

describe('a machine', () => {
  it('that does not answer is a timeout that asks for the egress', async () => {
    const { faults } = machines.named('server-1');
    expect(
      await during(
        (on) => faults.unreachable(on),
        () => site.soon(bootstrap),
      ),
    ).toMatchObject({
      code: EXIT.timeout,
      cause: expect.stringMatching(/^"wait for SSH" took longer than 600 s on "server-1"/),
      hint: expect.stringContaining('access.managementCidrs'),
    });
  });

  it('whose cloud-init takes long is a timeout that says so', async () => {
    const { faults } = machines.named('server-1');
    const running = (on: boolean) => faults.cloudInit(on ? 'running' : 'done');
    expect(await during(running, () => site.soon(bootstrap))).toMatchObject({
      code: EXIT.timeout,
      cause: expect.stringContaining('"wait for cloud-init" took longer'),
    });
  });

  it('whose cloud-init failed is a failure with its log', async () => {
    const { faults } = machines.named('server-1');
    const broken = (on: boolean) => faults.cloudInit(on ? 'error' : 'degraded');
    expect(await during(broken, bootstrap)).toMatchObject({
      code: EXIT.remote,
      cause: 'cloud-init of "server-1" ended with an error',
    });
  });

  it('on which packages are installed is a timeout that names who does', async () => {
    const { faults } = machines.named('server-1');
    expect(
      await during(
        (on) => faults.packageLock(on),
        () => site.soon(bootstrap),
      ),
    ).toMatchObject({
      code: EXIT.timeout,
      cause: expect.stringMatching(/lock-frontend is held by unattended-upgr \d+/),
    });
  });

  it('whose disk is full is a failure that says so', async () => {
    const { faults } = machines.named('server-1');
    const ended = await during((on) => faults.fullDisk(on), bootstrap);
    expect(ended.code).toBe(EXIT.remote);
    expect(`${ended.cause} ${ended.log.join(' ')}`).toMatch(
      /No space left|cannot write to \/usr\/local\/bin: 0 KiB are free/,
    );
  });

  it('gets no binary that is not what its digest says', async () => {
    const corrupt = (on: boolean) => {
      machines.mirror.corrupt(on);
      return Promise.resolve();
    };
    expect(await during(corrupt, bootstrap)).toMatchObject({
      code: EXIT.remote,
      cause: expect.stringContaining('is not what its digest says'),
    });
    expect((await machines.named('server-1').exec('ls /usr/local/bin | grep k3s')).stdout).toBe('');
  });

  it('has begun no cluster in all this', async () => {
    expect(await machines.initCount()).toBe(0);
  });

  it('begins one once it is fit', async () => {
    expect(await bootstrap()).toMatchObject({ code: EXIT.done, cause: '' });
    expect(await machines.initCount()).toBe(1);
  });
});
