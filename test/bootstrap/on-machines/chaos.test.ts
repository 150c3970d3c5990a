/**
 * Wherever the program is cut off, it comes to the same end when it runs again: one cluster that was begun once, every
 * server a voter, firewalls that are confirmed, and nobody locked out.
 *
 * A program is cut off at its first word, run again and cut off at its second, and so on to its end: what each run finds is
 * what the one before has left. With OPENOVA_CHAOS=apart every point is tried by itself, on machines that are blank again,
 * which takes hours.
 */
import ssh2 from 'ssh2';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, Input, type Allow } from '../../../functions/bootstrap/contract.ts';
import type { OnMachines } from '../../../functions/bootstrap/operate.ts';
import { at, listAt, same, textAt } from '../../../functions/kernel/manifest.ts';
import { MemoryLeases, MemoryStore } from '../memory-store.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { EVERYTHING } from '../../extent.ts';
import { cutAt, type Manner } from './cut.ts';
import { COMMON, letLead, NAMESPACE, SECRETS, Site, SNAPSHOTS, VERSION } from './support.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';
const MANNERS: readonly Manner[] = EVERYTHING ? ['after', 'during'] : ['after'];

const APART = process.env['OPENOVA_CHAOS'] === 'apart';

/** Some forty points, of which each takes a second, apart several: more on a machine that does other things too. */
const LONG_MS = APART ? 3_600_000 : 600_000;

let machines: Machines;

beforeAll(async () => {
  machines = await startMachines({ names: [...SERVERS, AGENT], light: true, ready: 'at-once' });
});

afterAll(async () => {
  await machines.stop();
});

/** Steps of care that change something. */
const DISTURBS = /^(confirm|configure|drain|reboot|restart|uncordon)/;

interface Chaos {
  /** What there is before each try. */
  readonly before: (site: Site) => Promise<void>;
  readonly input: (site: Site) => OnMachines;
  /** What there is after each. */
  readonly state: (site: Site) => Promise<unknown>;
  /** What must be true of the state in any case, when no program was cut off: a matcher, or the state itself. */
  readonly right: unknown;
  /** It reboots machines. */
  readonly reboots?: true;
}

/** Cuts at every word until there is none left to cut at. @returns how many there were. */
async function tryAll(site: Site, manner: Manner, chaos: Chaos): Promise<number> {
  await chaos.before(site);
  expect(await upTo(WHOLE, site, manner, chaos)).toMatchObject({ code: EXIT.done, cause: '' });
  const wanted = await chaos.state(site);
  expect(wanted, 'without any cut').toEqual(chaos.right);
  const points = await (APART ? tryApart : tryInOneLife)(site, manner, chaos, wanted);
  expect(points, 'the program was never cut off').toBeGreaterThan(0);
  return points;
}

const WHOLE = Infinity;

/**
 * Runs up to a word, or to the end. A program that follows one that has just told a machine to reboot may lose its connection
 * to it: then it says so, and runs once more as its Job would.
 */
async function upTo(number: number, site: Site, manner: Manner, chaos: Chaos) {
  const run = async () => {
    const cut = cutAt(number, manner, site.store);
    const { code, cause } = await site.run(chaos.input(site), cut.world);
    return { code, cause, wasCut: cut.happened() };
  };
  const ended = await run();
  return chaos.reboots === true && ended.code === EXIT.remote && !ended.wasCut ? run() : ended;
}

async function tryInOneLife(site: Site, manner: Manner, chaos: Chaos, wanted: unknown): Promise<number> {
  const { before, state } = chaos;
  await before(site);
  for (let number = 1; ; number++) {
    const { code, cause, wasCut } = await upTo(number, site, manner, chaos);
    if (wasCut) continue;
    expect({ code, cause }).toEqual({ code: EXIT.done, cause: '' });
    expect(await state(site)).toEqual(wanted);
    return number - 1;
  }
}

async function tryApart(site: Site, manner: Manner, chaos: Chaos, wanted: unknown): Promise<number> {
  const { before, state } = chaos;
  for (let number = 1; ; number++) {
    await before(site);
    const { wasCut } = await upTo(number, site, manner, chaos);
    const { code, cause } = await upTo(WHOLE, site, manner, chaos);
    expect.soft({ number, code, cause }).toEqual({ number, code: EXIT.done, cause: '' });
    expect.soft({ number, state: await state(site) }).toEqual({ number, state: wanted });
    if (!wasCut) return number - 1;
  }
}

