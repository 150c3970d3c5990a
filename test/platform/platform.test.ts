import { describe, expect, it } from 'vitest';
import { catalogue } from '../../functions/catalogue/index.ts';
import { memoryNeeded } from '../../functions/catalogue/memory.ts';
import { checkPlatform } from '../../functions/catalogue/select.ts';
import { objectAt, textAt, type JsonObject, type Manifest } from '../../functions/kernel/manifest.ts';
import { platformComposer } from '../../functions/platform/index.ts';
import { advise } from '../../functions/platform/hints.ts';
import { RELEASE } from '../../functions/release.ts';
import { platformSpec, platformXr } from '../catalogue/specs.ts';
import { applied, reconcile, service, waves } from './support.ts';

const cloudflare = { provider: 'cloudflare', zone: 'example.com', secretRef: { name: 'acme-dns' } };
const nodes = ['acme-fsn-cp-1', 'acme-fsn-general-1', 'acme-fsn-general-2'].map((name) => `node/${name}`);
const conditionsOf = ({ report }: { report: { conditions: readonly { type: string; status: string }[] } }) =>
  Object.fromEntries(report.conditions.map(({ type, status }) => [type, status]));

describe('the way into the cluster', () => {
  it('stays until the release that is uninstalled through it is gone: its hook needs it', () => {
    const { last } = waves(platformXr());
    const usage = last.settled.desired.get('usage/provider-config/openova-system')?.manifest;
    const release = last.settled.desired.get('openova-system')?.manifest;

    expect(usage).toMatchObject({
      kind: 'ClusterUsage',
      spec: {
        of: { kind: 'ProviderConfig', resourceRef: objectAt(release, 'spec', 'providerConfigRef') },
        by: { kind: 'Release', resourceRef: { name: release?.metadata.name } },
        replayDeletion: true,
      },
    });
  });
});

describe('the order', () => {
  it('stage Network: what makes nodes Ready, and nothing that would wait for one', () => {
    const { rounds, last } = waves(platformXr({ stage: 'Network' }));
    expect(rounds).toEqual([['gateway-api-crds'], ['cilium']]);
    expect(last.report.status).toMatchObject({ networkReady: true, components: { ready: 2, total: 11 } });
    expect(last.settled.ready, 'the platform is not there yet').toBe(false);
    expect(conditionsOf(last)).toMatchObject({
      NetworkReady: 'True',
      CloudReady: 'False',
      GatewayReady: 'False',
    });
  });

  it('stage Platform: credentials, nodes initialised, then the rest by what it needs', () => {
    const { rounds, last } = waves(platformXr({ dns: cloudflare }));
    expect(rounds).toEqual([
      ['gateway-api-crds'],
      ['cilium'],
      ['openova-system'],
      ['hcloud-ccm', 'usage/provider-config/openova-system'],
      nodes,
      ['cert-manager', 'external-dns', 'external-secrets', 'flux', 'hcloud-csi', 'metadata-guard'],
      ['cluster-issuer'],
      ['gateway', 'gateway/certificate'],
      ['gateway/redirect'],
    ]);
    expect(last.settled.ready).toBe(true);
    expect(last.report.status).toMatchObject({ phase: 'Ready', release: RELEASE });
  });

  it('volumes wait for every node, and the status names the one that keeps them', () => {
    const { last } = waves(platformXr(), ['node/acme-fsn-general-2']);
    expect(last.keys).toContain('node/acme-fsn-general-2');
    expect(last.keys).not.toContain('hcloud-csi');
    expect(last.report.status['waitingFor']).toMatchObject([
      { object: 'Object/acme-fsn-platform-node-acme-fsn-general-2', step: 'CloudReady' },
    ]);
  });

  it('existing machines: no cloud, no wait for one', () => {
    const { rounds } = waves(
      platformXr({ cloud: { provider: 'existing' }, platform: { profile: 'minimal' } }),
    );
    expect(rounds.flat().sort()).toEqual([
      'cert-manager',
      'cilium',
      'cluster-issuer',
      'gateway',
      'gateway-api-crds',
      'openova-system',
      'usage/provider-config/openova-system',
    ]);
  });

  it('a node that joins later is watched; what is there does not wait for it', () => {
    const names = [...nodes, 'node/new'].map((key) => key.replace('node/', ''));
    const before = waves(platformXr());
    const xr = platformXr({ nodes: { servers: 1, agents: 3, names } });
    const run = reconcile(xr, applied(before.last.settled, platformXr()));
    expect(run.keys).toEqual([...before.last.keys, 'node/new'].sort());
  });
});

