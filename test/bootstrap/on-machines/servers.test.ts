/** Servers and agents on machines: how a cluster comes about, and how it loses servers. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { EXIT } from '../../../functions/bootstrap/contract.ts';
import { startMachines, type Machines } from '../machines/machines.ts';
import { during, NAMESPACE, SECRETS, Site } from './support.ts';

const SERVERS = ['server-1', 'server-2', 'server-3'];
const AGENT = 'agent-1';
const DONE = { code: EXIT.done, cause: '' };

let machines: Machines;
let site: Site;

beforeAll(async () => {
  machines = await startMachines({ names: [...SERVERS, AGENT], light: true, ready: 'at-once' });
  site = new Site(machines);
  await site.prepare();
});

afterAll(async () => {
  await machines.stop();
});

const bootstrap = (name: string) =>
  site.run(name === AGENT ? site.agent(name, SERVERS) : site.server(name, SERVERS));

const votersOf = async (name: string) =>
  (await machines.members(name))
    .filter(({ learner }) => !learner)
    .map((member) => member.name.replace(/-[0-9a-f]{8}$/, ''))
    .sort();

describe('a cluster', () => {
  it('is begun once when two servers want to at the same time', async () => {
    site.patience = 1;
    const [first, second] = await Promise.all([bootstrap('server-1'), bootstrap('server-2')]);
    site.patience = 0.1;
    expect([first, second]).toMatchObject([DONE, DONE]);
    expect(await machines.initCount()).toBe(1);
    expect(await votersOf('server-1')).toEqual(['server-1', 'server-2']);
  });

  it('takes no server that it refuses, and says why', async () => {
    const { faults } = machines.named('server-3');
    expect(
      await during(
        (on) => faults.refusedJoin(on),
        () => bootstrap('server-3'),
      ),
    ).toMatchObject({
      code: EXIT.input,
      cause: 'K3s on "server-3" cannot run: its configuration differs from that of the servers it joins',
      log: expect.arrayContaining([expect.stringContaining('critical configuration')]),
    });
    await machines.named('server-3').wipe();
  });

  it('waits for a learner no longer than its time', async () => {
    const { faults } = machines.named('server-3');
    site.patience = 0.03;
    expect(
      await during(
        (on) => faults.staysLearner(on),
        () => bootstrap('server-3'),
      ),
    ).toMatchObject({
      code: EXIT.timeout,
      cause: expect.stringMatching(/"wait for Kubernetes" took longer .* a learner of etcd still/),
    });
    site.patience = 0.1;
  });

  it('takes the others, and tells all servers the same', async () => {
    for (const name of ['server-3', AGENT]) expect(await bootstrap(name)).toMatchObject(DONE);
    expect(await votersOf('server-2')).toEqual(SERVERS);
    const shared = await Promise.all(
      SERVERS.map((name) => machines.named(name).exec('cat /etc/rancher/k3s/config.yaml')),
    );
    expect(new Set(shared.map(({ stdout }) => stdout)).size).toBe(1);
    const modes = await machines
      .named('server-1')
      .exec('find /etc/rancher/k3s -name "*.yaml" -printf "%m\n" | sort -u');
    expect(modes.stdout).toBe('600\n');
  });

  it('gives agents no token of servers', async () => {
    const tokens = (await site.store.secret({ namespace: NAMESPACE, name: SECRETS.tokens }))?.data ?? {};
    const { stdout } = await machines.named(AGENT).exec('grep -rh token /etc/rancher/k3s');
    expect(stdout).toContain(`::node:${tokens['agent'] ?? ''}`);
    expect(stdout).not.toContain(tokens['server']);
  });

  it('is left alone by a second run', async () => {
    const pids = 'systemctl show -p MainPID k3s k3s-agent';
    const before = await Promise.all(machines.machines.map((one) => one.exec(pids)));
    for (const name of [...SERVERS, AGENT]) expect(await bootstrap(name)).toMatchObject(DONE);
    expect(await Promise.all(machines.machines.map((one) => one.exec(pids)))).toEqual(before);
  });

  it('is reached with a token that is no certificate of the administrator', async () => {
    expect(await site.run(site.kubeconfig('server-1'))).toMatchObject(DONE);
    const secret = await site.store.secret({ namespace: NAMESPACE, name: 'acme-kubeconfig' });
    const text = secret?.data['kubeconfig'] ?? '';
    expect(secret?.type).toBe('platform.openova.io/kubeconfig');
    expect(text).toContain(`server: https://${site.target('server-1').address}:6443`);
    expect(text).toContain('token: ');
    expect(text).not.toContain('client-');
    const { stdout } = await machines
      .named('server-1')
      .exec(`k3s kubectl auth can-i '*' '*' --as system:serviceaccount:kube-system:openova`);
    expect(stdout.trim()).toBe('yes');
    const again = await site.run(site.kubeconfig('server-1'));
    expect(again).toMatchObject(DONE);
    expect(
      (await site.store.secret({ namespace: NAMESPACE, name: 'acme-kubeconfig' }))?.data['kubeconfig'],
    ).toBe(text);
  });

  it('says no secret', async () => {
    const tokens = (await site.store.secret({ namespace: NAMESPACE, name: SECRETS.tokens }))?.data ?? {};
    const said = JSON.stringify(site.store.results);
    for (const secret of [tokens['server'], tokens['agent']]) expect(said).not.toContain(secret);
    // Nor on any command line, which every run looks at for these.
    expect(site.store.hidden()).toEqual(expect.arrayContaining([tokens['server'], tokens['agent']]));
    for (const result of site.store.results)
      expect(Buffer.byteLength(JSON.stringify(result))).toBeLessThanOrEqual(4096);
  });
});

describe('a server that is lost', () => {
  it('and comes back blank joins again, the first one too', async () => {
    const [old] = (await machines.members('server-2')).filter(({ name }) => name.startsWith('server-1-'));
    await machines.named('server-1').wipe();
    expect(await bootstrap('server-1')).toMatchObject(DONE);
    expect(await machines.initCount()).toBe(1);
    expect(await votersOf('server-2')).toEqual(SERVERS);
    expect((await machines.members('server-2')).map(({ id }) => id)).not.toContain(old?.id);
  });

  it('and comes back with what an uninstall leaves joins again', async () => {
    await machines.named('server-2').wipe();
    const left = 'mkdir -p /etc/rancher/node && echo of-another-life > /etc/rancher/node/password';
    await machines.named('server-2').exec(left);
    expect(await bootstrap('server-2')).toMatchObject(DONE);
    expect(await votersOf('server-1')).toEqual(SERVERS);
  });

  it('that another host key came for without another identity stops the program with both fingerprints', async () => {
    const before = site.server('server-3', SERVERS);
    await machines.named('server-3').wipe();
    const ended = await site.run(before);
    expect(ended).toMatchObject({
      code: EXIT.hostKey,
      cause: expect.stringMatching(/^"server-3" at .* SHA256:\S+ .* SHA256:\S+ /),
    });
    expect(await bootstrap('server-3')).toMatchObject(DONE);
  });

  it('with the majority is a loss of quorum, and nothing is begun anew', async () => {
    for (const name of ['server-1', 'server-2']) await machines.named(name).kill();
    await machines.named('server-3').wipe();
    expect(await site.soon(() => bootstrap('server-3'))).toMatchObject({
      code: EXIT.quorum,
      cause: expect.stringContaining('the cluster exists, and no server of it answers'),
      hint: expect.stringContaining('restoreFrom'),
    });
    expect(await machines.initCount()).toBe(1);
  });
});
