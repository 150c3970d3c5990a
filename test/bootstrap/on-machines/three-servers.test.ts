/** `openova bootstrap --config` with three servers, each behind its own firewall when the next one joins. */
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { EXIT } from '../../../functions/bootstrap/contract.ts';
import { nodesThrough, startGarage, type Garage } from './called.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';

/** Each waits as long as with real machines. */
const LONG = 300_000;

let garage: Garage;

beforeAll(async () => {
  garage = await startGarage([...SERVERS, AGENT]);
});

afterAll(async () => {
  await garage.stop();
});

it(
  'all vote in one etcd, and the kubeconfig shows every node',
  async () => {
    const { bootstrap, machines, folder } = garage;
    expect(await bootstrap()).toMatchObject({ code: EXIT.done, err: '' });

    expect(await machines.initCount()).toBe(1);
    for (const name of SERVERS)
      expect(
        (await machines.members(name))
          .map(
            (member) => `${member.name.replace(/-[0-9a-f]{8}$/, '')} ${member.learner ? 'learns' : 'votes'}`,
          )
          .sort(),
      ).toEqual(SERVERS.map((server) => `${server} votes`));
    for (const machine of machines.machines)
      expect((await machine.exec('nft list table inet openova')).stdout).toContain('policy drop');
    const nodes = await nodesThrough(join(folder, 'garage-state/kubeconfig'));
    expect(nodes).toEqual([...SERVERS, AGENT].map((name) => `node/${name}`).sort());
  },
  LONG,
);
