/** Laws over single answers: real requests, twisted in every way that a control plane or a person may think of. */
import {
  Ready,
  RunFunctionResponse,
  Severity,
  Status,
  type RunFunctionRequest,
} from '@crossplane-org/function-sdk-typescript';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { specOf } from '../../../functions/apis/parse.ts';
import { runFunction } from '../../../functions/functions.ts';
import { objectAt, type Manifest } from '../../../functions/kernel/manifest.ts';
import { claimsOf } from '../../../functions/simulator/claims.ts';
import { editSpec } from '../../../functions/simulator/faults.ts';
import { put, type World } from '../../../functions/simulator/world.ts';
import { garbage } from './changes.ts';
import { RUNS, runs, sampled } from './claims.ts';
import { latch, planOf, untouched, wellFormed } from './laws.ts';
import {
  childhoodOf,
  composedIn,
  compositeOf,
  DEFINITIONS,
  desiredIn,
  frozen,
  Life,
  observedIn,
} from './life.ts';
import {
  bytesOf,
  isKept,
  mistaken,
  mistakes,
  received,
  shuffled,
  withComposite,
  withObjects,
} from './requests.ts';

const CLAIMS = sampled(1);
const TIMEOUT = { timeout: 300_000 };

/** Everything that was asked while the claims were built: from nothing to ready. */
const requests: RunFunctionRequest[] = [];
beforeAll(async () => {
  for (const documents of CLAIMS) {
    const { steps } = await childhoodOf(documents);
    requests.push(...steps.map(({ request }) => request));
  }
}, 300_000);

/** One of the requests, by its number. */
const request = fc.nat(9999).map((number) => ({
  number,
  of: (): RunFunctionRequest => {
    const found = requests[number % requests.length];
    if (found === undefined) throw new Error('there is no request');
    return found;
  },
}));

describe('Determinism', () => {
  it('the same request gives the same bytes, in whatever order its maps come', TIMEOUT, () => {
    fc.assert(
      fc.property(request, fc.nat(), ({ of }, seed) => {
        const asked = received(of());
        const answer = bytesOf(runFunction(asked));
        expect(bytesOf(runFunction(received(of())))).toBe(answer);
        expect(bytesOf(runFunction(shuffled(asked, seed)))).toBe(answer);
      }),
      runs(150),
    );
  });

  it('what goes over the wire is what was answered', TIMEOUT, () => {
    fc.assert(
      fc.property(request, ({ of }) => {
        const answer = runFunction(of());
        const arrived = RunFunctionResponse.decode(RunFunctionResponse.encode(answer).finish());
        expect(RunFunctionResponse.toJSON(arrived)).toEqual(RunFunctionResponse.toJSON(answer));
      }),
      runs(50),
    );
  });
});

/** Where secret values may be found in a request, and how they look there. */
function withSecrets(asked: RunFunctionRequest, value: string, stripped: boolean): RunFunctionRequest {
  const encoded = Buffer.from(value).toString('base64');
  const details = { password: Buffer.from(value), kubeconfig: Buffer.from(value) };
  const seeded = withObjects(asked, (object) => {
    const { metadata, ...rest } = object;
    const bare = Object.entries(objectAt(object, 'metadata') ?? {}).filter(
      ([field]) => field !== 'managedFields',
    );
    const plain = stripped ? { ...rest, metadata: Object.fromEntries(bare) } : { ...rest, metadata };
    return object['kind'] === 'Secret'
      ? { ...plain, data: { kubeconfig: encoded, id_ed25519: encoded }, stringData: { token: value } }
      : plain;
  });
  const { observed } = seeded;
  return {
    ...seeded,
    credentials: { cloud: { credentialData: { data: details } } },
    observed: observed && {
      composite: observed.composite && { ...observed.composite, connectionDetails: details },
      resources: Object.fromEntries(
        Object.entries(observed.resources).map(([key, one]) => [key, { ...one, connectionDetails: details }]),
      ),
    },
  };
}

/** A Secret as another object that is required holds it: some kinds are Secrets and nothing else. */
const SECRET: Manifest = {
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: { name: 'theirs', namespace: 'acme-platform' },
};

