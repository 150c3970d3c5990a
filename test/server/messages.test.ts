import { Ready, RunFunctionRequest, Severity, Target } from '@crossplane-org/function-sdk-typescript';
import { describe, expect, it } from 'vitest';
import {
  compositeOf,
  conditionOf,
  fatal,
  isServedIn,
  manifestOf,
  passThrough,
  requiredOf,
  resourceOf,
  resourcesOf,
  selectorOf,
  warningOf,
} from '../../functions/server/messages.ts';
import { decodeRequest, encodeResponse } from '../../functions/server/wire.ts';
import { manifest, requestWith } from './support.ts';

/** The request as a server gets it. */
function received(request: RunFunctionRequest): RunFunctionRequest {
  return decodeRequest(RunFunctionRequest.encode(request).finish());
}

describe('reading a request', () => {
  it('finds the composite and the observed objects, by key in order', () => {
    const request = received(requestWith({ b: manifest('Server', 'two'), a: manifest('Server', 'one') }));
    expect(compositeOf(request)?.metadata.name).toBe('shop-x7');
    expect([...resourcesOf(request.observed)].map(([key, { metadata }]) => [key, metadata.name])).toEqual([
      ['a', 'one'],
      ['b', 'two'],
    ]);
  });

  it.each([
    { reason: 'nothing', resource: undefined },
    { reason: 'an empty object', resource: {} },
    { reason: 'an object without kind', resource: { apiVersion: 'v1', metadata: {} } },
    { reason: 'metadata that is no object', resource: { apiVersion: 'v1', kind: 'Secret', metadata: 'x' } },
  ])('takes $reason for no Kubernetes object', ({ resource }) => {
    expect(manifestOf({ resource, connectionDetails: {}, ready: Ready.READY_UNSPECIFIED })).toBeUndefined();
  });

  it.each([
    { reason: 'a request without observed state', request: {} },
    { reason: 'a request without composite', request: { observed: { resources: {} } } },
  ])('takes $reason', ({ request }) => {
    const empty = received(RunFunctionRequest.fromPartial(request));
    expect(compositeOf(empty)).toBeUndefined();
    expect(resourcesOf(empty.observed).size).toBe(0);
  });

  it('tells what was not looked for from what does not exist', () => {
    const request = received(
      RunFunctionRequest.fromPartial({
        requiredResources: { none: { items: [] }, some: { items: [{ resource: manifest('Secret', 's') }] } },
        requiredSchemas: { unserved: {}, served: { openapiV3: { type: 'object' } } },
      }),
    );
    expect(requiredOf(request, 'absent')).toBeUndefined();
    expect(requiredOf(request, 'constructor')).toBeUndefined();
    expect(requiredOf(request, 'none')).toEqual([]);
    expect(requiredOf(request, 'some')).toEqual([manifest('Secret', 's')]);
    expect(isServedIn(request, 'absent')).toBeUndefined();
    expect(isServedIn(request, 'unserved')).toBe(false);
    expect(isServedIn(request, 'served')).toBe(true);
  });

  it('keeps every JSON value as it is', () => {
    const values = {
      text: 'ä',
      empty: '',
      zero: 0,
      big: 2 ** 53,
      no: false,
      none: null,
      list: [[], {}, null, 'x', 'x'],
    };
    const request = received(requestWith({ one: manifest('ConfigMap', 'c', { values }) }));
    expect(manifestOf(request.observed?.resources['one'])?.['values']).toEqual(values);
  });
});

describe('writing an answer', () => {
  it('always says whether a resource is ready', () => {
    expect(resourceOf(manifest('Server', 'a'), true).ready).toBe(Ready.READY_TRUE);
    expect(resourceOf(manifest('Server', 'a'), false).ready).toBe(Ready.READY_FALSE);
  });

  it('carries connection details as bytes', () => {
    const { connectionDetails } = resourceOf(manifest('XR', 'a'), true, { password: new Uint8Array([1, 2]) });
    expect(connectionDetails).toEqual({ password: Buffer.from([1, 2]) });
  });

  it('tells conditions and warnings to the claim too', () => {
    expect(conditionOf({ type: 'Step', status: 'True', reason: 'R', message: 'm' }).target).toBe(
      Target.TARGET_COMPOSITE_AND_CLAIM,
    );
    expect(warningOf('m', 'Reason')).toEqual({
      severity: Severity.SEVERITY_WARNING,
      message: 'm',
      reason: 'Reason',
      target: Target.TARGET_COMPOSITE_AND_CLAIM,
    });
  });

  it.each([
    {
      reason: 'by name',
      selector: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'n', name: 'c' },
      message: { apiVersion: 'v1', kind: 'ConfigMap', namespace: 'n', matchName: 'c' },
    },
    {
      reason: 'by labels',
      selector: { apiVersion: 'v1', kind: 'ConfigMap', labels: { a: 'b' } },
      message: {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        namespace: undefined,
        matchLabels: { labels: { a: 'b' } },
      },
    },
  ])('selects $reason', ({ selector, message }) => {
    expect(selectorOf(selector)).toEqual(message);
  });

  it('leaves the request alone when something is added to what it passes through', () => {
    const request = requestWith({}, { desired: { composite: undefined, resources: {} } });
    const answer = passThrough(request, 5);
    if (answer.desired !== undefined)
      answer.desired.resources['new'] = resourceOf(manifest('Server', 'a'), true);
    answer.results.push(warningOf('m'));
    expect(request.desired?.resources).toEqual({});
    expect(passThrough(request, 5).results).toEqual([]);
  });

  it('gives both kinds of answer the tag of the request', () => {
    const request = requestWith({});
    expect([passThrough(request, 5), fatal(request, 'm')].map(({ meta }) => meta?.tag)).toEqual([
      '0123456789abcdef',
      '0123456789abcdef',
    ]);
  });

  it('encodes the same answer to the same bytes', () => {
    const request = requestWith({ one: manifest('Server', 'a') });
    expect(encodeResponse(passThrough(request, 5)).equals(encodeResponse(passThrough(request, 5)))).toBe(
      true,
    );
  });
});
