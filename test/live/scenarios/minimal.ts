/** One claim from apply to gone: made, edited wrongly and rightly, grown and shrunk, left alone, deleted. */
import { expect, it } from 'vitest';
import { conditionOf, isTrue } from '../../../functions/kernel/manifest.ts';
import type { Reference } from '../kube.ts';
import type { Live } from '../live.ts';
import { secretsShown } from '../laws.ts';
import { writePage } from '../page.ts';
import { eventuallyTrue } from '../processes.ts';
import { expectUnderstandable, stagesOf } from '../stages.ts';
import {
  atCloud,
  callsSoFar,
  changesAtCloud,
  composed,
  edit,
  inLine,
  inputMessage,
  isReadyClaim,
  jobsOf,
  kubectl,
  machinesOf,
  mayGo,
  nameOf,
  nodesOf,
  owned,
  remove,
  staysAsItIs,
  tell,
  until,
  type Scenario,
} from '../scenario.ts';

export const mini = {
  apiVersion: 'platform.openova.io/v1alpha1',
  kind: 'OpenOvaCluster',
  namespace: 'acme-platform',
  name: 'mini',
} as const;

export const minimal: Scenario = (given) => {
  it('is Ready some time after kubectl apply, and says what it waits for', async () => {
    const live = given();
    await kubectl(live, 'apply', '--filename=examples/minimal.yaml');
    const { lines, stages } = await stagesOf(live, mini, 500);
    tell(lines.join('\n'));
    const objects = await composed(live, mini);
    const unready = objects.filter((object) => conditionOf(object, 'Ready') && !isTrue(object, 'Ready'));
    tell(`${objects.length} objects of ${new Set(objects.map(({ kind }) => kind)).size} kinds`);
    await writePage(live, mini, lines);

    expectUnderstandable(mini, stages);
    expect(unready.map(nameOf)).toEqual([]);
    expect(await inLine(live, mini)).toBe(true);
    expect(atCloud(live, mini, ['servers'])).toHaveLength(1);
    const listed = await kubectl(live, 'get', 'openovaclusters', '--all-namespaces');
    expect(listed).toMatch(/^acme-platform +mini +\S+ .*True +True/m);
  });

  it('shows no secret value anywhere but in Secrets', async () => {
    expect(await secretsShown(given(), mini)).toEqual([]);
  });

  it('is left alone then: nothing moves over two polls', async () => {
    await staysAsItIs(given(), mini);
  });

  it('takes a mistake that the API server lets pass and its correction: what we own is the same after, and during', async () => {
    const live = given();
    const before = owned(await composed(live, mini));
    const calls = callsSoFar(live);
    await edit(live, mini, { platform: { components: { nosuch: { enabled: true } } } });
    const wrong = await until(live, mini, 'the mistake to be named', 100, (one) => inputMessage(one) !== '');

    expect(inputMessage(wrong)).toContain('spec.platform.components.nosuch');
    expect(isTrue(wrong, 'Ready')).toBe(true);
    expect(owned(await composed(live, mini)), 'while it is wrong').toEqual(before);

    await edit(live, mini, { platform: { components: { nosuch: null } } });
    await until(live, mini, 'the correction to be seen', 100, isReadyClaim);

    expect(owned(await composed(live, mini)), 'after the correction').toEqual(before);
    expect(changesAtCloud(live, mini, calls)).toEqual([]);
  });

  it.each([
    ['spec.controlPlane.count', { controlPlane: { count: 2 } }],
    ['spec.domain: Forbidden: cannot change after creation', { domain: 'other.example.com' }],
    [
      'spec.regions[0].location: Forbidden: cannot change after creation',
      { regions: [{ name: 'fsn', location: 'hel1' }] },
    ],
    ['spec.network.cidr: Forbidden: cannot change after creation', { network: { cidr: '10.64.0.0/16' } }],
  ])('cannot be edited by who gets told: %s', async (message, spec) => {
    await expect(edit(given(), mini, spec)).rejects.toThrow(message);
  });

  it('grows by a pool of two machines', async () => {
    const live = given();
    await edit(live, mini, { pools: [{ name: 'workers', count: 2, serverTypes: ['cx33'] }] });
    // Core writes what the function says and Ready one after the other: between the two a claim says three, and Ready as before.
    await eventuallyTrue('three nodes', 300, async () => (await nodesOf(live, mini)).length === 3);
    await until(live, mini, 'two workers', 300, (one) => isReadyClaim(one) && machinesOf(one) === 3);

    expect(atCloud(live, mini, ['servers'])).toHaveLength(3);
  });

  it('shrinks again, the highest machine first, drained before it goes', async () => {
    const live = given();
    const calls = callsSoFar(live);
    mayGo(live, mini, /workers-2/);
    await edit(live, mini, { pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }] });
    await until(live, mini, 'one worker', 500, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventuallyTrue('the server to go', 300, () => atCloud(live, mini, ['servers']).length === 2);

    const drained = jobsOf(live, mini).filter((job) => job.startsWith('drain-and-remove '));
    expect(drained).toEqual([expect.stringContaining('workers-2')]);
    expect((await nodesOf(live, mini)).filter((name) => name.includes('workers-2'))).toEqual([]);
    // What a server is labelled with since there are workers may follow late.
    expect(changesAtCloud(live, mini, calls).filter((call) => !/^PUT .*control-plane-1/.test(call))).toEqual([
      expect.stringMatching(/^DELETE \/servers\/:id .*workers-2/),
    ]);
    expect(await inLine(live, mini)).toBe(true);
  });
};

type DeletePolicy = 'Background' | 'Foreground';

/** @param claim is Ready and not protected, with machines that are played. */
export function inOneGo(claim: Reference, policy: DeletePolicy): Scenario {
  return (given) => {
    it(`goes as a whole under compositeDeletePolicy ${policy}, and leaves nothing behind`, async () => {
      await removeInOneGo(given(), claim, policy);
    });
  };
}

/** Deletes a claim, and fails where something of it is left. */
export async function removeInOneGo(
  live: Live,
  claim: Reference,
  compositeDeletePolicy: DeletePolicy,
): Promise<void> {
  await edit(live, claim, { compositeDeletePolicy });
  const started = Date.now();
  await remove(live, claim);
  tell(`${claim.namespace ?? ''}/${claim.name}: gone after ${Math.round((Date.now() - started) / 1000)} s`);

  expect(atCloud(live, claim)).toEqual([]);
}
