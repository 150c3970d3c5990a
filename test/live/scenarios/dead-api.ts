/** A claim that is deleted when its cluster is no longer there. */
import { expect, it } from 'vitest';
import { isTrue } from '../../../functions/kernel/manifest.ts';
import type { Reference } from '../kube.ts';
import {
  askToRemove,
  atCloud,
  clustersOf,
  composed,
  kubectl,
  untilGone,
  type Scenario,
} from '../scenario.ts';
import { eventually } from '../processes.ts';

/** @param claim is Ready, and its machines are played. */
export function deadApi(claim: Reference): Scenario {
  return (given) => {
    it('waits for a cluster whose API is dead, with the reason, until its teardown is given up', async () => {
      const live = given();
      const machines = atCloud(live, claim, ['servers']);
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

      expect(atCloud(live, claim, ['servers'])).toEqual(machines);
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

    it('then goes', async () => {
      const live = given();
      await untilGone(live, claim);

      expect(atCloud(live, claim)).toEqual([]);
    });
  };
}
