/** A world that begins with objects that exist already. */
import { objectAt, textAt, type JsonObject, type Manifest } from '../kernel/manifest.ts';
import { CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, COMPOSITE_LABEL } from '../kernel/names.ts';
import { withRefs } from './composed.ts';
import { definitionOf, definitionOfClaim, type Definition } from './definitions.ts';
import { controllerOf, idFor, idOf, put, referenceTo, uidOf, type World } from './world.ts';

/**
 * The world with these objects in it, each in the hands of the composite that its owner reference names. A composite
 * that is not among them is made up from those references, so that a claim of its name takes it over.
 */
export function adopt(
  world: World,
  definitions: readonly Definition[],
  observed: readonly Manifest[],
): World {
  const all = observed.reduce((next, object) => put(next, object), world);
  const owners = observed.flatMap((object) => ownerOf(definitions, object) ?? []);
  const complete = owners.reduce(
    (next, owner) => (next.objects.has(idOf(owner)) ? next : put(next, owner)),
    all,
  );
  return [...complete.objects.values()]
    .filter((object) => definitionOf(definitions, object) !== undefined)
    .reduce((next, composite) => {
      const children = [...complete.objects.values()].filter(
        (object) => controllerOf(object)?.['uid'] === uidOf(composite),
      );
      return put(next, withRefs(next.objects.get(idOf(composite)) ?? composite, children.map(referenceTo)));
    }, complete);
}

/** The composite that controls an object, as far as the object tells. */
function ownerOf(definitions: readonly Definition[], object: Manifest): Manifest | undefined {
  const owner = controllerOf(object);
  const [apiVersion, kind] = [textAt(owner, 'apiVersion') ?? '', textAt(owner, 'kind') ?? ''];
  const [name, uid] = [textAt(owner, 'name'), textAt(owner, 'uid')];
  if (name === undefined || uid === undefined || !definitionOf(definitions, { apiVersion, kind }))
    return undefined;
  const labels = object.metadata.labels ?? {};
  const kept = [CLAIM_NAME_LABEL, CLAIM_NAMESPACE_LABEL, COMPOSITE_LABEL].flatMap(
    (label): [string, string][] => (labels[label] === undefined ? [] : [[label, labels[label]]]),
  );
  return { apiVersion, kind, metadata: { name, uid, labels: Object.fromEntries(kept) }, spec: {} };
}

/** The claim bound to the composite that exists for it already, if there is one. */
export function bound(world: World, definitions: readonly Definition[], claim: Manifest): Manifest {
  const definition = definitionOfClaim(definitions, claim);
  if (definition === undefined) return claim;
  const { apiVersion, kind } = definition;
  const { name = '', namespace = '' } = claim.metadata;
  const xr = [...world.objects.values()].find(
    (object) =>
      object.kind === kind &&
      object.metadata.labels?.[CLAIM_NAME_LABEL] === name &&
      object.metadata.labels[CLAIM_NAMESPACE_LABEL] === namespace &&
      // Nested composites have the labels too; the root's name is its own label.
      object.metadata.labels[COMPOSITE_LABEL] === object.metadata.name,
  );
  const before = world.objects.get(idFor({ ...referenceTo(claim) }));
  const known = objectAt(before, 'spec', 'resourceRef');
  const resourceRef: JsonObject | undefined =
    xr === undefined ? known : { apiVersion, kind, name: xr.metadata.name ?? '' };
  if (resourceRef === undefined) return claim;
  return {
    ...claim,
    metadata: { ...before?.metadata, ...claim.metadata },
    ...(before?.['status'] !== undefined && { status: before['status'] }),
    spec: { ...objectAt(claim, 'spec'), resourceRef },
  };
}
