/**
 * How core asks a function: the request it builds, and the loop in which it fetches what the function requires
 * (crossplane v2.4.0 internal/xfn/required_resources.go and composition_functions.go, read 2026-11-21).
 */
import { createHash } from 'node:crypto';
import {
  Capability,
  Ready,
  Requirements,
  RunFunctionRequest,
  Severity,
  type Resource,
  type Resources,
  type ResourceSelector,
  type RunFunctionResponse,
  type Schema,
  type SchemaSelector,
} from '@crossplane-org/function-sdk-typescript';
import { isObject, objectAt, same, textAt, type Json, type Manifest } from '../kernel/manifest.ts';
import { ReconcileError } from './failures.ts';
import { groupOf, type World } from './world.ts';

/** One call of the function, over gRPC or in the same process. */
export type Call = (request: RunFunctionRequest) => Promise<RunFunctionResponse>;

/** Whether some installed package, or Kubernetes itself, serves a kind. */
export type IsServed = (apiVersion: string, kind: string) => boolean;

/** Calls of one reconcile after which core gives up on requirements that keep changing. */
const MAX_CALLS = 6;

/** What became of asking. */
export interface Asked {
  readonly response: RunFunctionResponse;
  readonly calls: number;
}

/** The request of a reconcile, with what the function required last time already in it. */
export function buildRequest(
  world: World,
  xr: Manifest,
  observed: ReadonlyMap<string, Manifest>,
  seeds: Requirements | undefined,
): RunFunctionRequest {
  const resources = [...observed].sort(([left], [right]) => (left < right ? -1 : 1));
  const request = RunFunctionRequest.fromPartial({});
  const untagged: RunFunctionRequest = {
    ...request,
    observed: {
      composite: resourceOf(world, xr),
      resources: Object.fromEntries(resources.map(([key, object]) => [key, resourceOf(world, object)])),
    },
    desired: { composite: undefined, resources: {} },
    context: {},
    requiredResources: fetchAll(world, seeds),
  };
  return { ...untagged, meta: { tag: tagOf(untagged), capabilities: [...CAPABILITIES] } };
}

const CAPABILITIES = [
  Capability.CAPABILITY_CAPABILITIES,
  Capability.CAPABILITY_REQUIRED_RESOURCES,
  Capability.CAPABILITY_CREDENTIALS,
  Capability.CAPABILITY_CONDITIONS,
  Capability.CAPABILITY_REQUIRED_SCHEMAS,
];

/** sha256 of the request without its meta: the same request has the same tag. Of JSON, as that is made fastest. */
function tagOf(request: RunFunctionRequest): string {
  return createHash('sha256').update(JSON.stringify(request)).digest('hex');
}

/**
 * Calls the function until what it requires no longer changes.
 * @throws what core would fail the reconcile with: a kind that is not served, requirements that never settle.
 */
export async function ask(
  world: World,
  first: RunFunctionRequest,
  call: Call,
  isServed: IsServed,
): Promise<Asked> {
  let request = first;
  let before: Requirements | undefined;
  for (let calls = 1; calls <= MAX_CALLS; calls += 1) {
    const response = await call(request);
    const { requirements } = response;
    if (response.results.some(({ severity }) => severity === Severity.SEVERITY_FATAL))
      return { response, calls };
    if (sameRequirements(requirements, before)) return { response, calls };
    refuseUnserved(requirements, isServed);
    const resources = { ...first.requiredResources, ...fetchAll(world, requirements) };
    const schemas = { ...first.requiredSchemas, ...schemasOf(requirements, isServed) };
    // What was seeded is what is asked for: a second call would get the very same request.
    if (calls === 1 && sameFetched(request, resources, schemas)) return { response, calls };
    before = requirements;
    request = {
      ...request,
      requiredResources: resources,
      requiredSchemas: schemas,
      context: response.context,
    };
  }
  throw new ReconcileError(
    `requirements didn't stabilize after the maximum number of iterations (${MAX_CALLS - 1})`,
  );
}

function sameRequirements(left: Requirements | undefined, right: Requirements | undefined): boolean {
  if (left === undefined || right === undefined) return left === right;
  return same(jsonOf(Requirements.toJSON(left)), jsonOf(Requirements.toJSON(right)));
}

function jsonOf(value: unknown): Json {
  return isObject(value) ? value : {};
}

