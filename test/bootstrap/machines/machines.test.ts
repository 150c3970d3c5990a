import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { connect } from '../../../functions/bootstrap/ssh.ts';
import { isTrue, numberAt } from '../../../functions/kernel/manifest.ts';
import { eventually, eventuallyTrue } from '../../live/processes.ts';
import { startMachines, type Machine, type Machines } from './machines.ts';

const VERSION = 'v1.36.3+k3s1';
const RELEASE = `https://github.com/k3s-io/k3s/releases/download/${encodeURIComponent(VERSION)}`;

/** What the program does in many steps, without its care. */
async function install(
  machine: Machine,
  role: 'server' | 'agent',
  config: Record<string, unknown>,
  block = true,
) {
  const unit = role === 'server' ? 'k3s' : 'k3s-agent';
  const { code, stderr } = await machine.exec(`set -e
curl -sSfL ${RELEASE}/k3s -o /usr/local/bin/k3s && chmod 755 /usr/local/bin/k3s
mkdir -p /etc/rancher/k3s
cat > /etc/rancher/k3s/config.yaml <<'END'
${JSON.stringify({ 'node-ip': machine.target.nodeAddress, ...config })}
END
printf '[Service]\\nType=notify\\nRestart=always\\nRestartSec=5s\\nExecStart=/usr/local/bin/k3s ${role}\\n' > /etc/systemd/system/${unit}.service
systemctl enable --now ${block ? '' : '--no-block'} ${unit}`);
  return { code, stderr };
}

const journalOf = async (machine: Machine, unit = 'k3s') =>
  (await machine.exec(`journalctl -u ${unit} -n 50 --no-pager -o cat`)).stdout;

const url = ({ target }: Machine) => `https://${target.nodeAddress}:6443`;

const nodeReference = (name: string) => ({ apiVersion: 'v1', kind: 'Node', name });

async function nodeIs(machines: Machines, name: string, type: string): Promise<void> {
  const kube = await machines.kube();
  await eventuallyTrue(`${name} ${type}`, 20, async () => {
    const node = await kube.get(nodeReference(name));
    return node !== undefined && isTrue(node, type);
  });
}

const voters = async (machines: Machines, through: string) =>
  (await machines.members(through))
    .filter(({ learner }) => !learner)
    .map(({ name }) => name.replace(/-[0-9a-f]{8}$/, ''))
    .sort();