describe('what flaps', () => {
  const whole = waves(platformXr({ dns: cloudflare })).last;

  it.each(['cilium', 'hcloud-ccm', 'cert-manager', nodes[0] ?? ''])(
    'stays desired, with all behind it, while it is not ready: %s',
    (key) => {
      const xr = platformXr({ dns: cloudflare });
      expect(reconcile(xr, applied(whole.settled, xr, [key])).keys).toEqual(whole.keys);
    },
  );

  it('stays when the stage goes back', () => {
    const xr = platformXr({ dns: cloudflare, stage: 'Network' });
    expect(reconcile(xr, applied(whole.settled, xr)).keys).toEqual(whole.keys);
  });
});

describe('the release', () => {
  const xr = (release: string | undefined, running: string | undefined) =>
    platformXr(
      { platform: release === undefined ? {} : { release } },
      running === undefined ? {} : { release: running },
    );
  const built = waves(xr(undefined, undefined)).last.settled;
  const older = (): Map<string, Manifest> => {
    const exists = applied(built, xr(undefined, undefined));
    const cilium = exists.get('cilium');
    if (cilium === undefined) throw new Error('there is no cilium');
    exists.set('cilium', { ...cilium, spec: { ...objectAt(cilium, 'spec'), rollbackLimit: 1 } });
    exists.delete('flux');
    return exists;
  };

  it('is written down when all is ready for the first time', () => {
    expect(reconcile(xr(undefined, undefined), new Map()).report.status['release']).toBeUndefined();
    const exists = applied(built, xr(undefined, undefined));
    expect(reconcile(xr(undefined, undefined), exists).report.status['release']).toBe(RELEASE);
  });

  const cases: Record<string, { reason: string; release?: string; changed: boolean }> = {
    'not mentioned': { reason: 'a new package alone changes nothing', changed: false },
    'the one that runs': { reason: 'the claim holds it', release: '0.0', changed: false },
    'the installed one': { reason: 'the claim asks for it', release: RELEASE, changed: true },
    latest: { reason: 'the claim follows the package', release: 'latest', changed: true },
  };
  it.each(Object.entries(cases))('%s', (_, { reason, release, changed }) => {
    const run = reconcile(xr(release, '0.0'), older());
    expect(run.graph.problems).toEqual([]);
    expect(run.settled.desired.get('cilium')?.manifest['spec'], reason).toMatchObject({
      rollbackLimit: changed ? 100 : 1,
    });
    expect(run.keys.includes('flux'), reason).toBe(changed);
    expect([...run.settled.updates].sort()).toEqual(changed ? [] : ['cilium', 'flux']);
  });

  it('that runs is not blamed for what the installed one lacks, and keeps it', () => {
    const spec = { platform: { components: { gone: { enabled: true } } } };
    const exists = applied(built, xr(undefined, undefined));
    const cilium = exists.get('cilium');
    if (cilium === undefined) throw new Error('there is no cilium');
    const labels = { ...cilium.metadata.labels, 'platform.openova.io/node': 'gone' };
    exists.set('gone', { ...cilium, metadata: { ...cilium.metadata, labels } });
    const run = reconcile(platformXr(spec, { release: '0.0' }), exists);
    expect(run.graph.problems).toEqual([]);
    expect(run.keys).toContain('gone');
    expect(run.settled.ready).toBe(true);
    const known = reconcile(xr(undefined, '0.0'), applied(built, xr(undefined, undefined)));
    const total = Number(objectAt(known.report.status, 'components')?.['total']) + 1;
    expect(run.report.status['components']).toEqual({ ready: total, total, pending: [] });
  });

  it('keeps what a newer package only has in a larger profile, until that is asked for', () => {
    const minimal = platformXr({ platform: { profile: 'minimal' } }, { release: '0.0' });
    const run = reconcile(minimal, applied(built, minimal));
    expect(run.settled.retained).toContain('flux');
    expect(run.settled.leaving).toEqual([]);
  });

  it('lets the watch of a machine leave with the machine', () => {
    const full = platformXr({}, { release: '0.0' });
    const exists = applied(built, full);
    const fewer = platformXr(
      { nodes: { servers: 1, agents: 0, names: ['only'], memoryMiB: 8192 } },
      { release: '0.0' },
    );
    const run = reconcile(fewer, exists);
    const nodes = [...exists.keys()].filter((key) => key.startsWith('node/'));
    expect(nodes.length).toBeGreaterThan(0);
    expect(run.settled.leaving.toSorted()).toEqual(nodes.sort());
  });

  it('is refused when nobody has it', () => {
    expect(reconcile(xr('9.9', '0.0'), older()).graph.problems).toEqual([
      {
        field: 'spec.platform.release',
        message: `is "9.9", must be one of 0.0, ${RELEASE}, latest: no other is installed`,
      },
    ]);
  });

  it('lets a component leave that the claim switches off, also while an older one runs', () => {
    const off = platformXr({ platform: { components: { flux: { enabled: false } } } }, { release: '0.0' });
    const run = reconcile(off, applied(built, off));
    expect(run.settled.leaving).toEqual(['flux']);
    expect(run.settled.desired.get('flux')?.manifest['spec']).toMatchObject({ deletionPolicy: 'Delete' });
  });
});

