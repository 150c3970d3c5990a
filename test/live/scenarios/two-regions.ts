/** A cluster of two regions with records in a zone at Hetzner: regions, components, protection. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import {
  conditionOf,
  isTrue,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { RELEASE_ANNOTATION } from '../../../functions/kernel/names.ts';
import { RELEASE } from '../../../functions/release.ts';
import { ApiError } from '../hcloud/state.ts';
import { addZone } from '../hcloud/zones.ts';
import { referenceOf } from '../kube.ts';
import type { Live } from '../live.ts';
import { secretsShown } from '../laws.ts';
import { NEWER } from '../newer.ts';
import { OURS, versionOf } from '../packages.ts';
import { eventually, eventuallyTrue, sleep } from '../processes.ts';
import {
  apply,
  askToRemove,
  atCloud,
  callsSoFar,
  changesAtCloud,
  composed,
  edit,
  inLine,
  isReadyClaim,
  kubectl,
  machinesOf,
  nameOf,
  owned,
  settled,
  shell,
  smallCluster,
  staysAsItIs,
  tell,
  tenant,
  until,
  waitingOf,
  type Scenario,
} from '../scenario.ts';

const fsn = { name: 'fsn', location: 'fsn1' };
const hel = { name: 'hel', location: 'hel1', role: 'standby' };

const cluster = smallCluster('acme-duo', 'duo', {
  regions: [fsn],
  loadBalancer: {},
  dns: { provider: 'hetzner', zone: 'example.com', secretRef: { name: 'dns' } },
  certificates: { email: 'ops@example.com', solver: 'dns01' },
  deletionProtection: true,
});
export const duo = referenceOf(cluster);

/** The record sets of the cluster in the zone at Hetzner. */
function recordSets({ hcloud }: Live): JsonObject[] {
  return hcloud.project.all('rrsets').filter(({ name }) => typeof name === 'string' && name.endsWith('.duo'));
}

/** Releases that are composed for the cluster, without the name of their region. */
async function releases(live: Live): Promise<string[]> {
  const found = (await composed(live, duo)).filter(({ kind }) => kind === 'Release');
  return found.map(({ metadata }) => metadata.name ?? '');
}

