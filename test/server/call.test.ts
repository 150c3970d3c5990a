import {
  FunctionRunnerServiceService,
  Resource,
  RunFunctionRequest,
  RunFunctionResponse,
  Severity,
} from '@crossplane-org/function-sdk-typescript';
import { status } from '@grpc/grpc-js';
import { afterEach, describe, expect, it } from 'vitest';
import {
  CROSSPLANE_RECEIVE_BYTES,
  MAX_REQUEST_BYTES,
  MAX_RESPONSE_BYTES,
} from '../../functions/server/limits.ts';
import {
  callerAt,
  failureOfCall,
  logBook,
  manifest,
  passThrough,
  resourceOf,
  PATH,
  requestWith,
  serverWith,
  severities,
  stopAll,
} from './support.ts';

afterEach(stopAll);

const MEBIBYTE = 1024 * 1024;

describe('a call', () => {
  it('goes to the path that Crossplane calls', async () => {
    expect(FunctionRunnerServiceService.runFunction.path).toBe(PATH);
    const { port } = await serverWith({});
    const response = await callerAt(port).call(requestWith({}));
    expect(response.meta).toEqual({ tag: '0123456789abcdef', ttl: { seconds: 60, nanos: 0 } });
  });

  it('passes on what earlier steps of the pipeline desire, and their context', async () => {
    const earlier = {
      meta: { tag: 'x' },
      desired: {
        composite: { resource: manifest('XOpenOvaRegion', 'r', { status: { step: 'one' } }), ready: 2 },
        resources: {
          theirs: { resource: manifest('ConfigMap', 'c', { data: { list: ['x', 'x'] } }), ready: 1 },
        },
      },
      context: {
        'apiextensions.crossplane.io/environment': { region: 'fsn1', none: null, list: [1, 'x', true, {}] },
      },
    };
    const request = RunFunctionRequest.fromPartial(earlier);
    const { port } = await serverWith({});
    const { desired, context } = await callerAt(port).call(request);
    expect(desired).toEqual(request.desired);
    expect(context).toEqual(request.context);
  });

  it('answers calls at the same time, each its own', async () => {
    const { port } = await serverWith({
      handle: (request) => ({
        ...passThrough(request, 60),
        context: { tag: request.meta?.tag, observed: Object.keys(request.observed?.resources ?? {}) },
      }),
    });
    const caller = callerAt(port);
    const numbers = Array.from({ length: 50 }, (_, index) => String(index));
    const answers = await Promise.all(
      numbers.map((tag) =>
        caller.call(
          requestWith({ [`key-${tag}`]: manifest('Server', tag) }, { meta: { tag, capabilities: [] } }),
        ),
      ),
    );
    expect(answers.map(({ context }) => context)).toEqual(
      numbers.map((tag) => ({ tag, observed: [`key-${tag}`] })),
    );
  });
});

describe('large requests', () => {
  it('takes one of 20 MB', async () => {
    const { port } = await serverWith({
      handle: (request) => ({ ...passThrough(request, 60), context: { observed: sizeOf(request) } }),
    });
    const observed = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [
        `cm-${index}`,
        manifest('ConfigMap', 'c', { data: 'x'.repeat(MEBIBYTE) }),
      ]),
    );
    const { context } = await callerAt(port).call(requestWith(observed));
    expect(context?.['observed']).toBeGreaterThan(20 * MEBIBYTE);
  });

  it(`takes one that is as large as the limit and refuses a larger one`, async () => {
    const { port } = await serverWith({});
    const caller = callerAt(port);
    expect((await caller.callBytes(padded(MAX_REQUEST_BYTES))).meta?.tag).toBe('padded');
    const error = await failureOfCall(caller.callBytes(padded(MAX_REQUEST_BYTES + 1)));
    expect(error.code).toBe(status.RESOURCE_EXHAUSTED);
    expect(error.details).toContain(String(MAX_REQUEST_BYTES));
  });
});

describe('large responses', () => {
  /** A handler whose response is of exactly that many bytes. */
  const handlerOf = (bytes: number) => (request: RunFunctionRequest) => {
    const response = (padding: number): RunFunctionResponse => ({
      ...passThrough(request, 60),
      desired: {
        composite: undefined,
        resources: {
          small: resourceOf(manifest('ConfigMap', 's'), true),
          'large-a': resourceOf(manifest('ConfigMap', 'b', { data: 'x'.repeat(MEBIBYTE) }), true),
          'large-b': resourceOf(
            manifest('ConfigMap', 'a', { data: 'x'.repeat(2 * MEBIBYTE + padding) }),
            true,
          ),
        },
      },
    });
    const without = RunFunctionResponse.encode(response(0)).finish().length;
    return response(bytes - without);
  };

  it('sends one as large as the limit, which Crossplane can receive', async () => {
    expect(MAX_RESPONSE_BYTES).toBeLessThan(CROSSPLANE_RECEIVE_BYTES);
    const { port } = await serverWith({ handle: handlerOf(MAX_RESPONSE_BYTES) });
    const response = await callerAt(port).call(requestWith({}));
    expect(RunFunctionResponse.encode(response).finish().length).toBe(MAX_RESPONSE_BYTES);
    expect(response.results).toEqual([]);
  });

  it('replaces a larger one by an error that names the largest resources', async () => {
    const book = logBook();
    const handle = handlerOf(MAX_RESPONSE_BYTES + 1);
    const { port } = await serverWith({ handle, logger: book.logger });
    const response = await callerAt(port).call(requestWith({}));
    const resources = handle(requestWith({})).desired?.resources ?? {};
    const size = (key: string): number => {
      const resource = resources[key];
      return resource === undefined ? 0 : Resource.encode(resource).finish().length;
    };
    expect(severities(response)).toEqual([Severity.SEVERITY_FATAL]);
    expect(response.results[0]?.message).toBe(
      `the response of ${MAX_RESPONSE_BYTES + 1} bytes is over the limit of ${MAX_RESPONSE_BYTES} bytes that Crossplane can receive; ` +
        `largest resources: "large-b" with ${size('large-b')} bytes, "large-a" with ${size('large-a')} bytes, "small" with ${size('small')} bytes; ` +
        'make the largest ones smaller, or move components, pools or services to a second claim',
    );
    expect(response.meta).toEqual({ tag: '0123456789abcdef', ttl: { seconds: 60, nanos: 0 } });
    expect(response.desired).toBeUndefined();
    expect(book.lines.join('')).toContain('"outcome":"oversize"');
  });
});

