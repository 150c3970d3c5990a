/** What an edit of a spec changes, and what of it the API server refuses. */
import type * as z from 'zod';
import type { Problem } from '../kernel/graph.ts';
import { isObject, listAt, same, textAt, type Json, type JsonObject } from '../kernel/manifest.ts';
import { clusterContract, inCluster, regionsGiven } from './cluster.ts';
import { dataServiceContract } from './data-service.ts';
import type { Change } from './describe.ts';
import { distinct, jsonSchemaOf, read, type Contract } from './parse.ts';
import { regionContract } from './region.ts';
import { problemOf } from './rules.ts';
import { CANNOT_CHANGE, changeOf, propertiesOf } from './structural.ts';

/** One field that an edit changes. */
export interface FieldChange {
  /** Dotted path with names for list items, such as `spec.pools[general].count`. */
  readonly field: string;
  readonly change: Change;
  /** Whether a region says it in place of its cluster: what counts then is what the region had before. */
  readonly overrides: boolean;
  /** Undefined where the field was or is left out. */
  readonly from: Json | undefined;
  readonly to: Json | undefined;
}

function withDefault(value: Json | undefined, node: JsonObject): Json | undefined {
  return value ?? node['default'];
}

/** Items by name; a list of things without names counts as one value. */
function byName(list: Json | undefined): ReadonlyMap<string, Json> {
  const items = Array.isArray(list) ? list : [];
  return new Map(items.flatMap((item) => [[textAt(item, 'name') ?? '', item] as const]));
}

function differences(
  node: JsonObject,
  field: string,
  from: Json | undefined,
  to: Json | undefined,
  above = false,
): FieldChange[] {
  const change = changeOf(node);
  const overrides = above || node['override'] === true;
  const [before, after] = [withDefault(from, node), withDefault(to, node)];
  if (same(before, after)) return [];
  if (change !== undefined) return [{ field, change, overrides, from: before, to: after }];
  const { items, additionalProperties } = node;
  if (isObject(items)) {
    const [old, now] = [byName(before), byName(after)];
    return [...new Set([...old.keys(), ...now.keys()])].sort().flatMap((name) => {
      const [was, is] = [old.get(name), now.get(name)];
      // What comes or goes as a whole is told once: each of its fields is new or gone.
      if (was === undefined || is === undefined)
        return [{ field: `${field}[${name}]`, change: 'live' as const, overrides, from: was, to: is }];
      return differences(items, `${field}[${name}]`, was, is, overrides);
    });
  }
  const inside = (value: Json | undefined, name: string) => (isObject(value) ? value[name] : undefined);
  if (isObject(additionalProperties)) {
    const names = [before, after].flatMap((value) => (isObject(value) ? Object.keys(value) : []));
    return [...new Set(names)]
      .sort()
      .flatMap((name) =>
        differences(
          additionalProperties,
          `${field}.${name}`,
          inside(before, name),
          inside(after, name),
          overrides,
        ),
      );
  }
  return propertiesOf(node).flatMap(([name, child]) =>
    differences(child, `${field}.${name}`, inside(before, name), inside(after, name), overrides),
  );
}

/** What differs between two specs of one kind, with defaults filled in, in the order of the fields. */
export function changesBetween(
  { schema }: { readonly schema: z.ZodType },
  before: JsonObject,
  after: JsonObject,
): readonly FieldChange[] {
  return differences(jsonSchemaOf(schema), 'spec', before, after);
}

function refusedOf(changes: readonly FieldChange[]): readonly Problem[] {
  return changes
    .filter(({ change, overrides }) => change === 'refused' && !overrides)
    .map(({ field, from, to }) => ({
      field,
      message: `was ${said(from)} and is ${said(to)}, ${CANNOT_CHANGE}`,
    }));
}

const said = (value: Json | undefined) => (value === undefined ? 'left out' : JSON.stringify(value));

function transitionsOf<Given>(
  contract: Contract<Given>,
  before: JsonObject,
  after: JsonObject,
): readonly Problem[] {
  const [old, now] = [read(contract, before).given, read(contract, after).given];
  if (old === undefined || now === undefined) return [];
  return contract.transitions.flatMap((rule) =>
    rule.check(now, old).map((breach) => problemOf(rule, breach)),
  );
}

/** What of an edit the API server refuses in a cluster: its regions are compared by name, each as it would be alone. */
function refusedInCluster(before: JsonObject, after: JsonObject): readonly Problem[] {
  const own = changesBetween(clusterContract, before, after).filter(
    ({ field }) => !SAID_PER_REGION.includes(field),
  );
  const [old, now] = [byName([...regionsGiven(before)]), byName([...regionsGiven(after)])];
  const inRegions = [...now].flatMap(([name, region]) => {
    const was = old.get(name);
    if (!isObject(was) || !isObject(region)) return [];
    const changes = changesBetween(regionContract, was, region);
    const refused = [
      ...refusedOf(changes.filter(({ field }) => SAID_PER_REGION.includes(field))),
      ...transitionsOf(regionContract, was, region),
    ];
    return refused.map((problem) => inCluster(problem, regionNamed(after, name)));
  });
  return [...refusedOf(own), ...inRegions, ...transitionsOf(clusterContract, before, after)];
}

/** Fields that a cluster says for all of its regions, and a region for itself: what counts is what the region gets. */
const SAID_PER_REGION: readonly string[] = ['spec.platform.secrets'];

function regionNamed(raw: JsonObject, name: string): JsonObject {
  return (
    listAt(raw, 'regions')
      .filter(isObject)
      .find((region) => region['name'] === name) ?? {}
  );
}

/** What the API server refuses in an edit of a claim's spec, beside mistakes in the new spec itself. */
export function refusedChanges(claimKind: string, before: JsonObject, after: JsonObject): readonly Problem[] {
  const between = <Given>(contract: Contract<Given>) => [
    ...refusedOf(changesBetween(contract, before, after)),
    ...transitionsOf(contract, before, after),
  ];
  if (claimKind === 'OpenOvaCluster') return distinct(refusedInCluster(before, after));
  if (claimKind === 'OpenOvaRegion') return distinct(between(regionContract));
  if (claimKind === 'DataService') return distinct(between(dataServiceContract));
  return [];
}