describe('machines that share an API server', () => {
  let machines: Machines;
  let first: Machine;
  let second: Machine;
  let agent: Machine;
  const server = { token: 'secret', 'agent-token': 'other' };

  beforeAll(async () => {
    machines = await startMachines({ names: ['server-1', 'server-2', 'agent-1'], light: true });
    first = machines.named('server-1');
    second = machines.named('server-2');
    agent = machines.named('agent-1');
  });
  afterAll(() => machines.stop());
  beforeEach(() => machines.reset());

  const init = () => install(first, 'server', { ...server, 'cluster-init': true });
  const join = (more: Record<string, unknown> = {}, block = true) =>
    install(second, 'server', { ...server, server: url(first), ...more }, block);

  test('take SSH logins with their own host keys, which a wipe changes', async () => {
    const hostKeyOf = async () => {
      let shown = '';
      const trust = async (key: { readonly openssh: string }) => {
        shown = key.openssh;
        return Promise.resolve();
      };
      const login = { privateKey: machines.privateKey, trust, signal: AbortSignal.timeout(10_000) };
      const remote = await connect(first.target, login);
      expect(await remote.run('hostname; cat /proc/sys/kernel/hostname')).toMatchObject({
        stdout: 'server-1\nserver-1\n',
      });
      remote.close();
      return shown;
    };
    const before = { key: await hostKeyOf(), identity: first.target.identity };
    await first.wipe();
    expect(await hostKeyOf()).not.toBe(before.key);
    expect(first.target.identity).not.toBe(before.identity);
  });

  test('keep their disk when they lose power, and nothing when they are wiped', async () => {
    await first.exec('echo kept > /var/lib/kept; nft add table inet mine');
    await first.kill();
    await first.boot();
    expect((await first.exec('cat /var/lib/kept; nft list ruleset')).stdout).toBe('kept\n');
    await first.wipe();
    expect((await first.exec('ls /var/lib/kept')).code).not.toBe(0);
  });

  test('reboot, and forget what a kernel forgets', async () => {
    const boot = async () => (await first.exec('cat /proc/sys/kernel/random/boot_id')).stdout;
    const before = await boot();
    await first.exec(
      'sysctl -q kernel.panic=10; touch /run/reboot-required; echo kept > /var/lib/kept; systemctl reboot',
    );
    await eventuallyTrue('the reboot', 10, async () => (await boot()) !== before);
    await eventuallyTrue('SSH', 10, async () => (await first.exec('pidof sshd')).code === 0);
    const { stdout } = await first.exec('ls /run/reboot-required; cat /proc/sys/kernel/panic /var/lib/kept');
    expect(stdout).toBe('0\nkept\n');
  });

  test('make a cluster of servers and an agent', async () => {
    expect(await init()).toEqual({ code: 0, stderr: '' });
    await nodeIs(machines, 'server-1', 'EtcdIsVoter');
    const kube = await machines.kube();
    expect(isTrue(await kube.need(nodeReference('server-1')), 'Ready')).toBe(false);
    await machines.installCni();
    await nodeIs(machines, 'server-1', 'Ready');

    expect((await join()).code).toBe(0);
    expect(
      (await install(agent, 'agent', { token: 'other', server: url(second), 'node-label': ['pool=a'] })).code,
    ).toBe(0);
    await nodeIs(machines, 'server-2', 'EtcdIsVoter');
    await nodeIs(machines, 'agent-1', 'Ready');
    expect(await voters(machines, 'server-2')).toEqual(['server-1', 'server-2']);
    expect(await kube.need(nodeReference('agent-1'))).toMatchObject({ metadata: { labels: { pool: 'a' } } });
    expect(await machines.initCount()).toBe(1);
    expect(await second.life()).toContain(`join ${first.target.nodeAddress}`);
    expect((await first.exec('cat /var/lib/rancher/k3s/server/token')).stdout).toMatch(
      /^K10[0-9a-f]{64}::server:secret\n$/,
    );
    expect((await second.exec('k3s kubectl get --raw /readyz')).stdout).toBe('ok');
  });

  test('a server is a learner until it is promoted, and its unit not active', async () => {
    await init();
    await second.faults.staysLearner(true);
    await join({}, false);
    await eventuallyTrue('the learner', 20, async () =>
      (await machines.members('server-1')).some(({ learner, name }) => learner && name !== ''),
    );
    expect(await second.exec('systemctl is-active k3s')).toMatchObject({ code: 3, stdout: 'activating\n' });
    await second.faults.staysLearner(false);
    await nodeIs(machines, 'server-2', 'EtcdIsVoter');
  });

  test.each([
    { reason: 'another token', config: { token: 'wrong' }, says: '401 Unauthorized' },
    {
      reason: 'a common flag that differs',
      config: { 'cluster-cidr': '10.99.0.0/16' },
      says: 'critical configuration value mismatch between servers: cluster-cidr',
    },
  ])('a join is refused for $reason, again and again', async ({ config, says }) => {
    await init();
    expect((await join(config)).code).toBe(1);
    expect(await journalOf(second)).toContain(says);
    await eventuallyTrue('another try', 10, async () => {
      const { stdout } = await second.exec('systemctl show k3s -p NRestarts --value');
      return Number(stdout) > 1;
    });
    expect((await machines.members('server-1')).length).toBe(1);
  });

  test('a blank machine under the name of an earlier one is refused until its Node is deleted', async () => {
    await init();
    await machines.installCni();
    await install(agent, 'agent', { token: 'other', server: url(first) });
    await agent.wipe();
    expect((await install(agent, 'agent', { token: 'other', server: url(first) })).code).toBe(1);
    expect(await journalOf(agent, 'k3s-agent')).toContain('Node password rejected, duplicate hostname');
    await first.exec('k3s kubectl delete node agent-1');
    await nodeIs(machines, 'agent-1', 'Ready');
  });

  test('a deleted Node takes its member of etcd and its password with it', async () => {
    await init();
    await join();
    await nodeIs(machines, 'server-2', 'EtcdIsVoter');
    await second.exec('systemctl disable --now k3s');
    // Two members need each other: the removal waits for the second one.
    await second.exec('systemctl start --no-block k3s; sleep 1');
    await first.exec('k3s kubectl delete node server-2');
    await eventuallyTrue('the removal', 20, async () => (await machines.members('server-1')).length === 1);
    expect([...(await first.life()), ...(await second.life())]).toContain('member removed server-2');
  });

  test('without a quorum there is no API', async () => {
    await init();
    await join();
    await nodeIs(machines, 'server-2', 'EtcdIsVoter');
    await second.kill();
    await eventually('the end of the API', 30, async () => {
      const { stdout, stderr } = await first.exec('k3s kubectl --request-timeout=5s get --raw /readyz');
      return stdout === 'ok' ? undefined : stderr;
    });
    await second.boot();
    await eventuallyTrue('the API', 30, async () => {
      const { stdout } = await first.exec('k3s kubectl --request-timeout=5s get --raw /readyz');
      return stdout === 'ok';
    });
  });

  test('a snapshot makes a new server of a blank machine, with the token alone', async () => {
    const s3 = { 'etcd-s3': true, 'etcd-s3-bucket': 'archive', 'etcd-s3-folder': 'etcd' };
    await install(first, 'server', { ...server, ...s3, 'cluster-init': true });
    expect((await first.exec('k3s etcd-snapshot save --name test')).stdout).toMatch(
      /Snapshot test-server-1-\d+ saved/,
    );
    const authority = (await first.exec('cat /var/lib/rancher/k3s/server/tls/server-ca.key')).stdout;
    const { stdout } = await first.exec('k3s etcd-snapshot ls -o json');
    const [name] = /test-server-1-\d+/.exec(stdout) ?? [];
    expect(name).toBeDefined();
    await first.wipe();

    const reset = (token: string) =>
      second.exec(
        `mkdir -p /etc/rancher/k3s; echo '${JSON.stringify({ ...s3, 'node-ip': second.target.nodeAddress })}' > /etc/rancher/k3s/config.yaml
curl -sSfL ${RELEASE}/k3s -o /usr/local/bin/k3s; chmod 755 /usr/local/bin/k3s
k3s server --cluster-reset --cluster-reset-restore-path=etcd/${name ?? ''} --token=${token}`,
      );
    expect((await reset('wrong')).stdout).toContain('encrypted with different token');
    expect(await reset('secret')).toMatchObject({ code: 0 });
    expect((await second.exec('cat /var/lib/rancher/k3s/server/tls/server-ca.key')).stdout).toBe(authority);
    await install(second, 'server', { ...server, ...s3, 'cluster-init': true });
    expect(await voters(machines, 'server-2')).toEqual(['server-2']);
    expect(await machines.initCount()).toBe(1);
  });

  test('a drain waits for budgets and ends pods', async () => {
    await init();
    await nodeIs(machines, 'server-1', 'EtcdIsVoter');
    const kube = await machines.kube();
    await eventually('the account of pods', 20, () =>
      kube.get({ apiVersion: 'v1', kind: 'ServiceAccount', namespace: 'default', name: 'default' }),
    );
    await kube.apply({
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'busy', namespace: 'default', labels: { app: 'busy' } },
      spec: { nodeName: 'server-1', containers: [{ name: 'main', image: 'example.test/busy' }] },
    });
    const budget = {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      name: 'busy',
      namespace: 'default',
    };
    await kube.apply({
      apiVersion: budget.apiVersion,
      kind: budget.kind,
      metadata: { name: budget.name, namespace: budget.namespace },
      spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'busy' } } },
    });
    await eventually('the controller of budgets', 20, async () =>
      numberAt(await kube.need(budget), 'status', 'observedGeneration'),
    );
    const drain = (seconds: number) => first.exec(`k3s kubectl drain server-1 --force --timeout=${seconds}s`);
    expect((await drain(8)).stderr).toContain('disruption budget');
    await kube.delete(budget);
    expect((await drain(30)).code).toBe(0);
  });

  test('faults', async () => {
    await first.faults.cloudInit('degraded');
    expect((await first.exec('cloud-init status --wait')).code).toBe(2);
    await first.faults.cloudInit('done');
    await first.faults.packageLock(true);
    expect((await first.exec('fuser /var/lib/dpkg/lock-frontend')).code).toBe(0);
    await first.faults.packageLock(false);
    await first.faults.fullDisk(true);
    expect((await first.exec(`curl -sSf ${RELEASE}/k3s -o /usr/local/bin/k3s`)).code).not.toBe(0);
    await first.faults.fullDisk(false);
    await first.faults.clock(600);
    expect(Number((await first.exec('date +%s')).stdout) - Date.now() / 1000).toBeGreaterThan(500);
    await first.faults.clock(0);
    await first.faults.olderK3s('v1.28.1+k3s1');
    expect((await first.exec('systemctl is-active k3s; k3s --version')).stdout).toContain('v1.28.1');
    await first.faults.docker();
    await first.faults.ufw(true);
    expect((await first.exec('command -v docker && ufw status')).stdout).toContain('Status: active');
    await first.faults.unreachable(true);
    const login = { privateKey: machines.privateKey, trust: () => Promise.resolve() };
    await expect(connect(first.target, { ...login, signal: AbortSignal.timeout(1000) })).rejects.toThrow();
    await first.faults.unreachable(false);
    machines.mirror.corrupt(true);
    const { stdout } = await second.exec(`curl -sSf ${RELEASE}/k3s | sha256sum`);
    expect(stdout).not.toContain(machines.mirror.digest(VERSION));
    machines.mirror.corrupt(false);
  });
});