describe('No secrets', () => {
  const ending = fc.string({ unit: fc.constantFrom('a', 'B', '7', '-', '_', '/', '+'), maxLength: 60 });
  const value = ending.map((end) => `hidden:${end}`);
  const cases = fc.record({
    request,
    value,
    stripped: fc.boolean(),
    bad: fc.option(mistakes, { nil: undefined }),
  });

  it('no secret value is in an answer but as a connection detail, whatever the input', TIMEOUT, () => {
    fc.assert(
      fc.property(cases, ({ request: { of }, value: secret, stripped, bad }) => {
        const asked = withSecrets(of(), secret, stripped);
        const twisted = bad
          ? withComposite(asked, (xr) => ({ ...xr, spec: mistaken(objectAt(xr, 'spec') ?? {}, bad) }))
          : asked;
        const required = Object.fromEntries(
          Object.entries(twisted.requiredResources).map(([name, { items }]) => [
            name,
            {
              items: [...items, { resource: SECRET, connectionDetails: {}, ready: Ready.READY_UNSPECIFIED }],
            },
          ]),
        );
        const answer = runFunction({ ...twisted, requiredResources: required });
        const composite = answer.desired?.composite;
        const told = JSON.stringify({
          ...answer,
          desired: { ...answer.desired, composite: { ...composite, connectionDetails: undefined } },
        });
        expect(told).not.toContain(secret);
        expect(told).not.toContain(Buffer.from(secret).toString('base64'));
      }),
      runs(150),
    );
  });

  it('no secret value of a world is in any object of it but a Secret', TIMEOUT, async () => {
    for (const documents of CLAIMS) {
      const secret = 'aGlnaGx5IGNvbmZpZGVudGlhbA';
      const grown = (await childhoodOf(documents)).worlds.at(-1);
      const seeded = [...(grown?.objects.values() ?? [])]
        .filter(({ kind }) => kind === 'Secret')
        .reduce<World | undefined>(
          (world, one) =>
            world && put(world, { ...one, data: { ...objectAt(one, 'data'), kubeconfig: secret } }),
          grown,
        );
      if (seeded === undefined) throw new Error('a childhood without a moment');
      const life = new Life(seeded);
      await life.rest();
      const others = [...life.world.objects.values()].filter(({ kind }) => kind !== 'Secret');
      expect(JSON.stringify(others)).not.toContain(secret);
    }
  });
});

function invalid({ conditions }: RunFunctionResponse): boolean {
  return conditions.some(
    ({ type, status }) => type === 'InputValid' && status === Status.STATUS_CONDITION_FALSE,
  );
}

describe('Honest answer', () => {
  it('mistakes never change what exists, make nothing new, and are told', TIMEOUT, () => {
    let wrong = 0;
    fc.assert(
      fc.property(request, mistakes, ({ of }, all) => {
        const asked = frozen(
          withComposite(of(), (xr) => ({
            ...xr,
            spec: { ...objectAt(xr, 'spec'), ...mistaken(specOf(xr), all) },
          })),
        );
        const answer = runFunction(asked);
        expect(answer.results.map(({ severity }) => severity)).not.toContain(Severity.SEVERITY_FATAL);
        expect(wellFormed({ request: asked, response: answer })).toEqual([]);
        if (!invalid(answer)) return;
        wrong += 1;
        const observed = observedIn(asked);
        const desired = desiredIn(answer);
        expect([...desired.keys()].sort()).toEqual([...observed.keys()].sort());
        for (const [key, object] of observed) {
          expect(isKept(compositeOf(asked), object, desired.get(key)), key).toBe(true);
        }
        expect(answer.results.length).toBeGreaterThan(0);
        if (observed.size === 0) expect(answer.desired?.composite?.ready).toBe(Ready.READY_FALSE);
      }),
      runs(400),
    );
    // Otherwise the mistakes were none, and nothing was shown.
    expect(wrong).toBeGreaterThan(100 * RUNS);
  });

  it('nonsense in a status is never fatal and drops nothing', TIMEOUT, () => {
    const places = fc.array(fc.tuple(fc.nat(999), garbage), { minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(request, places, ({ of }, list) => {
        const keys = Object.keys(of().observed?.resources ?? {});
        const asked = frozen(
          withObjects(of(), (object, key) => {
            const place = keys.indexOf(key);
            const found = list.find(([number]) => number % (keys.length + 1) === place + 1);
            return found === undefined ? object : { ...object, status: found[1] };
          }),
        );
        const answer = runFunction(asked);
        expect(answer.results.map(({ severity }) => severity)).not.toContain(Severity.SEVERITY_FATAL);
        expect(wellFormed({ request: asked, response: answer })).toEqual([]);
        const dropped = [...observedIn(asked).keys()].filter((key) => !desiredIn(answer).has(key));
        const before = desiredIn(runFunction(of()));
        expect(dropped.filter((key) => before.has(key))).toEqual([]);
      }),
      runs(300),
    );
  });

  it(
    'a world with a mistake in a claim stays as it is, and goes on when it is corrected',
    TIMEOUT,
    async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.constantFrom(...CLAIMS),
          fc.nat(100),
          mistakes,
          async (documents, percent, all) => {
            const { worlds } = await childhoodOf(documents);
            const world = worlds[Math.round(((worlds.length - 1) * percent) / 100)];
            const [id = ''] = claimsOf(world ?? raise(), DEFINITIONS)[0] ?? [];
            const right = objectAt(world?.objects.get(id), 'spec') ?? {};
            const life = new Life(
              editSpec(world ?? raise(), id, (spec) => ({ ...spec, ...mistaken(right, all) })),
            );
            const [step] = (await life.turn()).filter(({ request: { observed } }) => observed !== undefined);
            if (step === undefined || !invalid(step.response)) return;
            expect(untouched(step)).toEqual([]);
            expect(latch(step)).toEqual([]);
            life.world = editSpec(life.world, id, () => right);
            expect(await life.rest()).toBe(true);
            const last = worlds.at(-1) ?? raise();
            expect([...composedIn(life.world).keys()].sort()).toEqual([...composedIn(last).keys()].sort());
          },
        ),
        runs(15),
      );
    },
  );
});

