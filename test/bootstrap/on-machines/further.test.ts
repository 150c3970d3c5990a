/** What comes after a cluster's beginning: nodes leave, change and are looked after, and a cluster begins with a snapshot. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { EXIT, Input, WINDOW_STEP, type Allow } from '../../../functions/bootstrap/contract.ts';
import type { OnMachines } from '../../../functions/bootstrap/operate.ts';
import { listAt, numberAt, textAt } from '../../../functions/kernel/manifest.ts';
import { eventually } from '../../live/processes.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { MemoryStore } from '../memory-store.ts';
import { COMMON, leaderOf, letLead, NAMESPACE, SECRETS, Site, SNAPSHOTS, VERSION } from './support.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';
const NEWER = 'v1.36.4+k3s1';
const NEXT_MINOR = 'v1.37.1+k3s1';

let machines: Machines;
let site: Site;

/** Three servers come, and go one after the other. */
const LONG = 300_000;

beforeAll(async () => {
  machines = await startMachines({ names: [...SERVERS, AGENT], light: true, ready: 'at-once' });
});

afterAll(async () => {
  await machines.stop();
});

/** An input with other fields. */
function withMore(input: OnMachines, more: object): OnMachines {
  const parsed = Input.parse({ ...input, ...more });
  if (parsed.operation === 'teardown') throw new Error('a teardown runs elsewhere');
  return parsed;
}

const targets = (names: readonly string[]) => names.map((name) => site.target(name));
const peersOf = (name: string) => targets(SERVERS.filter((one) => one !== name));
const roleOf = (name: string) => (name === AGENT ? ('agent' as const) : ('server' as const));

function drain(name: string): OnMachines {
  const [target, peers, role] = [site.target(name), peersOf(name), roleOf(name)];
  return { ...COMMON, operation: 'drain-and-remove', target, peers, role, drainSeconds: 60 };
}

function upgrade(name: string, version: string): OnMachines {
  const [target, peers, role] = [site.target(name), peersOf(name), roleOf(name)];
  const k3s = { ...site.k3s(machines.named(name), role), version };
  return { ...COMMON, operation: 'upgrade', target, peers, role, k3s };
}

async function begin(...names: string[]): Promise<void> {
  await machines.reset();
  site = new Site(machines);
  // These machines are quick, but not alone.
  site.patience = 0.5;
  await site.prepare();
  for (const name of names) {
    const input = name === AGENT ? site.agent(name, SERVERS) : site.server(name, SERVERS);
    expect(await site.run(input)).toMatchObject({ code: EXIT.done, cause: '' });
  }
}

async function voters(): Promise<string[]> {
  return (await machines.members('server-1')).map(({ name }) => name.replace(/-[0-9a-f]{8}$/, '')).sort();
}

async function node(name: string) {
  const nodes = await (await machines.kube()).list('v1', 'Node');
  return nodes.find(({ metadata }) => metadata.name === name);
}

/** Runs an operation up to the beginning of a step. */
async function stoppedAt(wanted: string, input: OnMachines) {
  const stop = new AbortController();
  const progress = ({ step }: { readonly step: string }) => {
    if (step === wanted) stop.abort();
  };
  const stopped = await site.run(input, { stop: stop.signal, progress });
  expect(stopped.cause).toBe(`stopped from outside in "${wanted}"`);
  return stopped;
}

const steps = (events: readonly { step: string; state: string }[]) =>
  events.flatMap(({ step, state }) => (state === 'done' ? [step] : []));