describe('failures', () => {
  it.each([
    {
      reason: 'the handler throws',
      handle: () => {
        throw new TypeError('Cannot read properties of undefined (reading "password")');
      },
      name: 'TypeError',
      frame: 'call.test.ts',
    },
    {
      reason: 'the response holds what no message can',
      handle: (request: RunFunctionRequest) => ({ ...passThrough(request, 60), context: { big: 1n } }),
      name: 'Error',
      frame: 'struct.js',
    },
  ])('answers FATAL without details when $reason, and logs where', async ({ handle, name, frame }) => {
    const book = logBook();
    const { port } = await serverWith({ handle, logger: book.logger });
    const response = await callerAt(port).call(requestWith({}));
    expect(response.results).toEqual([
      expect.objectContaining({
        severity: Severity.SEVERITY_FATAL,
        message: 'the function failed on this request; its log says where, under request id "0123456789ab"',
      }),
    ]);
    expect(response.meta).toEqual({ tag: '0123456789abcdef', ttl: { seconds: 60, nanos: 0 } });
    const line = book.lines.find((one) => one.includes('"outcome":"failed"'));
    expect(line).toContain('"level":"error"');
    expect(line).toContain('"requestId":"0123456789ab"');
    expect(line).toContain(`"name":"${name}"`);
    expect(line).toContain(frame);
  });

  it('goes on after a failure', async () => {
    let calls = 0;
    const { port } = await serverWith({
      handle: (request) => {
        calls += 1;
        if (calls === 1) throw new Error('once');
        return passThrough(request, 60);
      },
    });
    const caller = callerAt(port);
    expect(severities(await caller.call(requestWith({})))).toEqual([Severity.SEVERITY_FATAL]);
    expect(severities(await caller.call(requestWith({})))).toEqual([]);
  });

  it.each([
    {
      reason: 'cut short',
      bytes: Buffer.from([0x12, 0x7f, 0x01]),
      says: /premature EOF|out of range|offset/i,
    },
    { reason: 'of another format', bytes: Buffer.from('{"meta":{}}'), says: /./ },
    {
      reason: 'nested deeper than any object should be',
      bytes: nested(400),
      says: /more than 350 objects lie within each other/,
    },
  ])('says and logs why a request that is $reason cannot be decoded', async ({ bytes, says }) => {
    const book = logBook();
    const { port } = await serverWith({ logger: book.logger });
    const error = await failureOfCall(callerAt(port).callBytes(bytes));
    expect(error.code).toBe(status.INVALID_ARGUMENT);
    expect(error.details).toMatch(new RegExp(`^cannot decode the request of ${bytes.length} bytes: `));
    expect(error.details).toMatch(says);
    const line = book.lines.find((one) => one.includes('"outcome":"undecodable"'));
    expect(line).toContain('"level":"error"');
  });

  it.each([31, 32, 100, 300])('decodes %d objects within each other', async (depth) => {
    const { port } = await serverWith({
      handle: (request) => ({ ...passThrough(request, 60), context: request.input }),
    });
    const { context } = await callerAt(port).callBytes(nested(depth));
    let levels = 0;
    for (let here: unknown = context; typeof here === 'object' && here !== null && 'a' in here; here = here.a)
      levels += 1;
    expect(levels).toBe(depth - 1);
  });
});

function sizeOf(request: RunFunctionRequest): number {
  return JSON.stringify(request.observed).length;
}

/** A request of exactly that many bytes: the tag, and a field that no message has. */
function padded(bytes: number): Buffer {
  const head = RunFunctionRequest.encode(
    RunFunctionRequest.fromPartial({ meta: { tag: 'padded' } }),
  ).finish();
  const padding = bytes - head.length - 2 - 4;
  const length = [padding & 0x7f, (padding >> 7) & 0x7f, (padding >> 14) & 0x7f].map((bits) => bits | 0x80);
  const result = Buffer.alloc(bytes);
  result.set([...head, 0x92, 0x06, ...length, padding >> 21]);
  return result;
}

/** A request whose input is that many objects within each other. */
function nested(depth: number): Buffer {
  let input = {};
  for (let level = 1; level < depth; level += 1) input = { a: input };
  return FunctionRunnerServiceService.runFunction.requestSerialize(requestWith({}, { input }));
}
