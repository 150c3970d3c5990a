/**
 * A claim to which everything happens that clouds and control planes have in store: limits, errors, losses, restarts. Its
 * machines are real ones, and so is what its Jobs do on them.
 */
import { expect, it } from 'vitest';
import { isTrue, listAt, textAt } from '../../../functions/kernel/manifest.ts';
import { ApiError } from '../hcloud/state.ts';
import { referenceOf } from '../kube.ts';
import type { Live } from '../live.ts';
import { LOAD_BALANCER_NAME } from '../controllers.ts';
import { eventually, sleep } from '../processes.ts';
import {
  apply,
  atCloud,
  callsSoFar,
  changesAtCloud,
  clustersOf,
  edit,
  inLine,
  isReadyClaim,
  machinesOf,
  mayGo,
  nodesOf,
  remove,
  smallCluster,
  tenant,
  until,
  waitingOf,
  type Scenario,
} from '../scenario.ts';

const cluster = smallCluster('acme-rough', 'rough', {
  kubernetes: { version: 'v1.36.2+k3s1' },
  controlPlane: { count: 3, serverTypes: ['cx23', 'cx33'] },
  pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }],
});
const claim = referenceOf(cluster);

/** Which machines have ever begun a cluster. */
async function beginners(live: Live): Promise<string[]> {
  const lives = await live.machines.life(claim.name);
  return [...lives].flatMap(([name, events]) =>
    events.filter((event) => event === 'cluster-init').map(() => name),
  );
}

/** The Jobs of an operation since then, by their machines, which are named without their claim and region. */
function jobsOf(live: Live, operation: string, since: number): string[] {
  return live.machines.done
    .slice(since)
    .filter((job) => job.startsWith(`${operation} ${claim.name}-`))
    .map((job) => job.replace(/^.*-((?:control-plane|workers)-\d+)-g\d+$/, '$1'));
}