describe('a server leaves', () => {
  it(
    'alive: its node and its member go, it starts no more, and once more is no matter',
    async () => {
      await begin(...SERVERS);
      await letLead(machines, 'server-3');

      // As the last word before anything is taken from it.
      expect(await stoppedAt('log in to the machine', drain('server-3'))).toMatchObject({
        code: EXIT.remote,
      });
      expect(await leaderOf(machines, 'server-1')).toMatch(/^server-[12]$/);
      expect(await voters()).toEqual(SERVERS);

      expect(await site.run(drain('server-3'))).toMatchObject({ code: EXIT.done, cause: '' });
      expect(await voters()).toEqual(['server-1', 'server-2']);
      expect(await node('server-3')).toBeUndefined();
      expect((await machines.named('server-3').exec('systemctl is-active k3s')).stdout.trim()).toBe(
        'inactive',
      );
      expect(await site.run(drain('server-3'))).toMatchObject({ code: EXIT.done, cause: '' });

      // Then the second of two, and never the last.
      const second = drain('server-2');
      expect(await site.run(withMore(second, { peers: targets(['server-1']) }))).toMatchObject({
        code: EXIT.done,
      });
      expect(await voters()).toEqual(['server-1']);
      for (const gone of ['server-2', 'server-3']) {
        const joins = (await machines.named(gone).life()).filter((event) => event.startsWith('join '));
        expect(joins, `${gone} has come back`).toHaveLength(1);
      }
      const last = await site.run(withMore(drain('server-1'), { peers: [] }));
      expect(last).toMatchObject({ code: EXIT.quorum, cause: expect.stringContaining('the only server') });
    },
    LONG,
  );

  it(
    'not before a PodDisruptionBudget lets its pods go',
    async () => {
      await begin(...SERVERS);
      const kube = await machines.kube();
      const place = { name: 'busy', namespace: 'default' };
      const pod = { apiVersion: 'v1', kind: 'Pod' };
      const budget = { apiVersion: 'policy/v1', kind: 'PodDisruptionBudget' };
      await eventually('the account of pods', 20, () =>
        kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'default', name: 'default' }),
      );
      await kube.apply({
        ...pod,
        metadata: { ...place, labels: { app: 'busy' } },
        spec: { nodeName: 'server-3', containers: [{ name: 'main', image: 'example.test/busy' }] },
      });
      await kube.apply({
        ...budget,
        metadata: place,
        spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'busy' } } },
      });
      await eventually('the controller of budgets', 20, async () =>
        numberAt(await kube.need({ ...budget, ...place }), 'status', 'observedGeneration'),
      );

      const soon = { drainSeconds: 6 };
      expect(await site.run(withMore(drain('server-3'), soon))).toMatchObject({
        code: EXIT.timeout,
        cause: 'pods of "server-3" did not go within 6 s: a PodDisruptionBudget does not let them',
        hint: expect.stringContaining('relax their PodDisruptionBudget'),
      });
      expect(await voters()).toEqual(SERVERS);
      expect(await kube.get({ ...pod, ...place })).toBeDefined();

      await kube.delete({ ...budget, ...place });
      expect(await site.run(drain('server-3'))).toMatchObject({ code: EXIT.done, cause: '' });
      expect(await kube.get({ ...pod, ...place })).toBeUndefined();
    },
    LONG,
  );

  it('dead: nobody waits for it', async () => {
    await begin(...SERVERS);
    await machines.named('server-3').kill();

    expect(await site.run(drain('server-3'))).toMatchObject({ code: EXIT.done, cause: '' });
    expect(await voters()).toEqual(['server-1', 'server-2']);
    await machines.named('server-3').boot();
  });

  it('not when etcd would not live on: with its own exit code, and nothing is changed', async () => {
    await begin(...SERVERS);
    await machines.named('server-2').exec('systemctl disable --now k3s');
    const dead = JSON.stringify({ status: { conditions: [{ type: 'Ready', status: 'Unknown' }] } });
    const { code, stderr } = await machines
      .named('server-1')
      .exec(`k3s kubectl patch node server-2 --subresource=status -p '${dead}'`);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });

    const ended = await site.run(drain('server-3'));

    expect(ended).toMatchObject({
      code: EXIT.quorum,
      cause: expect.stringContaining('"server-3" cannot leave: without "server-3" etcd has 2 members'),
    });
    expect(await voters()).toEqual(SERVERS);
    expect(listAt(await node('server-3'), 'spec', 'taints')).toEqual([]);
  });
});

