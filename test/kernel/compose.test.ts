import {
  Ready,
  RunFunctionRequest,
  RunFunctionResponse,
  Severity,
  Status,
} from '@crossplane-org/function-sdk-typescript';
import { describe, expect, it } from 'vitest';
import { compose } from '../../functions/kernel/compose.ts';
import type { Composer, Graph } from '../../functions/kernel/graph.ts';
import { isObject, textAt, type JsonObject } from '../../functions/kernel/manifest.ts';
import { NODE_LABEL } from '../../functions/kernel/names.ts';

interface Spec {
  readonly size: number;
}

const THING = { apiVersion: 'example.org/v1', kind: 'Thing' };
const MISTAKE = { field: 'spec.size', message: 'is 0, must be at least 1' };

/** A composer of two things, the second after the first; a size of 0 is a mistake. */
function composer(more: Partial<Composer<Spec>> = {}): Composer<Spec> {
  return {
    kind: 'XThing',
    parse: ({ spec }) => {
      const size = typeof spec === 'object' && spec !== null && 'size' in spec ? Number(spec['size']) : 0;
      return size > 0
        ? { ok: true, spec: { size } }
        : { ok: false, problems: [{ field: 'spec.size', message: `is ${size}, must be at least 1` }] };
    },
    plan: ({ spec }): Graph => ({
      nodes: [
        { key: 'b', manifest: { ...THING, spec: { size: spec.size } }, after: ['a'] },
        { key: 'a', manifest: { ...THING, spec: { size: spec.size } } },
      ],
    }),
    report: () => ({ status: { phase: 'Fine' }, conditions: [] }),
    ...more,
  };
}

const SERVED = { 'example.org/v1/Thing': { openapiV3: { type: 'object' } } };

function request(more: JsonObject = {}, { spec = { size: 1 }, status = {} } = {}): RunFunctionRequest {
  const resource = {
    apiVersion: 'platform.openova.io/v1alpha1',
    kind: 'XThing',
    metadata: { name: 'acme' },
    spec,
    status,
  };
  return RunFunctionRequest.fromJSON({
    meta: { tag: 'tag' },
    observed: { composite: { resource } },
    requiredSchemas: SERVED,
    ...more,
  });
}

function withObserved(resources: JsonObject, more: JsonObject = {}): RunFunctionRequest {
  const base = RunFunctionRequest.fromJSON({ observed: { resources } });
  const whole = request(more);
  return {
    ...whole,
    observed: { composite: whole.observed?.composite, resources: base.observed?.resources ?? {} },
  };
}

function thing(key: string, ready: boolean): JsonObject {
  return {
    resource: {
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      metadata: { name: `acme-${key}`, labels: { [NODE_LABEL]: key } },
      spec: { size: 7 },
      status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }] },
    },
  };
}

function keys({ desired }: RunFunctionResponse): string[] {
  return Object.keys(desired?.resources ?? {}).sort();
}

function condition({ conditions }: RunFunctionResponse, type: string) {
  return conditions.find((one) => one.type === type);
}

