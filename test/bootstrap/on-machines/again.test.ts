/** Machines that have been in a cluster before: what a further run makes of them. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, Input } from '../../../functions/bootstrap/contract.ts';
import type { OnMachines } from '../../../functions/bootstrap/operate.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { MemoryStore } from '../memory-store.ts';
import { COMMON, NAMESPACE, SECRETS, Site, VERSION } from './support.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';
const TOKENS = { namespace: NAMESPACE, name: SECRETS.tokens };
const DONE = { code: EXIT.done, cause: '' };

/** Three servers come, and one goes. */
const LONG = 300_000;

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

/** As with another folder of state: other tokens, another key, and no marker. */
async function forget(): Promise<void> {
  site.store = new MemoryStore();
  await site.prepare();
}

const votersOf = async (name: string) =>
  (await machines.members(name).catch(() => []))
    .map((member) => member.name.replace(/-[0-9a-f]{8}$/, ''))
    .sort();

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

describe('a server whose cluster nobody knows any more', () => {
  const tokens = async () => (await site.store.secret(TOKENS))?.data;
  const told = async () => {
    const { stdout } = await machines
      .named('server-1')
      .exec(
        'cat /etc/rancher/k3s/config.yaml /etc/rancher/k3s/config.yaml.d/*; systemctl show -p MainPID k3s',
      );
    return stdout;
  };

  it('is left as it is while it runs, and its tokens are known again', async () => {
    await begin('server-1');
    const [before, known] = [await told(), await tokens()];
    await forget();
    expect(await tokens()).not.toMatchObject({ server: known?.['server'] });

    expect(await site.run(inputOf('server-1'))).toMatchObject(DONE);
    expect(await tokens()).toMatchObject({ server: known?.['server'], agent: known?.['agent'] });
    expect(await told()).toBe(before);
    expect(await site.run(inputOf(AGENT))).toMatchObject(DONE);
    expect(await machines.initCount()).toBe(1);
  });

  it.each([
    ['there are tokens of another cluster', async () => site.store.merge(TOKENS, { server: 'another' })],
    ['it does not run', async () => machines.named('server-1').exec('systemctl stop k3s').then(forget)],
  ])('is not touched when %s', async (_, mishap) => {
    await mishap();
    const before = await told();

    expect(await site.run(inputOf('server-1'))).toMatchObject({
      code: EXIT.input,
      cause: expect.stringContaining('holds a member of a cluster that the Secret'),
    });
    expect(await told()).toBe(before);
  });
});

describe('a first server that is blank', () => {
  it(
    'joins the others, whose cluster nobody knows any more',
    async () => {
      await begin(...SERVERS);
      const known = (await site.store.secret(TOKENS))?.data;
      await machines.named('server-1').wipe();
      await forget();

      expect(await site.run(inputOf('server-1'))).toMatchObject(DONE);
      const { server, agent } = known ?? {};
      expect((await site.store.secret(TOKENS))?.data).toMatchObject({ server, agent });
      expect(await votersOf('server-2')).toEqual(SERVERS);
      expect(await machines.initCount()).toBe(1);
    },
    LONG,
  );
});

describe('a server that was taken out of the cluster, with the data of its member', () => {
  it.each([
    ['that K3s has marked', 'true'],
    ['that nobody has marked', 'rm -f /var/lib/rancher/k3s/server/db/etcd/tombstone'],
  ])(
    '%s joins again, and begins none, though it began the first',
    async (_, mark) => {
      if ((await machines.initCount()) !== 1 || (await votersOf('server-2')).length < 3)
        await begin(...SERVERS);
      const [target, ...peers] = SERVERS.map((name) => site.target(name));
      const drain = { operation: 'drain-and-remove', target, peers, role: 'server', drainSeconds: 60 };
      expect(await site.run(changed(COMMON, drain))).toMatchObject(DONE);
      expect(await votersOf('server-2')).toEqual(['server-2', 'server-3']);
      await machines.named('server-1').exec(mark);

      expect(await site.run(inputOf('server-1'))).toMatchObject(DONE);
      expect(await votersOf('server-2')).toEqual(SERVERS);
      expect(await machines.initCount()).toBe(1);
    },
    LONG,
  );
});

/** An input with other fields. */
function changed(input: object, more: object): OnMachines {
  const parsed = Input.parse({ ...input, ...more });
  if (parsed.operation === 'teardown') throw new Error('a teardown runs elsewhere');
  return parsed;
}
