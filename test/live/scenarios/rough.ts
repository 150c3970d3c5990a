/** A claim to which everything happens that clouds and control planes have in store: limits, errors, losses, restarts. */
import { expect, it } from 'vitest';
import { isTrue, textAt } from '../../../functions/kernel/manifest.ts';
import { ApiError } from '../hcloud/state.ts';
import { referenceOf } from '../kube.ts';
import { eventually, sleep } from '../processes.ts';
import {
  apply,
  atCloud,
  callsSoFar,
  changesAtCloud,
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
  controlPlane: { count: 3, serverTypes: ['cx23', 'cx33'] },
  pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }],
});
const claim = referenceOf(cluster);

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
    const ready = await until(given(), claim, 'it to be ready', 600, isReadyClaim);

    expect(machinesOf(ready)).toBe(4);
    expect(await nodesOf(given(), claim)).toHaveLength(4);
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

  it('powers nothing off when other types are asked for, and says who stays as it is', async () => {
    const live = given();
    const calls = callsSoFar(live);
    await edit(live, claim, { controlPlane: { count: 3, serverTypes: ['cx43'] } });
    const told = await until(live, claim, 'it to say so', 200, (one) => !isTrue(one, 'MachinesCurrent'));

    expect(JSON.stringify(told['status'])).toContain('control-plane-1-g1 (serverType)');
    expect(isTrue(told, 'Ready')).toBe(true);
    expect(changesAtCloud(live, claim, calls)).toEqual([]);
  });

  it('leaves nothing behind', async () => {
    await inLine(given(), claim);
    await remove(given(), claim);

    expect(atCloud(given(), claim)).toEqual([]);
  });
};
