/** Two clusters at once that have one name, in two namespaces: one of two regions comes and goes beside another. */
import { expect, it } from 'vitest';
import {
  conditionOf,
  isTrue,
  numberAt,
  textAt,
  listAt,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { KUBECONFIG_TYPE } from '../../../functions/bootstrap/contract.ts';
import { referenceOf, type Reference } from '../kube.ts';
import type { Live } from '../live.ts';
import { eventuallyTrue } from '../processes.ts';
import { expectUnderstandable, stagesOf } from '../stages.ts';
import {
  apply,
  atCloud,
  BILLED,
  callsSoFar,
  changesAtCloud,
  composed,
  compositesOf,
  inLine,
  isReadyClaim,
  jobsOf,
  kubeconfigIn,
  kubectl,
  labelled,
  nameOf,
  nodesOf,
  owned,
  ownOf,
  settled,
  smallCluster,
  tell,
  tenant,
  until,
  type Scenario,
} from '../scenario.ts';
import { mini, removeInOneGo } from './minimal.ts';

const cluster = smallCluster('acme-namesake', mini.name, {
  domain: 'mini.example.org',
  regions: [
    { name: 'fsn', location: 'fsn1' },
    { name: 'hel', location: 'hel1', role: 'standby' },
  ],
});
export const namesake = referenceOf(cluster);

/** Whether it was looked at as it was made, well or not: it stays until then. */
let seen = false;

export const namesakeMade: Scenario = (given) => {
  it('is Ready in both regions some time after kubectl apply, and says what it waits for', async () => {
    try {
      await make(given());
    } finally {
      seen = true;
    }
  });
};

async function make(live: Live): Promise<void> {
  await tenant(live, 'acme-namesake');
  await apply(live, cluster);
  const { lines, stages } = await stagesOf(live, namesake, 600);
  tell(lines.join('\n'));
  const objects = await composed(live, namesake);
  const unready = objects.filter((object) => conditionOf(object, 'Ready') && !isTrue(object, 'Ready'));
  const described = stages.map((stage) => stage.described);

  expectUnderstandable(namesake, stages);
  for (const region of ['fsn', 'hel']) {
    expect(described.join('\n'), 'what it waited for').toMatch(new RegExp(` Object: +\\S+-${region}\\b`));
    expect(described.at(-1)).toMatch(new RegExp(`\n +Name: +${region}\n`));
  }
  expect(unready.map(nameOf)).toEqual([]);
  expect(await inLine(live, namesake)).toBe(true);
  expect(atCloud(live, namesake, ['servers'])).toHaveLength(2);
}

/** @param other is Ready, of one region, and has the same name. */
export function apart(other: Reference): Scenario {
  return (given) => {
    it('has a namesake in another namespace, and neither has anything of the other', async () => {
      const live = given();
      await eventuallyTrue('its namesake to be made and looked at', 780, () => seen);
      await until(live, namesake, 'it to be ready', 60, isReadyClaim);
      await until(live, other, 'the other to be looked at since it shrank', 200, isReadyClaim);
      const listed = await kubectl(live, 'get', 'openovaclusters', '--all-namespaces');
      const [own, others] = await Promise.all([labelled(live, namesake), labelled(live, other)]);
      const uids = new Set(own.map(uidOf));
      const clusters = [kubeconfigs(own), kubeconfigs(others)];

      for (const { namespace = '', name } of [namesake, other])
        expect(listed).toMatch(new RegExp(`^${namespace} +${name} +\\S+ .*True +True`, 'm'));
      expect(others.filter((one) => uids.has(uidOf(one))).map(nameOf)).toEqual([]);
      expect(naming(own, live, other)).toEqual([]);
      expect(naming(others, live, namesake)).toEqual([]);
      // In openova-system, and for the tenant; each leads to a cluster of its own.
      expect(clusters.map((servers) => servers.length)).toEqual([4, 2]);
      expect(new Set(clusters.flat()).size).toBe(3);
    });

    it('shares nothing with it at the cloud', () => {
      const live = given();
      const all = BILLED.flatMap((kind) => live.hcloud.project.all(kind))
        .map((thing) => textAt(thing, 'name') ?? '')
        .filter((name) => name.startsWith(`${other.name}-`))
        .sort();
      const each = [namesake, other].map((claim) => atCloud(live, claim));

      expect(each.flat().sort()).toEqual(all);
      expect(strangers(live, namesake)).toEqual([]);
      expect(strangers(live, other)).toEqual([]);
    });

    it('is as it was while that one goes as a whole', async () => {
      const live = given();
      const before = await settled(live, other);
      const calls = callsSoFar(live);
      const jobs = live.machines.done.length;
      const nodes = await nodesOf(live, other);
      await removeInOneGo(live, namesake, 'Background');

      expect(nodes).not.toEqual([]);
      expect(owned(await composed(live, other))).toEqual(before);
      expect(changesAtCloud(live, other, calls)).toEqual([]);
      expect(jobsOf(live, other, jobs)).toEqual([]);
      expect(await nodesOf(live, other)).toEqual(nodes);
      expect(isReadyClaim(await live.kube.need(other))).toBe(true);
    });
  };
}

function uidOf(object: Manifest): string {
  return textAt(object, 'metadata', 'uid') ?? '';
}

/** Objects that say a name of what is another claim's, or its namespace. */
function naming(objects: readonly Manifest[], live: Live, claim: Reference): string[] {
  const names = [...compositesOf(live, claim), `"${claim.namespace ?? ''}"`];
  expect(names).toHaveLength(2);
  return objects.filter((one) => names.some((name) => JSON.stringify(one).includes(name))).map(nameOf);
}

/** The servers of the kubeconfigs among objects. */
function kubeconfigs(objects: readonly Manifest[]): string[] {
  return objects
    .filter((one) => textAt(one, 'type') === KUBECONFIG_TYPE)
    .map((one) => textAt(kubeconfigIn(one), 'clusters', 0, 'cluster', 'server') ?? '');
}

/** Networks in which servers of a claim are, and which are not its own. */
function strangers(live: Live, claim: Reference): string[] {
  const { project } = live.hcloud;
  const isOwn = ownOf(live, claim);
  return project
    .all('servers')
    .filter((server) => isOwn(textAt(server, 'name') ?? ''))
    .flatMap((server) => listAt(server, 'private_net'))
    .map((one) => textAt(project.get('networks', numberAt(one, 'network') ?? 0), 'name') ?? '')
    .filter((name) => !isOwn(name));
}
