/**
 * Between the messages of the function protocol and our own types. At this level a protobuf Struct is a plain object
 * of anything; from here on it is a Manifest or nothing.
 */
import {
  Ready,
  Severity,
  Status,
  Target,
  type Condition as ConditionMessage,
  type Resource,
  type ResourceSelector as SelectorMessage,
  type Result,
  type RunFunctionRequest,
  type RunFunctionResponse,
  type State,
} from '@crossplane-org/function-sdk-typescript';
import type { Condition, ResourceSelector } from '../kernel/graph.ts';
import { isManifest, type JsonObject, type Manifest } from '../kernel/manifest.ts';

/** What answers a RunFunction call: pure, and synchronous because it waits for nothing. */
export type Handler = (request: RunFunctionRequest) => RunFunctionResponse;

/** The object in a resource of a request; undefined when there is none or it is no Kubernetes object. */
export function manifestOf(resource: Resource | undefined): Manifest | undefined {
  const object: unknown = resource?.resource;
  return isManifest(object) ? object : undefined;
}

/** The composite that the call is about, as it was observed. */
export function compositeOf(request: RunFunctionRequest): Manifest | undefined {
  return manifestOf(request.observed?.composite);
}

/** The Kubernetes objects of a state by key, in the order of the keys. */
export function resourcesOf(state: State | undefined): ReadonlyMap<string, Manifest> {
  const found = new Map<string, Manifest>();
  const resources = state?.resources ?? {};
  for (const key of Object.keys(resources).sort()) {
    const manifest = manifestOf(resources[key]);
    if (manifest !== undefined) found.set(key, manifest);
  }
  return found;
}

/** The objects that a requirement asked for; undefined while Crossplane has not looked for them, [] when none exist. */
export function requiredOf(request: RunFunctionRequest, name: string): readonly Manifest[] | undefined {
  if (!Object.hasOwn(request.requiredResources, name)) return undefined;
  return (request.requiredResources[name]?.items ?? []).map(manifestOf).filter((item) => item !== undefined);
}

/** Whether the API server serves the kind that a schema requirement asked for; undefined while nobody has looked. */
export function isServedIn(request: RunFunctionRequest, name: string): boolean | undefined {
  if (!Object.hasOwn(request.requiredSchemas, name)) return undefined;
  return Object.keys(request.requiredSchemas[name]?.openapiV3 ?? {}).length > 0;
}

/** One object of the answer. Readiness is always said: Crossplane infers none. */
export function resourceOf(
  manifest: JsonObject,
  ready: boolean,
  connection: Readonly<Record<string, Uint8Array>> = {},
): Resource {
  const details = Object.entries(connection).map(([key, value]) => [key, Buffer.from(value)] as const);
  return {
    resource: manifest,
    connectionDetails: Object.fromEntries(details),
    ready: ready ? Ready.READY_TRUE : Ready.READY_FALSE,
  };
}

const STATUS = {
  True: Status.STATUS_CONDITION_TRUE,
  False: Status.STATUS_CONDITION_FALSE,
  Unknown: Status.STATUS_CONDITION_UNKNOWN,
} as const satisfies Record<Condition['status'], Status>;

/** A condition for the composite and for the claim that it came from. */
export function conditionOf({ type, status, reason, message }: Condition): ConditionMessage {
  return { type, status: STATUS[status], reason, message, target: Target.TARGET_COMPOSITE_AND_CLAIM };
}

/** An event of type Warning on the composite and its claim. */
export function warningOf(message: string, reason?: string): Result {
  return {
    severity: Severity.SEVERITY_WARNING,
    message,
    target: Target.TARGET_COMPOSITE_AND_CLAIM,
    ...(reason !== undefined && { reason }),
  };
}

export function selectorOf(selector: ResourceSelector): SelectorMessage {
  const { apiVersion, kind, namespace } = selector;
  return {
    apiVersion,
    kind,
    namespace,
    ...('name' in selector
      ? { matchName: selector.name }
      : { matchLabels: { labels: { ...selector.labels } } }),
  };
}

/**
 * An answer that changes nothing: what earlier steps of the pipeline desire, and their context, go on as they came.
 * The maps are fresh, so that adding to the answer leaves the request as it is.
 * @param ttlSeconds how long the answer may be reused before Crossplane asks again.
 */
export function passThrough(request: RunFunctionRequest, ttlSeconds: number): RunFunctionResponse {
  return {
    meta: metaOf(request, ttlSeconds),
    desired: { composite: request.desired?.composite, resources: { ...request.desired?.resources } },
    context: request.context,
    results: [],
    conditions: [],
    requirements: undefined,
  };
}

/** Nothing of a FATAL answer is applied; asked again no later than this, should the answer be cached. */
const FATAL_TTL_SECONDS = 60;

/** An answer on which Crossplane stops the pipeline and leaves everything as it is. */
export function fatal(request: RunFunctionRequest, message: string): RunFunctionResponse {
  return {
    meta: metaOf(request, FATAL_TTL_SECONDS),
    desired: undefined,
    context: undefined,
    results: [{ severity: Severity.SEVERITY_FATAL, message }],
    conditions: [],
    requirements: undefined,
  };
}

function metaOf(request: RunFunctionRequest, seconds: number): RunFunctionResponse['meta'] {
  return { tag: request.meta?.tag ?? '', ttl: { seconds, nanos: 0 } };
}