describe('when the claim is deleted', () => {
  it('only openova-system is uninstalled, with its hook; the rest dies with the machines', () => {
    const { last } = waves(platformXr({ platform: { profile: 'full' } }));
    const policies = [...last.settled.desired].flatMap(([key, { manifest }]) => {
      const policy = textAt(manifest, 'spec', 'deletionPolicy');
      return policy === undefined ? [] : [{ key, policy }];
    });

    expect(policies.filter(({ policy }) => policy !== 'Orphan')).toEqual([
      { key: 'openova-system', policy: 'Delete' },
    ]);
    expect(policies.length).toBeGreaterThan(10);
  });
});

describe('operators of data services', () => {
  const archival = {
    provider: 'r2',
    bucket: 'acme',
    endpoint: 'https://r2.example',
    secretRef: { name: 'r2' },
  };
  const operators = (over: JsonObject, services: Manifest[]) =>
    waves(platformXr(over), [], services)
      .rounds.flat()
      .filter((key) => key.startsWith('cnpg'));

  it('are asked for in the namespace of the claim', () => {
    const parsed = platformComposer.parse(platformXr());
    if (!parsed.ok) throw new Error('the spec is valid');
    expect(platformComposer.requires?.(parsed.spec, platformXr())).toMatchObject({
      services: { kind: 'XDataService', labels: { 'crossplane.io/claim-namespace': 'acme-platform' } },
    });
  });

  const cases: Record<string, { reason: string; services: Manifest[]; over?: JsonObject; want: string[] }> = {
    'no service': { reason: 'an operator without work costs memory', services: [], want: [] },
    'a postgres service here': {
      reason: 'its operator comes on by itself',
      services: [service('postgres', 'fsn')],
      want: ['cnpg'],
    },
    'with an archival store': {
      reason: 'backups need the plugin',
      services: [service('postgres', 'fsn')],
      over: { archival },
      want: ['cnpg', 'cnpg-barman-plugin'],
    },
    'a service in the other region': {
      reason: 'it has its own operator',
      services: [service('postgres', 'hel')],
      want: [],
    },
    'a service of another cluster': {
      reason: 'names are unique in a cluster alone',
      services: [service('postgres', 'fsn', 'other')],
      want: [],
    },
    'asked for without a service': {
      reason: 'the user may want it before the first service',
      services: [],
      over: { platform: { components: { cnpg: { enabled: true } } } },
      want: ['cnpg'],
    },
  };
  it.each(Object.entries(cases))('%s', (_, { reason, services, over = {}, want }) => {
    expect(operators(over, services), reason).toEqual(want);
  });

  it('leave when the last service is gone, the plugin first', () => {
    const xr = platformXr({ archival });
    const with_ = waves(xr, [], [service('postgres', 'fsn')]).last;
    const first = reconcile(xr, applied(with_.settled, xr));
    expect(first.settled.leaving).toEqual(['cnpg', 'cnpg-barman-plugin']);
    expect(first.settled.desired.get('cnpg')?.manifest['spec']).toMatchObject({ deletionPolicy: 'Orphan' });
    expect(first.settled.desired.get('cnpg-barman-plugin')?.manifest['spec']).toMatchObject({
      deletionPolicy: 'Delete',
    });
    const second = reconcile(xr, applied(first.settled, xr));
    expect(second.keys).not.toContain('cnpg-barman-plugin');
    expect(second.keys).toContain('cnpg');
  });

  describe('of a service that does not say where it lives', () => {
    const unplaced = (engine = 'postgres', cluster = 'acme'): Manifest => ({
      ...service(engine, 'fsn'),
      spec: { engine, clusterRef: { name: cluster } },
    });
    const xr = platformXr({ archival });
    const running = applied(waves(xr, [], [service('postgres', 'fsn')]).last.settled, xr);

    it('stay where they are: a restored service has lost its status', () => {
      const run = reconcile(xr, running, [unplaced()]);
      expect(run.settled.leaving).toEqual([]);
      expect(run.report.status['operators']).toEqual(['cnpg', 'cnpg-barman-plugin']);
    });

    it.each([
      { reason: 'another cluster has it', services: [unplaced('postgres', 'other')] },
      { reason: 'another engine has no need of them', services: [unplaced('mongodb')] },
    ])('leave when $reason', ({ services }) => {
      expect(reconcile(xr, running, services).settled.leaving).toEqual(['cnpg', 'cnpg-barman-plugin']);
    });

    it('are not switched on', () => {
      expect(operators({ archival }, [unplaced()])).toEqual([]);
      const asked = { archival, platform: { components: { cnpg: { enabled: true } } } };
      expect(operators(asked, [unplaced()])).toEqual(['cnpg']);
    });
  });

  it('are named in the status once they are installed', () => {
    const services = [service('postgres', 'fsn')];
    expect(waves(platformXr(), [], services).last.report.status['operators']).toEqual(['cnpg']);
    expect(waves(platformXr(), ['cnpg'], services).last.report.status['operators']).toEqual([]);
  });
});

