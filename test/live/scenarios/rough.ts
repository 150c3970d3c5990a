/** A claim to which everything happens that clouds and control planes have in store. */
import { expect, it } from 'vitest';
import { isTrue, textAt } from '../../../functions/kernel/manifest.ts';
import { ApiError } from '../hcloud/state.ts';
import { referenceOf } from '../kube.ts';
import { eventually, sleep } from '../processes.ts';
import {
  annotate,
  apply,
  askToRemove,
  atCloud,
  callsSoFar,
  changesAtCloud,
  composed,
  edit,
  isReadyClaim,
  machinesOf,
  nodesOf,
  smallCluster,
  tenant,
  until,
  untilGone,
  waitingOf,
  type Scenario,
} from '../scenario.ts';

const cluster = smallCluster('acme-rough', 'rough', {
  controlPlane: { count: 3, serverTypes: ['cx23', 'cx33'] },
  pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }],
});
const claim = referenceOf(cluster);

const workers = (count: number) => ({ pools: [{ name: 'workers', count, serverTypes: ['cx33'] }] });

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

  it('waits for a person when a Job has failed for good, and tries again each time it is told to', async () => {
    const live = given();
    live.machines.failures.push({
      when: /^agent rough-.*workers-2/,
      times: 2,
      cause: 'connect 198.51.100.7:22: timed out',
      hint: "is this control plane's egress in access.managementCidrs?",
    });
    await edit(live, claim, workers(2));
    const failures = () => live.machines.done.filter((job) => job.startsWith('failed: agent rough-')).length;
    for (const attempt of [1, 2]) {
      const found = await until(
        live,
        claim,
        `attempt ${attempt} to fail`,
        400,
        (one) => failures() === attempt && waitingOf(one).includes('platform.openova.io/retry'),
      );
      expect(waitingOf(found)).toContain('timed out');
      expect(waitingOf(found)).toContain('access.managementCidrs');
      await annotate(live, claim, `platform.openova.io/retry=${attempt}`);
    }
    await until(
      live,
      claim,
      'the third to succeed',
      400,
      (one) => isReadyClaim(one) && machinesOf(one) === 5,
    );

    expect(failures()).toBe(2);
    expect(await nodesOf(live, claim)).toHaveLength(5);
  });

  it('does nothing while it is paused', async () => {
    const live = given();
    await annotate(live, claim, 'crossplane.io/paused=true');
    const calls = callsSoFar(live);
    await edit(live, claim, { ...workers(1), deletion: { machines: 'Orphan' } });
    await sleep(20_000);

    expect(changesAtCloud(live, claim, calls)).toEqual([]);
    await annotate(live, claim, 'crossplane.io/paused=false');
  });

  it('deletes the machine of a smaller pool although machines are to be orphaned: scaling down is not deletion', async () => {
    const live = given();
    await until(live, claim, 'one worker', 500, (one) => isReadyClaim(one) && machinesOf(one) === 4);
    await eventually('the server to go', 300, () =>
      Promise.resolve(atCloud(live, claim, ['servers']).length === 4 ? true : undefined),
    );

    expect(atCloud(live, claim, ['servers']).some((name) => name.includes('workers-2'))).toBe(false);
  });

  it('leaves everything at the cloud when it is deleted with machines orphaned', async () => {
    const live = given();
    const before = atCloud(live, claim);
    await askToRemove(live, claim);
    await untilGone(live, claim);

    expect(await composed(live, claim.name)).toEqual([]);
    expect(atCloud(live, claim)).toEqual(before);
  });
};
