/**
 * What core does with composed objects: finds them, names and marks them, applies them, and deletes those that are no
 * longer desired (crossplane v2.4.0 internal/controller/apiextensions/composite, read 2026-11-21).
 */
import { createHash } from 'node:crypto';
import {
  at,
  isObject,
  listAt,
  objectAt,
  same,
  textAt,
  type JsonObject,
  type Manifest,
} from '../kernel/manifest.ts';
import {
  CLAIM_NAME_LABEL,
  CLAIM_NAMESPACE_LABEL,
  COMPOSITE_LABEL,
  KEY_ANNOTATION,
  sha256,
} from '../kernel/names.ts';
import { admitted, definitionOf, schemaFor, type Definition } from './definitions.ts';
import { Conflict, ReconcileError } from './failures.ts';
import { apply } from './fields.ts';
import type { IsServed } from './request.ts';
import { dropComposed, isUsage, usagesOf } from './usages.ts';
import {
  controllerOf,
  groupOf,
  idFor,
  idOf,
  put,
  referenceTo,
  timeOf,
  uidOf,
  type Reference,
  type World,
} from './world.ts';

/** Why the API server would refuse a change; empty when it takes it. */
export type Refuses = (before: Manifest | undefined, after: Manifest) => readonly string[];

/** The field manager of an XR's composed objects: its name, group and kind are in the hash, its uid is not. */
export function composedManager({ apiVersion, kind, name }: Reference): string {
  const hash = createHash('sha256')
    .update(`${name}${kind}.${groupOf(apiVersion)}`)
    .digest('hex');
  return `apiextensions.crossplane.io/composed/${hash}`;
}

/**
 * A composite's objects by key: those that its resourceRefs name and that nobody else controls.
 * @throws ReconcileError when it refers to a kind that is not served: core then never calls the function again.
 */
export function observe(world: World, xr: Manifest, isServed: IsServed = () => true): Map<string, Manifest> {
  const found = new Map<string, Manifest>();
  for (const reference of refsOf(xr)) {
    if (!isServed(reference.apiVersion, reference.kind))
      throw new ReconcileError(`cannot get existing composed resources: ${noMatches(reference)}`);
    const object = world.objects.get(idFor(reference));
    const controller = object === undefined ? undefined : controllerOf(object);
    if (object === undefined || (controller !== undefined && controller['uid'] !== uidOf(xr))) continue;
    const key = object.metadata.annotations?.[KEY_ANNOTATION];
    if (key !== undefined) found.set(key, object);
  }
  return found;
}

