/** What scenarios do and look at: claims, what is composed for them, what changed. */
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import {
  at,
  conditionOf,
  isObject,
  isTrue,
  listAt,
  numberAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, KEY_ANNOTATION } from '../../functions/kernel/names.ts';
import { toolPath } from '../../tools/build.ts';
import { PUBLIC_RANGE } from '../bootstrap/machines/network.ts';
import type { Cluster } from './machines.ts';
import type { Kind } from './hcloud/state.ts';
import { asJson, referenceOf, versionOf, type Reference } from './kube.ts';
import type { Live } from './live.ts';
import { eventually, sleep } from './processes.ts';
import { TEST_POLLS } from './providers.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');

/** Ours, those of Crossplane and Kubernetes that we compose, and the providers'. */
const GROUPS = /(openova\.io|crossplane\.io|upbound\.io|^batch|^rbac\.authorization\.k8s\.io)\/|^v1$/;

/** Gives a scenario the control plane, once it is up. */
export type Scenario = (live: () => Live) => void;

/** What a person would want to see of a run. */
export function tell(what: string): void {
  process.stdout.write(`${what}\n`);
}

/** Where Jobs and providers come from here, as machines with a firewall of the cloud see it. */
export const OUR_ACCESS: JsonObject = { managementCidrs: [PUBLIC_RANGE] };

/** The claim of one small region, with more said over it. */
export function smallCluster(namespace: string, name: string, spec: JsonObject = {}): Manifest {
  return {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'OpenOvaCluster',
    metadata: { name, namespace },
    spec: {
      domain: `${name}.example.com`,
      cloud: { provider: 'hetzner', tokenSecretRef: { name: 'hcloud' } },
      regions: [{ name: 'fsn', location: 'fsn1' }],
      controlPlane: { count: 1, serverTypes: ['cx33'] },
      pools: [],
      access: OUR_ACCESS,
      platform: { profile: 'minimal' },
      // Without a load balancer a region has nine objects at the cloud instead of fourteen.
      loadBalancer: { type: 'k8gb' },
      deletionProtection: false,
      ...spec,
    },
  };
}

/** A tenant's namespace with the Secrets that its claims name; that for DNS has the keys of every provider. */
export async function tenant(live: Live, namespace: string): Promise<void> {
  await live.kube.apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
  const { token } = live;
  const dns = {
    token,
    accessKeyId: token,
    secretAccessKey: token,
    clientSecret: token,
    serviceAccount: JSON.stringify({ type: 'service_account', private_key: token }),
  };
  for (const [name, stringData] of Object.entries({ hcloud: { token }, dns }))
    await live.kube.apply({ apiVersion: 'v1', kind: 'Secret', metadata: { namespace, name }, stringData });
}

/** As a person does it: `kubectl apply` of an object. */
export async function apply(live: Live, object: Manifest): Promise<void> {
  const { name = '', namespace = '' } = object.metadata;
  const file = join(live.folder, `${namespace}-${name}.json`);
  await writeFile(file, JSON.stringify(object));
  await kubectl(live, 'apply', '--filename', file);
}

/** As a person does it: `kubectl annotate --overwrite`. */
export async function annotate(live: Live, claim: Reference, ...pairs: readonly string[]): Promise<void> {
  await kubectl(
    live,
    'annotate',
    claim.kind.toLowerCase(),
    claim.name,
    `--namespace=${claim.namespace ?? ''}`,
    '--overwrite',
    ...pairs,
  );
}

/** Deletes a claim and waits until nothing of it is left. */
export async function remove(live: Live, claim: Reference, seconds = 500): Promise<void> {
  await askToRemove(live, claim);
  await untilGone(live, claim, seconds);
}

/** From now on machines of a claim that have such names may go: the laws of the end want to know of each. */
export function mayGo(live: Live, claim: Reference, names: RegExp): void {
  const goes = (name: string) => isKnownOf(live, claim, name) && names.test(name);
  live.intended.push({ goes, since: Date.now() });
}

/** From now on what stands here for machines of a claim may go, while they stay at the cloud. */
export function mayBeOrphaned(live: Live, claim: Reference): void {
  live.intended.push({ goes: (name) => isKnownOf(live, claim, name), since: Date.now(), kept: true });
}

/** The claim as it is. What it has is named after its composite, which is remembered: two claims may have one name. */
export async function lookAt(live: Live, claim: Reference): Promise<Manifest> {
  const found = await live.kube.need(claim);
  const composite = textAt(found, 'spec', 'resourceRef', 'name');
  if (composite !== undefined) live.composites.set(composite, claim);
  return found;
}

