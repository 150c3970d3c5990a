/** Our reading of Structs against the SDK's own types. */
import {
  FunctionRunnerServiceService,
  RunFunctionRequest,
  RunFunctionResponse,
} from '@crossplane-org/function-sdk-typescript';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { decodeRequest, decodeResponse, encodeResponse } from '../../functions/server/wire.ts';

const { requestSerialize, responseSerialize } = FunctionRunnerServiceService.runFunction;

/** The name that would change what an object is has a test of its own. */
const key = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((name) => name !== '__proto__');
/** A map of messages or values, with few entries. */
function map<Value>(value: fc.Arbitrary<Value>) {
  return fc.dictionary(key, value, { noNullPrototype: true, maxKeys: 3 });
}

const { json } = fc.letrec((tie) => ({
  json: fc.oneof(
    { depthSize: 'small' },
    fc.string({ unit: 'grapheme', maxLength: 60 }),
    fc.double({ noNaN: true }),
    fc.boolean(),
    fc.constant(null),
    fc.array(tie('json'), { maxLength: 3 }),
    tie('object'),
  ),
  object: map(tie('json')),
}));
const struct = map(json);
const bytes = fc.uint8Array({ maxLength: 8 }).map((list) => Buffer.from(list));
const resource = fc.record({
  resource: fc.option(struct, { nil: undefined }),
  connectionDetails: map(bytes),
  ready: fc.nat(2),
});
const state = fc.record({ composite: fc.option(resource, { nil: undefined }), resources: map(resource) });
const request = fc.record({
  meta: fc.record({ tag: fc.string(), capabilities: fc.array(fc.nat(4)) }),
  observed: fc.option(state, { nil: undefined }),
  desired: fc.option(state, { nil: undefined }),
  input: fc.option(struct, { nil: undefined }),
  context: fc.option(struct, { nil: undefined }),
  requiredResources: map(fc.record({ items: fc.array(resource, { maxLength: 3 }) })),
  requiredSchemas: map(fc.record({ openapiV3: struct })),
  credentials: map(fc.record({ credentialData: fc.record({ data: map(bytes) }) })),
});
const response = fc.record({
  meta: fc.record({ tag: fc.string(), ttl: fc.record({ seconds: fc.nat(600), nanos: fc.nat(9) }) }),
  desired: fc.option(state, { nil: undefined }),
  context: fc.option(struct, { nil: undefined }),
  output: fc.option(struct, { nil: undefined }),
  results: fc.array(fc.record({ severity: fc.nat(3), message: fc.string() })),
  conditions: fc.array(
    fc.record({ type: fc.string(), status: fc.nat(3), reason: fc.string(), message: fc.string() }),
  ),
});

describe('what is read is what the SDK reads', () => {
  it('of a request', () => {
    fc.assert(
      fc.property(request, (given) => {
        const encoded = requestSerialize(RunFunctionRequest.fromPartial(given));
        expect(decodeRequest(encoded)).toStrictEqual(RunFunctionRequest.decode(encoded));
      }),
    );
  });

  it('of a response', () => {
    fc.assert(
      fc.property(response, (given) => {
        const encoded = encodeResponse(RunFunctionResponse.fromPartial(given));
        expect(decodeResponse(encoded)).toStrictEqual(RunFunctionResponse.decode(encoded));
      }),
    );
  });

  it('and what is written of a response', () => {
    fc.assert(
      fc.property(response, (given) => {
        const whole = RunFunctionResponse.fromPartial(given);
        expect(RunFunctionResponse.decode(encodeResponse(whole))).toStrictEqual(
          RunFunctionResponse.decode(responseSerialize(whole)),
        );
      }),
    );
  });

  it.each([
    { reason: 'nothing at all', bytes: [] },
    { reason: 'an empty observed state', bytes: [0x12, 0] },
    { reason: 'a resource without anything', bytes: [0x12, 2, 0x0a, 0] },
    { reason: 'an empty Struct', bytes: [0x2a, 0] },
    { reason: 'an entry without key and value', bytes: [0x2a, 2, 0x0a, 0] },
    { reason: 'a value of no kind', bytes: [0x2a, 7, 0x0a, 5, 0x0a, 1, 0x61, 0x12, 0] },
    { reason: 'a field that nobody knows', bytes: [0x2a, 2, 0x78, 1, 0x78, 1] },
    { reason: 'a field of another type than it should be', bytes: [0x10, 1] },
  ])('of $reason', ({ bytes: given }) => {
    const encoded = Uint8Array.from(given);
    expect(decodeRequest(encoded)).toStrictEqual(RunFunctionRequest.decode(encoded));
  });
});

it('a field cannot change what its object is', () => {
  const context = Object.fromEntries([['__proto__', { admin: true }]]);
  const encoded = requestSerialize(RunFunctionRequest.fromPartial({ input: { context } }));

  expect(decodeRequest(encoded).input?.['context']).not.toHaveProperty('admin');
});