describe('a cluster that begins with a snapshot', () => {
  /** As long as those of object stores. */
  const SECRET_KEY = 'kEyOfAnObjectStore'.padEnd(40, 'x');
  const s3 = {
    endpoint: 's3.example.com',
    bucket: 'acme',
    region: 'auto',
    folder: 'old',
    secret: { namespace: 'acme', name: 'store' },
  };
  const begins = (snapshot: string, version = VERSION): OnMachines =>
    withMore(site.server('server-1', []), {
      snapshots: { ...SNAPSHOTS, s3 },
      restore: { snapshot },
      k3s: { ...site.k3s(machines.named('server-1'), 'server'), version },
    });
  const withKeys = async () =>
    site.store.create(s3.secret, { data: { accessKeyId: 'AKIA', secretAccessKey: SECRET_KEY } });
  const tokenOf = async () =>
    (await site.store.secret({ namespace: NAMESPACE, name: SECRETS.tokens }))?.data['server'] ?? '';
  /** A blank machine and a management cluster that knows only the keys of the store and a token to restore with. */
  const blankWith = async (data: string) => {
    const restoreToken = { namespace: 'acme', name: 'token' };
    await machines.named('server-1').wipe();
    site.store = new MemoryStore();
    await site.store.create(restoreToken, { data: { token: data } });
    await site.run({ ...COMMON, operation: 'prepare', restoreToken });
    await allowIn();
    await withKeys();
  };
  let snapshot = '';
  let token = '';

  it(
    'is reset once, to what the snapshot holds, and has its authority; keys are left nowhere',
    async () => {
      await begin();
      await withKeys();
      const first = withMore(site.server('server-1', []), { snapshots: { ...SNAPSHOTS, s3 } });
      expect(await site.run(first)).toMatchObject({ code: EXIT.done, cause: '' });
      const machine = machines.named('server-1');
      const authority = async () =>
        (await machine.exec('sha256sum < /var/lib/rancher/k3s/server/tls/server-ca.crt')).stdout;
      const before = await authority();
      const saved = await site.run({
        ...COMMON,
        operation: 'snapshot',
        target: site.target('server-1'),
        snapshots: SNAPSHOTS,
      });
      expect(saved).toMatchObject({ code: EXIT.done, cause: '' });
      const { stdout } = await machine.exec('ls /var/lib/rancher/k3s/server/db/snapshots');
      snapshot = `s3://acme/old/${stdout.trim()}`;
      token = await tokenOf();

      await blankWith(token);
      const ended = await site.run(begins(snapshot));
      expect(ended).toMatchObject({ code: EXIT.done, cause: '' });
      expect(await authority()).toBe(before);
      expect((await machine.life()).filter((event) => event === 'restore')).toHaveLength(1);
      const left = await machine.exec('ls /etc/rancher/k3s/config.yaml.d; cat /var/log/openova-restore.log');
      expect(left.stdout).not.toContain('restore.yaml');
      expect(left.stdout).not.toContain(SECRET_KEY);
      expect(JSON.stringify(ended.events)).not.toContain(SECRET_KEY);

      expect(await site.run(begins(snapshot))).toMatchObject({ code: EXIT.done, cause: '' });
      expect((await machine.life()).filter((event) => event === 'restore')).toHaveLength(1);
    },
    LONG,
  );

  it.each([
    ['there is no such snapshot', () => 's3://acme/old/none', () => token, VERSION],
    ['it was made with another token', () => snapshot, () => 'another', VERSION],
    ['must be restored with the same minor version', () => snapshot, () => token, NEXT_MINOR],
  ])('is refused as wrong input: %s', async (why, from, given, version) => {
    await blankWith(given());

    expect(await site.run(begins(from(), version))).toMatchObject({
      code: EXIT.input,
      cause: expect.stringContaining(why),
    });
  });

  it('says no key of the store, though a command that fails does', async () => {
    await blankWith(token);
    await machines.named('server-1').exec(`set -e
      printf '%s\\n' '#!/bin/sh' 'case $1 in --version) echo "k3s version ${VERSION} (00000000)" ;;' \
        '*) cat /etc/rancher/k3s/config.yaml.d/restore.yaml; exit 1 ;; esac' > /usr/local/bin/k3s
      chmod 755 /usr/local/bin/k3s`);

    const ended = await site.run(begins(snapshot));
    expect(ended.code).toBe(EXIT.remote);
    expect(ended.log.join('\n')).toMatch(/^etcd-s3-secret-key: "?\*\*\*/m);
    expect(JSON.stringify([ended, site.store.results])).not.toContain(SECRET_KEY);
  });

  async function allowIn(): Promise<void> {
    const ssh = await site.store.secret({ namespace: NAMESPACE, name: SECRETS.ssh });
    await machines.authorize(`${ssh?.data['public'] ?? ''}\n`);
  }
});

describe('another version', () => {
  it('of a server: etcd is saved before the binary is replaced, and the node shows it; once more does nothing', async () => {
    await begin('server-1', AGENT);
    const ended = await site.run(upgrade('server-1', NEWER));

    expect(ended).toMatchObject({ code: EXIT.done, cause: '' });
    expect(steps(ended.events).indexOf('save etcd')).toBeGreaterThan(-1);
    expect(steps(ended.events).indexOf('save etcd')).toBeLessThan(
      steps(ended.events).indexOf(`install K3s ${NEWER}`),
    );
    expect(textAt(await node('server-1'), 'status', 'nodeInfo', 'kubeletVersion')).toBe(NEWER);
    const starts = await machines.named('server-1').life();
    expect(steps((await site.run(upgrade('server-1', NEWER))).events)).not.toContain('save etcd');
    expect(await machines.named('server-1').life()).toEqual(starts);

    expect(await site.run(upgrade(AGENT, NEWER))).toMatchObject({ code: EXIT.done, cause: '' });
    expect(textAt(await node(AGENT), 'status', 'nodeInfo', 'kubeletVersion')).toBe(NEWER);
  });

  it.each([
    ['server-1', 'v1.38.0+k3s1', 'must not skip'],
    ['server-1', 'v1.35.6+k3s1', 'must not go back'],
    [AGENT, 'v1.36.5+k3s1', 'newer than what servers run: "server-1"'],
  ])('of %s, %s: refused as wrong input, as it %s', async (name, version, why) => {
    if (!(await machines.named('server-1').life()).includes('cluster-init')) await begin('server-1', AGENT);
    const ended = await site.run(upgrade(name, version));

    expect(ended).toMatchObject({ code: EXIT.input, cause: expect.stringContaining(why) });
  });
});

describe('care', () => {
  const care = (more: object = {}): OnMachines => ({
    ...COMMON,
    operation: 'care',
    servers: targets(SERVERS),
    agents: [],
    snapshots: SNAPSHOTS,
    kubeconfig: 'acme-kubeconfig',
    certificateDays: 90,
    ...more,
  });
  const lives = async () => Promise.all(SERVERS.map((name) => machines.named(name).life()));

  it('restarts what has certificates that end soon, one server alone, and says when they end', async () => {
    await begin(...SERVERS);
    await machines.named('server-2').faults.certificates(30);

    const ended = await site.run(care());

    expect(ended).toMatchObject({ code: EXIT.done, cause: '' });
    const restarts = steps(ended.events).filter((step) => step.startsWith('restart'));
    expect(restarts).toEqual(['restart K3s on "server-2"']);
    expect(site.store.results.at(-1)?.certificatesExpire).toBeDefined();
    const again = await site.run(care());
    expect(steps(again.events).filter((step) => step.startsWith('restart'))).toEqual([]);
    const secret = await site.store.secret({ namespace: NAMESPACE, name: 'acme-kubeconfig' });
    expect(secret?.data['kubeconfig']).toContain(site.target('server-1').address);
  });

  it('outside of the window nothing is disturbed; in it others are let in until it shuts', async () => {
    await machines.named('server-2').faults.certificates(30);
    const before = await lives();
    const window = 'Sun 02:00-04:00 UTC';
    const at = (time: string) => ({ now: () => new Date(time) });

    expect(await site.run(care({ window }), at('2026-11-21T03:00:00Z'))).toMatchObject({ code: EXIT.done });
    expect(await lives()).toEqual(before);

    const isHeld = () => site.store.results.at(-1)?.step === WINDOW_STEP;
    const ended = await site.run(care({ window }), {
      now: () => new Date(isHeld() ? '2026-11-22T04:00:00Z' : '2026-11-22T03:50:00Z'),
    });
    expect(ended).toMatchObject({ code: EXIT.done, cause: '' });
    expect(steps(ended.events)).toContain(WINDOW_STEP);
    expect(steps(ended.events)).toContain('restart K3s on "server-2"');
  });

  it('disturbs nobody while one machine does not answer, and says which', async () => {
    await machines.named('server-2').faults.certificates(30);
    await machines.named('server-3').kill();
    const ended = await site.run(care());

    expect(ended).toMatchObject({ code: EXIT.timeout, cause: expect.stringContaining('look at "server-3"') });
    expect(ended.events.filter(({ step }) => step.startsWith('restart'))).toEqual([]);
    await machines.named('server-3').boot();
  });

  it('reboots the only server of a region, and lets pods back onto it', async () => {
    await begin('server-1', AGENT);
    await machines.named('server-1').exec('touch /run/reboot-required');

    const ended = await site.run(care({ servers: targets(['server-1']), agents: targets([AGENT]) }));

    expect(ended).toMatchObject({ code: EXIT.done, cause: '' });
    expect(steps(ended.events)).toEqual(
      expect.arrayContaining(['drain "server-1"', 'reboot "server-1"', 'uncordon "server-1"']),
    );
    expect(JSON.stringify(await node('server-1'))).not.toMatch(/unschedulable|drained-by-care/);
  });
});

describe('a firewall', () => {
  const host = (from: readonly string[]) => {
    const allow: Allow[] = [
      { protocol: 'tcp', ports: ['22'], from: [...from] },
      { protocol: 'tcp', ports: ['6443', '2379-2380'], from: ['10.0.0.0/8'] },
    ];
    return { host: { allow, others: [] } };
  };
  const rules = async () => (await machines.named('server-1').exec('nft list ruleset')).stdout;
  afterEach(async () => {
    await machines.named('server-1').wipe();
  });

  it('that lets us in is confirmed and stays, also after a restart', async () => {
    await begin();
    await machines.named('server-1').faults.ufw(false);
    const input = withMore(site.server('server-1', []), host(['0.0.0.0/0']));

    expect(await site.run(input)).toMatchObject({ code: EXIT.done, cause: '' });
    expect(await rules()).toContain('policy drop');
    const { stdout } = await machines
      .named('server-1')
      .exec('ls /etc/openova; systemctl is-enabled openova-firewall');
    expect(stdout.split('\n').slice(0, 2)).toEqual(['firewall.nft', 'enabled']);
    const unit = await machines.named('server-1').exec('systemctl cat openova-firewall');
    expect(unit.stdout).toContain('After=nftables.service\n');

    await machines.named('server-1').kill();
    await machines.named('server-1').boot();
    await expect.poll(rules, { timeout: 20_000 }).toContain('policy drop');
    expect(await site.run(input)).toMatchObject({ code: EXIT.done, cause: '' });
  });

  it('that locks us out is taken back by the machine itself', async () => {
    await begin();
    const input = withMore(site.server('server-1', []), host(['192.0.2.1']));

    const ended = await site.run(input);

    expect(ended).toMatchObject({
      code: EXIT.input,
      cause: expect.stringContaining('does not answer any more'),
      hint: expect.stringContaining('managementCidrs'),
    });
    expect(await rules()).toContain('policy drop');
    await expect.poll(rules, { timeout: 90_000, interval: 1000 }).not.toContain('policy drop');
    expect(await site.run(site.server('server-1', []))).toMatchObject({ code: EXIT.done, cause: '' });
  });

  it('is not set on a machine that is not fit', async () => {
    await begin();
    await machines.named('server-1').faults.docker();
    await machines.named('server-1').faults.ufw(true);
    await machines.named('server-1').faults.clock(300);

    const ended = await site.run(withMore(site.server('server-1', []), host(['0.0.0.0/0'])));

    expect(ended).toMatchObject({ code: EXIT.input, cause: expect.stringContaining('"docker", "ufw"') });
    expect(ended.cause).toContain('not synchronised');
    expect(await rules()).not.toContain('openova');
  });

  it('and the check before it are no matter for another try, nor is a binary that was there before', async () => {
    await begin();
    await machines.named('server-1').exec(`set -e
      curl -sSfL https://github.com/k3s-io/k3s/releases/download/${encodeURIComponent(VERSION)}/k3s -o /usr/local/bin/k3s
      chmod 755 /usr/local/bin/k3s`);
    const input = withMore(site.server('server-1', []), host(['0.0.0.0/0']));
    expect(await stoppedAt('start K3s', input)).toMatchObject({ code: EXIT.remote });

    const k3s = { ...site.k3s(machines.named('server-1'), 'server'), version: NEWER };
    expect(await site.run(withMore(input, { k3s }))).toMatchObject({ code: EXIT.done, cause: '' });
  });
});

describe('a machine that goes on without K3s', () => {
  it('keeps nothing of it, and no pod', async () => {
    await begin('server-1');
    const machine = machines.named('server-1');
    const pods = '/sys/fs/cgroup/kubepods.slice';
    await machine.exec(`mount -t tmpfs tmpfs /sys/fs/cgroup && mkdir ${pods} && : > ${pods}/cgroup.kill`);

    const [target, role] = [machine.target, 'server' as const];
    expect(await site.run({ ...COMMON, operation: 'uninstall', target, role })).toMatchObject({
      code: EXIT.done,
      cause: '',
    });

    const { stdout } = await machine.exec(
      `cat ${pods}/cgroup.kill; ls -d /etc/rancher /var/lib/rancher /usr/local/bin/k3s /etc/systemd/system/k3s.service`,
    );
    expect(stdout).toBe('1\n');
  });
});
