/** What holds for every component of the catalogue, whichever it is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { PROFILES, STEPS, type Component, type Context } from '../../functions/catalogue/component.ts';
import { catalogueDocs } from '../../functions/catalogue/docs.ts';
import { catalogueIndex } from '../../functions/catalogue/generate-index.ts';
import { catalogue } from '../../functions/catalogue/index.ts';
import { merged, valuesOf } from '../../functions/catalogue/render.ts';
import { selected } from '../../functions/catalogue/select.ts';
import {
  at,
  isObject,
  listAt,
  textAt,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../../functions/kernel/names.ts';
import { planComponents } from '../../functions/platform/index.ts';
import { checkManifest } from '../fields/check.ts';
import { keysOf, readKeys, unknownValues } from './keys.ts';
import { contextOf, engines, platformSpec, regions } from './specs.ts';

const root = join(import.meta.dirname, '../..');
const ids = catalogue.map(({ id }) => id);
const everywhere: readonly (readonly [string, Context])[] = Object.entries(regions).map(([name, over]) => [
  name,
  contextOf(platformSpec(over), engines),
]);

/** The objects of a component in every region of the table where it is on. */
function objectsOf(component: Component): Manifest[] {
  return everywhere
    .filter(([, { on }]) => on.has(component.id))
    .flatMap(([, context]) => component.nodes(context))
    .map(({ key, manifest }) => ({
      ...manifest,
      metadata: { name: key.replace('/', '-'), ...manifest.metadata },
    }));
}

describe('the catalogue', () => {
  it('is generated from its files', () => {
    expect(readFileSync(join(root, 'functions/catalogue/index.ts'), 'utf8')).toBe(catalogueIndex());
  });

  it('has its page in the docs', () => {
    expect(readFileSync(join(root, 'docs/catalogue.md'), 'utf8')).toBe(catalogueDocs());
  });

  it('has every id once', () => {
    expect([...ids].sort()).toEqual([...new Set(ids)].sort());
  });

  it('is on somewhere in the table of regions, each of it, so that every rule below is tried', () => {
    const on = new Set(everywhere.flatMap(([, context]) => [...context.on]));
    expect([...on].sort()).toEqual([...ids].sort());
  });

  it.each(everywhere)('gives every object a key of its own: %s', (_, context) => {
    const keys = planComponents(selected(context.spec, engines), context).map(({ key }) => key);
    expect(keys.sort()).toEqual([...new Set(keys)].sort());
  });

  it.each(everywhere)('plans what is waited for before what waits: %s', (_, context) => {
    const seen = new Set<string>();
    for (const { key, after = [] } of planComponents(selected(context.spec, engines), context)) {
      for (const before of after) expect(seen, `${key} waits for it`).toContain(before);
      seen.add(key);
    }
  });

  it.each(PROFILES)('has in profile %s everything that what is on needs', (profile) => {
    for (const [name, over] of Object.entries(regions)) {
      const spec = platformSpec(merged(over, { platform: { profile } }));
      const on = selected(spec, engines);
      for (const { id, needs } of on)
        for (const need of needs) {
          const needed = catalogue.find((component) => component.id === need);
          if (needed?.fit?.test(spec) === false) continue;
          expect(
            on.map((component) => component.id),
            `${id} in ${name}`,
          ).toContain(need);
        }
    }
  });
});

