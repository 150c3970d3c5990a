/**
 * Wherever the program is cut off, it comes to the same end when it runs again: one cluster that was begun once, every
 * server a voter, and nobody locked out.
 *
 * A program is cut off at its first word, run again and cut off at its second, and so on to its end: what each run finds is
 * what the one before has left. With OPENOVA_CHAOS=apart every point is tried by itself, on machines that are blank again,
 * which takes half an hour.
 */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../../functions/bootstrap/contract.ts';
import type { OnMachines } from '../../../functions/bootstrap/operate.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { EVERYTHING } from '../../extent.ts';
import { cutAt, type Manner } from './cut.ts';
import { Site } from './support.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';
const MANNERS: readonly Manner[] = EVERYTHING ? ['after', 'during'] : ['after'];

const APART = process.env['OPENOVA_CHAOS'] === 'apart';

/** Some forty points, of which each takes a second, apart several: more on a machine that does other things too. */
const LONG_MS = APART ? 1_800_000 : 600_000;

let machines: Machines;

beforeAll(async () => {
  machines = await startMachines({ names: [...SERVERS, AGENT], light: true, ready: 'at-once' });
});

afterAll(async () => {
  await machines.stop();
});

interface Chaos {
  /** What there is before each try. */
  readonly before: (site: Site) => Promise<void>;
  readonly input: (site: Site) => OnMachines;
  /** What there is after each. */
  readonly state: (site: Site) => Promise<unknown>;
}

/** Cuts at every word until there is none left to cut at. @returns how many there were. */
async function tryAll(site: Site, manner: Manner, chaos: Chaos): Promise<number> {
  await chaos.before(site);
  expect(await site.run(chaos.input(site))).toMatchObject({ code: EXIT.done });
  const wanted = await chaos.state(site);
  return APART ? tryApart(site, manner, chaos, wanted) : tryInOneLife(site, manner, chaos, wanted);
}

async function tryInOneLife(site: Site, manner: Manner, chaos: Chaos, wanted: unknown): Promise<number> {
  const { before, input, state } = chaos;
  await before(site);
  for (let number = 1; ; number++) {
    const cut = cutAt(number, manner, site.store);
    const { code, cause } = await site.run(input(site), cut.world);
    if (cut.happened()) continue;
    expect({ code, cause }).toEqual({ code: EXIT.done, cause: '' });
    expect(await state(site)).toEqual(wanted);
    return number - 1;
  }
}

async function tryApart(site: Site, manner: Manner, chaos: Chaos, wanted: unknown): Promise<number> {
  const { before, input, state } = chaos;
  for (let number = 1; ; number++) {
    await before(site);
    const cut = cutAt(number, manner, site.store);
    await site.run(input(site), cut.world);
    const again = await site.run(input(site));
    expect
      .soft({ number, code: again.code, cause: again.cause })
      .toEqual({ number, code: EXIT.done, cause: '' });
    expect.soft({ number, state: await state(site) }).toEqual({ number, state: wanted });
    if (!cut.happened()) return number - 1;
  }
}

/** What a person would look at: members, nodes, and what every machine is told. */
async function stateOf(names: readonly string[]): Promise<unknown> {
  const kube = await machines.kube();
  const told = await Promise.all(
    names.map(async (name) => {
      const { stdout } = await machines
        .named(name)
        .exec(
          "sed 's/10[.][0-9.]*/ADDRESS/g; s/K10[0-9a-f]*/K10/' /etc/rancher/k3s/config.yaml.d/openova.yaml; sha256sum < /etc/rancher/k3s/config.yaml; find /etc/rancher /usr/local/bin /var/lib/rancher -name '*.openova*'",
        );
      return stdout;
    }),
  );
  const members = await machines.members('server-1');
  return {
    begun: await machines.initCount(),
    members: members.map(({ name, learner }) => `${name.replace(/-[0-9a-f]{8}$/, '')} ${learner}`).sort(),
    nodes: (await kube.list('v1', 'Node')).map(({ metadata }) => metadata.name).sort(),
    told,
  };
}

async function beginWith(site: Site, names: readonly string[]): Promise<void> {
  await machines.reset();
  await site.prepare();
  for (const name of names)
    expect(await site.run(site.server(name, SERVERS))).toMatchObject({ code: EXIT.done });
}

describe.each(MANNERS)('cut %s every single word', { timeout: LONG_MS }, (manner) => {
  const tried: Record<string, number> = {};
  afterAll(() => {
    console.log(`cut points, ${manner}: ${JSON.stringify(tried)}`);
  });

  it('the first server', async () => {
    const site = new Site(machines);
    await site.prepare();
    const prepared = site.store;
    tried['first server'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = prepared.copy();
        await machines.reset();
      },
      input: (one) => one.server('server-1', SERVERS),
      state: () => stateOf(['server-1']),
    });
    expect(tried['first server']).toBeGreaterThan(15);
  });

  if (!EVERYTHING) return;

  it('a server that comes back blank under its name', async () => {
    const site = new Site(machines);
    await beginWith(site, SERVERS);
    tried['further server'] = await tryAll(site, manner, {
      before: () => machines.named('server-2').wipe(),
      input: (one) => one.server('server-2', SERVERS),
      state: () => stateOf(SERVERS),
    });
    expect(tried['further server']).toBeGreaterThan(15);
  });

  it('an agent that comes back blank under its name', async () => {
    const site = new Site(machines);
    await beginWith(site, ['server-1']);
    tried['agent'] = await tryAll(site, manner, {
      before: () => machines.named(AGENT).wipe(),
      input: (one) => one.agent(AGENT, ['server-1']),
      state: () => stateOf(['server-1', AGENT]),
    });
    expect(tried['agent']).toBeGreaterThan(15);
  });

  it('the kubeconfig', async () => {
    const site = new Site(machines);
    await beginWith(site, ['server-1']);
    tried['kubeconfig'] = await tryAll(site, manner, {
      before: () => Promise.resolve(),
      input: (one) => one.kubeconfig('server-1'),
      state: async (one) => {
        const secret = await one.store.secret({ namespace: 'openova-system', name: 'acme-kubeconfig' });
        return secret?.data['kubeconfig'];
      },
    });
    expect(tried['kubeconfig']).toBeGreaterThan(3);
  });
});