/** What a person would look at: members, nodes, what every machine is told, and what it lets in once it starts again. */
async function stateOf(names: readonly string[]): Promise<unknown> {
  const kube = await machines.kube();
  const told = await Promise.all(
    names.map(async (name) => {
      const { stdout } = await machines
        .named(name)
        .exec(
          "sed 's/10[.][0-9.]*/ADDRESS/g; s/K10[0-9a-f]*/K10/' /etc/rancher/k3s/config.yaml.d/openova.yaml; sha256sum < /etc/rancher/k3s/config.yaml; find /etc/rancher /usr/local/bin /var/lib/rancher -name '*.openova*'; ls /etc/openova; nft list table inet openova; systemctl is-enabled openova-firewall; systemctl is-active openova-firewall-rollback.timer",
        );
      return stdout;
    }),
  );
  const members = await machines.members('server-1');
  return {
    begun: await machines.initCount(),
    members: members.map(({ name, learner }) => `${name.replace(/-[0-9a-f]{8}$/, '')} ${learner}`).sort(),
    nodes: (await kube.list('v1', 'Node'))
      .map(
        (node) =>
          `${node.metadata.name ?? ''} ${textAt(node, 'status', 'nodeInfo', 'kubeletVersion') ?? ''} ${at(node, 'spec', 'unschedulable') === true ? 'cordoned' : ''}`,
      )
      .sort(),
    told,
  };
}

const NEWER = 'v1.36.4+k3s1';

/** One cluster that was begun once, in which every server votes, no node is cordoned, and each runs its version. */
function whole(servers: readonly string[], versions: Readonly<Record<string, string>>): unknown {
  return expect.objectContaining({
    begun: 1,
    members: servers.map((name) => `${name} false`),
    nodes: Object.entries(versions)
      .map(([name, version]) => `${name} ${version} `)
      .sort(),
  });
}

/** Of one version. */
function wholeOf(servers: readonly string[], agents: readonly string[] = []): unknown {
  return whole(servers, Object.fromEntries([...servers, ...agents].map((name) => [name, VERSION])));
}

/** An input with other fields. */
function withMore(input: OnMachines, more: object): OnMachines {
  const parsed = Input.parse({ ...input, ...more });
  if (parsed.operation === 'teardown') throw new Error('a teardown runs elsewhere');
  return parsed;
}

const ALLOW: Allow[] = [
  { protocol: 'tcp', ports: ['22'], from: ['0.0.0.0/0'] },
  { protocol: 'tcp', ports: ['6443', '2379-2380'], from: ['10.0.0.0/8'] },
];

/** A site of three servers whose waits are not short: its machines are busy with what programs before have left. */
function patientSite(): Site {
  const site = new Site(machines);
  site.patience = 0.5;
  return site;
}

async function beginWith(site: Site, names: readonly string[]): Promise<void> {
  await machines.reset();
  await site.prepare();
  for (const name of names)
    expect(await site.run(site.server(name, SERVERS))).toMatchObject({ code: EXIT.done });
}

/** The agent comes back blank under its name, and joins. */
async function joinBlank(site: Site, more: object = {}): Promise<void> {
  await machines.named(AGENT).wipe();
  const joined = await site.run(withMore(site.agent(AGENT, ['server-1']), more));
  expect(joined).toMatchObject({ code: EXIT.done, cause: '' });
}

const STOPPED = 'inactive\ndisabled\n';

/** Whether a unit runs, and does so again after a boot. */
async function unitOn(name: string, unit: string): Promise<string> {
  const { stdout } = await machines
    .named(name)
    .exec(`systemctl is-active ${unit}; systemctl is-enabled ${unit}`);
  return stdout;
}