/** The composites that a claim has had; none before it was looked at. */
function knownOf(live: Live, { kind, namespace, name }: Reference): string[] {
  return [...live.composites].flatMap(([own, claim]) =>
    claim.kind === kind && claim.namespace === namespace && claim.name === name ? [own] : [],
  );
}

function isKnownOf(live: Live, claim: Reference, name: string): boolean {
  return knownOf(live, claim).some((own) => name === own || name.startsWith(`${own}-`));
}

/** The composites that a claim has had. Fails where nobody has looked at it, who could not tell what is its own. */
export function compositesOf(live: Live, claim: Reference): string[] {
  const found = knownOf(live, claim);
  if (found.length > 0) return found;
  const { kind, namespace = '', name } = claim;
  throw new Error(`nobody has looked at ${kind} ${namespace}/${name} since it has a composite`);
}

/** Tells by its name whether a thing at the cloud, a machine or a composite of a region is a claim's that was looked at. */
export function ownOf(live: Live, claim: Reference): (name: string) => boolean {
  compositesOf(live, claim);
  return (name) => isKnownOf(live, claim, name);
}

/** As a person does it: `kubectl delete --wait=false`, of a claim that may just have been made. */
export async function askToRemove(live: Live, claim: Reference): Promise<string> {
  await eventually(`a composite of ${claim.name}`, 200, async () =>
    textAt(await lookAt(live, claim), 'spec', 'resourceRef', 'name'),
  );
  const since = Date.now();
  const namespace = `--namespace=${claim.namespace ?? ''}`;
  const said = await kubectl(live, 'delete', claim.kind.toLowerCase(), claim.name, namespace, '--wait=false');
  // One that is refused gives leave to nobody.
  live.intended.push({ goes: (name) => isKnownOf(live, claim, name), since });
  return said;
}

export async function untilGone(live: Live, claim: Reference, seconds = 500): Promise<void> {
  await eventually(
    `all of ${claim.name} to go`,
    seconds,
    async () => {
      await live.check();
      if ((await live.kube.get(claim)) !== undefined) throw new Error('the claim is there');
      const left = await composed(live, claim);
      if (left.length > 0) throw new Error(`left: ${left.map(describeLeft).join(', ')}`);
      return true;
    },
    1000,
  );
}

function describeLeft(object: Manifest): string {
  const going = at(object, 'metadata', 'deletionTimestamp') !== undefined;
  return `${nameOf(object)}${going ? ` (deleted, held by ${JSON.stringify(object.metadata['finalizers'])})` : ''}`;
}

/** Names of what a claim has at the cloud, of every kind. */
export function atCloud(live: Live, claim: Reference, kinds: readonly Kind[] = BILLED): string[] {
  const isOwn = ownOf(live, claim);
  return kinds
    .flatMap((kind) => live.hcloud.project.all(kind))
    .map((thing) => textAt(thing, 'name') ?? '')
    .filter(isOwn)
    .sort();
}

export const BILLED: readonly Kind[] = [
  'servers',
  'networks',
  'load_balancers',
  'firewalls',
  'ssh_keys',
  'placement_groups',
];

/** The calls that changed something of a claim at the cloud since then: `METHOD /path name`. */
export function changesAtCloud(live: Live, claim: Reference, since = 0): string[] {
  const isOwn = ownOf(live, claim);
  return live.hcloud.project.calls
    .slice(since)
    .filter(({ method, status, about }) => method !== 'GET' && status < 300 && isOwn(about))
    .map(({ method, path, about }) => `${method} ${path.replace(/\d+/, ':id')} ${about}`);
}

/** The Jobs that were done on machines of a claim since then, in order: `<operation> <node>`. */
export function jobsOf(live: Live, claim: Reference, since = 0): string[] {
  const isOwn = ownOf(live, claim);
  return live.machines.done.slice(since).filter((job) => isOwn(job.split(' ').at(-1) ?? ''));
}

/** How many calls the cloud has seen. */
export function callsSoFar(live: Live): number {
  return live.hcloud.project.calls.length;
}

/** What the claim waits for, with what to do about it: one line each. */
export function waitingOf(claim: Manifest): string {
  return listAt(claim, 'status', 'waitingFor')
    .map((one) => ['object', 'message', 'hint'].map((field) => textAt(one, field) ?? '').join(' '))
    .join('\n');
}