export const rough: Scenario = (given) => {
  it('says what to do when the project is at its limit, after errors and refusals that pass by themselves', async () => {
    const live = given();
    const { project } = live.hcloud;
    await tenant(live, 'acme-rough');
    project.soldOut.add('cx23/fsn1');
    project.faults.push(
      {
        method: 'POST',
        path: /^\/networks$/,
        about: 'rough-',
        times: 1,
        error: new ApiError(500, 'server_error', 'internal'),
      },
      {
        method: 'POST',
        path: /^\/firewalls$/,
        about: 'rough-',
        times: 2,
        error: new ApiError(429, 'rate_limit_exceeded', 'limit of 3600 requests per hour reached'),
      },
      {
        method: 'POST',
        path: /^\/servers$/,
        about: 'rough-',
        times: 1000,
        error: new ApiError(403, 'resource_limit_exceeded', 'server limit exceeded'),
      },
    );
    await apply(live, cluster);
    const found = await until(live, claim, 'the limit to be named', 300, (one) =>
      waitingOf(one).includes('resource_limit_exceeded'),
    );
    project.faults.length = 0;

    expect(waitingOf(found)).toContain('ask Hetzner to raise it');
    expect(atCloud(live, claim, ['servers'])).toEqual([]);
  });

  it('goes on when the limit is raised, although our function, its certificate and Crossplane change meanwhile', async () => {
    const { crossplane } = given();
    await crossplane.function.restart(() => sleep(3000));
    await crossplane.rotate();
    await crossplane.core.restart();
    const ready = await until(given(), claim, 'it to be ready', 850, isReadyClaim);

    expect(machinesOf(ready)).toBe(4);
    expect(await nodesOf(given(), claim)).toHaveLength(4);
  });

  it('has one cluster, which its first server began', async () => {
    expect(await beginners(given())).toEqual([expect.stringContaining('-control-plane-1-')]);
  });

  it('took the next type of machine where the first was sold out', () => {
    const types = given()
      .hcloud.project.all('servers')
      .filter(({ name }) => typeof name === 'string' && name.startsWith('rough-'))
      .map((server) => textAt(server, 'server_type', 'name'));

    expect(types).toEqual(['cx33', 'cx33', 'cx33', 'cx33']);
  });

  it.each(['control-plane-2', 'workers-1'])(
    'does again what a machine that was lost at the cloud had: %s',
    async (lost) => {
      const live = given();
      const { project } = live.hcloud;
      const server = project
        .all('servers')
        .find(
          ({ name }) => textAt(name)?.includes(`rough-`) === true && textAt(name)?.includes(lost) === true,
        );
      const jobs = live.machines.done.length;
      mayGo(live, new RegExp(`^rough-.*${lost}`));
      project.remove('servers', Number(server?.['id']));
      const name = textAt(server, 'name') ?? '';
      await eventually('its Job to be done again', 400, () =>
        Promise.resolve(
          live.machines.done
            .slice(jobs)
            .some((job) => /^(server|agent) /.test(job) && job.endsWith(` ${name}`))
            ? true
            : undefined,
        ),
      );
      await until(live, claim, 'it to be ready again', 400, isReadyClaim);
      const now = project.all('servers').find((one) => one['name'] === name);

      expect(now?.['id']).not.toBe(server?.['id']);
      expect(JSON.stringify(now?.['private_net'])).toContain(textAt(server, 'private_net', 0, 'ip'));
    },
  );

  it('gets a newer Kubernetes on one server after the other, then on the agent', async () => {
    const live = given();
    const jobs = live.machines.done.length;
    await edit(live, claim, { kubernetes: { version: 'v1.36.3+k3s1' } });
    await eventually('all upgrades', 600, () =>
      Promise.resolve(jobsOf(live, 'upgrade', jobs).length === 4 ? true : undefined),
    );
    await until(live, claim, 'it to be ready with it', 400, isReadyClaim);
    const [cluster] = clustersOf(live, claim);
    const nodes = (await cluster?.[1].kube.list('v1', 'Node')) ?? [];

    expect(jobsOf(live, 'upgrade', jobs)).toEqual([
      'control-plane-1',
      'control-plane-2',
      'control-plane-3',
      'workers-1',
    ]);
    expect(nodes.map((node) => textAt(node, 'status', 'nodeInfo', 'kubeletVersion'))).toEqual(
      Array.from({ length: 4 }, () => 'v1.36.3+k3s1'),
    );
  });

  it('powers nothing off when other types are asked for, and says who stays as it is', async () => {
    const live = given();
    const calls = callsSoFar(live);
    await edit(live, claim, { controlPlane: { count: 3, serverTypes: ['cx43'] } });
    const told = await until(live, claim, 'it to say so', 200, (one) => !isTrue(one, 'MachinesCurrent'));

    expect(JSON.stringify(told['status'])).toContain('control-plane-1-g1 (serverType)');
    expect(isTrue(told, 'Ready')).toBe(true);
    expect(changesAtCloud(live, claim, calls)).toEqual([]);
  });

  it('goes back to one server, the highest first, and none that has left comes back', async () => {
    const live = given();
    const jobs = live.machines.done.length;
    mayGo(live, /^rough-.*control-plane-[23]/);
    await edit(live, claim, { controlPlane: { count: 1, serverTypes: ['cx43'] } });
    await until(live, claim, 'one server', 600, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventually('the servers to go', 300, () =>
      Promise.resolve(atCloud(live, claim, ['servers']).length === 2 ? true : undefined),
    );
    const names = (await nodesOf(live, claim)).sort();
    const life = await live.machines.life(claim.name);
    const [, ofThird] = [...life].find(([name]) => name.includes('control-plane-3')) ?? [];

    expect(jobsOf(live, 'drain-and-remove', jobs)).toEqual(['control-plane-3', 'control-plane-2']);
    expect(names).toEqual([expect.stringContaining('control-plane-1'), expect.stringContaining('workers-1')]);
    expect(
      ofThird?.filter((event) => event.startsWith('join ')),
      'it has not come back',
    ).toHaveLength(1);
  });

  it('leaves nothing behind, and no load balancer of a workload either', async () => {
    const live = given();
    await inLine(live, claim);
    const [cluster] = clustersOf(live, claim);
    const shop = { apiVersion: 'v1', kind: 'Service', namespace: 'default', name: 'shop' };
    await cluster?.[1].kube.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        namespace: shop.namespace,
        name: shop.name,
        annotations: { [LOAD_BALANCER_NAME]: 'rough-workload' },
      },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    });
    live.hcloud.project.put('load_balancers', { id: live.hcloud.project.id(), name: 'rough-workload' });
    await eventually('the cloud controller to hold it', 20, async () => {
      const service = await cluster?.[1].kube.need(shop);
      return listAt(service, 'metadata', 'finalizers')[0];
    });

    expect(await beginners(live)).toHaveLength(1);
    await remove(live, claim);

    expect(atCloud(given(), claim)).toEqual([]);
  });
};
