/** From one RunFunctionRequest to one RunFunctionResponse: the only place that knows Crossplane's messages. */
import {
  Ready,
  Severity,
  Status,
  Target,
  type Condition as ConditionMessage,
  type Requirements,
  type Resource,
  type ResourceSelector as SelectorMessage,
  type Result,
  type RunFunctionRequest,
  type RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import { withRelease } from './consent.ts';
import type { Composer, Condition, Graph, Problem, ResourceSelector } from './graph.ts';
import { held } from './hold.ts';
import {
  canonical,
  conditionOf,
  isManifest,
  isObject,
  isTrue,
  objectAt,
  type JsonObject,
  type Manifest,
} from './manifest.ts';
import { isReady, observe } from './observed.ts';
import { configurationOf, packageOf } from '../providers/packages.ts';
import { few, oneLine } from './report.ts';
import { settle, type Desired, type Settled } from './settle.ts';

/** Seconds until the next look: core drops watch events while its circuit breaker is open, so polling carries. */
const BUSY = 5;
const QUIET = 600;
/**
 * At rest, while an edit could be one of the events that core drops: its circuit breaker was open at its last reconcile, and
 * then lets one event pass in 30 s, or the input is bad and somebody is about to correct it. Seen on a live core 2.4.0, 2026-11:
 * a correction 8 s after a mistake was looked at ten minutes later.
 */
const WATCHFUL = 30;
/** Status fields that Crossplane writes. */
const CORE_STATUS = ['conditions', 'connectionDetails', 'claimConditionTypes'];
const MOST_WARNINGS = 20;
/** Characters. Kubernetes takes 32768 in a condition, and 1024 in an event with Crossplane's own words before ours. */
const MOST_IN_CONDITION = 4096;
const MOST_IN_EVENT = 900;

/** The answer of a composer, with all the kernel's laws kept. */
export function compose<Spec>(composer: Composer<Spec>, request: RunFunctionRequest): RunFunctionResponse {
  const given: unknown = request.observed?.composite?.resource;
  if (!isManifest(given))
    return unreadable(request, 'the observed composite has no apiVersion, kind or metadata');
  const resources = new Map<string, Manifest>();
  for (const [key, { resource }] of Object.entries(request.observed?.resources ?? {})) {
    const object: unknown = resource;
    if (!isManifest(object))
      return unreadable(request, `the observed resource "${key}" is no Kubernetes object`);
    resources.set(key, object);
  }
  const observed = observe(resources);
  // The order of fields differs from call to call; from here on it is ours. Who owns which of them is never asked.
  const metadata = { ...given.metadata, managedFields: undefined };
  const xr = withRelease(canonical({ ...given, metadata }), observed);
  const running = () => heldBy(request, resources);

  const parsed = composer.parse(xr);
  if (!parsed.ok) return answer(request, xr, heldAnswer(xr, running(), parsed.problems));

  const requires = composer.requires?.(parsed.spec, xr) ?? {};
  const required = Object.fromEntries(Object.keys(requires).map((name) => [name, fetched(request, name)]));
  if (Object.values(required).includes(undefined))
    return answer(request, xr, { ...heldAnswer(xr, running(), []), requires });

  const input = { xr, spec: parsed.spec, observed, required };
  const graph = composer.plan(input);
  const settled = settle(xr, graph, observed, (kind) => isServed(request, kind));
  const { status, conditions, connection } = composer.report(input, settled);
  const problems = graph.problems ?? [];
  const isBad = problems.length > 0;
  return answer(request, xr, {
    desired: isBad ? new Map([...running(), ...settled.desired]) : settled.desired,
    status,
    conditions: [...conditions, ...kernelConditions(graph, settled)],
    problems,
    ready: isBad ? isTrue(xr, 'Ready') : settled.ready,
    requires,
    probes: settled.probes,
    ...(connection && { connection }),
  });
}

interface Answer {
  readonly desired: ReadonlyMap<string, Desired>;
  readonly status: JsonObject;
  readonly conditions: readonly Condition[];
  readonly problems: readonly Problem[];
  readonly ready: boolean;
  readonly requires?: Readonly<Record<string, ResourceSelector>>;
  readonly probes?: readonly string[];
  readonly connection?: Readonly<Record<string, Uint8Array>>;
}

/**
 * All that exists, as it was applied, but for what earlier steps desire, which is theirs to say. Also what does not carry our
 * label: it may have carried it, and to leave it out would delete it. What belongs to a later step is said again by that
 * step, under the same key.
 */
function heldBy(
  { desired }: RunFunctionRequest,
  resources: ReadonlyMap<string, Manifest>,
): Map<string, Desired> {
  const earlier = desired?.resources ?? {};
  return new Map(
    [...resources]
      .filter(([key]) => !Object.hasOwn(earlier, key))
      .map(([key, object]) => [key, { manifest: held(object), ready: isReady(object) }]),
  );
}

/** Everything as it is: for input that can not be read, and while required resources are being fetched. */
function heldAnswer(
  xr: Manifest,
  desired: ReadonlyMap<string, Desired>,
  problems: readonly Problem[],
): Answer {
  const status = Object.entries(objectAt(xr, 'status') ?? {}).filter(([name]) => !CORE_STATUS.includes(name));
  return {
    desired,
    status: Object.fromEntries(status),
    conditions: problems.length > 0 ? [inputCondition(problems)] : [],
    problems,
    ready: isTrue(xr, 'Ready'),
  };
}

/** What is to be installed for a kind: our Configuration where one of them brings it. */
function bringing(kind: string): string {
  const found = packageOf(kind.slice(0, kind.lastIndexOf('/')));
  const what = found === undefined ? 'a package' : `the Configuration "${configurationOf(found.use)}"`;
  return `${what} that brings ${kind}`;
}

function kernelConditions(graph: Graph, settled: Settled): Condition[] {
  return [
    inputCondition(graph.problems ?? []),
    settled.unserved.length > 0
      ? {
          type: 'PackagesInstalled',
          status: 'False',
          reason: 'KindNotServed',
          message: `Install ${few(settled.unserved.map(bringing), MOST_WARNINGS)}: docs/install.md says how`,
        }
      : { type: 'PackagesInstalled', status: 'True', reason: 'AllServed' },
    ...(graph.release ? [updateCondition(graph.release, settled)] : []),
  ];
}

function inputCondition(problems: readonly Problem[]): Condition {
  if (problems.length === 0) return { type: 'InputValid', status: 'True', reason: 'Valid' };
  const message = problems.map(({ field, message: text }) => `${field} ${text}`).join('; ');
  return { type: 'InputValid', status: 'False', reason: 'Invalid', message };
}

function updateCondition(
  { running, wanted, installed }: NonNullable<Graph['release']>,
  { updates }: Settled,
): Condition {
  const type = 'UpdateAvailable';
  if (running === undefined || running === installed || wanted === installed)
    return { type, status: 'False', reason: 'UpToDate' };
  const what = updates.length > 0 ? `would change ${few(updates, 10)}` : 'changes nothing here';
  const message = `Release "${installed}" ${what}; set spec.platform.release to "${installed}" to take it`;
  return { type, status: 'True', reason: 'NewerRelease', message };
}

function fetched(request: RunFunctionRequest, name: string): Manifest[] | undefined {
  const items = request.requiredResources[name]?.items;
  return items?.flatMap(({ resource }): Manifest[] => {
    const object: unknown = resource;
    return isManifest(object) ? [canonical(object)] : [];
  });
}

/** Crossplane answers a schema request for a kind that is not served with a schema that is empty. */
function isServed(request: RunFunctionRequest, kind: string): boolean {
  const schema: unknown = request.requiredSchemas[kind]?.openapiV3;
  return isObject(schema) && Object.keys(schema).length > 0;
}

/** Seconds until core shall ask again, whatever happens. */
function pause(xr: Manifest, { ready, problems }: Answer): number {
  if (!ready) return BUSY;
  const isDeaf = conditionOf(xr, 'Responsive')?.['status'] === 'False';
  return isDeaf || problems.length > 0 ? WATCHFUL : QUIET;
}

function answer(request: RunFunctionRequest, xr: Manifest, given: Answer): RunFunctionResponse {
  const before = request.desired;
  const resources = new Map(Object.entries(before?.resources ?? {}).map(([key, one]) => [key, inOrder(one)]));
  for (const [key, { manifest, ready }] of given.desired)
    resources.set(key, resourceOf(manifest, ready ? Ready.READY_TRUE : Ready.READY_FALSE));
  const composite: unknown = before?.composite?.resource;
  const earlier = isObject(composite) ? composite : {};
  const context: unknown = request.context;
  return {
    meta: { tag: request.meta?.tag ?? '', ttl: { seconds: pause(xr, given), nanos: 0 } },
    desired: {
      resources: sorted([...resources]),
      composite: {
        ...resourceOf(
          {
            ...canonical(earlier),
            apiVersion: xr.apiVersion,
            kind: xr.kind,
            status: canonical({ ...objectAt(earlier, 'status'), ...given.status }),
          },
          // Left open, Crossplane counts every resource, also those of other steps.
          given.ready ? (before?.composite?.ready ?? Ready.READY_UNSPECIFIED) : Ready.READY_FALSE,
        ),
        connectionDetails: sorted(
          Object.entries({
            ...before?.composite?.connectionDetails,
            ...Object.fromEntries(
              Object.entries(given.connection ?? {}).map(([name, value]) => [name, Buffer.from(value)]),
            ),
          }),
        ),
      },
    },
    results: given.problems.slice(0, MOST_WARNINGS).map(warning),
    context: isObject(context) ? canonical(context) : request.context,
    requirements: requirementsOf(given),
    conditions: given.conditions.map(conditionMessage),
    output: undefined,
  };
}

/** Maps come from outside in any order, and leave in one. */
function sorted<Value>(entries: readonly [string, Value][]): Record<string, Value> {
  return Object.fromEntries([...entries].sort(([left], [right]) => (left < right ? -1 : 1)));
}

function inOrder(resource: Resource): Resource {
  const object: unknown = resource.resource;
  return isObject(object) ? { ...resource, resource: canonical(object) } : resource;
}

/** Undefined when nothing is asked for: an empty message would cost a second call. */
function requirementsOf({ requires = {}, probes = [] }: Answer): Requirements | undefined {
  if (Object.keys(requires).length === 0 && probes.length === 0) return undefined;
  return {
    extraResources: {},
    resources: Object.fromEntries(
      Object.entries(requires).map(([name, selector]) => [name, selectorMessage(selector)]),
    ),
    schemas: Object.fromEntries(
      probes.map((kind) => {
        const cut = kind.lastIndexOf('/');
        return [kind, { apiVersion: kind.slice(0, cut), kind: kind.slice(cut + 1) }];
      }),
    ),
  };
}

function resourceOf(resource: JsonObject, ready: Ready): Resource {
  return { resource, connectionDetails: {}, ready };
}

function selectorMessage(selector: ResourceSelector): SelectorMessage {
  const { apiVersion, kind, namespace } = selector;
  return {
    apiVersion,
    kind,
    ...(namespace !== undefined && { namespace }),
    ...('name' in selector
      ? { matchName: selector.name }
      : { matchLabels: { labels: { ...selector.labels } } }),
  };
}

const STATUS = {
  True: Status.STATUS_CONDITION_TRUE,
  False: Status.STATUS_CONDITION_FALSE,
  Unknown: Status.STATUS_CONDITION_UNKNOWN,
};

function conditionMessage({ type, status, reason, message }: Condition): ConditionMessage {
  return {
    type,
    status: STATUS[status],
    reason,
    ...(message !== undefined && { message: oneLine(message, MOST_IN_CONDITION) }),
    target: Target.TARGET_COMPOSITE_AND_CLAIM,
  };
}

function warning({ field, message }: Problem): Result {
  return {
    severity: Severity.SEVERITY_WARNING,
    message: oneLine(`${field} ${message}`, MOST_IN_EVENT),
    reason: 'InvalidInput',
    target: Target.TARGET_COMPOSITE_AND_CLAIM,
  };
}

/** The one FATAL of ours: nothing is applied, nothing is lost. */
function unreadable(request: RunFunctionRequest, message: string): RunFunctionResponse {
  return {
    meta: { tag: request.meta?.tag ?? '', ttl: { seconds: QUIET, nanos: 0 } },
    desired: request.desired,
    results: [
      { severity: Severity.SEVERITY_FATAL, message: `cannot compose: ${message}`, reason: 'Unreadable' },
    ],
    context: request.context,
    requirements: undefined,
    conditions: [],
    output: undefined,
  };
}
