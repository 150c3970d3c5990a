/** A claim that is deleted when its cluster is no longer there. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { isTrue } from '../../../functions/kernel/manifest.ts';
import type { Reference } from '../kube.ts';
import { askToRemove, atCloud, clustersOf, composed, shell, untilGone, type Scenario } from '../scenario.ts';
import { OURS } from '../packages.ts';
import { eventually } from '../processes.ts';

/** What docs/deletion.md says to do for a region whose API is dead, with the names of a claim. */
async function commands({ name, namespace = '' }: Reference): Promise<{ find: string; giveUp: string }> {
  const page = await readFile(join(OURS.root, 'docs/deletion.md'), 'utf8');
  const lines = /^```sh\n(.*?)^```/ms.exec(page)?.[1] ?? '';
  const [find = '', giveUp = ''] = lines
    .replace('claim-name=acme,', `claim-name=${name},`)
    .replace('claim-namespace=acme-platform,', `claim-namespace=${namespace},`)
    .split(/^(?=kubectl patch )/m);
  return { find, giveUp };
}

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
        const found = (await composed(live, claim)).find(
          ({ kind, metadata }) => kind === 'Release' && metadata.name?.endsWith('openova-system') === true,
        );
        return found !== undefined && !isTrue(found, 'Synced') ? found : undefined;
      });

      expect(atCloud(live, claim, ['servers'])).toEqual(machines);
      expect(JSON.stringify(release['status'])).toMatch(/connection refused|unreachable/);

      const name = release.metadata.name ?? '';
      const { find, giveUp } = await commands(claim);
      expect(await shell(live, find)).toContain(name);
      await shell(live, giveUp.replace('NAME', name));
    });

    it('then goes', async () => {
      const live = given();
      await untilGone(live, claim);

      expect(atCloud(live, claim)).toEqual([]);
    });
  };
}