describe.each(catalogue.map((component) => [component.id, component] as const))('%s', (id, component) => {
  const { chart } = component;

  it('has an id that can be a Helm release and a key', () => {
    expect(id).toMatch(/^[a-z]([-a-z0-9]*[a-z0-9])?$/);
    expect(id.length).toBeLessThanOrEqual(40);
  });

  it('needs components that there are, and not itself by any way', () => {
    const reached = new Set<string>();
    const follow = (from: Component): void => {
      for (const need of from.needs) {
        expect(ids).toContain(need);
        if (reached.has(need)) continue;
        reached.add(need);
        const next = catalogue.find((candidate) => candidate.id === need);
        if (next !== undefined) follow(next);
      }
    };
    follow(component);
    expect([...reached]).not.toContain(id);
  });

  it('comes no earlier than the steps of what it needs', () => {
    for (const need of component.needs) {
      const needed = catalogue.find((candidate) => candidate.id === need);
      expect(STEPS.indexOf(component.step)).toBeGreaterThanOrEqual(
        STEPS.indexOf(needed?.step ?? component.step),
      );
    }
  });

  it('waits for no node to be Ready before there is a network', () => {
    if (component.step !== 'NetworkReady') return;
    expect(component.wait).toBeUndefined();
    for (const object of objectsOf(component)) expect(object.kind).toBe('Release');
  });

  it('says how much memory it takes and how that is known', () => {
    const { perNode, fixed, ha, source } = component.memory;
    for (const number of [perNode, fixed, ha ?? fixed]) expect(number).toBeGreaterThanOrEqual(0);
    expect(ha ?? fixed).toBeGreaterThanOrEqual(fixed);
    expect(source.length).toBeGreaterThan(5);
    if (perNode + fixed > 0) expect(source).toMatch(/\d{4}-\d{2}-\d{2}/);
  });

  it('has a chart at one exact version from a registry with encryption', () => {
    if (chart === undefined) return;
    expect(chart.version).toMatch(/^v?\d+\.\d+\.\d+$/);
    expect(chart.repository).toMatch(/^(https|oci):\/\//);
    const source = readFileSync(join(root, `functions/catalogue/${id}.ts`), 'utf8');
    if (id !== 'openova-system')
      expect(source).toContain(
        `// renovate: datasource=helm depName=${chart.name} registryUrl=${chart.repository}`,
      );
  });

  it('sets values that its chart has', () => {
    if (chart === undefined) return;
    const table = id === 'openova-system' ? ownChart() : readKeys(id);
    expect(table, `no table of keys: node test/catalogue/derive.ts`).toBeDefined();
    if (table === undefined) return;
    expect(table).toMatchObject({ chart: chart.name, version: chart.version });
    for (const [, context] of everywhere)
      if (context.on.has(id)) expect(unknownValues(valuesOf(component, context), table)).toEqual([]);
  });

  it('is left where it is when the region goes, unless it says why not', () => {
    for (const { spec } of objectsOf(component))
      expect(at(spec, 'deletionPolicy')).toBe(component.uninstall === undefined ? 'Orphan' : 'Delete');
  });

  it('is installed under its id, through the providers of the region', () => {
    for (const object of objectsOf(component)) {
      expect(at(object['spec'], 'providerConfigRef', 'name')).toBe('acme-fsn');
      if (object.kind !== 'Release') continue;
      expect(object.metadata.annotations?.[EXTERNAL_NAME_ANNOTATION]).toBe(id);
      expect(at(object['spec'], 'forProvider', 'namespace')).toBe(component.namespace);
      expect(at(object['spec'], 'forProvider', 'wait')).toBe(component.wait !== undefined);
    }
  });

  it('makes objects that their CRDs take', () => {
    for (const object of objectsOf(component)) {
      const wrong = checkManifest(object).filter(
        // Cilium's repository is too large to be collected; the policy has a test of its own.
        (line) => !line.endsWith('no field table for cilium.io/v2 CiliumClusterwideNetworkPolicy'),
      );
      expect(wrong).toEqual([]);
    }
  });

  it('gives the user the last word', () => {
    const values = { openovaTest: { list: [1] } };
    for (const [, { spec, ha, on }] of everywhere) {
      const components = { [id]: { values } };
      const context = { ha, on, spec: { ...spec, platform: { ...spec.platform, components } } };
      expect(valuesOf(component, context)).toMatchObject(values);
    }
  });

  it('shows no secret: values come from a Secret of the claim, by reference', () => {
    for (const [, context] of everywhere) {
      if (!context.on.has(id)) continue;
      expect(secretLike(valuesOf(component, context))).toEqual([]);
      const wanted = (component.secrets?.(context) ?? []).map(({ secret, key }) => ({ secret, key }));
      const references = component.nodes(context).flatMap(({ manifest }) => {
        const parameters = at(manifest['spec'], 'forProvider');
        return [
          ...listAt(parameters, 'valuesFrom').map((entry) => at(entry, 'secretKeyRef')),
          ...listAt(parameters, 'set').map((entry) => {
            expect(at(entry, 'value'), 'set is for references').toBeUndefined();
            return at(entry, 'valueFrom', 'secretKeyRef');
          }),
        ];
      });
      expect(references).toHaveLength(wanted.length);
      for (const { secret, key } of wanted)
        expect(references).toContainEqual({ name: secret, namespace: 'acme-platform', key });
    }
  });
});

/** The chart in this repository has its values beside it. */
function ownChart() {
  const values: unknown = parse(
    readFileSync(join(root, 'package/charts/openova-system/values.yaml'), 'utf8'),
  );
  const chart: unknown = parse(readFileSync(join(root, 'package/charts/openova-system/Chart.yaml'), 'utf8'));
  if (!isObject(values) || !isObject(chart)) throw new Error('the chart openova-system can not be read');
  return {
    chart: textAt(chart, 'name') ?? '',
    version: textAt(chart, 'version') ?? '',
    keys: keysOf(values),
  };
}

/** Paths of texts in values that look like a secret itself: long and without structure, or named like one. */
function secretLike(values: JsonObject, path = ''): string[] {
  return Object.entries(values).flatMap(([name, value]) => {
    const here = `${path}${name}`;
    if (isObject(value)) return secretLike(value, `${here}.`);
    if (Array.isArray(value))
      return value.flatMap((item, index) => (isObject(item) ? secretLike(item, `${here}[${index}].`) : []));
    if (typeof value !== 'string') return [];
    const named = /(token|password|secretKey|secretAccessKey|clientSecret|privateKey)$/i.test(name);
    // References name the Secret's key or the field, such as `aadClientSecret: clientSecret`.
    const reference = /(\.secrets\.|Ref\.|valueFrom\.)/.test(here);
    return /^[A-Za-z0-9+/=_-]{40,}$/.test(value) || (named && !reference) ? [here] : [];
  });
}

describe('values of the user', () => {
  const cases: Record<string, { reason: string; base: JsonObject; over: JsonObject; want: JsonObject }> = {
    'one key of an object': {
      reason: 'objects are merged by key, so that what was not mentioned stays',
      base: { hubble: { ui: { enabled: true }, relay: { enabled: true } } },
      over: { hubble: { ui: { enabled: false } } },
      want: { hubble: { ui: { enabled: false }, relay: { enabled: true } } },
    },
    'a list': {
      reason: 'lists are replaced: nobody could take an item out otherwise',
      base: { sources: ['service', 'ingress'] },
      over: { sources: ['service'] },
      want: { sources: ['service'] },
    },
    'another type': {
      reason: 'what the user gives is what the chart gets, whatever it was',
      base: { resources: { requests: { memory: '64Mi' } } },
      over: { resources: 'none' },
      want: { resources: 'none' },
    },
    null: {
      reason: "Helm takes a chart's default away where a value is null",
      base: { a: 1 },
      over: { a: null, b: null },
      want: { a: null, b: null },
    },
  };
  it.each(Object.entries(cases))('%s', (_, { reason, base, over, want }) => {
    expect(merged(base, over), reason).toEqual(want);
  });
});