/** The ProviderConfigs of provider-kubernetes that lead into the clusters of a claim. */
export async function waysInto(live: Live, claim: Reference): Promise<Reference[]> {
  const found = (await composed(live, claim)).filter(
    ({ apiVersion, kind }) => kind === 'ProviderConfig' && apiVersion.startsWith('kubernetes.'),
  );
  return found.map(referenceOf);
}

/** How many machines the claim says are ready, in all its regions. */
export function machinesOf(claim: Manifest): number {
  return listAt(claim, 'status', 'regions').reduce<number>(
    (sum, region) => sum + (numberAt(region, 'machines') ?? 0),
    0,
  );
}

/** The clusters of a claim's regions, each with the name of its XOpenOvaRegion. */
export function clustersOf(live: Live, claim: Reference): [string, Cluster][] {
  const isOwn = ownOf(live, claim);
  return [...live.machines.clusters].filter(([region]) => isOwn(region));
}

/** Names of the nodes in the clusters of a claim. */
export async function nodesOf(live: Live, claim: Reference): Promise<string[]> {
  const own = clustersOf(live, claim);
  const found = await Promise.all(own.map(([, { kube }]) => kube.list('v1', 'Node')));
  return found.flat().map(({ metadata }) => metadata.name ?? '');
}

/** As a person does it. Fails with what kubectl says. */
export async function kubectl(live: Live, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(await toolPath('kubectl'), [...args], {
    cwd: root,
    env: { ...process.env, KUBECONFIG: live.control.kubeconfig },
    maxBuffer: 64 * 1024 * 1024,
  });
  return stdout;
}

/** As a person does it: lines for a shell, which ends at the first that fails. Fails with what that says. */
export async function shell(live: Live, lines: string): Promise<string> {
  const programs = dirname(await toolPath('kubectl'));
  const { stdout } = await run('sh', ['-ec', lines], {
    cwd: root,
    env: {
      ...process.env,
      PATH: `${programs}:${process.env['PATH'] ?? ''}`,
      KUBECONFIG: live.control.kubeconfig,
    },
  });
  return stdout;
}

/** Waits until a claim satisfies a condition. */
export async function until(
  live: Live,
  claim: Reference,
  what: string,
  seconds: number,
  holds: (claim: Manifest) => boolean,
): Promise<Manifest> {
  try {
    return await eventually(
      what,
      seconds,
      async () => {
        await live.check();
        const found = await lookAt(live, claim);
        return holds(found) ? found : undefined;
      },
      1000,
    );
  } catch (error) {
    const unready = (await composed(live, claim)).filter((object) => !isTrue(object, 'Ready'));
    const said = unready.map(
      (object) => `${nameOf(object)}: ${JSON.stringify(at(object, 'status', 'conditions'))}`,
    );
    const why = error instanceof Error ? error.message : String(error);
    throw new Error([why, ...live.problems(), ...said].join('\n'), { cause: error });
  }
}

/** Ready, and nothing of what was asked for is still to be looked at. */
export function isReadyClaim(claim: Manifest): boolean {
  return isTrue(claim, 'Ready') && isTrue(claim, 'Synced') && isTrue(claim, 'InputValid');
}

/** Waits until nothing that is composed for a claim says that it could not be brought in line. */
export async function inLine(live: Live, claim: Reference): Promise<boolean> {
  return eventually(
    `${claim.name} to be in line`,
    200,
    async () => {
      const apart = (await composed(live, claim)).filter(
        (object) => textAt(conditionOf(object, 'Synced'), 'status') === 'False',
      );
      if (apart.length > 0) throw new Error(apart.map(nameOf).join(', '));
      return true;
    },
    2000,
  );
}

/** The kubeconfig that a Secret holds; nothing where it holds none. */
export function kubeconfigIn(secret: Manifest | undefined): Json {
  const text = Buffer.from(textAt(secret, 'data', 'kubeconfig') ?? '', 'base64').toString('utf8');
  return asJson(parse(text));
}

export function inputMessage(claim: Manifest): string {
  return textAt(conditionOf(claim, 'InputValid'), 'message') ?? '';
}

/** Everything that is composed for a claim, at any depth; for any claim there is or was where none is named. */
export async function composed(live: Live, claim?: Reference): Promise<Manifest[]> {
  return (await labelled(live, claim)).filter(
    (object) => at(object, 'metadata', 'annotations', KEY_ANNOTATION) !== undefined || isRoot(object),
  );
}