export const twoRegions: Scenario = (given) => {
  it('gets its second region while the first is being built, and both are ready, after errors that pass by themselves', async () => {
    const live = given();
    const { project } = live.hcloud;
    addZone(project, 'example.com');
    project.faults.push(
      {
        method: 'POST',
        path: /^\/zones\/[^/]+\/rrsets$/,
        about: 'api.fsn.duo',
        times: 1,
        error: new ApiError(500, 'server_error', 'internal'),
      },
      {
        method: 'POST',
        path: /^\/zones\/[^/]+\/rrsets$/,
        about: 'api.hel.duo',
        times: 2,
        error: new ApiError(429, 'rate_limit_exceeded', 'limit of 3600 requests per hour reached'),
      },
    );
    await tenant(live, 'acme-duo');
    await apply(live, cluster);
    await until(live, duo, 'the first region', 200, (one) => waitingOf(one).includes('duo-'));
    await sleep(20_000);
    await edit(live, duo, { regions: [fsn, hel] });
    const ready = await until(
      live,
      duo,
      'both regions',
      600,
      (one) => isReadyClaim(one) && machinesOf(one) === 2,
    );
    const described = await kubectl(live, 'describe', 'openovacluster', 'duo', '--namespace=acme-duo');

    expect(project.faults.filter(({ about }) => about?.endsWith('.duo')).map(({ times }) => times)).toEqual([
      0, 0,
    ]);
    expect(await inLine(live, duo)).toBe(true);
    expect(atCloud(live, duo, ['servers'])).toHaveLength(2);
    expect(textAt(ready, 'status', 'step', 'name')).toBe('DNSReady');
    expect(described).toContain('DeletionProtected');
  });

  it('shows no secret value anywhere but in Secrets', async () => {
    expect(await secretsShown(given(), duo)).toEqual([]);
  });

  it('has records for both at Hetzner, with the addresses that its machines have', () => {
    const { project } = given().hcloud;
    const records = recordSets(given()).map(({ name, type, records: values }) => [name, type, values]);
    tell(records.map((one) => JSON.stringify(one)).join('\n'));
    const address = (name: string) =>
      project
        .all('servers')
        .filter((server) => textAt(server, 'name')?.startsWith(name) === true)
        .map((server) => ({ value: textAt(server, 'public_net', 'ipv4', 'ip') }));

    expect(records).toContainEqual([
      'api.fsn.duo',
      'A',
      address(atCloud(given(), duo, ['servers'])[0] ?? ''),
    ]);
    expect(records.map(([name]) => name)).toEqual(
      expect.arrayContaining(['*.fsn.duo', '*.hel.duo', 'api.hel.duo']),
    );
  });

  it('is left alone then: nothing moves over two polls', async () => {
    const live = given();
    await eventuallyTrue('both platforms to be told which release they run', 200, async () => {
      const platforms = (await composed(live, duo)).filter(({ kind }) => kind === 'XOpenOvaPlatform');
      return platforms.every(
        (one) => textAt(one, 'metadata', 'annotations', RELEASE_ANNOTATION) !== undefined,
      );
    });
    // Beside claims that are being made, what is said of two regions and their records comes later than of one.
    await staysAsItIs(live, duo, 120);
  });

  it('stays as it is when the list of its regions is reordered', async () => {
    const live = given();
    const before = await settled(live, duo);
    const calls = callsSoFar(live);
    await edit(live, duo, { regions: [hel, fsn] });
    await sleep(20_000);
    await until(live, duo, 'it to be looked at', 100, isReadyClaim);

    expect(owned(await composed(live, duo))).toEqual(before);
    expect(changesAtCloud(live, duo, calls)).toEqual([]);
  });

  it('refuses to rename a region, and to be deleted, with the reason', async () => {
    const live = given();

    await expect(edit(live, duo, { regions: [fsn, { ...hel, name: 'north' }] })).rejects.toThrow(
      'cannot be removed or renamed while deletionProtection is true',
    );
    await expect(askToRemove(live, duo)).rejects.toThrow(
      'spec.deletionProtection is true: set it to false to delete this cluster and all it holds',
    );
  });

  it('installs a component that is switched on, and removes one that is switched off', async () => {
    const live = given();
    const has = async () => (await releases(live)).filter((name) => name.endsWith('-flux')).length;
    await edit(live, duo, { platform: { components: { flux: { enabled: true } } } });
    await eventuallyTrue('Flux in both regions', 200, async () => (await has()) === 2);
    await until(live, duo, 'it to be ready with Flux', 300, isReadyClaim);
    await edit(live, duo, { platform: { components: { flux: { enabled: false } } } });
    await eventuallyTrue('Flux to go', 200, async () => (await has()) === 0);
    await edit(live, duo, { platform: { components: { flux: { enabled: true } } } });
    await eventuallyTrue('Flux again', 200, async () => (await has()) === 2);
    await until(live, duo, 'it to be ready again', 300, isReadyClaim);
    const unready = (await composed(live, duo)).filter(
      (one) => one.kind === 'Release' && !isTrue(one, 'Ready'),
    );

    expect(unready.map(nameOf)).toEqual([]);
    expect(await inLine(live, duo)).toBe(true);
  });
};

/** The commands of docs/upgrade.md, with install.yaml from a tree instead of where it is published. */
async function upgradeCommands(root: string): Promise<string> {
  const page = await readFile(join(OURS.root, 'docs/upgrade.md'), 'utf8');
  const commands = /^```sh\n(.*?)^```/ms.exec(page)?.[1] ?? '';
  return commands.replace(/https:\S+\/install\.yaml/, join(root, 'package/install.yaml'));
}

/** The revisions of our packages that are healthy: kind, version and state. */
async function healthyRevisions({ kube }: Live): Promise<string[]> {
  const found = await Promise.all(
    ['ConfigurationRevision', 'FunctionRevision'].map((kind) => kube.list('pkg.crossplane.io/v1', kind)),
  );
  return found
    .flat()
    .filter((one) => /\/(function-)?openova:/.test(textAt(one, 'spec', 'image') ?? ''))
    .filter((one) => isTrue(one, 'RevisionHealthy'))
    .map((one) => [
      one.kind,
      versionOf(textAt(one, 'spec', 'image') ?? ''),
      textAt(one, 'spec', 'desiredState'),
    ])
    .map((one) => one.join(' '))
    .sort();
}

/** The steps of the Compositions by which the cluster is composed now, at any depth. */
async function stepsTaken(live: Live): Promise<string[]> {
  const revisions = await live.kube.list('apiextensions.crossplane.io/v1', 'CompositionRevision');
  const taken = (await composed(live, duo)).map((one) =>
    textAt(one, 'spec', 'compositionRevisionRef', 'name'),
  );
  const steps = revisions
    .filter(({ metadata }) => taken.includes(metadata.name))
    .map((one) => textAt(one, 'spec', 'pipeline', 0, 'step') ?? '');
  return [...new Set(steps)];
}