type Fetched = Record<string, Resources>;

function sameFetched(
  request: RunFunctionRequest,
  resources: Fetched,
  schemas: Record<string, Schema>,
): boolean {
  const text = (fetched: Fetched, known: Record<string, Schema>) =>
    JSON.stringify([sorted(fetched), sorted(known)]);
  return text(request.requiredResources, request.requiredSchemas) === text(resources, schemas);
}

function sorted<Value>(map: Record<string, Value>): Record<string, Value> {
  return Object.fromEntries(Object.entries(map).sort(([left], [right]) => (left < right ? -1 : 1)));
}

function refuseUnserved(requirements: Requirements | undefined, isServed: IsServed): void {
  for (const [name, { apiVersion, kind }] of Object.entries(requirements?.resources ?? {})) {
    if (!isServed(apiVersion, kind))
      throw new ReconcileError(
        `fetching resources for ${name}: no matches for kind "${kind}" in version "${apiVersion}"`,
      );
  }
}

function fetchAll(world: World, requirements: Requirements | undefined): Fetched {
  const selectors = Object.entries(requirements?.resources ?? {});
  return sorted(Object.fromEntries(selectors.map(([name, selector]) => [name, fetch(world, selector)])));
}

/** Every object that requirements find, in the order of their names. */
export function requiredBy(world: World, requirements: Requirements | undefined): Manifest[] {
  return Object.entries(requirements?.resources ?? {})
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .flatMap(([, selector]) => select(world, selector));
}

function fetch(world: World, selector: ResourceSelector): Resources {
  return { items: select(world, selector).map((object) => resourceOf(world, object, false)) };
}

/** The objects that a selector finds, by namespace and name. */
export function select(world: World, selector: ResourceSelector): Manifest[] {
  const { apiVersion, kind, namespace, matchName, matchLabels } = selector;
  const labels = Object.entries(matchLabels?.labels ?? {});
  const place = ({ metadata }: Manifest) => `${metadata.namespace ?? ''}/${metadata.name ?? ''}`;
  return [...world.objects.values()]
    .filter(
      (object) =>
        object.kind === kind &&
        groupOf(object.apiVersion) === groupOf(apiVersion) &&
        (matchName === undefined
          ? !namespace || object.metadata.namespace === namespace
          : object.metadata.name === matchName && (object.metadata.namespace ?? '') === (namespace ?? '')) &&
        labels.every(([name, value]) => object.metadata.labels?.[name] === value),
    )
    .sort((left, right) => (place(left) < place(right) ? -1 : 1));
}

function schemasOf(requirements: Requirements | undefined, isServed: IsServed): Record<string, Schema> {
  const selectors = Object.entries(requirements?.schemas ?? {});
  return sorted(
    Object.fromEntries(selectors.map(([name, selector]) => [name, schemaOf(selector, isServed)])),
  );
}

/** Never empty for a kind that is served, and nothing at all for one that is not. */
function schemaOf({ apiVersion, kind }: SchemaSelector, isServed: IsServed): Schema {
  if (!isServed(apiVersion, kind)) return { openapiV3: undefined };
  const [version = '', group = ''] = apiVersion.split('/').reverse();
  return { openapiV3: { type: 'object', 'x-kubernetes-group-version-kind': [{ group, version, kind }] } };
}

function resourceOf(world: World, object: Manifest, connection = true): Resource {
  return {
    resource: object,
    connectionDetails: connection ? connectionOf(world, object) : {},
    ready: Ready.READY_UNSPECIFIED,
  };
}

/** The data of the Secret that the object writes its connection details to. */
function connectionOf(world: World, object: Manifest): Record<string, Buffer> {
  const reference = objectAt(object, 'spec', 'writeConnectionSecretToRef');
  const name = textAt(reference, 'name');
  if (name === undefined) return {};
  const namespace = textAt(reference, 'namespace') ?? object.metadata.namespace ?? '';
  const secret = world.objects.get(`Secret/${namespace}/${name}`);
  const data = Object.entries(objectAt(secret, 'data') ?? {});
  return Object.fromEntries(
    data.flatMap(([key, value]): [string, Buffer][] =>
      typeof value === 'string' ? [[key, Buffer.from(value, 'base64')]] : [],
    ),
  );
}
