/** What install.yaml gives, taken away rule by rule: each is needed. */
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { conditionOf, isObject, listAt, textAt, type Json } from '../../../functions/kernel/manifest.ts';
import { readManifests, referenceOf } from '../kube.ts';
import { eventually } from '../processes.ts';
import { apply, askToRemove, composed, smallCluster, tenant, untilGone, type Scenario } from '../scenario.ts';

const NAMESPACE = 'acme-ruled';
const AGGREGATED = 'openova:aggregate-to-crossplane';

const installed = await readManifests(join(import.meta.dirname, '../../../package/install.yaml'));
const role = installed.find(({ metadata }) => metadata.name === AGGREGATED);
const rules = listAt(role, 'rules').filter(isObject);

const clusterOf = (index: number) => smallCluster(NAMESPACE, `ruled-${index}`);

const written = (value: Json) => (typeof value === 'string' ? value : '');

export const neededRules: Scenario = (given) => {
  it.each(rules.map((rule, index) => ({ index, resources: listAt(rule, 'resources').map(written) })))(
    'without the right to $resources a region says which right is missing',
    async ({ index, resources }) => {
      const live = given();
      if (role === undefined) throw new Error(`install.yaml has no ${AGGREGATED}`);
      const cluster = clusterOf(index);
      await tenant(live, NAMESPACE);
      await live.kube.patch(referenceOf(role), { rules: rules.filter((_, other) => other !== index) });
      try {
        await apply(live, cluster);
        const refused = await eventually('a refusal', 200, async () => {
          const objects = await composed(live, referenceOf(cluster));
          return objects
            .map((object) => textAt(conditionOf(object, 'Synced'), 'message') ?? '')
            .find((message) => message.includes('is forbidden'));
        });

        expect(
          resources.filter((resource) => refused.includes(resource)),
          refused,
        ).not.toEqual([]);
      } finally {
        await live.kube.patch(referenceOf(role), { rules });
      }
      await askToRemove(live, referenceOf(cluster));
    },
  );

  it('then nothing is left of those regions', async () => {
    await Promise.all(rules.map((_, index) => untilGone(given(), referenceOf(clusterOf(index)))));
  });
};
