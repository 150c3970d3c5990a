/** One claim from apply to gone: made, edited wrongly and rightly, grown and shrunk, left alone, deleted. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { at, conditionOf, isTrue, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { startLive, type Live } from './live.ts';
import { SECRET_VALUE } from './machines.ts';
import { eventually, sleep } from './processes.ts';
import { POLL_SECONDS } from './providers.ts';
import {
  composed,
  edit,
  inputMessage,
  isReadyClaim,
  kubectl,
  nameOf,
  owned,
  timeline,
  until,
  versions,
} from './scenario.ts';

const claim = {
  apiVersion: 'platform.openova.io/v1alpha1',
  kind: 'OpenOvaCluster',
  namespace: 'acme-platform',
  name: 'mini',
} as const;

let live: Live;
beforeAll(async () => {
  live = await startLive(() => undefined);
  return () => live.stop();
});

const tell = (what: string) => {
  process.stdout.write(`${what}\n`);
};

function deletesOf(kind: string): number {
  return live.hcloud.project.calls.filter(
    ({ method, path, status }) => method === 'DELETE' && path.startsWith(`/${kind}/`) && status < 300,
  ).length;
}

describe('a claim of one small region', () => {
  it('is Ready some time after kubectl apply, and says what it waits for', async () => {
    await kubectl(live, 'apply', '--filename=examples/minimal.yaml');
    const lines = await timeline(live, claim, 400);
    tell(lines.join('\n'));
    const objects = await composed(live, claim.name);
    const unready = objects.filter((object) => conditionOf(object, 'Ready') && !isTrue(object, 'Ready'));
    tell(`${objects.length} objects of ${new Set(objects.map(({ kind }) => kind)).size} kinds`);
    await writeFile(join(live.logs, 'timeline.txt'), `${lines.join('\n')}\n`);

    expect(unready.map(nameOf)).toEqual([]);
    expect(live.machines.done).toHaveLength(3);
    expect(live.hcloud.project.all('servers')).toHaveLength(1);
    const listed = await kubectl(live, 'get', 'openovaclusters', '--all-namespaces');
    expect(listed).toMatch(/mini +\S+ .*True +True/);
  });

  it('is left alone then: nothing moves over two polls', async () => {
    // What core or a provider had still to say of the last step.
    await sleep(2 * POLL_SECONDS * 1000);
    const before = versions(await composed(live, claim.name));
    await sleep(2 * POLL_SECONDS * 1000 + 5000);

    expect(versions(await composed(live, claim.name))).toEqual(before);
  });

  it('shows no secret value anywhere but in Secrets', async () => {
    const hidden = [SECRET_VALUE, Buffer.from(SECRET_VALUE).toString('base64'), live.token];
    const clusters = [live.kube, ...[...live.machines.clusters.values()].map(({ kube }) => kube)];
    const showing: string[] = [];
    let seen = 0;
    for (const kube of clusters) {
      for (const { apiVersion, kind } of await kube.kinds()) {
        if (kind === 'Secret') continue;
        const found = await kube.list(apiVersion, kind);
        seen += found.length;
        showing.push(
          ...found.filter((one) => hidden.some((value) => JSON.stringify(one).includes(value))).map(nameOf),
        );
      }
    }

    expect(seen).toBeGreaterThan(200);
    expect(showing).toEqual([]);
  });

  it('takes a mistake that the API server lets pass and its correction: what we own is the same after, and during', async () => {
    const before = owned(await composed(live, claim.name));
    await edit(live, claim, { platform: { components: { nosuch: { enabled: true } } } });
    const wrong = await until(live, claim, 'the mistake to be named', 60, (one) => inputMessage(one) !== '');

    expect(inputMessage(wrong)).toContain('spec.platform.components.nosuch');
    expect(isTrue(wrong, 'Ready')).toBe(true);
    expect(owned(await composed(live, claim.name)), 'while it is wrong').toEqual(before);

    await edit(live, claim, { platform: { components: { nosuch: null } } });
    await until(live, claim, 'the correction to be seen', 60, isReadyClaim);

    expect(owned(await composed(live, claim.name)), 'after the correction').toEqual(before);
    expect([deletesOf('servers'), deletesOf('networks')]).toEqual([0, 0]);
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
    await expect(edit(live, claim, spec)).rejects.toThrow(message);
  });

  it('grows by a pool of two machines', async () => {
    await edit(live, claim, { pools: [{ name: 'workers', count: 2, serverTypes: ['cx33'] }] });
    await until(live, claim, 'two workers', 400, (one) => isReadyClaim(one) && machinesOf(one) === 3);

    expect(live.hcloud.project.all('servers')).toHaveLength(3);
    expect(await nodes()).toHaveLength(3);
  });

  it('shrinks again, the highest machine first, drained before it goes', async () => {
    await edit(live, claim, { pools: [{ name: 'workers', count: 1, serverTypes: ['cx33'] }] });
    await until(live, claim, 'one worker', 400, (one) => isReadyClaim(one) && machinesOf(one) === 2);
    await eventually('the server to go', 60, async () =>
      Promise.resolve(live.hcloud.project.all('servers').length === 2 ? true : undefined),
    );

    expect(live.machines.done.at(-1)).toMatch(/^drain-and-remove .*workers-2/);
    expect((await nodes()).some((name) => name.includes('workers-2'))).toBe(false);
    expect(deletesOf('servers')).toBe(1);
  });

  it('leaves nothing behind when it is deleted, and goes in order', async () => {
    const from = live.hcloud.project.calls.length;
    const machines = live.hcloud.project.all('servers').length;
    const started = Date.now();
    await kubectl(live, 'delete', '--filename=examples/minimal.yaml', '--wait=false');
    await eventually('all of it to go', 400, async () => {
      await live.check();
      const left = await composed(live, claim.name);
      if (left.length > 0 || (await live.kube.get(claim)) !== undefined)
        throw new Error(`left: ${left.map(describeLeft).join(', ')}`);
      return true;
    });
    tell(`gone after ${Math.round((Date.now() - started) / 1000)} s`);
    const kinds = [
      'servers',
      'networks',
      'load_balancers',
      'firewalls',
      'ssh_keys',
      'placement_groups',
    ] as const;
    const calls = live.hcloud.project.calls
      .slice(from)
      .filter(({ method, status }) => method !== 'GET' && status < 300)
      .map(({ method, path }) => `${method} ${path.replace(/\d+/, ':id')}`);
    const place = (call: string) => calls.lastIndexOf(call);
    tell(calls.join('\n'));

    expect(kinds.flatMap((kind) => live.hcloud.project.all(kind))).toEqual([]);
    expect(place('DELETE /servers/:id')).toBeLessThan(place('POST /networks/:id/actions/delete_subnet'));
    expect(place('POST /networks/:id/actions/delete_subnet')).toBeLessThan(place('DELETE /networks/:id'));
    expect(calls.filter((call) => call === 'DELETE /servers/:id')).toHaveLength(machines);
    expect(live.machines.clusters.size).toBe(1);
    expect(await releases()).not.toContain('openova-system');
  });

  it('was never refused a right, nor anything at the cloud that was not asked for', async () => {
    const audit = await readFile(live.control.auditLog, 'utf8');
    const refused = audit
      .split('\n')
      .filter((line) => line.includes('"code":403') && !line.includes('in use'));

    expect(refused.map((line) => line.slice(0, 600))).toEqual([]);
    expect(live.machines.problems).toEqual([]);
    const unknown = live.hcloud.project.calls.filter(({ status }) => status === 401 || status === 422);
    expect(unknown).toEqual([]);
  });
});

function machinesOf(one: Manifest): number {
  const machines = at(one, 'status', 'regions', 0, 'machines');
  return typeof machines === 'number' ? machines : 0;
}

function describeLeft(object: Manifest): string {
  const going = at(object, 'metadata', 'deletionTimestamp') !== undefined;
  return `${nameOf(object)}${going ? ` (deleted, held by ${JSON.stringify(object.metadata['finalizers'])})` : ''}`;
}

async function nodes(): Promise<string[]> {
  const found = await Promise.all(
    [...live.machines.clusters.values()].map(({ kube }) => kube.list('v1', 'Node')),
  );
  return found.flat().map(({ metadata }) => metadata.name ?? '');
}

async function releases(): Promise<string[]> {
  const found = await Promise.all(
    [...live.machines.clusters.values()].map(({ kube }) => kube.list('v1', 'Secret')),
  );
  return found.flat().map((secret) => textAt(secret, 'metadata', 'labels', 'name') ?? '');
}