describe('compose', () => {
  it('the same request gives the same bytes, whatever the order of its fields', () => {
    const one = withObserved({ a: thing('a', true), b: thing('b', true) });
    const other = withObserved({ b: thing('b', true), a: thing('a', true) });
    const bytes = (asked: RunFunctionRequest) =>
      Buffer.from(RunFunctionResponse.encode(compose(composer(), asked)).finish()).toString('hex');

    expect(bytes(one)).toBe(bytes(other));
  });

  it('what others desire and hold keeps no order of theirs: Crossplane sends maps in any', () => {
    const [left, right] = [
      { b: 1, a: { d: 1, c: 2 } },
      { a: { c: 2, d: 1 }, b: 1 },
    ];
    const asked = (spec: JsonObject, others: JsonObject) =>
      withObserved({ a: thing('a', true) }, { desired: { resources: others }, context: spec });
    const bytes = (one: RunFunctionRequest) =>
      Buffer.from(RunFunctionResponse.encode(compose(composer(), one)).finish()).toString('hex');
    const theirs = (spec: JsonObject): JsonObject => ({ resource: { kind: 'Other', spec } });

    expect(bytes(asked(left, { x: theirs(left), y: theirs(left) }))).toBe(
      bytes(asked(right, { y: theirs(right), x: theirs(right) })),
    );
  });

  it('a kind that is not served is asked about, not emitted, and the condition names it', () => {
    const got = compose(composer(), request({ requiredSchemas: {} }));

    expect(keys(got)).toEqual([]);
    expect(got.requirements?.schemas).toEqual({
      'example.org/v1/Thing': { apiVersion: 'example.org/v1', kind: 'Thing' },
    });
    expect(condition(got, 'PackagesInstalled')?.message).toContain('example.org/v1/Thing');
    expect(got.desired?.composite?.ready).toBe(Ready.READY_FALSE);
  });

  it('a kind that one of our Configurations brings is asked for by its name', () => {
    const record = { apiVersion: 'dns.upjet-cloudflare.upbound.io/v1alpha1', kind: 'Record' };
    const asking = composer({ plan: () => ({ nodes: [{ key: 'record', manifest: record }] }) });
    const got = compose(asking, request({ requiredSchemas: {} }));

    expect(condition(got, 'PackagesInstalled')?.message).toBe(
      'Install the Configuration "openova-dns-cloudflare" that brings dns.upjet-cloudflare.upbound.io/v1alpha1/Record: docs/install.md says how',
    );
  });

  it('a kind that is observed is not asked about, so that a quiet XR costs one call', () => {
    const got = compose(composer(), withObserved({ a: thing('a', true), b: thing('b', true) }));

    expect(got.requirements).toBeUndefined();
  });

  it('polls often until all is ready, then seldom', () => {
    const busy = compose(composer(), withObserved({ a: thing('a', true) }));
    const quiet = compose(composer(), withObserved({ a: thing('a', true), b: thing('b', true) }));

    expect([busy.meta?.ttl?.seconds, quiet.meta?.ttl?.seconds]).toEqual([5, 600]);
  });

  it.each([
    ['core drops events: its breaker was open', { size: 1 }, [{ type: 'Responsive', status: 'False' }], 30],
    ['the input is bad: somebody is about to correct it', { size: 0 }, [], 30],
    ['all is well', { size: 1 }, [{ type: 'Responsive', status: 'True' }], 600],
  ])('at rest it polls by how sure it is to hear of an edit: %s', (_, spec, conditions, seconds) => {
    const whole = request(
      {},
      { spec, status: { conditions: [...conditions, { type: 'Ready', status: 'True' }] } },
    );
    const resources = withObserved({ a: thing('a', true), b: thing('b', true) }).observed?.resources ?? {};
    const got = compose(composer(), {
      ...whole,
      observed: { composite: whole.observed?.composite, resources },
    });

    expect(got.meta?.ttl?.seconds).toBe(seconds);
  });

  it('every resource says whether it is ready, and the composite does not override other steps when all are', () => {
    const got = compose(composer(), withObserved({ a: thing('a', true), b: thing('b', true) }));

    expect(Object.values(got.desired?.resources ?? {}).map(({ ready }) => ready)).toEqual([
      Ready.READY_TRUE,
      Ready.READY_TRUE,
    ]);
    expect(got.desired?.composite?.ready).toBe(Ready.READY_UNSPECIFIED);
  });

  it('a first claim that is invalid is not ready: zero resources would read as Ready', () => {
    const got = compose(composer(), request({}, { spec: { size: 0 } }));

    expect(got.desired?.composite?.ready).toBe(Ready.READY_FALSE);
    expect(condition(got, 'InputValid')).toMatchObject({
      status: Status.STATUS_CONDITION_FALSE,
      message: 'spec.size is 0, must be at least 1',
    });
    expect(got.results).toMatchObject([
      { severity: Severity.SEVERITY_WARNING, message: 'spec.size is 0, must be at least 1' },
    ]);
  });

  it('messages are one line of bounded length, whatever somebody wrote into a field', () => {
    const wordy = composer({
      parse: () => ({ ok: false, problems: [{ field: 'spec.pools[a\nb]', message: 'x'.repeat(9000) }] }),
    });
    const got = compose(wordy, request());

    expect(condition(got, 'InputValid')?.message).toMatch(/^spec\.pools\[a b\] x{4000,}…$/);
    expect(condition(got, 'InputValid')?.message).toHaveLength(4096);
    expect(got.results[0]?.message).toHaveLength(900);
  });

  it('bad input over something that runs keeps every resource as it was applied, and the status', () => {
    const running = withObserved({ a: thing('a', true), b: thing('b', false) });
    const bad = request({}, { spec: { size: 0 }, status: { phase: 'Ready', conditions: [] } });
    const got = compose(composer(), {
      ...running,
      observed: { composite: bad.observed?.composite, resources: running.observed?.resources ?? {} },
    });

    expect(keys(got)).toEqual(['a', 'b']);
    expect(got.desired?.resources['a']?.resource).toEqual({
      apiVersion: 'example.org/v1',
      kind: 'Thing',
      metadata: { name: 'acme-a', labels: { [NODE_LABEL]: 'a' } },
      spec: { size: 7 },
    });
    expect(got.desired?.composite?.resource).toMatchObject({ status: { phase: 'Ready' } });
  });

  it.each([
    ['can not be read', composer({ parse: () => ({ ok: false, problems: [MISTAKE] }) })],
    ['can not be planned', composer({ plan: () => ({ nodes: [], problems: [MISTAKE] }) })],
  ])('what lost our label is held too while the input %s, and what earlier steps desire is not', (_, bad) => {
    const bare = { apiVersion: 'example.org/v1', kind: 'Thing', metadata: { name: 'x' }, spec: { size: 7 } };
    const theirs = { resource: { ...bare, spec: { size: 8 } }, ready: 'READY_UNSPECIFIED' };
    const observed = { a: thing('a', true), stripped: { resource: bare }, theirs: { resource: bare } };
    const got = compose(bad, withObserved(observed, { desired: { resources: { theirs } } }));

    expect(keys(got)).toEqual(['a', 'stripped', 'theirs']);
    expect(got.desired?.resources['stripped']?.resource).toEqual(bare);
    expect(got.desired?.resources['theirs']).toMatchObject({
      resource: theirs.resource,
      ready: Ready.READY_UNSPECIFIED,
    });
  });

  it('the release that runs is written on nested composites, and read from there when the status is lost', () => {
    const outer = composer({
      plan: ({ xr, spec }) => ({
        nodes: [
          { key: 'a', manifest: { ...THING, spec: { size: spec.size } } },
          { key: 'nested', manifest: { ...THING, apiVersion: 'platform.openova.io/v1' }, follows: true },
        ],
        release: { running: textAt(xr, 'status', 'release'), wanted: '0.1', installed: '0.2' },
      }),
      report: ({ xr }) => ({
        status: { release: textAt(xr, 'status', 'release') ?? 'none' },
        conditions: [],
      }),
    });
    const observed = { a: thing('a', true), nested: thing('nested', true) };
    const runs = request({}, { status: { release: '0.1' } });
    const running = withObserved(observed);
    const first = compose(outer, {
      ...running,
      observed: { composite: runs.observed?.composite, resources: running.observed?.resources ?? {} },
    });
    const nested: unknown = first.desired?.resources['nested']?.resource;
    expect(nested).toMatchObject({ metadata: { annotations: { 'platform.openova.io/release': '0.1' } } });
    expect(first.desired?.resources['a']?.resource?.['metadata']).not.toHaveProperty('annotations');

    const lost = compose(
      outer,
      withObserved({ ...observed, nested: { resource: isObject(nested) ? nested : {} } }),
    );

    expect(lost.desired?.composite?.resource).toMatchObject({ status: { release: '0.1' } });
    // What the newer package would change: held.
    expect(lost.desired?.resources['a']?.resource).toMatchObject({ spec: { size: 7 } });
  });

  it.each([
    { kind: 'XOpenOvaPlatform', release: '0.1', reason: 'we wrote it' },
    { kind: 'XOpenOvaRegion', release: 'none', reason: 'it may be a copy of what a user wrote on the claim' },
  ])('the release that is written on a $kind itself is read as "$release": $reason', ({ kind, release }) => {
    const metadata = { name: 'acme', annotations: { 'platform.openova.io/release': '0.1' } };
    const resource = { apiVersion: 'platform.openova.io/v1', kind, metadata, spec: { size: 1 } };
    const says = composer({
      report: ({ xr }) => ({
        status: { release: textAt(xr, 'status', 'release') ?? 'none' },
        conditions: [],
      }),
    });

    const got = compose(says, RunFunctionRequest.fromPartial({ observed: { composite: { resource } } }));

    expect(got.desired?.composite?.resource).toMatchObject({ status: { release } });
  });

  it('what earlier steps desire passes through untouched', () => {
    const earlier = {
      desired: {
        composite: { resource: { status: { theirs: 1 } }, connectionDetails: { user: 'YQ==' } },
        resources: { theirs: { resource: { kind: 'Other', spec: { x: ['a', 'a'] } }, ready: 'READY_TRUE' } },
      },
      context: { 'example.org/note': 'kept' },
    };
    const got = compose(composer(), withObserved({ a: thing('a', true), b: thing('b', true) }, earlier));

    expect(got.desired?.resources['theirs']).toEqual({
      resource: { kind: 'Other', spec: { x: ['a', 'a'] } },
      ready: Ready.READY_TRUE,
      connectionDetails: {},
    });
    expect(got.desired?.composite?.resource).toMatchObject({ status: { theirs: 1, phase: 'Fine' } });
    expect(got.desired?.composite?.connectionDetails['user']?.toString()).toBe('a');
    expect(got.context).toEqual({ 'example.org/note': 'kept' });
  });

  it('while required resources are being fetched everything is held, and they are asked for again', () => {
    const needy = composer({
      requires: () => ({ region: { apiVersion: 'example.org/v1', kind: 'Region', labels: { name: 'fsn' } } }),
      plan: () => ({ nodes: [] }),
    });
    const got = compose(needy, withObserved({ a: thing('a', true) }));

    expect(keys(got)).toEqual(['a']);
    expect(got.requirements?.resources['region']).toMatchObject({ matchLabels: { labels: { name: 'fsn' } } });
  });

  it('a state that can not be read is fatal, and hands on what it was given', () => {
    const got = compose(composer(), withObserved({ a: { resource: { kind: 'Thing' } } }));

    expect(got.results).toMatchObject([
      {
        severity: Severity.SEVERITY_FATAL,
        message: 'cannot compose: the observed resource "a" is no Kubernetes object',
      },
    ]);
  });
});
