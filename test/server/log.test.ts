import { RunFunctionRequest, Severity, Status } from '@crossplane-org/function-sdk-typescript';
import { afterEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { failureOf, secretsIn } from '../../functions/server/failure.ts';
import type { Handler } from '../../functions/server/messages.ts';
import {
  callerAt,
  logBook,
  manifest,
  passThrough,
  requestWith,
  resourceOf,
  serverWith,
  stopAll,
} from './support.ts';

afterEach(stopAll);

const Line = z.looseObject({ level: z.string(), time: z.iso.datetime(), msg: z.string() });

function parsed(lines: readonly string[]): z.infer<typeof Line>[] {
  return lines.map((line) => Line.parse(JSON.parse(line)));
}

/** Texts of which none may be in any log: each stands where a secret or somebody's data may be. */
const MARKS = {
  spec: 'mark-of-a-spec',
  secretData: 'bWFyay1vZi1hLXNlY3JldA==',
  secretPlain: 'mark-of-a-secret',
  connection: 'mark-of-connection-details',
  credential: 'mark-of-a-credential',
  context: 'mark-of-a-context',
  input: 'mark-of-an-input',
  result: 'mark-of-a-result',
  status: 'mark-of-a-status',
};

const marked: RunFunctionRequest = {
  ...RunFunctionRequest.fromPartial({
    meta: { tag: 'fedcba9876543210' },
    observed: {
      composite: {
        resource: manifest('XDataService', 'db', { spec: { password: MARKS.spec } }),
        connectionDetails: { password: Buffer.from(MARKS.connection) },
      },
      resources: {
        secret: {
          resource: { ...manifest('Secret', 's', { data: { key: MARKS.secretData } }), apiVersion: 'v1' },
        },
      },
    },
    credentials: { cloud: { credentialData: { data: { token: Buffer.from(MARKS.credential) } } } },
  }),
  context: { secret: MARKS.context },
  input: { secret: MARKS.input },
};

const leaky: Handler = (request) => ({
  ...passThrough(request, 60),
  desired: {
    composite: resourceOf(manifest('XDataService', 'db', { status: { secret: MARKS.status } }), false),
    resources: {
      secret: resourceOf(manifest('Secret', 's', { stringData: { key: MARKS.secretPlain } }), false),
    },
  },
  results: [{ severity: Severity.SEVERITY_WARNING, message: MARKS.result }],
  conditions: [
    { type: 'Step', status: Status.STATUS_CONDITION_FALSE, reason: 'Waiting', message: MARKS.result },
  ],
});

const throwing: Handler = () => {
  const values = [MARKS.credential, MARKS.connection, MARKS.secretPlain, MARKS.secretData];
  throw new SyntaxError(`Unexpected token in "${MARKS.spec}" with ${values.join(' and ')}\n${MARKS.context}`);
};

describe('the line of a call', () => {
  it('names the composite, its claim, the request and the numbers', async () => {
    const { logger, lines } = logBook();
    const { port } = await serverWith({ logger, handle: leaky });
    await callerAt(port).call(requestWith({ one: manifest('Server', 'a'), two: manifest('Server', 'b') }));
    const line = parsed(lines).find(({ msg }) => msg === 'RunFunction');
    expect(line).toMatchObject({
      level: 'info',
      name: 'openova',
      outcome: 'warning',
      requestId: '0123456789ab',
      xr: { kind: 'XOpenOvaRegion', name: 'shop-x7' },
      claim: { namespace: 'team-a', name: 'shop' },
      observed: 2,
      desired: 1,
      results: { fatal: 0, warning: 1, normal: 0 },
    });
    expect(line?.['durationMs']).toEqual(expect.any(Number));
    expect(line?.['requestBytes']).toBeGreaterThan(0);
    expect(line?.['responseBytes']).toBeGreaterThan(0);
  });

  it('adds conditions and what is not ready with --debug', async () => {
    const { logger, lines } = logBook('debug');
    const { port } = await serverWith({ logger, handle: leaky });
    await callerAt(port).call(marked);
    expect(parsed(lines).find(({ level }) => level === 'debug')).toMatchObject({
      requestId: 'fedcba987654',
      conditions: ['Step=False/Waiting'],
      notReady: ['secret'],
    });
  });

  it.each([
    { reason: 'a handler that answers', handle: leaky },
    { reason: 'a handler that throws', handle: throwing },
  ])('holds no value of any resource, after $reason', async ({ handle }) => {
    const { logger, lines } = logBook('debug');
    const { port } = await serverWith({ logger, handle });
    const { results } = await callerAt(port).call(marked);
    const all = lines.join('');
    expect(parsed(lines).filter(({ msg }) => msg === 'RunFunction')).toHaveLength(1);
    for (const mark of Object.values(MARKS)) expect(all).not.toContain(mark);
    if (handle === throwing)
      for (const mark of Object.values(MARKS)) expect(JSON.stringify(results)).not.toContain(mark);
  });
});

describe('a failure', () => {
  it('keeps kind, place and the words of the message that are no values', () => {
    const failure = failureOf(
      new RangeError('no node "secret-key" for hunter22 in the graph\n  at next line'),
      ['hunter22'],
    );
    expect(failure.name).toBe('RangeError');
    expect(failure.message).toBe('no node "…" for … in the graph');
    expect(failure.stack[0]).toMatch(/^at .*log\.test\.ts/);
    expect(failure.stack.join('')).not.toContain('next line');
  });

  it('is of any thrown thing', () => {
    expect(failureOf('secret')).toEqual({ name: 'string', message: '', stack: [] });
  });

  it('looks for secrets wherever a request may hold them', () => {
    const request: RunFunctionRequest = {
      ...marked,
      requiredResources: {
        more: {
          items: [resourceOf(manifest('Secret', 'x', { stringData: { pem: 'line-one\nline-two' } }), true)],
        },
      },
    };
    expect(secretsIn(request).sort()).toEqual(
      [
        MARKS.credential,
        MARKS.connection,
        MARKS.secretData,
        MARKS.secretPlain,
        'line-one\nline-two',
        'line-one',
        'line-two',
      ].sort(),
    );
  });
});