function raise(): never {
  throw new Error('a childhood without a moment');
}

/** Kinds that Kubernetes itself serves: nobody asks about them. */
const BUILT_IN = /^(v1|(apps|batch|rbac\.authorization\.k8s\.io)\/v1)$/;

describe('Served', () => {
  it('a kind that is not served is never made, and the condition names it', TIMEOUT, () => {
    fc.assert(
      fc.property(request, fc.nat(7), ({ of }, some) => {
        const asked = of();
        const probed = Object.keys(asked.requiredSchemas);
        const unserved = probed.filter((_kind, index) => (some >> (index % 3)) % 2 === 0);
        const answer = runFunction({
          ...asked,
          requiredSchemas: Object.fromEntries(
            Object.entries(asked.requiredSchemas).map(([kind, schema]) =>
              unserved.includes(kind) ? [kind, { openapiV3: undefined }] : [kind, schema],
            ),
          ),
        });
        const observed = observedIn(asked);
        const proven = new Set([...observed.values()].map(kindOf));
        const made = [...desiredIn(answer)].filter(([key]) => !observed.has(key)).map(([, object]) => object);
        for (const object of made) {
          const kind = kindOf(object);
          expect(BUILT_IN.test(object.apiVersion) || proven.has(kind) || !unserved.includes(kind), kind).toBe(
            true,
          );
        }
        const wanted = new Set((planOf(asked)?.nodes ?? []).map(({ manifest }) => kindOf(manifest)));
        const told = answer.conditions.find(({ type }) => type === 'PackagesInstalled');
        const named = unserved.filter((kind) => wanted.has(kind) && !proven.has(kind)).sort();
        for (const kind of named.slice(0, 5)) expect(told?.message).toContain(kind);
        if (named.length === 0) expect(told?.status).not.toBe(Status.STATUS_CONDITION_FALSE);
      }),
      runs(200),
    );
  });

  it('a kind that comes to be served is made then, and nothing before it broke', TIMEOUT, async () => {
    const kinds = ['Server', 'Release', 'Object', 'ClusterUsage', 'Usage', 'Record', 'Firewall', 'Subnet'];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...CLAIMS),
        fc.subarray(kinds, { minLength: 1 }),
        async (documents, missing) => {
          const served = new Set<string>();
          const isServed = (_apiVersion: string, kind: string) => !missing.includes(kind) || served.has(kind);
          const without = await childhoodOf(documents, { isServed });
          expect(without.failures).toEqual([]);
          const halfway = without.worlds.at(-1) ?? raise();
          expect([...composedIn(halfway).values()].filter(({ kind }) => missing.includes(kind))).toEqual([]);
          for (const kind of missing) served.add(kind);
          const life = new Life(halfway, { isServed });
          expect(await life.rest()).toBe(true);
          const whole = (await childhoodOf(documents)).worlds.at(-1) ?? raise();
          expect([...composedIn(life.world).keys()].sort()).toEqual([...composedIn(whole).keys()].sort());
        },
      ),
      runs(6),
    );
  });
});

function kindOf({ apiVersion, kind }: { apiVersion: string; kind: string }): string {
  return `${apiVersion}/${kind}`;
}