/** What is there of K3s and of us: files, tables of nftables, processes. */
async function remainsOn(name: string): Promise<string> {
  const { stdout } = await machines
    .named(name)
    .exec(
      "find /etc /usr/local /var/lib /run -path /run/machine -prune -o -regex '.*\\(openova\\|k3s\\|rancher\\|kubelet\\).*' -print | sort; nft list tables; ps -eo comm=,args= | grep '/[v]ar/lib/rancher'",
    );
  return stdout;
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
      right: wholeOf(['server-1']),
    });
  });

  if (!EVERYTHING) return;

  it('a server that comes back blank under its name', async () => {
    const site = new Site(machines);
    await beginWith(site, SERVERS);
    tried['further server'] = await tryAll(site, manner, {
      before: () => machines.named('server-2').wipe(),
      input: (one) => one.server('server-2', SERVERS),
      state: () => stateOf(SERVERS),
      right: wholeOf(SERVERS),
    });
  });

  it('an agent that comes back blank under its name', async () => {
    const site = new Site(machines);
    await beginWith(site, ['server-1']);
    tried['agent'] = await tryAll(site, manner, {
      before: () => machines.named(AGENT).wipe(),
      input: (one) => one.agent(AGENT, ['server-1']),
      state: () => stateOf(['server-1', AGENT]),
      right: wholeOf(['server-1'], [AGENT]),
    });
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
      right: expect.stringContaining(`https://${site.target('server-1').address}:6443`),
    });
  });

  it('prepare', async () => {
    tried['prepare'] = await tryAll(new Site(machines), manner, {
      before: (one) => {
        one.store = new MemoryStore();
        return Promise.resolve();
      },
      input: () => ({ ...COMMON, operation: 'prepare' }),
      state: async (one) => {
        const [tokens, ssh, hostKeys] = await Promise.all(
          [SECRETS.tokens, SECRETS.ssh, SECRETS.hostKeys].map((name) =>
            one.store.secret({ namespace: NAMESPACE, name }),
          ),
        );
        const key = ssh2.utils.parseKey(ssh?.data['id_ed25519'] ?? '');
        const own = key instanceof Error ? '' : key.getPublicSSH().toString('base64');
        return {
          tokens: Object.entries(tokens?.data ?? {}).map(([name, value]) => [name, value.length]),
          hostKeys: hostKeys?.data,
          isPair: own !== '' && ssh?.data['public']?.includes(own),
          isTold: one.store.results.at(-1)?.publicKey === ssh?.data['public'],
        };
      },
      right: expect.objectContaining({ isPair: true, isTold: true }),
    });
  });

  it('a server with a firewall that comes back blank, and is let in by others', async () => {
    const site = patientSite();
    await beginWith(site, SERVERS);
    const others = ['server-1', 'server-3'];
    tried['firewall'] = await tryAll(site, manner, {
      before: async () => {
        await machines.named('server-2').wipe();
        for (const name of others)
          await machines.named(name).exec('nft delete table inet openova; rm -rf /etc/openova');
      },
      input: (one) =>
        withMore(one.server('server-2', SERVERS), {
          host: { allow: ALLOW, others: others.map((name) => one.target(name)) },
        }),
      state: () => stateOf(SERVERS),
      right: wholeOf(SERVERS),
    });
  });

  it('the leader, which leaves', async () => {
    const site = patientSite();
    await beginWith(site, SERVERS);
    tried['drain-and-remove'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = Object.assign(one.store.copy(), { leases: new MemoryLeases() });
        await machines.named('server-3').wipe();
        expect(await one.run(one.server('server-3', SERVERS))).toMatchObject({ code: EXIT.done, cause: '' });
        await letLead(machines, 'server-3');
      },
      input: (one) => ({
        ...COMMON,
        lease: 'acme-at-work',
        operation: 'drain-and-remove',
        target: one.target('server-3'),
        peers: ['server-1', 'server-2'].map((name) => one.target(name)),
        role: 'server',
        drainSeconds: 60,
      }),
      state: async () => ({
        all: await stateOf(['server-1', 'server-2']),
        left: await unitOn('server-3', 'k3s'),
      }),
      right: { all: wholeOf(['server-1', 'server-2']), left: STOPPED },
    });
  });

  it('an agent, which leaves', async () => {
    const site = patientSite();
    await beginWith(site, ['server-1']);
    tried['drain-and-remove of an agent'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = Object.assign(one.store.copy(), { leases: new MemoryLeases() });
        await joinBlank(one);
      },
      input: (one) => ({
        ...COMMON,
        lease: 'acme-at-work',
        operation: 'drain-and-remove',
        target: one.target(AGENT),
        peers: [one.target('server-1')],
        role: 'agent',
        drainSeconds: 60,
      }),
      state: async () => ({ all: await stateOf(['server-1']), left: await unitOn(AGENT, 'k3s-agent') }),
      right: { all: wholeOf(['server-1']), left: STOPPED },
    });
  });

  it('an upgrade', async () => {
    const site = patientSite();
    await site.prepare();
    const prepared = site.store;
    tried['upgrade'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = Object.assign(prepared.copy(), { leases: new MemoryLeases() });
        await machines.reset();
        expect(await one.run(one.server('server-1', []))).toMatchObject({ code: EXIT.done, cause: '' });
      },
      input: (one) => ({
        ...COMMON,
        lease: 'acme-at-work',
        operation: 'upgrade',
        target: one.target('server-1'),
        peers: [],
        role: 'server',
        k3s: { ...one.k3s(machines.named('server-1'), 'server'), version: NEWER },
      }),
      state: () => stateOf(['server-1']),
      right: whole(['server-1'], { 'server-1': NEWER }),
    });
  });

  it('an upgrade of an agent', async () => {
    const site = patientSite();
    await machines.reset();
    await site.prepare();
    const server = withMore(site.server('server-1', []), {
      k3s: { ...site.k3s(machines.named('server-1'), 'server'), version: NEWER },
    });
    expect(await site.run(server)).toMatchObject({ code: EXIT.done, cause: '' });
    tried['upgrade of an agent'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = Object.assign(one.store.copy(), { leases: new MemoryLeases() });
        await joinBlank(one);
      },
      input: (one) => ({
        ...COMMON,
        lease: 'acme-at-work',
        operation: 'upgrade',
        target: one.target(AGENT),
        peers: [one.target('server-1')],
        role: 'agent',
        k3s: { ...one.k3s(machines.named(AGENT), 'agent'), version: NEWER },
      }),
      state: () => stateOf(['server-1', AGENT]),
      right: whole(['server-1'], { 'server-1': NEWER, [AGENT]: NEWER }),
    });
  });

  it('a cluster that begins with a snapshot', async () => {
    const site = patientSite();
    const machine = machines.named('server-1');
    const keys = { namespace: 'acme', name: 'store' };
    const s3 = { endpoint: 's3.example.com', bucket: 'chaos', region: 'auto', folder: manner, secret: keys };
    const snapshots = { ...SNAPSHOTS, s3 };
    await machines.reset();
    await site.prepare();
    await site.store.create(keys, {
      data: { accessKeyId: 'AKIA', secretAccessKey: 'kEyOfAnObjectStore'.padEnd(40, 'x') },
    });
    const blank = site.store.copy();
    for (const input of [
      withMore(site.server('server-1', []), { snapshots }),
      { ...COMMON, operation: 'snapshot' as const, target: machine.target, snapshots },
    ])
      expect(await site.run(input)).toMatchObject({ code: EXIT.done, cause: '' });
    const { stdout } = await machine.exec('ls /var/lib/rancher/k3s/server/db/snapshots');
    const restore = { snapshot: `s3://chaos/${manner}/${stdout.trim()}` };

    tried['restore'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = blank.copy();
        await machine.wipe();
      },
      input: (one) => withMore(one.server('server-1', []), { snapshots, restore }),
      state: async () => {
        const life = await machine.life();
        const authority = await machine.exec('sha256sum < /var/lib/rancher/k3s/server/tls/server-ca.crt');
        return {
          all: await stateOf(['server-1']),
          begun: life
            .slice(life.lastIndexOf('wipe'))
            .filter((event) => /^(cluster-init|restore)$/.test(event)),
          authority: authority.stdout,
        };
      },
      right: expect.objectContaining({ begun: ['restore'] }),
    });
  });

  it('labels and taints of a node whose pool has others by now', async () => {
    const site = patientSite();
    await beginWith(site, ['server-1']);
    expect(await site.run(site.agent(AGENT, ['server-1']))).toMatchObject({ code: EXIT.done, cause: '' });
    const label = { ...COMMON, operation: 'label' as const, target: site.target(AGENT) };
    const peers = [site.target('server-1')];
    const former = {
      labels: { 'example.com/pool': 'former', 'example.com/disk': 'slow' },
      taints: ['example.com/pool=former:NoSchedule', 'example.com/disk:NoSchedule'],
      removeLabels: [],
      removeTaints: [],
    };
    const latter = {
      labels: { 'example.com/pool': 'latter' },
      taints: ['example.com/pool=latter:NoSchedule'],
      removeLabels: ['example.com/disk'],
      removeTaints: ['example.com/disk:NoSchedule'],
    };
    tried['label'] = await tryAll(site, manner, {
      before: async (one) => {
        expect(await one.run({ ...label, peers, ...former })).toMatchObject({ code: EXIT.done, cause: '' });
      },
      input: () => ({ ...label, peers, ...latter }),
      state: async () => {
        const nodes = await (await machines.kube()).list('v1', 'Node');
        const node = nodes.find(({ metadata }) => metadata.name === AGENT);
        return {
          begun: await machines.initCount(),
          labels: Object.entries(node?.metadata.labels ?? {}).sort(),
          taints: listAt(node, 'spec', 'taints'),
        };
      },
      right: expect.objectContaining({
        begun: 1,
        taints: [expect.objectContaining({ key: 'example.com/pool', value: 'latter' })],
      }),
    });
  });

  it('a snapshot', async () => {
    const site = patientSite();
    await beginWith(site, ['server-1']);
    tried['snapshot'] = await tryAll(site, manner, {
      before: () => Promise.resolve(),
      input: (one) => ({
        ...COMMON,
        operation: 'snapshot',
        target: one.target('server-1'),
        snapshots: SNAPSHOTS,
      }),
      state: async (one) => {
        const { stdout } = await machines
          .named('server-1')
          .exec('cd /var/lib/rancher/k3s/server/db/snapshots && find . -type f -size +0 | cut -c 3-');
        const there = stdout.split('\n').filter((name) => name !== '');
        const shown = await (await machines.kube()).list('k3s.cattle.io/v1', 'ETCDSnapshotFile');
        const times = shown.map((file) => textAt(file, 'status', 'creationTime') ?? '').sort();
        return {
          all: await stateOf(['server-1']),
          // There may be one of each try.
          isThere: there.length > 0,
          isShown: same(there.sort(), shown.map((file) => textAt(file, 'spec', 'snapshotName') ?? '').sort()),
          isSaid: one.store.results.at(-1)?.lastSnapshot === times.at(-1),
        };
      },
      right: { all: wholeOf(['server-1']), isThere: true, isShown: true, isSaid: true },
    });
  });

  it('care: a firewall, snapshots that are set otherwise, a certificate that ends soon, and a reboot', async () => {
    const site = patientSite();
    await beginWith(site, SERVERS);
    const care: OnMachines = {
      ...COMMON,
      lease: 'acme-at-work',
      operation: 'care',
      servers: SERVERS.map((name) => site.target(name)),
      agents: [],
      snapshots: SNAPSHOTS,
      allow: ALLOW,
      kubeconfig: 'acme-kubeconfig',
      certificateDays: 90,
    };
    tried['care'] = await tryAll(site, manner, {
      reboots: true,
      before: async (one) => {
        one.store = Object.assign(one.store.copy(), { leases: new MemoryLeases() });
        const otherwise = { snapshots: { ...SNAPSHOTS, schedule: '30 4 * * *' } };
        const formerly = withMore(one.server('server-1', SERVERS), otherwise);
        expect(await one.run(formerly)).toMatchObject({ code: EXIT.done, cause: '' });
        await machines.named('server-1').exec('nft delete table inet openova; rm -rf /etc/openova');
        await machines.named('server-2').exec('touch /run/reboot-required');
        await machines.named('server-3').faults.certificates(30);
      },
      input: () => care,
      state: async (one) => {
        const secret = await one.store.secret({ namespace: NAMESPACE, name: 'acme-kubeconfig' });
        const again = await one.run(care);
        const kube = await machines.kube();
        return {
          all: await stateOf(SERVERS),
          isReached: SERVERS.some((name) =>
            secret?.data['kubeconfig']?.includes(`//${one.target(name).address}:`),
          ),
          isMarked: JSON.stringify(await kube.list('v1', 'Node')).includes('drained-by-care'),
          again: again.code,
          left: again.events.map(({ step }) => step).filter((step) => DISTURBS.test(step)),
        };
      },
      right: { all: wholeOf(SERVERS), isReached: true, isMarked: false, again: EXIT.done, left: [] },
    });
  });

  it('a machine that goes on without K3s', async () => {
    const site = patientSite();
    await site.prepare();
    const prepared = site.store;
    tried['uninstall'] = await tryAll(site, manner, {
      before: async (one) => {
        one.store = prepared.copy();
        await machines.reset();
        const input = withMore(one.server('server-1', []), { host: { allow: ALLOW, others: [] } });
        expect(await one.run(input)).toMatchObject({ code: EXIT.done, cause: '' });
      },
      input: (one) => ({
        ...COMMON,
        operation: 'uninstall',
        target: one.target('server-1'),
        role: 'server',
      }),
      state: () => remainsOn('server-1'),
      right: '',
    });
  });

  it('an agent that goes on without K3s', async () => {
    const site = patientSite();
    await beginWith(site, ['server-1']);
    tried['uninstall of an agent'] = await tryAll(site, manner, {
      before: (one) => joinBlank(one, { host: { allow: ALLOW, others: [] } }),
      input: (one) => ({ ...COMMON, operation: 'uninstall', target: one.target(AGENT), role: 'agent' }),
      state: () => remainsOn(AGENT),
      right: '',
    });
  });
});