export function noMatches({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  return `no matches for kind "${kind}" in version "${apiVersion}"`;
}

function refsOf(xr: Manifest): Reference[] {
  return listAt(xr, 'spec', 'resourceRefs').flatMap((reference): Reference[] => {
    const { apiVersion, kind, namespace, name } = isObject(reference) ? reference : {};
    if (typeof apiVersion !== 'string' || typeof kind !== 'string' || typeof name !== 'string') return [];
    return [{ apiVersion, kind, name, ...(typeof namespace === 'string' && { namespace }) }];
  });
}

/** The composite with references to exactly these objects, in core's order. */
export function withRefs(xr: Manifest, references: readonly Reference[]): Manifest {
  const order = ({ apiVersion, kind, name, namespace = '' }: Reference) =>
    apiVersion + kind + name + namespace;
  const resourceRefs = [...references]
    .sort((left, right) => (order(left) < order(right) ? -1 : 1))
    .map(({ apiVersion, kind, namespace, name }): JsonObject => ({
      apiVersion,
      kind,
      ...(namespace !== undefined && { namespace }),
      name,
    }));
  return { ...xr, spec: { ...objectAt(xr, 'spec'), resourceRefs } };
}

/** A desired object with the metadata that core gives to every composed object; once observed, the name stays. */
export function composedObject(
  desired: Manifest,
  xr: Manifest,
  key: string,
  observed: Manifest | undefined,
): Manifest {
  const labels = xr.metadata.labels ?? {};
  const root = labels[COMPOSITE_LABEL] ?? '';
  const { name, namespace } = observed?.metadata ?? desired.metadata;
  const generateName = textAt(observed ?? desired, 'metadata', 'generateName');
  const prefix = name === undefined && generateName === undefined ? `${root}-` : generateName;
  const claim = [CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL].map(
    (label) => [label, labels[label] ?? ''] as const,
  );
  const rest = Object.entries(desired.metadata).filter(
    ([field, value]) => !['generateName', 'name', 'namespace'].includes(field) && value !== undefined,
  );
  return {
    ...desired,
    metadata: {
      ...Object.fromEntries(rest),
      ...(prefix !== undefined && { generateName: prefix }),
      name: name ?? childName(prefix ?? '', uidOf(xr), key),
      ...(namespace !== undefined && { namespace }),
      labels: {
        ...desired.metadata.labels,
        [COMPOSITE_LABEL]: root,
        ...(claim.every(([, value]) => value !== '') && Object.fromEntries(claim)),
      },
      annotations: { ...desired.metadata.annotations, [KEY_ANNOTATION]: key },
      ownerReferences: [
        {
          apiVersion: xr.apiVersion,
          kind: xr.kind,
          name: xr.metadata.name ?? '',
          uid: uidOf(xr),
          controller: true,
          blockOwnerDeletion: true,
        },
      ],
    },
  };
}

/** What core calls an object that comes without a name. */
function childName(prefix: string, uid: string, key: string): string {
  const hash = sha256(uid + key, 12);
  return prefix.slice(0, 63 - hash.length) + hash;
}

const COMPOSED_LABELS = [COMPOSITE_LABEL, CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL];

/**
 * Deletes what is no longer desired.
 * @throws Conflict when a Usage protects one of them: core then applies nothing else of the composite.
 */
export function collect(world: World, xr: Manifest, unwanted: readonly Manifest[]): World {
  // A Usage that is dropped together with what it protects lets go at once.
  const usagesFirst = [...unwanted.filter(isUsage), ...unwanted.filter((object) => !isUsage(object))];
  return usagesFirst.reduce((next, object) => {
    const id = idOf(object);
    const controller = controllerOf(object);
    if (controller === undefined) return next;
    if (controller['uid'] !== uidOf(xr))
      throw new ReconcileError(
        `cannot garbage collect composed resources: "${id}" is controlled by "${textAt(controller, 'name') ?? ''}"`,
      );
    const [usage] = usagesOf(next, next.objects.get(id) ?? object);
    if (usage !== undefined)
      throw new Conflict(`cannot garbage collect composed resources: "${id}" is in use by "${idOf(usage)}"`);
    return dropComposed(next, id, COMPOSED_LABELS);
  }, world);
}

/** The world with a composed object applied, or why the API server finds it invalid. */
export function applyComposed(
  {
    definitions,
    refuses,
  }: { readonly definitions: readonly Definition[]; readonly refuses?: Refuses | undefined },
  world: World,
  xr: Manifest,
  manifest: Manifest,
): World | string {
  const live = world.objects.get(idOf(manifest));
  const controller = live === undefined ? undefined : controllerOf(live);
  if (controller !== undefined && controller['uid'] !== uidOf(xr))
    return 'metadata.ownerReferences: only one reference can have Controller set to true';
  const intent = JSON.stringify(manifest);
  if (live !== undefined && lastIntents.get(live) === intent) return world;
  const merged = apply(live, {
    manager: composedManager(referenceTo(xr)),
    manifest,
    time: timeOf(world),
    schema: schemaFor(definitions, manifest),
  });
  // Status is a subresource: applying the object leaves it as it is.
  const stored: Manifest = { ...merged };
  delete stored['status'];
  if (live?.['status'] !== undefined) stored['status'] = live['status'];
  const definition = definitionOf(definitions, manifest);
  const next = definition === undefined ? stored : admitted(stored, definition);
  const problems = [...immutable(live, next), ...(refuses?.(live, next) ?? [])];
  if (problems.length > 0) return problems.join('; ');
  const done = put(world, next);
  const result = done.objects.get(idOf(next));
  if (result !== undefined) lastIntents.set(result, intent);
  return done;
}

/** What was last applied to each object as it is now: applying it again changes nothing. Saves time, tells nothing. */
const lastIntents = new WeakMap<Manifest, string>();

/** What Kubernetes itself never lets change in a Job. Source: k8s.io/kubernetes v1.36 pkg/apis/batch/validation. */
const JOB_FIELDS = ['completionMode', 'completions', 'podFailurePolicy', 'selector', 'template'];

function immutable(before: Manifest | undefined, after: Manifest): string[] {
  if (before?.kind !== 'Job') return [];
  return JOB_FIELDS.filter((field) => !same(at(before, 'spec', field), at(after, 'spec', field))).map(
    (field) => `spec.${field}: field is immutable`,
  );
}
