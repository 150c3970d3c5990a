/** A claim that is deleted when its cluster is no longer there. */
import { expect, it } from 'vitest';
import { isTrue } from '../../../functions/kernel/manifest.ts';
import { referenceOf } from '../kube.ts';
import {
  apply,
  askToRemove,
  atCloud,
  clustersOf,
  composed,
  isReadyClaim,
  kubectl,
  smallCluster,
  tenant,
  until,
  untilGone,
  type Scenario,
} from '../scenario.ts';
import { eventually } from '../processes.ts';

export const deadApi: Scenario = (given) => {
  const cluster = smallCluster('acme-dead', 'dead');
  const claim = referenceOf(cluster);

  it('waits for a cluster whose API is dead, with the reason, until its teardown is given up', async () => {
    const live = given();
    await tenant(live, 'acme-dead');
    await apply(live, cluster);
    await until(live, claim, 'it to be ready', 600, isReadyClaim);
    const [region] = clustersOf(live, claim);
    await Promise.all(region?.[1].processes.map((one) => one.stop()) ?? []);
    live.machines.forget(region?.[0] ?? '');
    await askToRemove(live, claim);
    const release = await eventually('the teardown to fail', 200, async () => {
      const found = (await composed(live, claim.name)).find(
        ({ kind, metadata }) => kind === 'Release' && metadata.name?.endsWith('openova-system') === true,
      );
      return found !== undefined && !isTrue(found, 'Synced') ? found : undefined;
    });

    expect(atCloud(live, claim, ['servers'])).toHaveLength(1);
    expect(JSON.stringify(release['status'])).toMatch(/connection refused|unreachable/);

    const patch = '{"spec":{"deletionPolicy":"Orphan"}}';
    await kubectl(
      live,
      'patch',
      'releases.helm.crossplane.io',
      release.metadata.name ?? '',
      '--type=merge',
      `--patch=${patch}`,
    );
  });

  it('then goes but for what a load balancer of a workload still uses', async () => {
    const live = given();
    await untilGone(live, claim);

    expect(atCloud(live, claim)).toEqual([]);
  });
};
