import { Ready, RunFunctionRequest, Severity } from '@crossplane-org/function-sdk-typescript';
import { describe, expect, it } from 'vitest';
import { compositeOf, fatal, manifestOf } from '../../functions/server/messages.ts';
import { decodeRequest, encodeResponse } from '../../functions/server/wire.ts';
import { manifest, passThrough, requestWith } from './support.ts';

/** The request as a server gets it. */
function received(request: RunFunctionRequest): RunFunctionRequest {
  return decodeRequest(RunFunctionRequest.encode(request).finish());
}

describe('reading a request', () => {
  it('finds the composite', () => {
    expect(compositeOf(received(requestWith({})))?.metadata.name).toBe('shop-x7');
  });

  it.each([
    { reason: 'no observed state', request: {} },
    { reason: 'no composite', request: { observed: { resources: {} } } },
  ])('finds none where there is $reason', ({ request }) => {
    expect(compositeOf(received(RunFunctionRequest.fromPartial(request)))).toBeUndefined();
  });

  it.each([
    { reason: 'nothing', resource: undefined },
    { reason: 'an empty object', resource: {} },
    { reason: 'an object without kind', resource: { apiVersion: 'v1', metadata: {} } },
    { reason: 'metadata that is no object', resource: { apiVersion: 'v1', kind: 'Secret', metadata: 'x' } },
  ])('takes $reason for no Kubernetes object', ({ resource }) => {
    expect(manifestOf({ resource, connectionDetails: {}, ready: Ready.READY_UNSPECIFIED })).toBeUndefined();
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
  it('stops the pipeline with nothing but a reason, for a minute at most', () => {
    expect(fatal(requestWith({}), 'no')).toEqual({
      meta: { tag: '0123456789abcdef', ttl: { seconds: 60, nanos: 0 } },
      desired: undefined,
      context: undefined,
      results: [{ severity: Severity.SEVERITY_FATAL, message: 'no' }],
      conditions: [],
      requirements: undefined,
    });
  });

  it('encodes the same answer to the same bytes', () => {
    const request = requestWith({ one: manifest('Server', 'a') });
    expect(encodeResponse(passThrough(request, 5)).equals(encodeResponse(passThrough(request, 5)))).toBe(
      true,
    );
  });
});
