/**
 * Claims and their composites: what the claim controller of Crossplane 2.4.0 copies in which direction
 * (internal/controller/apiextensions/claim/syncer_ssa.go, read 2026-11-21).
 */
import { conditionOf, isObject, isTrue, listAt, objectAt, same, textAt } from '../kernel/manifest.ts';
import type { JsonObject, Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, sha256 } from '../kernel/names.ts';
import { MACHINERY } from '../apis/parse.ts';
import { admitted, definitionOfClaim, type Definition } from './definitions.ts';
import { apply } from './fields.ts';
import { withCondition } from './conditions.ts';
import { idFor, isBeingDeleted, markDeleted, put, remove, timeOf, type World } from './world.ts';

/**
 * What follows the claim's name in the name of its composite. Crossplane takes five random characters; a render has to
 * give the same names every time.
 */
export const OFFLINE_SUFFIX = 'local';

const MANAGER = 'apiextensions.crossplane.io/claim';
/** Machinery that a claim's author may set and the composite gets. */
const PROPAGATED = [
  'compositionRef',
  'compositionRevisionSelector',
  'compositionSelector',
  'compositionUpdatePolicy',
];
const CORE_STATUS = ['claimConditionTypes', 'conditions', 'connectionDetails'];

/** Claims of our kinds in a world, in the order of their ids. */
export function claimsOf(world: World, definitions: readonly Definition[]): [string, Definition][] {
  return [...world.objects]
    .flatMap(([id, object]): [string, Definition][] => {
      const definition = definitionOfClaim(definitions, object);
      return definition === undefined ? [] : [[id, definition]];
    })
    .sort(([left], [right]) => (left < right ? -1 : 1));
}

/** The composite that a claim is bound to. */
export function compositeIdOf(claim: Manifest, { apiVersion, kind }: Definition): string | undefined {
  const name = textAt(claim, 'spec', 'resourceRef', 'name');
  return name === undefined ? undefined : idFor({ apiVersion, kind, name });
}

/** Both directions, for every claim. */
export function syncClaims(world: World, definitions: readonly Definition[]): World {
  return claimsOf(world, definitions).reduce((next, [id, definition]) => sync(next, id, definition), world);
}

function sync(world: World, id: string, definition: Definition): World {
  const claim = world.objects.get(id);
  if (claim === undefined) return world;
  if (isBeingDeleted(claim)) return leave(world, id, claim, definition);
  const { apiVersion, kind } = definition;
  const name = textAt(claim, 'spec', 'resourceRef', 'name') ?? nameFor(world, claim);
  const xrId = idFor({ apiVersion, kind, name });
  const bound = admitted(
    { ...claim, spec: { ...objectAt(claim, 'spec'), resourceRef: { apiVersion, kind, name } } },
    definition,
  );

  const intent = compositeOf(bound, name, definition);
  const before = world.objects.get(xrId);
  const applied = apply(before, {
    manager: MANAGER,
    manifest: intent,
    time: timeOf(world),
    schema: definition.schema,
  });
  const created = put(world, admitted(applied, definition));
  const xr = created.objects.get(xrId);
  return put(created, xr === undefined ? bound : withStatusOf(bound, xr, timeOf(world)));
}

function nameFor(world: World, { kind, metadata }: Manifest): string {
  const { name = '', namespace = '' } = metadata;
  const wanted = `${name}-${OFFLINE_SUFFIX}`;
  // Two claims of one name, in two namespaces or of two kinds: all that they compose begins with the composite's name.
  const isTaken = [...world.objects.values()].some(
    (object) => object.metadata.name === wanted && object.metadata.labels?.[CLAIM_NAME_LABEL] !== undefined,
  );
  return isTaken ? `${name}-${sha256(`${kind}/${namespace}/${name}`, 5)}` : wanted;
}

/** What the claim controller applies to the composite. */
function compositeOf(claim: Manifest, name: string, { apiVersion, kind }: Definition): Manifest {
  const { labels, annotations } = claim.metadata;
  const dropped = MACHINERY.filter((field) => !PROPAGATED.includes(field));
  const spec = Object.fromEntries(
    Object.entries(objectAt(claim, 'spec') ?? {}).filter(
      ([field]) => !dropped.some((machinery) => machinery === field),
    ),
  );
  const passed = unreserved(annotations);
  return {
    apiVersion,
    kind,
    metadata: {
      name,
      labels: {
        ...unreserved(labels),
        [CLAIM_NAME_LABEL]: claim.metadata.name ?? '',
        [CLAIM_NAMESPACE_LABEL]: claim.metadata.namespace ?? '',
      },
      ...(Object.keys(passed).length > 0 && { annotations: passed }),
    },
    spec: {
      ...spec,
      claimRef: {
        apiVersion: claim.apiVersion,
        kind: claim.kind,
        namespace: claim.metadata.namespace ?? '',
        name: claim.metadata.name ?? '',
      },
    },
  };
}

function unreserved(entries: Readonly<Record<string, string>> = {}): Record<string, string> {
  const reserved = (name: string) => {
    const host = name.slice(0, Math.max(0, name.indexOf('/')));
    return /(^|\.)(kubernetes|k8s)\.io$/.test(host);
  };
  return Object.fromEntries(Object.entries(entries).filter(([name]) => !reserved(name)));
}

/** The claim with the status of its composite: all of it but Crossplane's own, and the conditions meant for it. */
function withStatusOf(claim: Manifest, xr: Manifest, time: string): Manifest {
  const kept = Object.entries(objectAt(claim, 'status') ?? {}).filter(([name]) => CORE_STATUS.includes(name));
  const copied = Object.entries(objectAt(xr, 'status') ?? {}).filter(([name]) => !CORE_STATUS.includes(name));
  const status: JsonObject = { ...Object.fromEntries(copied), ...Object.fromEntries(kept) };
  const ready = isTrue(xr, 'Ready');
  const types = listAt(xr, 'status', 'claimConditionTypes').filter((type) => typeof type === 'string');
  const passed = types.flatMap((type) => conditionOf(xr, type) ?? []).filter(isObject);
  const own: JsonObject[] = [
    { type: 'Synced', status: 'True', reason: 'ReconcileSuccess' },
    ready
      ? { type: 'Ready', status: 'True', reason: 'Available' }
      : {
          type: 'Ready',
          status: 'False',
          reason: 'Waiting',
          message: 'Claim is waiting for composite resource to become Ready',
        },
  ];
  const next = [...own, ...passed].reduce<Manifest>(
    (object, condition) => withCondition(object, condition, time),
    { ...claim, status },
  );
  return same(next, claim) ? claim : next;
}

/** A claim that is being deleted goes when its composite has gone, Foreground as our XRDs have it. */
function leave(world: World, id: string, claim: Manifest, definition: Definition): World {
  const xrId = compositeIdOf(claim, definition);
  if (xrId === undefined || !world.objects.has(xrId)) return remove(world, id);
  return markDeleted(world, xrId);
}
