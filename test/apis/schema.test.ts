import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { generateApis } from '../../functions/apis/generate.ts';
import { KINDS, type Kind } from '../../functions/apis/kinds.ts';
import { MACHINERY } from '../../functions/apis/parse.ts';
import { CANNOT_CHANGE, changeOf, fieldsOf, propertiesOf } from '../../functions/apis/structural.ts';
import { composition, compositeResourceDefinition } from '../../functions/apis/xrd.ts';
import { at, isObject, listAt, objectAt, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { cases } from './cases.ts';

interface Schema {
  readonly path: string;
  readonly node: JsonObject;
  /** Whether some list or map above cannot tell which of its items was which. */
  readonly uncorrelated: boolean;
}

/** Every node of a structural schema, the root first. */
function nodes(node: JsonObject, path = '', uncorrelated = false): Schema[] {
  const { items, additionalProperties } = node;
  const atomic = node['x-kubernetes-list-type'] !== 'map';
  return [
    { path, node, uncorrelated },
    ...propertiesOf(node).flatMap(([name, child]) => nodes(child, `${path}.${name}`, uncorrelated)),
    ...(isObject(items) ? nodes(items, `${path}[]`, uncorrelated || atomic) : []),
    ...(isObject(additionalProperties) ? nodes(additionalProperties, `${path}.<name>`, true) : []),
  ];
}

function schemaOf(kind: Kind): JsonObject {
  const versions = listAt(compositeResourceDefinition(kind), 'spec', 'versions');
  return objectAt(versions[0], 'schema', 'openAPIV3Schema') ?? {};
}

interface Rule {
  readonly path: string;
  readonly message: string;
  readonly rule: string;
  readonly uncorrelated: boolean;
}

function rulesOf(kind: Kind): Rule[] {
  return nodes(schemaOf(kind)).flatMap(({ path, node, uncorrelated }) =>
    listAt(node, 'x-kubernetes-validations').map((rule) => ({
      path: `${path}${textAt(rule, 'fieldPath') ?? ''}`.replace(/^\./, ''),
      message: textAt(rule, 'message') ?? '',
      rule: textAt(rule, 'rule') ?? '',
      uncorrelated,
    })),
  );
}

describe.each(KINDS)('$kind', (kind) => {
  const spec = nodes(objectAt(schemaOf(kind), 'properties', 'spec') ?? {}, 'spec');

  it('says of every field what a change of it does, and of no object', () => {
    const wrong = fieldsOf(kind.schema).filter(({ node }) => {
      const inside = [node, at(node, 'items'), at(node, 'additionalProperties')].some(
        (part) => isObject(part) && propertiesOf(part).length > 0,
      );
      const leaf = !inside || changeOf(node) !== undefined;
      return leaf === (changeOf(node) === undefined);
    });
    expect(wrong.map(({ path }) => path)).toEqual([]);
  });

  it('refuses every change that it says to refuse', () => {
    const guarded = new Set(
      rulesOf(kind)
        .filter(({ message }) => message === CANNOT_CHANGE)
        .map(({ path }) => path.replace(/^spec\./, '')),
    );
    const overrides = fieldsOf(kind.schema)
      .filter(({ node }) => node['override'] === true)
      .map(({ path }) => path);
    const open = fieldsOf(kind.schema)
      .filter(({ node }) => changeOf(node) === 'refused')
      .map(({ path }) => path)
      // The name of an item of a list map says which item it is.
      .filter((path) => !path.endsWith('[].name'))
      // What a region says in place of its cluster is guarded where the cluster says it.
      .map((path) => (overrides.some((above) => path.startsWith(above)) ? path.replace('regions[].', '') : path))
      .filter((path) => !guarded.has(path));
    expect(open).toEqual([]);
  });

  it('asks what was only where the API server knows which item was which', () => {
    const lost = rulesOf(kind).filter(({ rule, uncorrelated }) => uncorrelated && rule.includes('oldSelf'));
    expect(lost).toEqual([]);
  });

  it('bounds everything, so that rules have a cost', () => {
    const unbounded = spec.filter(({ node }) => {
      if (node['enum'] !== undefined) return false;
      if (node['type'] === 'string') return node['maxLength'] === undefined;
      if (node['type'] === 'integer') return node['minimum'] === undefined || node['maximum'] === undefined;
      if (node['type'] === 'array') return node['maxItems'] === undefined;
      return node['additionalProperties'] !== undefined && node['maxProperties'] === undefined;
    });
    expect(unbounded.map(({ path }) => path)).toEqual([]);
  });

  it('has a type and words for everything, in spec and status', () => {
    const bare = nodes(schemaOf(kind)).filter(({ path, node }) => {
      const item = path.endsWith('[]') || path.endsWith('.<name>');
      return node['type'] === undefined || (!item && path !== '' && textAt(node, 'description') === undefined);
    });
    expect(bare.map(({ path }) => path)).toEqual([]);
  });

  it('holds to what a structural schema and Crossplane keep', () => {
    const banned = ['$ref', 'allOf', 'anyOf', 'const', 'definitions', 'format', 'not', 'oneOf', 'uniqueItems'];
    const wrong = nodes(schemaOf(kind)).filter(
      ({ node }) =>
        banned.some((keyword) => node[keyword] !== undefined) ||
        (node['properties'] !== undefined && node['additionalProperties'] !== undefined) ||
        (node['type'] === 'array' && !isObject(node['items'])),
    );
    expect(wrong.map(({ path }) => path)).toEqual([]);
    expect(Object.keys(objectAt(schemaOf(kind), 'properties', 'spec') ?? {}).sort()).toEqual(
      ['description', 'properties', 'required', 'type', 'x-kubernetes-validations'].sort(),
    );
  });

  it('declares every field of the status, and none that Crossplane adds', () => {
    const status = nodes(objectAt(schemaOf(kind), 'properties', 'status') ?? {});
    expect(status.filter(({ node }) => node['x-kubernetes-preserve-unknown-fields'] !== undefined)).toEqual([]);
    expect(at(status[0]?.node, 'properties', 'conditions')).toBeUndefined();
    const machinery = MACHINERY.filter((name) => at(schemaOf(kind), 'properties', 'spec', 'properties', name));
    expect(machinery).toEqual([]);
  });

  it('has defaults that name every default below them', () => {
    const short = spec.filter(({ node }) => {
      const value = node['default'];
      if (!isObject(value)) return false;
      return propertiesOf(node).some(([name, child]) => child['default'] !== undefined && value[name] === undefined);
    });
    expect(short.map(({ path }) => path)).toEqual([]);
  });

  it('reports each rule at a field that there is', () => {
    const paths = new Set(nodes(schemaOf(kind)).map(({ path }) => path.replace(/^\./, '')));
    expect(rulesOf(kind).filter(({ path }) => !paths.has(path))).toEqual([]);
  });

  it('has the names that Crossplane wants', () => {
    const { claim, plural } = kind;
    expect(plural).toBe(`${kind.kind.toLowerCase()}s`);
    if (claim !== undefined) expect([claim.kind, claim.plural]).toEqual([kind.kind.slice(1), plural.slice(1)]);
    expect(at(composition(kind), 'spec', 'compositeTypeRef', 'kind')).toBe(kind.kind);
  });
});

describe.each(KINDS.filter(({ claim }) => claim !== undefined))('the rules of $claim.kind', (kind) => {
  const own = cases.filter((one) => one.kind === kind.claim?.kind);
  const told = (one: { readonly breaks: readonly string[] }) => one.breaks;

  it('are each broken by a case', () => {
    const broken = new Set(own.flatMap(told));
    const spelled = (message: string) =>
      message.replace(/^this (cloud|engine) is not available.*$/, (_, what: string) =>
        what === 'cloud'
          ? 'cloud "gcp" is not available yet, only hetzner and existing are'
          : 'engine "mongodb" is not available yet, only postgres is',
      );
    const idle = rulesOf(kind)
      .map(({ path, message }) => `${path}: ${spelled(message)}`)
      .filter((line) => !broken.has(line) && !broken.has(line.replace('"gcp"', '"aws"')));
    expect([...new Set(idle)]).toEqual([]);
  });
});

describe('what is generated', () => {
  it.each([...generateApis()])('%s is what the schemas give', async (path, content) => {
    expect(await readFile(join(import.meta.dirname, '../..', path), 'utf8')).toBe(content);
  });

  it('is the same twice', () => {
    expect([...generateApis()]).toEqual([...generateApis()]);
  });
});