test('nothing is left of machines whose test was killed', async () => {
  const script = `
    import { startMachines } from ${JSON.stringify(join(import.meta.dirname, 'machines.ts'))};
    const { machines } = await startMachines({ names: ['lost'] });
    process.stdout.write(machines[0].target.address, () => process.kill(process.pid, 'SIGKILL'));`;
  const { stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', script], {
    encoding: 'utf8',
  });
  const number = stdout.split('.')[2] ?? '';
  expect(stdout).toBe(`10.213.${number}.10`);
  await eventuallyTrue('the end of all', 20, () => {
    const links = spawnSync('ip', ['-o', 'link', 'show'], { encoding: 'utf8' }).stdout;
    const spaces = spawnSync('ip', ['netns', 'list'], { encoding: 'utf8' }).stdout;
    return !(
      links.includes(`ovbr${number}:`) ||
      links.includes(`ov${number}-`) ||
      spaces.includes(`ov${number}-`)
    );
  });
});

describe('machines with API servers of their own', () => {
  test('objects live in the members of etcd', async () => {
    const machines = await startMachines({ names: ['server-1', 'server-2'], ready: 'at-once' });
    try {
      const [first, second] = [machines.named('server-1'), machines.named('server-2')];
      await install(first, 'server', { token: 'secret', 'cluster-init': true });
      await nodeIs(machines, 'server-1', 'Ready');
      await first.exec('k3s kubectl create configmap kept');
      expect((await install(second, 'server', { token: 'secret', server: url(first) })).code).toBe(0);
      await nodeIs(machines, 'server-2', 'EtcdIsVoter');
      expect((await second.exec('k3s kubectl get configmap kept -o name')).stdout).toBe('configmap/kept\n');
    } finally {
      await machines.stop();
    }
  });
});
