/** Machines that have been in a cluster before: what a further run makes of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, Input } from '../../../functions/bootstrap/contract.ts';
import type { OnMachines } from '../../../functions/bootstrap/operate.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { Site, VERSION } from './support.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';
const DONE = { code: EXIT.done, cause: '' };

let machines: Machines;
let site: Site;

beforeAll(async () => {
  machines = await startMachines({ names: [...SERVERS, AGENT], light: true, ready: 'at-once' });
});

afterAll(async () => {
  await machines.stop();
});

const inputOf = (name: string): OnMachines =>
  name === AGENT ? site.agent(name, SERVERS) : site.server(name, SERVERS);

async function begin(...names: string[]): Promise<void> {
  await machines.reset();
  site = new Site(machines);
  // These machines are quick, but not alone.
  site.patience = 0.5;
  await site.prepare();
  for (const name of names) expect(await site.run(inputOf(name))).toMatchObject(DONE);
}

describe('another version in the input', () => {
  it.each(['server-1', AGENT])(
    'of %s, which is in the cluster, is refused: that is an upgrade',
    async (name) => {
      if (!(await machines.named('server-1').life()).includes('cluster-init')) await begin('server-1', AGENT);
      const input = inputOf(name);
      const k3s = { ...('k3s' in input && input.k3s), version: 'v1.36.2+k3s1' };

      const ended = await site.run(changed(input, { k3s }));

      expect(ended).toMatchObject({
        code: EXIT.input,
        cause: expect.stringContaining(`runs K3s "${VERSION}"`),
      });
      expect((await machines.named(name).exec('k3s --version')).stdout).toContain(VERSION);
    },
  );
});

/** An input with other fields. */
function changed(input: OnMachines, more: object): OnMachines {
  const parsed = Input.parse({ ...input, ...more });
  if (parsed.operation === 'teardown') throw new Error('a teardown runs elsewhere');
  return parsed;
}
