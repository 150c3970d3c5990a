/** `openova bootstrap --config` as a person calls it: a process, a file, and machines. */
import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { EXIT } from '../../../functions/bootstrap/contract.ts';
import { isTrue, objectAt } from '../../../functions/kernel/manifest.ts';
import type { Machines } from '../machines/machines.ts';
import { nodesThrough, recordIn, startGarage, type Garage } from './called.ts';

const SERVER = 'server-1';
const AGENT = 'agent-1';

let garage: Garage;
let machines: Machines;
let folder: string;
let config: string;

beforeAll(async () => {
  garage = await startGarage([SERVER, AGENT]);
  ({ machines, folder, config } = garage);
});

afterAll(async () => {
  await garage.stop();
});

const bootstrap: Garage['bootstrap'] = (called) => garage.bootstrap(called);

describe('openova bootstrap', () => {
  it('says that it was stopped, and that another try may help', async () => {
    const ran = await bootstrap({ until: { step: 'wait for cloud-init', signal: 'SIGTERM' } });
    expect(ran).toMatchObject({ code: EXIT.remote, err: 'stopped from outside in "wait for cloud-init"\n' });
  });

  it('goes on where it was killed', async () => {
    expect(await bootstrap({ until: { step: 'wait for Kubernetes', signal: 'SIGKILL' } })).toMatchObject({
      code: null,
    });
    const ran = await bootstrap();
    expect(ran).toMatchObject({ code: EXIT.done, err: '' });
    expect(await machines.initCount()).toBe(1);
    expect(ran.lines.filter(({ state }) => state === 'done').length).toBeGreaterThan(20);
    expect(ran.lines).toContainEqual(
      expect.objectContaining({ node: SERVER, step: 'wait for Cilium', state: 'done' }),
    );
    for (const line of ran.lines)
      expect(line).toMatchObject({ time: expect.any(String), node: expect.any(String) });
  });

  it('leaves a kubeconfig that works, and says how to use it', async () => {
    const ran = await bootstrap();
    const path = join(folder, 'garage-state/kubeconfig');
    expect(ran.out).toContain(`kubectl --kubeconfig ${path} get nodes`);
    const { clusters, users } = parse(await readFile(path, 'utf8'));
    expect(clusters).toMatchObject([
      { name: 'garage', cluster: { server: `https://${machines.named(SERVER).target.address}:6443` } },
    ]);
    expect(users).toMatchObject([{ name: 'garage', user: { token: expect.stringMatching(/^eyJ/) } }]);
    expect(await nodesThrough(path)).toEqual([`node/${AGENT}`, `node/${SERVER}`]);
  });

  it('gives K3s Cilium to install, on nodes that take the pod that does', async () => {
    const { stdout } = await machines
      .named(SERVER)
      .exec('cat /var/lib/rancher/k3s/server/manifests/cilium.yaml');
    expect(parse(stdout)).toMatchObject({ kind: 'HelmChart', spec: { chart: 'cilium', bootstrap: true } });
    for (const node of await (await machines.kube()).list('v1', 'Node'))
      expect(isTrue(node, 'Ready'), node.metadata.name).toBe(true);
  });

  it('leaves each machine with a firewall', async () => {
    for (const machine of machines.machines)
      expect((await machine.exec('nft list table inet openova')).stdout).toContain('policy drop');
  });

  it('says no secret', async () => {
    const { out, err } = await bootstrap();
    const text = await readFile(join(folder, 'garage-state/tokens.json'), 'utf8');
    const { server, agent } = objectAt(recordIn(text), 'data') ?? {};
    for (const secret of [server, agent]) expect(out + err).not.toContain(secret);
  });
});

describe('openova bootstrap --uninstall', () => {
  const left = async () => {
    const paths = '/etc/rancher /var/lib/rancher /usr/local/bin/k3s /etc/systemd/system/k3s*.service';
    const looks = machines.machines.map((one) =>
      one.exec(`ls -d ${paths}; nft list table inet openova; pidof etcd`),
    );
    return (await Promise.all(looks)).map(({ stdout }) => stdout);
  };

  it('takes nothing off where another cluster is confirmed', async () => {
    const before = await left();
    expect(await bootstrap({ flags: ['--uninstall', 'acme'] })).toMatchObject({ code: EXIT.input, out: '' });
    expect(await left()).toEqual(before);
  });

  it('passes over a machine that it does not know any more, and says so', async () => {
    // The API of these machines outlives a cluster, and with it the password of its server.
    const password = { apiVersion: 'v1', kind: 'Secret', namespace: 'kube-system' };
    await (await machines.kube()).delete({ ...password, name: `${SERVER}.node-password.k3s` });
    await machines.named(AGENT).wipe();
    const ran = await bootstrap({ flags: ['--uninstall', 'garage'] });
    expect(ran).toMatchObject({ code: EXIT.hostKey, err: expect.stringContaining(`"${AGENT}" at `) });
    expect(await left()).toEqual(['', '']);
    expect(await readdir(join(folder, 'garage-state'))).toContain('tokens.json');
  });

  it('leaves no machine with anything of it, nor a way in', async () => {
    const state = join(folder, 'garage-state');
    const text = await readFile(config, 'utf8');
    await writeFile(config, text.replace(/^( *)- name: agent-1$/m, '$&\n$1  generation: 2'));

    const ran = await bootstrap({ flags: ['--uninstall', 'garage'] });
    expect(ran).toMatchObject({ code: EXIT.done, err: '' });
    expect(ran.out).toContain('K3s is gone from 2 machines of "garage"\n');
    expect((await readdir(state)).sort()).toEqual([
      'host-keys.json',
      'id_ed25519.pub',
      'ssh.json',
      expect.stringMatching(/^tokens-until-.*\.json$/),
    ]);
  });

  it('lets another cluster begin on the same machines', async () => {
    expect(await bootstrap()).toMatchObject({ code: EXIT.done, err: '' });
    expect(await machines.initCount()).toBe(2);
  });
});