describe('mistakes in the choice of components', () => {
  const problems = (over: JsonObject, engines: string[] = []) =>
    checkPlatform(platformSpec(over), new Set(engines)).map(({ field, message }) => `${field} ${message}`);

  const cases: Record<string, { over: JsonObject; engines?: string[]; want: string[] }> = {
    'nothing chosen': { over: {}, want: [] },
    'an id that there is not': {
      over: { platform: { components: { harbour: { enabled: true } } } },
      want: [
        expect.stringMatching(
          /^spec\.platform\.components\.harbour is not available yet in release 0\.1, available are cert-manager, /,
        ),
      ],
    },
    'what others need, switched off': {
      over: { platform: { components: { 'cert-manager': { enabled: false } } } },
      want: [
        'spec.platform.components.cert-manager.enabled is false, must be true, needed by "cluster-issuer"',
      ],
    },
    'what the nodes need, switched off': {
      over: { platform: { profile: 'minimal', components: { cilium: { enabled: false } } } },
      want: [
        expect.stringMatching(
          /^spec\.platform\.components\.cilium\.enabled is false, must be true, needed by .*, every node for its network$/,
        ),
      ],
    },
    'what the nodes need, switched off with all that needs it': {
      over: {
        platform: {
          components: Object.fromEntries(catalogue.map(({ id }) => [id, { enabled: false }])),
        },
      },
      want: [
        'spec.platform.components.cilium.enabled is false, must be true, needed by every node for its network',
      ],
    },
    'a whole chain, switched off': {
      over: {
        platform: {
          components: {
            'cert-manager': { enabled: false },
            'cluster-issuer': { enabled: false },
            gateway: { enabled: false },
          },
        },
      },
      want: [],
    },
    'an operator that a service needs, switched off': {
      over: { platform: { components: { cnpg: { enabled: false } } } },
      engines: ['postgres'],
      want: [
        'spec.platform.components.cnpg.enabled is false, must be true, needed by a DataService of engine "postgres"',
      ],
    },
    'a plugin without its operator': {
      over: {
        archival: { provider: 's3', bucket: 'acme', secretRef: { name: 's3' } },
        platform: { components: { 'cnpg-barman-plugin': { enabled: true } } },
      },
      want: [
        'spec.platform.components.cnpg.enabled is left out, must be true, needed by "cnpg-barman-plugin"',
      ],
    },
    'what does not fit the region, switched on': {
      over: {
        cloud: { provider: 'existing' },
        platform: { components: { 'hcloud-csi': { enabled: true } } },
      },
      want: ['spec.platform.components.hcloud-csi.enabled is true, needs cloud.provider "hetzner"'],
    },
    'variants that this release does not have': {
      over: {
        platform: {
          mesh: 'istio-ambient',
          secrets: 'openbao',
          metrics: 'victoriametrics',
          logs: 'loki',
          registry: 'harbor',
        },
      },
      want: [
        'spec.platform.mesh is "istio-ambient", which is not available yet in release 0.1, available are cilium',
        'spec.platform.secrets is "openbao", which is not available yet in release 0.1, must be left out',
        'spec.platform.metrics is "victoriametrics", which is not available yet in release 0.1, must be left out',
        'spec.platform.logs is "loki", which is not available yet in release 0.1, must be left out',
        'spec.platform.registry is "harbor", which is not available yet in release 0.1, available are none',
      ],
    },
    'no registry': { over: { platform: { registry: 'none' } }, want: [] },
    'two JSON keys in different Secrets': {
      over: {
        dns: { provider: 'clouddns', zone: 'example.com', project: 'acme-prod', secretRef: { name: 'dns' } },
        archival: { provider: 'gcs', bucket: 'acme', secretRef: { name: 'gcs' } },
      },
      want: [
        'spec.archival.secretRef.name is "gcs", must be "dns" as in spec.dns.secretRef.name: release 0.1 takes the JSON key of one Secret alone to a region',
      ],
    },
    'two JSON keys in one Secret': {
      over: {
        dns: { provider: 'clouddns', zone: 'example.com', project: 'acme-prod', secretRef: { name: 'gcp' } },
        archival: { provider: 'gcs', bucket: 'acme', secretRef: { name: 'gcp' } },
      },
      want: [],
    },
  };
  it.each(Object.entries(cases))('%s', (_, { over, engines, want }) => {
    expect(problems(over, engines)).toEqual(want);
  });

  it('hold what is there', () => {
    const before = waves(platformXr()).last;
    const xr = platformXr({ platform: { components: { cilium: { enabled: false } } } });
    const run = reconcile(xr, applied(before.settled, xr));
    expect(run.keys).toEqual(before.keys);
  });
});

