/** A claim that names a wrong range of addresses, whose records wait for a package, and whose machines are to be orphaned. */
import { expect, it } from 'vitest';
import { referenceOf } from '../kube.ts';
import { secretsShown } from '../laws.ts';
import type { Live } from '../live.ts';
import { eventuallyTrue, sleep } from '../processes.ts';
import { recordsAtFirst } from './dns.ts';
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
  jobsOf,
  machinesOf,
  mayGo,
  nodesOf,
  OUR_ACCESS,
  owned,
  smallCluster,
  tenant,
  until,
  waitingOf,
  type Scenario,
} from '../scenario.ts';

const workers = (count: number) => ({ pools: [{ name: 'workers', count, serverTypes: ['cx33'] }] });
const cluster = smallCluster('acme-unlucky', 'unlucky', {
  ...workers(2),
  ...recordsAtFirst,
  loadBalancer: {},
  // Nobody here comes from there.
  access: { managementCidrs: ['192.0.2.10/32'] },
});
export const unlucky = referenceOf(cluster);

const failedJobs = (live: Live) => jobsOf(live, unlucky).filter((job) => job.startsWith('failed: '));

export const failingJob: Scenario = (given) => {
  it('waits for a person when its firewall does not let our Job in, asks for the right range, and tries again when it is told to', async () => {
    const live = given();
    await tenant(live, 'acme-unlucky');
    await apply(live, cluster);
    for (const attempt of [1, 2]) {
      const found = await until(
        live,
        unlucky,
        `attempt ${attempt} to fail`,
        600,
        (one) => failedJobs(live).length === attempt && waitingOf(one).includes('platform.openova.io/retry'),
      );
      expect(waitingOf(found)).toMatch(/"wait for SSH" took longer than \d+ s .* port 22: it did not answer/);
      expect(waitingOf(found)).toContain('access.managementCidrs');
      if (attempt === 1) await annotate(live, unlucky, 'platform.openova.io/retry=1');
    }
  });

  it('goes on once the range is mended and it is told to', async () => {
    const live = given();
    await edit(live, unlucky, { access: OUR_ACCESS });
    await annotate(live, unlucky, 'platform.openova.io/retry=2');
    await eventuallyTrue('its nodes', 600, async () => (await nodesOf(live, unlucky)).length === 3);

    const first = expect.stringMatching(/^failed: server unlucky-.*control-plane-1/);
    expect(failedJobs(live)).toEqual([first, first]);
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
    const before = owned(await composed(live, unlucky));
    await edit(live, unlucky, { ...workers(1), deletion: { machines: 'Orphan' } });
    await sleep(20_000);

    expect(changesAtCloud(live, unlucky, calls)).toEqual([]);
    expect(owned(await composed(live, unlucky))).toEqual(before);
    expect(jobsOf(live, unlucky, jobs)).toEqual([]);
    mayGo(live, unlucky, /workers-2/);
    await annotate(live, unlucky, 'crossplane.io/paused=false');
  });

  it('deletes the machine of a smaller pool although machines are to be orphaned: scaling down is not deletion', async () => {
    const live = given();
    await until(live, unlucky, 'one worker', 500, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventuallyTrue('the server to go', 300, () => atCloud(live, unlucky, ['servers']).length === 2);

    expect(atCloud(live, unlucky, ['servers']).some((name) => name.includes('workers-2'))).toBe(false);
  });
};