/** The same, with what Jobs have made for it. */
export async function labelled(live: Live, claim?: Reference): Promise<Manifest[]> {
  const labels = claim && {
    [CLAIM_NAME_LABEL]: claim.name,
    [CLAIM_NAMESPACE_LABEL]: claim.namespace ?? '',
  };
  const kinds = (await live.kube.kinds()).filter(({ apiVersion }) => GROUPS.test(apiVersion));
  const found: Manifest[] = [];
  for (const { apiVersion, kind } of kinds) {
    if (apiVersion.startsWith('apiextensions.crossplane.io') || kind === 'Event') continue;
    found.push(...(await live.kube.list(apiVersion, kind, labels)));
  }
  return found;
}

function isRoot(object: Manifest): boolean {
  return at(object, 'spec', 'claimRef') !== undefined;
}

export function nameOf(object: Manifest): string {
  const { kind, metadata } = object;
  return `${kind} ${metadata.namespace === undefined ? '' : `${metadata.namespace}/`}${metadata.name ?? ''}`;
}

/** What Crossplane has applied of each object, by name and uid: the entry of its own field manager. */
export function owned(objects: readonly Manifest[]): Map<string, Json> {
  return new Map(
    objects.map((object) => {
      const entry = listAt(object, 'metadata', 'managedFields')
        .filter(isObject)
        .find((one) => (textAt(one, 'manager') ?? '').startsWith('apiextensions.crossplane.io/composed'));
      const fields = entry?.['fieldsV1'];
      const key = `${nameOf(object)} ${textAt(object, 'metadata', 'uid') ?? ''}`;
      return [key, fields === undefined ? null : valuesOf(object, fields)];
    }),
  );
}

/** What Crossplane has applied, once it no longer changes: a step that has just been reached is said a moment later. */
export async function settled(live: Live, claim: Reference): Promise<Map<string, Json>> {
  let before = owned(await composed(live, claim));
  return eventually(`${claim.name} to come to rest`, 200, async () => {
    await sleep(15_000);
    const now = owned(await composed(live, claim));
    const same = JSON.stringify([...now]) === JSON.stringify([...before]);
    before = now;
    return same ? now : undefined;
  });
}

/** The values at those fields, so that a changed value shows too. */
function valuesOf(object: Json | undefined, fields: Json): Json {
  if (!isObject(fields)) return object ?? null;
  const inner = Object.keys(fields).filter((key) => key !== '.');
  // Of lists that several write to, the whole counts.
  if (inner.length === 0 || inner.some((key) => !key.startsWith('f:'))) return object ?? null;
  return Object.fromEntries(
    Object.entries(fields)
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([key, within]) => [key, valuesOf(at(object, key.slice(2)), within ?? null)]),
  );
}

/** resourceVersion of each object. */
export function versions(objects: readonly Manifest[]): Map<string, string> {
  return new Map(objects.map((object) => [`${object.apiVersion} ${nameOf(object)}`, versionOf(object)]));
}

/**
 * Waits until nothing of a claim moves over two polls of its providers, and fails where something still does.
 * @param grace seconds in which core and providers may have something to say of the last step.
 */
export async function staysAsItIs(live: Live, claim: Reference, grace = 45): Promise<void> {
  const all = async () => versions([await live.kube.need(claim), ...(await composed(live, claim))]);
  const begun = Date.now();
  let since = begun;
  let before = await all();
  while (Date.now() - since < 2 * TEST_POLLS.hetzner * 1000 + 5000) {
    await sleep(5000);
    const now = await all();
    if (differing(before, now).length === 0) continue;
    if (Date.now() - begun > grace * 1000)
      throw new Error(`${claim.name} does not come to rest: ${differing(before, now).join(', ')}`);
    since = Date.now();
    before = now;
  }
}

/** Of what one of two has otherwise than the other: from what to what. */
function differing(before: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): string[] {
  return [...new Set([...before.keys(), ...now.keys()])]
    .filter((name) => before.get(name) !== now.get(name))
    .map((name) => `${name} (${before.get(name) ?? 'none'} to ${now.get(name) ?? 'none'})`);
}

/** Changes to a claim's spec, as `kubectl patch --type merge`. */
export async function edit(live: Live, claim: Reference, spec: JsonObject): Promise<void> {
  await live.kube.patch(claim, { spec });
}