describe('memory', () => {
  const needed = (over: JsonObject, servers: number, agents: number, engines: string[] = []) =>
    memoryNeeded(platformSpec(over), { servers, agents }, new Set(engines));

  it('grows with every machine by K3s and what runs on each', () => {
    const per = needed({}, 3, 3) - needed({}, 3, 2);
    expect(per).toBe(275 + 320 + 80);
  });

  it('counts things once on few machines and in the minimal profile, twice elsewhere', () => {
    expect(needed({}, 3, 0)).toBeGreaterThan(needed({ platform: { profile: 'minimal' } }, 3, 0));
    const cilium = { one: 256, two: 384 };
    const only = { platform: { profile: 'minimal', components: {} } };
    expect(needed(only, 2, 0)).toBe(2 * (1606 + 320 + 80) + cilium.one + 50 + 120 + 192);
  });

  it('counts an operator only while something needs it', () => {
    expect(needed({}, 1, 0, ['postgres']) - needed({}, 1, 0)).toBe(128);
  });
});

describe('advice', () => {
  it.each([
    ['cannot compose: failed to get value from source: secrets "acme-dns" not found', /Secret/],
    ['failed parsing --set data: key "b" has no value', /comma/],
    ['dial tcp 10.0.0.1:6443: i/o timeout', /managementCidrs/],
  ])('%s', (message, hint) => {
    expect(advise(message, { apiVersion: 'v1', kind: 'Object', metadata: {} })).toMatch(hint);
  });

  it('is silent where it knows none', () => {
    expect(advise('all is well', { apiVersion: 'v1', kind: 'Object', metadata: {} })).toBeUndefined();
  });
});
