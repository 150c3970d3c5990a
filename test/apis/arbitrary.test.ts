import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readCluster } from '../../functions/apis/cluster.ts';
import { parseDataService } from '../../functions/apis/data-service.ts';
import { readRegion } from '../../functions/apis/region.ts';
import type { Parsed } from '../../functions/kernel/graph.ts';
import { isObject, type Json, type JsonObject } from '../../functions/kernel/manifest.ts';
import { existingCluster, fullCluster, fullService, region } from './cases.ts';

const readService = (spec: JsonObject) =>
  parseDataService({
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XDataService',
    metadata: { name: 'orders' },
    spec,
  });

/** Paths to every value below. */
function paths(value: Json | undefined, path: readonly (string | number)[] = []): (readonly (string | number)[])[] {
  const children: readonly (readonly [string | number, Json | undefined])[] = Array.isArray(value)
    ? value.map((item, index) => [index, item])
    : isObject(value)
      ? Object.entries(value)
      : [];
  return [
    ...(path.length === 0 ? [] : [path]),
    ...children.flatMap(([step, child]) => paths(child, [...path, step])),
  ];
}

function replaced(value: Json | undefined, [step, ...rest]: readonly (string | number)[], by: Json): Json {
  if (step === undefined) return by;
  if (Array.isArray(value)) return value.map((item, index) => (index === step ? replaced(item, rest, by) : item));
  const object = isObject(value) ? value : {};
  return { ...object, [String(step)]: replaced(object[String(step)], rest, by) };
}

const json: fc.Arbitrary<Json> = fc.jsonValue({ maxDepth: 3 }).map((value): Json => {
  const parsed: Json = JSON.parse(JSON.stringify(value));
  return parsed;
});

const subjects: readonly { readonly what: string; readonly spec: JsonObject; readonly read: (spec: JsonObject) => Parsed<unknown> }[] = [
  { what: 'a cluster', spec: fullCluster, read: readCluster },
  { what: 'a cluster of existing machines', spec: existingCluster, read: readCluster },
  { what: 'a region', spec: region, read: readRegion },
  { what: 'a data service', spec: fullService, read: readService },
];

function expectAnswer(parsed: Parsed<unknown>): void {
  if (parsed.ok) return;
  expect(parsed.problems.length).toBeGreaterThan(0);
  for (const { field, message } of parsed.problems) {
    expect(field).toMatch(/^(spec|metadata\.name)/);
    expect(message).toMatch(/^[^\n]*[^.\n]$/);
  }
}

describe.each(subjects)('$what', ({ spec, read }) => {
  it('is answered whatever it is', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.constantFrom(...Object.keys(spec), 'other'), json), (any) => {
        expectAnswer(read(any));
      }),
      { numRuns: 60 },
    );
  });

  it('is answered with any value in any place', () => {
    const anywhere = fc.constantFrom(...paths(spec));
    fc.assert(
      fc.property(anywhere, json, (path, value) => {
        const next = replaced(spec, path, value);
        const parsed = read(isObject(next) ? next : {});
        expectAnswer(parsed);
      }),
      { numRuns: 150 },
    );
  });

  it('is answered the same twice, whatever the order of its fields', () => {
    const turned = (value: Json): Json => {
      if (Array.isArray(value)) return value.map(turned);
      if (!isObject(value)) return value;
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, child]) => [name, turned(child ?? null)]),
      );
    };
    fc.assert(
      fc.property(fc.constantFrom(...paths(spec)), json, (path, value) => {
        const next = replaced(spec, path, value);
        const back = turned(next);
        if (!isObject(next) || !isObject(back)) return;
        expect(JSON.stringify(read(back))).toBe(JSON.stringify(read(next)));
      }),
      { numRuns: 60 },
    );
  });
});
