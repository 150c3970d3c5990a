/** A claim whose Job fails, whose records wait for a package, and whose machines are to be orphaned. */
import { expect, it } from 'vitest';
import { referenceOf } from '../kube.ts';
import { secretsShown } from '../laws.ts';
import { eventuallyTrue, sleep } from '../processes.ts';
import { atCloudflare } from './dns.ts';
import {
  annotate,
  apply,
  atCloud,
  callsSoFar,
  changesAtCloud,
  composed,
  edit,
  inLine,
  isReadyClaim,
  machinesOf,
  mayGo,
  nodesOf,
  owned,
  smallCluster,
  tenant,
  until,
  waitingOf,
  type Scenario,
} from '../scenario.ts';

const workers = (count: number) => ({ pools: [{ name: 'workers', count, serverTypes: ['cx33'] }] });
const cluster = smallCluster('acme-unlucky', 'unlucky', { ...workers(2), ...atCloudflare, loadBalancer: {} });
export const unlucky = referenceOf(cluster);

export const failingJob: Scenario = (given) => {
  it('waits for a person when a Job has failed for good, and tries again each time it is told to', async () => {
    const live = given();
    live.machines.failures.push({
      when: /^agent unlucky-.*workers-2/,
      times: 2,
      cause: 'connect 198.51.100.7:22: timed out',
      hint: "is this control plane's egress in access.managementCidrs?",
    });
    await tenant(live, 'acme-unlucky');
    await apply(live, cluster);
    const failures = () =>
      live.machines.done.filter((job) => job.startsWith('failed: agent unlucky-')).length;
    for (const attempt of [1, 2]) {
      const found = await until(
        live,
        unlucky,
        `attempt ${attempt} to fail`,
        500,
        (one) => failures() === attempt && waitingOf(one).includes('platform.openova.io/retry'),
      );
      expect(waitingOf(found)).toContain('timed out');
      expect(waitingOf(found)).toContain('access.managementCidrs');
      await annotate(live, unlucky, `platform.openova.io/retry=${attempt}`);
    }
    await until(live, unlucky, 'the third to succeed', 400, (one) => machinesOf(one) === 3);

    expect(failures()).toBe(2);
    await eventuallyTrue('its node', 100, async () => (await nodesOf(live, unlucky)).length === 3);
  });
};

/** Ready; told to leave its machines when it is deleted. */
export const orphaned: Scenario = (given) => {
  it('shows no secret value anywhere but in Secrets', async () => {
    expect(await secretsShown(given(), unlucky)).toEqual([]);
  });

  it('does nothing while it is paused', async () => {
    const live = given();
    await inLine(live, unlucky);
    await annotate(live, unlucky, 'crossplane.io/paused=true');
    const calls = callsSoFar(live);
    const jobs = live.machines.done.length;
    const before = owned(await composed(live, unlucky.name));
    await edit(live, unlucky, { ...workers(1), deletion: { machines: 'Orphan' } });
    await sleep(20_000);

    expect(changesAtCloud(live, unlucky, calls)).toEqual([]);
    expect(owned(await composed(live, unlucky.name))).toEqual(before);
    expect(live.machines.done.slice(jobs).filter((job) => job.includes(' unlucky-'))).toEqual([]);
    mayGo(live, /^unlucky-.*workers-2/);
    await annotate(live, unlucky, 'crossplane.io/paused=false');
  });

  it('deletes the machine of a smaller pool although machines are to be orphaned: scaling down is not deletion', async () => {
    const live = given();
    await until(live, unlucky, 'one worker', 500, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventuallyTrue('the server to go', 300, () => atCloud(live, unlucky, ['servers']).length === 2);

    expect(atCloud(live, unlucky, ['servers']).some((name) => name.includes('workers-2'))).toBe(false);
  });
};
