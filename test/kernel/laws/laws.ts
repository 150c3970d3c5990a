/**
 * The laws of the kernel as tests see them: each looks at what was asked and answered, and says what is wrong with it.
 * What should be comes from the same plans as in the functions; that the kernel does what they say is what is tested.
 */
import { Ready, Status, type RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import { clusterComposer } from '../../../functions/cluster/index.ts';
import { dataServiceComposer } from '../../../functions/data-service/index.ts';
import type { Composer, Graph } from '../../../functions/kernel/graph.ts';
import {
  at,
  isManifest,
  listAt,
  numberAt,
  objectAt,
  same,
  textAt,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { AFTER_ANNOTATION, EXTERNAL_NAME_ANNOTATION } from '../../../functions/kernel/names.ts';
import { isReady, observe } from '../../../functions/kernel/observed.ts';
import { platformComposer } from '../../../functions/platform/index.ts';
import { regionComposer } from '../../../functions/region/index.ts';
import { isUsage } from '../../../functions/simulator/usages.ts';
import { controllerOf, groupOf, idOf, uidOf, type World } from '../../../functions/simulator/world.ts';
import { composedIn, compositeOf, desiredIn, observedIn, type Step } from './life.ts';

/** What is wrong, one line each; nothing when the law is kept. */
export type Verdict = readonly string[];

type Plan = (request: RunFunctionRequest) => Graph | undefined;

function planning<Spec>(composer: Composer<Spec>): [string, Plan] {
  return [
    composer.kind,
    (request) => {
      const xr = compositeOf(request);
      const parsed = composer.parse(xr);
      if (!parsed.ok) return undefined;
      const names = Object.keys(composer.requires?.(parsed.spec, xr) ?? {});
      const required = Object.fromEntries(
        names.map((name) => [
          name,
          (request.requiredResources[name]?.items ?? []).flatMap(({ resource }): Manifest[] => {
            const object: unknown = resource;
            return isManifest(object) ? [object] : [];
          }),
        ]),
      );
      return composer.plan({ xr, spec: parsed.spec, observed: observe(observedIn(request)), required });
    },
  ];
}

const PLANS: ReadonlyMap<string, Plan> = new Map([
  planning(clusterComposer),
  planning(regionComposer),
  planning(platformComposer),
  planning(dataServiceComposer),
]);

/** What the function planned on this request; undefined when the input could not be read. */
export function planOf(request: RunFunctionRequest): Graph | undefined {
  return PLANS.get(compositeOf(request).kind)?.(request);
}

/** Order: nothing is made before what it waits for. */
export function order({ request, response }: Step): Verdict {
  const observed = observedIn(request);
  const graph = planOf(request);
  const nodes = new Map((graph?.nodes ?? []).map((node) => [node.key, node]));
  return [...desiredIn(response).keys()]
    .filter((key) => !observed.has(key))
    .flatMap((key) =>
      (nodes.get(key)?.after ?? []).flatMap((after) => {
        const other = typeof after === 'string' ? after : after.key;
        const object = observed.get(other);
        const met =
          object !== undefined &&
          (typeof after === 'string' ? (nodes.get(other)?.ready ?? isReady)(object) : after.test(object));
        return met ? [] : [`"${key}" is made before "${other}" is ready`];
      }),
    );
}

/** The order of the design, read from the objects of the whole control plane: it asks no plan. */
export function milestones({ request, response, before }: Step): Verdict {
  const observed = observedIn(request);
  const worldwide = [...before.objects.values()];
  const one = (key: string) => observed.get(key);
  const isUp = (key: string) => {
    const object = one(key);
    return object !== undefined && isReady(object);
  };
  const needs = (key: string, what: string, met: boolean): Verdict =>
    met ? [] : [`"${key}" is made before ${what}`];
  const jobsDone = (role: string, id: string) =>
    [...observed].some(
      ([key, object]) => key.startsWith(`${role}/${id}/`) && object.kind === 'Job' && isReady(object),
    );
  return [...desiredIn(response)]
    .filter(([key]) => !observed.has(key))
    .flatMap(([key, object]): Verdict => {
      const [operation = '', machine = '', identity = ''] = key.split('/');
      if (object.kind === 'Server')
        return [
          ...needs(key, 'the subnet is there', isUp('subnet')),
          ...needs(key, 'the firewall covers it', isUp('firewall-attachment')),
          ...needs(key, 'its key is known', isUp('ssh-key')),
        ];
      if (object.kind === 'Job' && ['server', 'agent'].includes(operation)) {
        const server = one(`machine/${machine}`);
        const servers = [...observed.keys()].filter((other) => /^server\/[^/]+\/[^/]+$/.test(other));
        const earlier = new Set(
          servers.map((other) => other.split('/')[1] ?? '').filter((id) => id !== machine),
        );
        const first = operation === 'server' && earlier.size === 0;
        return [
          ...(server === undefined
            ? []
            : needs(key, `its machine is known as ${identity}`, cloudIdOf(server) === identity)),
          ...needs(key, 'Cilium runs', first || at(one('platform'), 'status', 'networkReady') === true),
        ];
      }
      if (object.kind === 'XOpenOvaPlatform')
        return needs(
          key,
          'there is a way in',
          isUp('provider-config/helm') && isUp('provider-config/kubernetes'),
        );
      if (['Release', 'Object'].includes(object.kind)) {
        const name = textAt(object, 'spec', 'providerConfigRef', 'name');
        const ways = worldwide.filter(
          (other) =>
            other.kind === 'ProviderConfig' &&
            groupOf(other.apiVersion) === groupOf(object.apiVersion) &&
            other.metadata.name === name,
        );
        return needs(key, 'there is a ProviderConfig', ways.length > 0);
      }
      if (operation === 'upgrade' && object.kind === 'Job')
        return needs(
          key,
          'its machine has joined',
          jobsDone('server', machine) || jobsDone('agent', machine),
        );
      return [];
    });
}

/** Latch: what is observed and planned is desired. */
export function latch({ request, response }: Step): Verdict {
  const desired = desiredIn(response);
  const graph = planOf(request);
  const wanted =
    graph === undefined || graph.problems?.length ? undefined : new Set(graph.nodes.map(({ key }) => key));
  return [...observedIn(request).keys()]
    .filter((key) => (wanted?.has(key) ?? true) && !desired.has(key))
    .map((key) => `"${key}" is dropped though it is wanted`);
}

/** Freeze: what a plan calls frozen is in the world afterwards as it was before. */
export function freeze({ request, after, before }: Step): Verdict {
  const observed = observedIn(request);
  return (planOf(request)?.nodes ?? []).flatMap(({ key, frozen = [] }) => {
    const id = observed.get(key) && idOf(observed.get(key) ?? missing(key));
    const [was, is] = [before.objects.get(id ?? ''), after.objects.get(id ?? '')];
    if (was === undefined || is === undefined) return [];
    return frozen
      .filter((path) => {
        const [old, now] = [at(was, ...path.split('.')), at(is, ...path.split('.'))];
        return old !== undefined && !same(old, now);
      })
      .map((path) => `${path} of "${key}" changes`);
  });
}

function missing(key: string): never {
  throw new Error(`"${key}" is not observed`);
}

/** What a Server keeps while it has an id, as the design lists it. */
const SERVER_FIELDS = [
  'image',
  'location',
  'network',
  'placementGroupId',
  'placementGroupIdRef',
  'publicNet',
  'serverType',
  'sshKeys',
  'sshKeysRefs',
  'userData',
];

/** Freeze, over a whole life: the fields of each Server from the moment it has an id until it has another. */
export function frozenServers(steps: readonly Step[]): Verdict {
  const seen = new Map<string, Manifest>();
  const wrong: string[] = [];
  for (const { after } of steps)
    for (const [id, object] of composedIn(after)) {
      const cloud = object.kind === 'Server' ? cloudIdOf(object) : undefined;
      if (cloud === undefined) continue;
      const known = seen.get(`${id}#${cloud}`);
      if (known === undefined) seen.set(`${id}#${cloud}`, object);
      else if (known !== object)
        for (const field of SERVER_FIELDS) {
          const [was, is] = [known, object].map((one) => at(one, 'spec', 'forProvider', field));
          if (was !== undefined && !same(was, is)) wrong.push(`${field} of ${id} changes`);
        }
    }
  return [...new Set(wrong)];
}

export function cloudIdOf(server: Manifest): string | undefined {
  return (
    textAt(server, 'status', 'atProvider', 'id') ??
    textAt(server, 'metadata', 'annotations', EXTERNAL_NAME_ANNOTATION)
  );
}

/** Decommission: what leaves, leaves in order, and nothing is deleted that something still needs. */
export function decommission({ request, response, before }: Step): Verdict {
  const observed = observedIn(request);
  const desired = desiredIn(response);
  const wanted = new Set((planOf(request)?.nodes ?? []).map(({ key }) => key));
  const unwanted = [...observed].filter(([key]) => !wanted.has(key));
  return [...observed]
    .filter(([key]) => !desired.has(key))
    .flatMap(([key, object]): Verdict => {
      const wrong: string[] = [];
      if (at(object, 'spec', 'deletionPolicy') === 'Orphan')
        wrong.push(`"${key}" is dropped while its deletionPolicy is Orphan: the real thing would stay`);
      for (const [other, user] of unwanted) {
        const after = (user.metadata.annotations?.[AFTER_ANNOTATION] ?? '').split(',');
        if (after.includes(key) && !isUsageOf(user, 'by', object))
          wrong.push(`"${key}" is dropped while "${other}", which was made after it, is still there`);
      }
      for (const usage of before.objects.values())
        if (isUsageOf(usage, 'of', object))
          wrong.push(`"${key}" is dropped while ${idOf(usage)} protects it`);
      if (object.kind === 'XOpenOvaRegion') wrong.push(...regionGoing(request, object, before));
      if (isUsage(object))
        for (const [other, user] of unwanted)
          if (isUsageOf(object, 'by', user)) wrong.push(`"${key}" is dropped before its user "${other}"`);
      return wrong;
    });
}

/** A region goes only without protection, and with everything that it made at the cloud. */
function regionGoing(request: RunFunctionRequest, region: Manifest, before: World): Verdict {
  const name = region.metadata.name ?? '';
  const isProtected = at(compositeOf(request), 'spec', 'deletionProtection') !== false;
  const staying = [...before.objects.values()].filter(
    (object) =>
      controllerOf(object)?.['uid'] === uidOf(region) &&
      groupOf(object.apiVersion).endsWith('.hetzner.crossplane.io') &&
      at(object, 'spec', 'deletionPolicy') === 'Orphan',
  );
  return [
    ...(isProtected ? [`region ${name} goes though the cluster is protected`] : []),
    ...staying.map((object) => `region ${name} goes and ${idOf(object)} would stay at the cloud`),
  ];
}

/** Decommission of machines, over a whole life: drained before they go, one at a time. */
export function drained(steps: readonly Step[]): Verdict {
  const joined = new Set<string>();
  /** Machines, by the cloud's id, that a drain was done on. */
  const emptied = new Set<string>();
  const wrong: string[] = [];
  for (const { id, request, response } of steps) {
    const observed = observedIn(request);
    const desired = desiredIn(response);
    for (const [key, object] of observed)
      if (/^(server|agent)\/[^/]+\/[^/]+(\/\d+)?$/.test(key) && object.kind === 'Job' && isReady(object))
        joined.add(`${id} ${key.split('/').slice(1, 3).join('/')}`);
    for (const [key, object] of observed) {
      const [operation, machine = '', identity = ''] = key.split('/');
      if (operation === 'drain-and-remove' && object.kind === 'Job' && isReady(object))
        emptied.add(`${id} ${machine}/${identity}`);
    }
    const going = [...observed].filter(([key, { kind }]) => kind === 'Server' && !desired.has(key));
    const withNode = going
      .map(([key, server]) => `${id} ${key.slice('machine/'.length)}/${cloudIdOf(server) ?? ''}`)
      .filter((machine) => joined.has(machine));
    if (withNode.length > 1) wrong.push(`${withNode.join(' and ')} go at once`);
    for (const machine of withNode)
      if (!emptied.has(machine)) wrong.push(`${machine} goes before it was drained`);
  }
  return wrong;
}

function isUsageOf(usage: Manifest, side: 'of' | 'by', object: Manifest): boolean {
  if (!isUsage(usage)) return false;
  const subject = objectAt(usage, 'spec', side);
  const namespace =
    textAt(subject, 'resourceRef', 'namespace') ??
    (object.metadata.namespace === undefined ? undefined : usage.metadata.namespace);
  return (
    textAt(subject, 'kind') === object.kind &&
    groupOf(textAt(subject, 'apiVersion') ?? '') === groupOf(object.apiVersion) &&
    textAt(subject, 'resourceRef', 'name') === object.metadata.name &&
    namespace === object.metadata.namespace
  );
}

/** Honest answer: every observed resource is in the world as it was before, field by field. */
export function untouched({ request, before, after }: Step): Verdict {
  return [...observedIn(request)].flatMap(([key, object]) => {
    const [was, is] = [before.objects.get(idOf(object)), after.objects.get(idOf(object))];
    if (is === undefined || is.metadata['deletionTimestamp'] !== was?.metadata['deletionTimestamp'])
      return [`"${key}" is deleted`];
    return same(withoutBookkeeping(was), withoutBookkeeping(is)) ? [] : [`"${key}" changes`];
  });
}

/** An object without what the API server counts about it, and with its managers in one order. */
export function withoutBookkeeping(object: Manifest | undefined): Manifest | undefined {
  if (object === undefined) return undefined;
  const kept = Object.entries(object.metadata).filter(
    ([field]) => !['generation', 'managedFields', 'resourceVersion'].includes(field),
  );
  const managers = listAt(object, 'metadata', 'managedFields').toSorted((left, right) =>
    (textAt(left, 'manager') ?? '') < (textAt(right, 'manager') ?? '') ? -1 : 1,
  );
  return { ...object, metadata: { ...Object.fromEntries(kept), managedFields: managers } };
}

/** What every answer must be like, whatever was asked. */
export function wellFormed({ request, response }: Pick<Step, 'request' | 'response'>): Verdict {
  const wrong: string[] = [];
  const { conditions, results, desired } = response;
  const xr = compositeOf(request);
  const types = conditions.map(({ type }) => type);
  if (new Set(types).size !== types.length) wrong.push('a condition is given twice');
  for (const { type, reason, message = '', status } of conditions) {
    if (!/^[A-Z][A-Za-z]*$/.test(type)) wrong.push(`condition "${type}" is no type`);
    if (!/^[A-Z][A-Za-z]*$/.test(reason)) wrong.push(`condition ${type} has the reason "${reason}"`);
    if (status === Status.STATUS_CONDITION_UNSPECIFIED) wrong.push(`condition ${type} has no status`);
    if (message.length > MOST_MESSAGE) wrong.push(`the message of ${type} has ${message.length} characters`);
    if (message.includes('\n')) wrong.push(`the message of ${type} has more than one line`);
  }
  if (results.length > MOST_RESULTS) wrong.push(`${results.length} results`);
  for (const { message } of results)
    if (message.length > MOST_RESULT || message.includes('\n'))
      wrong.push(`a result is long: ${message.slice(0, 80)}`);
  for (const [key, { ready }] of Object.entries(desired?.resources ?? {}))
    if (ready === Ready.READY_UNSPECIFIED) wrong.push(`"${key}" does not say whether it is ready`);
  const { seconds } = response.meta?.ttl ?? { seconds: 0 };
  const isBusy = desired?.composite?.ready === Ready.READY_FALSE;
  if (isBusy ? seconds !== BUSY : seconds < WATCHFUL) wrong.push(`asks again in ${seconds} s`);
  const status = JSON.stringify(desired?.composite?.resource?.['status'] ?? {});
  if (status.length > MOST_STATUS) wrong.push(`the status has ${status.length} characters`);
  if (desired?.composite?.resource?.['kind'] !== xr.kind) wrong.push('the composite has another kind');
  return wrong;
}

/** Seconds until the next look, while anything is not ready and, at least, when all is. */
const BUSY = 5;
const WATCHFUL = 30;
/** Kubernetes takes 32768; a person reads less. Events are cut at 1024. */
const MOST_MESSAGE = 4096;
const MOST_RESULT = 1024;
const MOST_RESULTS = 20;
const MOST_STATUS = 64 * 1024;

/** Quiet: a condition that was said once is said in every answer to valid input. */
export function conditionSets(steps: readonly Step[]): Verdict {
  const said = new Map<string, Set<string>>();
  return steps.flatMap(({ id, response: { conditions } }) => {
    const types = new Set(conditions.map(({ type }) => type));
    if (
      conditions.some(({ type, status }) => type === 'InputValid' && status !== Status.STATUS_CONDITION_TRUE)
    )
      return [];
    const missing = [...(said.get(id) ?? [])].filter((type) => !types.has(type));
    said.set(id, types);
    return missing.map((type) => `${id} no longer says ${type}`);
  });
}

const NAME = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;
const SECRET_NAME = /^[a-z]([-.a-z0-9]{0,251}[a-z0-9])?$/;

/** Names: short enough for labels, host names and Terraform, of Secrets for Kubernetes, and no object belongs to two. */
export function names(world: World, steps: readonly Step[]): Verdict {
  const owners = new Map<string, Set<string>>();
  const wrong: string[] = [];
  for (const { id, response, request } of steps) {
    const xr = compositeOf(request).metadata.name ?? '';
    for (const [key, object] of desiredIn(response)) {
      const { name = '' } = object.metadata;
      if (!(object.kind === 'Secret' ? SECRET_NAME : NAME).test(name))
        wrong.push(`"${key}" of ${xr} is called "${name}"`);
      const release =
        object.kind === 'Release' ? (object.metadata.annotations?.[EXTERNAL_NAME_ANNOTATION] ?? name) : '';
      if (release.length > 53) wrong.push(`the Helm release of "${key}" is called "${release}"`);
      const labels = Object.values(object.metadata.labels ?? {}).filter((label) => !LABEL.test(label));
      if (labels.length > 0) wrong.push(`"${key}" has the label "${labels.join('", "')}"`);
      const remote = textAt(object, 'spec', 'forProvider', 'name');
      if (
        object.kind !== 'Record' &&
        remote !== undefined &&
        groupOf(object.apiVersion).endsWith('.hetzner.crossplane.io')
      )
        if (object.kind !== 'ZoneRRSet' && !NAME.test(remote))
          wrong.push(`"${key}" is called "${remote}" at the cloud`);
      const place = idOf(object);
      owners.set(place, (owners.get(place) ?? new Set()).add(`${id} ${key}`));
    }
  }
  for (const [place, all] of owners)
    if (all.size > 1) wrong.push(`${place} belongs to ${[...all].join(' and ')}`);
  const servers = [...world.objects.values()].filter(({ kind }) => kind === 'Server');
  const called = servers.map((server) => textAt(server, 'spec', 'forProvider', 'name'));
  if (new Set(called).size !== called.length) wrong.push('two servers of one project have the same name');
  return [...new Set(wrong)];
}

const LABEL = /^([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?$/;

/** How many machines of its pools a region's nodes say they are: for messages of failures. */
export function summary(world: World): string {
  return [...world.objects.values()]
    .filter(({ kind }) => kind.startsWith('XOpenOva') || kind === 'XDataService')
    .map((xr) => {
      const said = listAt(xr, 'status', 'conditions').map(
        (one) =>
          `${textAt(one, 'type') ?? ''}=${textAt(one, 'status') ?? ''} ${textAt(one, 'message') ?? ''}`,
      );
      return `${xr.kind}/${xr.metadata.name ?? ''} gen ${numberAt(xr, 'metadata', 'generation') ?? 0}: ${said.join('; ')}`;
    })
    .join('\n');
}
