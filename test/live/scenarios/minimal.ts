/** One claim from apply to gone: made, edited wrongly and rightly, grown and shrunk, left alone, deleted. */
import { expect, it } from 'vitest';
import { conditionOf, isTrue } from '../../../functions/kernel/manifest.ts';
import { LOAD_BALANCER_NAME } from '../controllers.ts';
import { writePage } from '../page.ts';
import { eventually, sleep } from '../processes.ts';
import { HETZNER_POLL_SECONDS } from '../providers.ts';
import {
  atCloud,
  clustersOf,
  callsSoFar,
  changesAtCloud,
  composed,
  edit,
  inLine,
  inputMessage,
  isReadyClaim,
  kubectl,
  machinesOf,
  mayGo,
  nameOf,
  nodesOf,
  owned,
  remove,
  tell,
  timeline,
  until,
  versions,
  type Scenario,
} from '../scenario.ts';

const claim = {
  apiVersion: 'platform.openova.io/v1alpha1',
  kind: 'OpenOvaCluster',
  namespace: 'acme-platform',
  name: 'mini',
} as const;

export const minimal: Scenario = (given) => {
  it('is Ready some time after kubectl apply, and says what it waits for', async () => {
    const live = given();
    await kubectl(live, 'apply', '--filename=examples/minimal.yaml');
    const lines = await timeline(live, claim, 500);
    tell(lines.join('\n'));
    const objects = await composed(live, claim.name);
    const unready = objects.filter((object) => conditionOf(object, 'Ready') && !isTrue(object, 'Ready'));
    tell(`${objects.length} objects of ${new Set(objects.map(({ kind }) => kind)).size} kinds`);
    await writePage(live, claim, lines);

    expect(unready.map(nameOf)).toEqual([]);
    expect(await inLine(live, claim)).toBe(true);
    expect(atCloud(live, claim, ['servers'])).toHaveLength(1);
    const listed = await kubectl(live, 'get', 'openovaclusters', '--all-namespaces');
    expect(listed).toMatch(/mini +\S+ .*True +True/);
  });

  it('is left alone then: nothing moves over two polls', async () => {
    const live = given();
    // What core or a provider had still to say of the last step.
    await sleep(30_000);
    const before = versions(await composed(live, claim.name));
    await sleep(2 * HETZNER_POLL_SECONDS * 1000 + 5000);

    expect(versions(await composed(live, claim.name))).toEqual(before);
  });

  it('takes a mistake that the API server lets pass and its correction: what we own is the same after, and during', async () => {
    const live = given();
    const before = owned(await composed(live, claim.name));
    const calls = callsSoFar(live);
    await edit(live, claim, { platform: { components: { nosuch: { enabled: true } } } });
    const wrong = await until(live, claim, 'the mistake to be named', 100, (one) => inputMessage(one) !== '');

    expect(inputMessage(wrong)).toContain('spec.platform.components.nosuch');
    expect(isTrue(wrong, 'Ready')).toBe(true);
    expect(owned(await composed(live, claim.name)), 'while it is wrong').toEqual(before);

    await edit(live, claim, { platform: { components: { nosuch: null } } });
    await until(live, claim, 'the correction to be seen', 100, isReadyClaim);

    expect(owned(await composed(live, claim.name)), 'after the correction').toEqual(before);
    expect(changesAtCloud(live, claim, calls)).toEqual([]);
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
    await expect(edit(given(), claim, spec)).rejects.toThrow(message);
  });

  it('grows by a pool of two machines', async () => {
    const live = given();
    await edit(live, claim, { pools: [{ name: 'workers', count: 2, serverTypes: ['cx33'] }] });
    await until(live, claim, 'two workers', 500, (one) => isReadyClaim(one) && machinesOf(one) === 3);

    expect(atCloud(live, claim, ['servers'])).toHaveLength(3);
    expect(await nodesOf(live, claim)).toHaveLength(3);
  });

  it('shrinks again, the highest machine first, drained before it goes', async () => {
    const live = given();
    const calls = callsSoFar(live);
    mayGo(live, /^mini-.*workers-2/);
    await edit(live, claim, { pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }] });
    await until(live, claim, 'one worker', 500, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventually('the server to go', 300, () =>
      Promise.resolve(atCloud(live, claim, ['servers']).length === 2 ? true : undefined),
    );

    const drained = live.machines.done.filter((job) => job.startsWith('drain-and-remove mini-'));
    expect(drained).toEqual([expect.stringContaining('workers-2')]);
    expect((await nodesOf(live, claim)).filter((name) => name.includes('workers-2'))).toEqual([]);
    expect(changesAtCloud(live, claim, calls)).toEqual([
      expect.stringMatching(/^DELETE \/servers\/:id .*workers-2/),
    ]);
  });

  it('takes the load balancers of workloads with it, then what it is made of, in order, and leaves nothing behind', async () => {
    const live = given();
    const [cluster] = clustersOf(live, claim);
    await cluster?.[1].kube.apply({
      apiVersion: 'v1',
      kind: 'Service',
      metadata: {
        name: 'shop',
        namespace: 'default',
        annotations: { [LOAD_BALANCER_NAME]: 'mini-workload' },
      },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }] },
    });
    live.hcloud.project.put('load_balancers', { id: live.hcloud.project.id(), name: 'mini-workload' });
    const from = callsSoFar(live);
    const machines = atCloud(live, claim, ['servers']).length;
    const started = Date.now();
    await remove(live, claim);
    tell(`mini: gone after ${Math.round((Date.now() - started) / 1000)} s`);
    const calls = changesAtCloud(live, claim, from).map((call) => call.replace(/ mini-.*/, ''));
    const place = (call: string) => calls.lastIndexOf(call);

    expect(atCloud(live, claim)).toEqual([]);
    expect(place('DELETE /servers/:id')).toBeLessThan(place('POST /networks/:id/actions/delete_subnet'));
    expect(place('POST /networks/:id/actions/delete_subnet')).toBeLessThan(place('DELETE /networks/:id'));
    expect(calls.filter((call) => call === 'DELETE /servers/:id')).toHaveLength(machines);
  });
};
