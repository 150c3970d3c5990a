/** What must be shown over real gRPC: ten mistakes at once, and a newer package, each against something that runs. */
import { Ready, Severity, Status, type RunFunctionRequest } from '@crossplane-org/function-sdk-typescript';
import { beforeAll, describe, expect, it } from 'vitest';
import { runFunction } from '../../../functions/functions.ts';
import {
  objectAt,
  withField,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../../functions/kernel/manifest.ts';
import { createLogger } from '../../../functions/server/log.ts';
import { startServer } from '../../../functions/server/server.ts';
import { connect } from '../../../functions/simulator/call.ts';
import { claim } from './claims.ts';
import { newerPackage, NEWER, type NewerPackage } from './edition.ts';
import { childhoodOf, compositeOf, desiredIn, observedIn, type Run } from './life.ts';
import { isKept, withComposite } from './requests.ts';

const TIMEOUT = { timeout: 120_000 };

const COMMON: JsonObject = {
  domain: 'acme.example.com',
  cloud: { provider: 'hetzner', tokenSecretRef: { name: 'acme-hcloud' } },
  pools: [{ name: 'general', count: 2 }],
  access: { managementCidrs: ['192.0.2.10/32'] },
  dns: { provider: 'route53', zone: 'example.com', zoneId: 'Z0123456789ABCDEFGHIJ' },
  archival: { provider: 's3', bucket: 'acme-archive', secretRef: { name: 'acme-s3' } },
};
const REGION = claim('OpenOvaRegion', 'solo', { ...COMMON, name: 'fsn', location: 'fsn1' });
const CLUSTER = claim('OpenOvaCluster', 'acme', {
  ...COMMON,
  regions: [
    { name: 'fsn', location: 'fsn1' },
    { name: 'hel', location: 'hel1', role: 'standby' },
  ],
});

interface Mistake {
  readonly field: string;
  /** Where it is in a region's spec; a cluster has some of it in its regions. */
  readonly path: readonly string[];
  readonly value: Json;
  readonly message: string;
}

const mistake = (path: string, value: Json, message: string, field = path): Mistake => ({
  field: `spec.${field}`,
  path: path.split('.'),
  value,
  message,
});

const MISTAKES: readonly Mistake[] = [
  mistake(
    'access.managementCidrs',
    ['192.0.2.10/33'],
    'is "192.0.2.10/33", must be a range of addresses such as 192.0.2.0/24, without bits set behind its prefix',
    'access.managementCidrs[0]',
  ),
  mistake('archival.provider', 's4', 'is "s4", must be one of azureblob, gcs, r2, s3'),
  mistake('controlPlane.count', 2, 'is 2, must be one of 1, 3, 5'),
  mistake(
    'dns.zone',
    'example.org',
    'is "example.org", must be the domain "acme.example.com" or a zone above it',
  ),
  mistake('kubernetes.version', '1.36', 'is "1.36", must look like v1.36.3+k3s1'),
  mistake('loadBalancer.type', 'nginx', 'is "nginx", must be one of cilium-l2, cloud, k8gb'),
  mistake(
    'network.podCidr',
    '10.0.128.0/17',
    'is "10.0.128.0/17", must not overlap network.cidr, which is "10.0.0.0/16"',
  ),
  mistake('platform.profle', 'full', 'is not a field, did you mean "profile"'),
  mistake(
    'pools',
    [{ name: 'general', count: -1 }],
    'is -1, must be between 0 and 100',
    'pools[general].count',
  ),
  mistake(
    'location',
    'mars1',
    'is "mars1", must be one of ash, fsn1, hel1, hil, nbg1, sin when cloud.provider is hetzner',
  ),
];

/** Ten mistakes in a spec, and what is to be said of them. */
function mistaken(xr: Manifest): { readonly xr: Manifest; readonly told: readonly string[] } {
  const inCluster = xr.kind === 'XOpenOvaCluster';
  const spec = MISTAKES.reduce<JsonObject>(
    (before, { path, value }) => {
      if (!inCluster || path[0] !== 'location') return withField(before, path, value);
      return {
        ...before,
        regions: [
          { name: 'fsn', location: value },
          { name: 'hel', location: 'hel1', role: 'standby' },
        ],
      };
    },
    objectAt(xr, 'spec') ?? {},
  );
  const told = MISTAKES.map(
    ({ field, message }) =>
      `${inCluster ? field.replace('spec.location', 'spec.regions[fsn].location') : field} ${message}`,
  );
  return { xr: { ...xr, spec }, told: told.sort() };
}

/** The function's answer to a request that went over the wire. */
async function overWire(run: Run, request: RunFunctionRequest) {
  const server = await startServer({
    address: '127.0.0.1:0',
    tls: 'insecure',
    handle: run,
    logger: createLogger('info', { write: () => undefined }),
    drainSeconds: 0,
  });
  const connection = connect(`127.0.0.1:${server.port}`);
  try {
    return await connection.call(request);
  } finally {
    connection.close();
    await server.stop();
  }
}

/** The last question of each composite of a claim: everything runs. */
async function running(document: Manifest): Promise<readonly RunFunctionRequest[]> {
  const { steps } = await childhoodOf([document]);
  return [...new Map(steps.map(({ id, request }) => [id, request])).values()];
}

async function runningOf(document: Manifest, kind: string): Promise<RunFunctionRequest> {
  const found = (await running(document)).find((request) => compositeOf(request).kind === kind);
  if (found === undefined) throw new Error(`there is no ${kind}`);
  return found;
}

describe('ten mistakes in one claim', () => {
  const cases = [
    { kind: 'XOpenOvaRegion', document: REGION, atLeast: 40, reason: 'a region that stands alone' },
    { kind: 'XOpenOvaCluster', document: CLUSTER, atLeast: 10, reason: 'a cluster of two regions' },
  ];
  it.each(cases)(
    '$reason: ten clear errors, and everything stays as it is',
    TIMEOUT,
    async ({ kind, document, atLeast }) => {
      const request = await runningOf(document, kind);
      const { xr, told } = mistaken(compositeOf(request));
      const answer = await overWire(
        runFunction,
        withComposite(request, () => xr),
      );

      expect(answer.results.map(({ message }) => message)).toEqual(told);
      expect(answer.results.map(({ severity }) => severity)).toEqual(
        told.map(() => Severity.SEVERITY_WARNING),
      );
      const condition = answer.conditions.find(({ type }) => type === 'InputValid');
      expect(condition).toMatchObject({ status: Status.STATUS_CONDITION_FALSE, message: told.join('; ') });

      const [observed, desired] = [observedIn(request), desiredIn(answer)];
      expect(observed.size).toBeGreaterThanOrEqual(atLeast);
      expect([...desired.keys()].sort()).toEqual([...observed.keys()].sort());
      expect([...observed].filter(([key, object]) => !isKept(xr, object, desired.get(key)))).toEqual([]);
      expect(answer.desired?.composite?.resource?.['status']).toEqual(
        expect.objectContaining({ phase: 'Ready', step: objectAt(xr, 'status', 'step') }),
      );
    },
  );

  it.each(cases)(
    '$reason that is new: the same errors, nothing is made, and it is not ready',
    TIMEOUT,
    async ({ kind, document }) => {
      const request = await runningOf(document, kind);
      const { xr, told } = mistaken(compositeOf(request));
      const first = withComposite(request, () => ({ ...xr, status: {} }));
      const answer = await overWire(runFunction, {
        ...first,
        observed: first.observed && { ...first.observed, resources: {} },
      });

      expect(answer.results.map(({ message }) => message)).toEqual(told);
      expect([...desiredIn(answer).keys()]).toEqual([]);
      expect(answer.desired?.composite?.ready).toBe(Ready.READY_FALSE);
    },
  );
});

describe('a newer package against what runs', () => {
  let newer: NewerPackage;
  beforeAll(async () => {
    newer = await newerPackage();
  });

  it(
    'changes nothing but the condition UpdateAvailable, and that says what it would change',
    TIMEOUT,
    async () => {
      newer.publish({
        charts: [1, 2],
        values: [3, 5],
        dropped: [10],
        demoted: [],
        added: [2],
        ofNewKind: true,
        port: true,
        flag: true,
      });
      let compared = 0;
      for (const request of await running(CLUSTER)) {
        const [before, after] = [await overWire(runFunction, request), await overWire(newer.run, request)];
        const updates = ({ conditions }: typeof before) =>
          conditions.filter(({ type }) => type === 'UpdateAvailable');
        const others = ({ conditions }: typeof before) =>
          conditions.filter(({ type }) => type !== 'UpdateAvailable');

        const [observed, desired] = [observedIn(request), desiredIn(after)];
        const xr = compositeOf(request);
        expect([...desired.keys()].sort()).toEqual([...observed.keys()].sort());
        expect([...observed].filter(([key, object]) => !isKept(xr, object, desired.get(key)))).toEqual([]);
        expect({ ...after, conditions: others(after), desired: after.desired?.composite }).toEqual({
          ...before,
          conditions: others(before),
          desired: before.desired?.composite,
        });
        if (xr.kind === 'XOpenOvaCluster') continue;
        compared += 1;
        expect(updates(before)).toMatchObject([{ status: Status.STATUS_CONDITION_FALSE }]);
        expect(updates(after)).toMatchObject([
          {
            status: Status.STATUS_CONDITION_TRUE,
            message: expect.stringMatching(
              new RegExp(
                `^Release "${NEWER}" would change .+; set spec.platform.release to "${NEWER}" to take it$`,
              ),
            ),
          },
        ]);
      }
      expect(compared).toBe(4);
    },
  );
});