/** What composites of the cluster say that the newer release would change: `fsn care`. */
function listed(objects: readonly Manifest[]): string[] {
  return objects
    .filter(({ kind }) => kind === 'XOpenOvaRegion' || kind === 'XOpenOvaPlatform')
    .flatMap((one) => {
      const message = textAt(conditionOf(one, 'UpdateAvailable'), 'message') ?? '';
      const keys = /would change (.*?);/.exec(message)?.[1]?.split(', ') ?? [];
      return keys.map((key) => `${within(one.metadata.name ?? '')} ${key}`);
    })
    .sort();
}

/** A name without the part that is of the cluster and of chance. */
function within(name: string): string {
  return name.replace(/duo-\w+-/, '');
}

/** The installed package is everybody's; this claim alone is looked at, since the others move meanwhile. */
export const newerPackage: Scenario = (given) => {
  it('changes nothing but UpdateAvailable when newer packages are installed as docs/upgrade.md says', async () => {
    const live = given();
    const fields = await settled(live, duo);
    const calls = callsSoFar(live);
    const { root } = await live.publishNewer();
    tell(await shell(live, await upgradeCommands(root)));
    const revisions = await eventually('all revisions to be healthy', 60, async () => {
      const found = await healthyRevisions(live);
      return found.length === 4 ? found : undefined;
    });
    await eventually('the newer Compositions to be followed', 100, async () => {
      const steps = await stepsTaken(live);
      if (steps.join() !== NEWER.step) throw new Error(`followed are ${steps.join(', ')}`);
      return true;
    });
    const told = await until(
      live,
      duo,
      'the update to be offered',
      200,
      (one) => isReadyClaim(one) && isTrue(one, 'UpdateAvailable'),
    );
    await sleep(20_000);
    const after = await composed(live, duo);

    expect(revisions).toEqual([
      'ConfigurationRevision v0.1.0 Inactive',
      `ConfigurationRevision v${NEWER.version} Active`,
      'FunctionRevision v0.1.0 Inactive',
      `FunctionRevision v${NEWER.version} Active`,
    ]);
    // Names with uids: nothing is made anew, and no Job comes beside those that were.
    expect(owned(after)).toEqual(fields);
    expect(changesAtCloud(live, duo, calls)).toEqual([]);
    expect(textAt(told, 'spec', NEWER.field)).toBe(NEWER.value);
    expect(textAt(told, 'status', 'release')).toBe(RELEASE);
  });

  it('changes what the newer release lists, once the claim asks for it', async () => {
    const live = given();
    const found = await composed(live, duo);
    const before = owned(found);
    const calls = callsSoFar(live);
    await edit(live, duo, { platform: { release: NEWER.release } });
    await until(
      live,
      duo,
      'the newer release',
      300,
      (one) => isReadyClaim(one) && textAt(one, 'status', 'release') === NEWER.release,
    );
    const after = await settled(live, duo);
    const changed = [...after]
      .filter(([name, fields]) => JSON.stringify(before.get(name)) !== JSON.stringify(fields))
      .map(([name]) => within(name.split(' ').slice(0, 2).join(' ')));

    expect(listed(found)).toEqual([
      'fsn care',
      'fsn platform',
      'fsn-platform flux',
      'fsn-platform openova-system',
      'hel care',
      'hel platform',
      'hel-platform flux',
      'hel-platform openova-system',
    ]);
    expect(changed.sort()).toEqual([
      'CronJob openova-system/fsn-care',
      'CronJob openova-system/hel-care',
      'Release fsn-platform-flux',
      'Release fsn-platform-openova-system',
      'Release hel-platform-flux',
      'Release hel-platform-openova-system',
      'XOpenOvaPlatform fsn-platform',
      'XOpenOvaPlatform hel-platform',
      'XOpenOvaRegion fsn',
      'XOpenOvaRegion hel',
    ]);
    expect([...before.keys()].filter((name) => !after.has(name))).toEqual([]);
    expect(changesAtCloud(live, duo, calls)).toEqual([]);
    expect(await inLine(live, duo)).toBe(true);
  });
};

export const unprotected: Scenario = (given) => {
  it('is no longer protected', async () => {
    const live = given();
    await edit(live, duo, { deletionProtection: false });
    await until(live, duo, 'the protection to go', 100, (one) => !isTrue(one, 'DeletionProtected'));
    await eventuallyTrue('the Usage to go', 60, async () =>
      (await composed(live, duo)).every(
        ({ kind, metadata }) => kind !== 'Usage' || metadata.namespace !== duo.namespace,
      ),
    );
  });
};

export const withoutRecords: Scenario = (given) => {
  it('has left no record at Hetzner', () => {
    expect(recordSets(given())).toEqual([]);
  });
};
