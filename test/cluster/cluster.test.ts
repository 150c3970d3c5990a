import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import { parseRegion } from '../../functions/apis/region.ts';
import {
  at,
  listAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';
import { CLUSTER_LABEL, REGION_LABEL, RETRY_ANNOTATION } from '../../functions/kernel/names.ts';
import { checkManifest } from '../fields/check.ts';
import {
  apply,
  ask,
  condition,
  planeOf,
  say,
  settled,
  specOf,
  wellRegion,
  withSpec,
  type Plane,
} from './plane.ts';

const ZONE = 'network/eu-central';
const FSN = { name: 'fsn', location: 'fsn1', role: 'primary' };
const HEL = { name: 'hel', location: 'hel1', role: 'standby' };
const ASH = { name: 'ash', location: 'ash', role: 'standby' };
const HOST_KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl';
const EXISTING: JsonObject = {
  domain: 'acme.example.com',
  cloud: { provider: 'existing' },
  loadBalancer: { type: 'k8gb' },
  dns: { provider: 'route53', zone: 'example.com', zoneId: 'Z123' },
  regions: [
    {
      name: 'vps',
      machines: [{ name: 'one', address: '203.0.113.7', role: 'server', hostKey: HOST_KEY }],
    },
  ],
};

function keys(answer: { readonly objects: ReadonlyMap<string, Manifest> }, prefix = ''): string[] {
  return [...answer.objects.keys()].filter((key) => key.startsWith(prefix)).sort();
}

function paths(answer: { readonly objects: ReadonlyMap<string, Manifest> }): string[] {
  return keys(answer, 'dns/').map((key) => key.split('/').slice(3).join('/'));
}

function regionSpec(
  answer: { readonly objects: ReadonlyMap<string, Manifest> },
  name: string,
  ...path: string[]
) {
  return at(answer.objects.get(`region/${name}`), 'spec', ...path);
}

describe('a new cluster', () => {
  const begun = planeOf(specOf());
  const first = ask(begun);

  test('begins with protection and the network; regions and records wait', () => {
    expect(keys(first)).toEqual([ZONE, 'protection']);
    expect(first.status).toMatchObject({
      phase: 'Provisioning',
      step: { number: 1, of: 5, name: 'NetworkReady' },
      // Asked for by this very answer, and not seen yet.
      waitingFor: [{ step: 'NetworkReady', message: 'Network is being made' }],
      regions: [
        { name: 'fsn', phase: 'Pending', machines: 0 },
        { name: 'hel', phase: 'Pending', machines: 0 },
      ],
      kubeconfigSecretRefs: [],
    });
    expect(first.conditions).toMatchObject({
      InputValid: 'True Valid',
      PackagesInstalled: 'True AllServed',
      MachinesReady: 'False Pending: Region "fsn": not begun; Region "hel": not begun',
      DNSReady: expect.stringContaining('region/fsn (its addresses)'),
      RegionsCurrent: 'True AsSpecified',
    });
    expect(first.ready).toBe(false);
    expect(first.ttl).toBe(5);
  });

  test('makes both regions at once when the network is there', () => {
    const network = say(apply(begun, first), ZONE, { conditions: [condition('Ready')] });
    expect(keys(ask(network))).toEqual([ZONE, 'protection', 'region/fsn', 'region/hel']);
  });

  test('makes the records of a region as soon as its addresses are known, whatever the other does', () => {
    let plane = say(apply(begun, first), ZONE, { conditions: [condition('Ready')] });
    plane = apply(plane, ask(plane));
    plane = say(plane, 'region/hel', { gatewayAddresses: ['198.51.100.2'] });
    expect(paths(ask(plane))).toEqual(['apps/hel/a', 'gateway/hel/a']);
    plane = say(plane, 'region/fsn', { apiAddresses: ['203.0.113.1'] });
    expect(paths(ask(plane))).toEqual(['api/fsn/a', 'apps/hel/a', 'gateway/hel/a']);
  });

  test('ends ready, with everything as the CRDs want it', () => {
    const plane = settled(begun);
    const answer = ask(plane);
    expect(answer.ready).toBe(true);
    expect(answer.ttl).toBe(600);
    expect(answer.status).toMatchObject({ phase: 'Ready', step: { number: 5, of: 5, name: 'DNSReady' } });
    for (const [key, object] of answer.objects) expect([key, ...checkManifest(object)]).toEqual([key]);
    for (const [type, text] of Object.entries(answer.conditions))
      expect([type, text]).toEqual([
        type,
        expect.stringMatching(type === 'UpdateAvailable' ? /^False/ : /^True/),
      ]);
  });

  test('says the same when nothing changed, and says it in any order of the list', () => {
    const plane = settled(begun);
    const swapped = withSpec(plane, specOf({ regions: [HEL, FSN] }));
    expect(ask(plane)).toEqual(ask(plane));
    expect(ask(swapped)).toEqual(ask(plane));
  });

  test('each region is given what it needs, and accepts it', () => {
    const answer = ask(settled(begun));
    for (const name of ['fsn', 'hel']) {
      const region = answer.objects.get(`region/${name}`);
      expect(region?.metadata.name).toBe(`acme-x7k2p-${name}`);
      expect(region?.metadata.labels).toMatchObject({ [CLUSTER_LABEL]: 'acme', [REGION_LABEL]: name });
      expect(region && parseRegion(region)).toMatchObject({
        ok: true,
        spec: { name, domain: 'acme.example.com' },
      });
      expect(regionSpec(answer, name, 'network', 'networkRef', 'name')).toBe(
        answer.objects.get(ZONE)?.metadata.name,
      );
      expect(regionSpec(answer, name, 'cluster', 'name')).toBe('acme');
    }
    expect(regionSpec(answer, 'fsn', 'peers')).toEqual([
      {
        name: 'hel',
        apiEndpoint: expect.stringMatching(/^https:/),
        podCidr: regionSpec(answer, 'hel', 'network', 'podCidr'),
        serviceCidr: regionSpec(answer, 'hel', 'network', 'serviceCidr'),
      },
    ]);
  });

  test('roles that change places leave each region with the snapshot that it was made with', () => {
    const restoreFrom = { snapshot: 's3://a/b', tokenSecretRef: { name: 'old' } };
    const archival = { provider: 's3', bucket: 'acme-archive', secretRef: { name: 'acme-s3' } };
    const plane = settled(planeOf(specOf({ archival, restoreFrom })));
    const swapped = specOf({
      archival,
      restoreFrom,
      regions: [
        { ...FSN, role: 'standby' },
        { ...HEL, role: 'primary' },
      ],
    });

    const answer = ask(withSpec(plane, swapped));

    expect(regionSpec(answer, 'fsn')).toMatchObject({ role: 'standby', restoreFrom });
    expect(regionSpec(answer, 'hel', 'role')).toBe('primary');
    expect(regionSpec(answer, 'hel', 'restoreFrom')).toBeUndefined();
    expect(regionSpec(ask(settled(planeOf(swapped))), 'hel', 'restoreFrom')).toEqual(restoreFrom);
  });

  test('a new value of the retry annotation reaches the regions', () => {
    const plane = settled(begun);
    const again = {
      ...plane,
      xr: { ...plane.xr, metadata: { ...plane.xr.metadata, annotations: { [RETRY_ANNOTATION]: '2' } } },
    };
    for (const name of ['fsn', 'hel'])
      expect(ask(again).objects.get(`region/${name}`)?.metadata.annotations?.[RETRY_ANNOTATION]).toBe('2');
    expect(ask(plane).objects.get('region/fsn')?.metadata.annotations?.[RETRY_ANNOTATION]).toBeUndefined();
  });
});

describe('networks', () => {
  test('regions of two network zones have one each, and their machines are still apart', () => {
    const answer = ask(settled(planeOf(specOf({ regions: [FSN, ASH] }))));
    expect(keys(answer, 'network/')).toEqual([ZONE, 'network/us-east']);
    expect(regionSpec(answer, 'ash', 'network', 'networkRef', 'name')).toBe('acme-x7k2p-network-us-east');
    expect(regionSpec(answer, 'ash', 'network', 'subnetCidr')).not.toBe(
      regionSpec(answer, 'fsn', 'network', 'subnetCidr'),
    );
  });

  test('existing machines have none, and their regions wait for nothing', () => {
    const answer = ask(planeOf(EXISTING));
    expect(answer.warnings).toEqual([]);
    expect(keys(answer)).toEqual(['protection', 'region/vps']);
    expect(answer.conditions['NetworkReady']).toBe('True Available');
    expect(regionSpec(answer, 'vps', 'network', 'networkRef')).toBeUndefined();
  });

  test.each(['Delete', 'Orphan'])('stay or go with the machines: %s', (machines) => {
    const answer = ask(settled(planeOf(specOf({ deletion: { machines } }))));
    const policies = [...answer.objects]
      .filter(([key]) => /^(network|dns)\//.test(key))
      .map(([, { spec }]) => [
        at(spec, 'deletionPolicy'),
        listAt(spec, 'managementPolicies').includes('Delete'),
      ]);
    expect(policies.length).toBeGreaterThan(1);
    for (const policy of policies) expect(policy).toEqual([machines, machines === 'Delete']);
  });

  test('a network that exists keeps its range', () => {
    const plane = settled(planeOf(specOf()));
    const answer = ask(withSpec(plane, specOf({ network: { cidr: '10.1.0.0/16' } })));
    expect(at(answer.objects.get(ZONE), 'spec', 'forProvider', 'ipRange')).toBe('10.0.0.0/16');
  });
});

describe('records', () => {
  const well = settled(planeOf(specOf()));

  test('without dns there are none, and nothing waits for them', () => {
    const answer = ask(settled(planeOf(specOf({ dns: undefined }))));
    expect(paths(answer)).toEqual([]);
    expect(answer.conditions['DNSReady']).toBe('True NotManaged: spec.dns is left out: no records are made');
    expect(answer.ready).toBe(true);
  });

  test.each<{ reason: string; status: JsonObject }>([
    { reason: 'nothing', status: {} },
    { reason: 'no status at all', status: { conditions: [] } },
    {
      reason: 'garbage',
      status: { apiAddresses: 'x', gatewayAddresses: [1, null, {}], machines: 7, waitingFor: {} },
    },
  ])('a region that says $reason loses none', ({ status }) => {
    const answer = ask(say(well, 'region/hel', status));
    expect(keys(answer)).toEqual(keys(well));
    for (const [key, object] of well.objects)
      expect(answer.objects.get(key)?.['spec']).toEqual(object['spec']);
  });

  test('a region whose addresses changed gets the new ones in place', () => {
    const answer = ask(say(well, 'region/hel', wellRegion(99)));
    expect(keys(answer)).toEqual(keys(well));
    const a = answer.objects.get('dns/route53/example.com/gateway/hel/a');
    expect(at(a, 'spec', 'forProvider', 'records')).toEqual(['198.51.100.99']);
  });

  test('a zone named anew leaves records where they were made, and says so', () => {
    const answer = ask(
      withSpec(well, specOf({ dns: { provider: 'route53', zone: 'example.com', zoneId: 'Z999' } })),
    );
    const a = answer.objects.get('dns/route53/example.com/api/fsn/a');
    expect(at(a, 'spec', 'forProvider', 'zoneId')).toBe('Z123');
    expect(answer.conditions['DNSReady']).toMatch(/^True ZoneKept: /);
  });

  test('another provider has its records before the former loses them', () => {
    const spec = specOf({ dns: { provider: 'hetzner', zone: 'example.com' } });
    const moving = ask(withSpec(well, spec));
    expect(keys(moving, 'dns/route53').length).toBe(keys(well, 'dns/').length);
    expect(keys(moving, 'dns/hetzner').length).toBe(keys(well, 'dns/').length);
    expect(moving.ready).toBe(false);
    const moved = ask(settled(withSpec(well, spec)));
    expect(keys(moved, 'dns/route53')).toEqual([]);
    expect(moved.ready).toBe(true);
  });

  test('a provider that nobody serves is named, and regions go on without it', () => {
    const served = ['Network', 'Usage', 'XOpenOvaRegion'].map((kind) =>
      kind === 'Network'
        ? 'network.hetzner.crossplane.io/v1alpha1/Network'
        : kind === 'Usage'
          ? 'protection.crossplane.io/v1beta1/Usage'
          : 'platform.openova.io/v1alpha1/XOpenOvaRegion',
    );
    let plane = planeOf(specOf());
    plane = say(apply(plane, ask(plane, served)), ZONE, { conditions: [condition('Ready')] });
    const answer = ask(plane, served);
    expect(answer.conditions['PackagesInstalled']).toContain('route53.aws.upbound.io/v1beta2/Record');
    expect(keys(answer, 'region/')).toEqual(['region/fsn', 'region/hel']);
  });

  test('k8gb gets its zone delegated, where it answers', () => {
    const off = { loadBalancer: { type: 'k8gb' }, platform: { components: { k8gb: { enabled: false } } } };
    expect(paths(ask(settled(planeOf(specOf(off)))))).not.toContain('delegation/ns');
    const spec = specOf({ loadBalancer: { type: 'k8gb' } });
    expect(paths(ask(settled(planeOf(spec))))).toEqual(
      expect.arrayContaining(['delegation/ns', 'nameserver/fsn/a']),
    );
    expect(paths(well).filter((path) => /delegation|nameserver/.test(path))).toEqual([]);
  });

  test('a newer package leaves the delegation of regions that run an older release as it is', () => {
    const spec = (enabled: boolean) =>
      specOf({ loadBalancer: { type: 'k8gb' }, platform: { components: { k8gb: { enabled } } } });
    const older = (plane: Plane) =>
      ['fsn', 'hel'].reduce(
        (next, name, index) => say(next, `region/${name}`, wellRegion(index + 1, { release: '0.0' })),
        plane,
      );
    const without = older(settled(planeOf(spec(false))));
    expect(paths(ask(withSpec(without, spec(true))))).not.toContain('delegation/ns');
    const having = older(settled(planeOf(spec(true))));
    expect(paths(ask(withSpec(having, spec(false))))).toContain('delegation/ns');
  });

  test('what the installed release lacks is no mistake in a claim whose regions run an older one', () => {
    const spec = specOf({ platform: { components: { gone: { enabled: true } } } });
    const plane = settled(planeOf(specOf()));
    expect(ask(withSpec(plane, spec)).conditions['InputValid']).toMatch(/^False .*components.gone/);
    const older = ['fsn', 'hel'].reduce(
      (next, name, index) => say(next, `region/${name}`, wellRegion(index + 1, { release: '0.0' })),
      plane,
    );
    expect(ask(withSpec(older, spec)).conditions['InputValid']).toBe('True Valid');
  });
});

describe('protection', () => {
  const well = settled(planeOf(specOf()));
  const without = specOf({ regions: [FSN] });

  test('is a Usage of the claim with a reason', () => {
    const usage = well.objects.get('protection');
    expect(usage).toMatchObject({
      kind: 'Usage',
      metadata: { namespace: 'acme-platform' },
      spec: {
        of: {
          apiVersion: 'platform.openova.io/v1alpha1',
          kind: 'OpenOvaCluster',
          resourceRef: { name: 'acme' },
        },
        reason: expect.stringContaining('spec.deletionProtection'),
      },
    });
    expect(at(usage, 'spec', 'by')).toBeUndefined();
  });

  test('ends when it is switched off, and nothing else changes', () => {
    const answer = ask(withSpec(well, specOf({ deletionProtection: false })));
    expect(keys(answer)).toEqual(keys(well).filter((key) => key !== 'protection'));
    expect(answer.conditions['DeletionProtected']).toBe('False NotAsked');
  });

  test('a composite without a claim has nothing to protect', () => {
    const { xr } = planeOf(specOf());
    const answer = ask({ xr: { ...xr, metadata: { name: 'acme' } }, objects: new Map() });
    expect(keys(answer)).toEqual([ZONE]);
    expect(answer.conditions['DeletionProtected']).toMatch(/^False NoClaim/);
  });

  test('keeps a region that is no longer listed, with its records, and says so', () => {
    const answer = ask(withSpec(well, without));
    expect(keys(answer)).toEqual(keys(well));
    expect(answer.objects.get('region/hel')?.['spec']).toEqual(well.objects.get('region/hel')?.['spec']);
    expect(answer.conditions['RegionsCurrent']).toMatch(
      /^False DeletionProtection: Region "hel" is no longer/,
    );
    expect(answer.status['phase']).toBe('Ready');
    expect(regionSpec(answer, 'fsn', 'peers')).toEqual(regionSpec(well, 'fsn', 'peers'));
  });

  test('keeps the network of a kept region too', () => {
    const far = settled(planeOf(specOf({ regions: [FSN, ASH] })));
    expect(keys(ask(withSpec(far, without)), 'network/')).toEqual([ZONE, 'network/us-east']);
  });
});

describe('a region that goes', () => {
  const off = { deletionProtection: false };
  const gone = specOf({ ...off, regions: [FSN] });

  /** What is left after each answer. */
  function story(plane: Plane, rounds: number): string[][] {
    const left: string[][] = [];
    let here = plane;
    for (let round = 0; round < rounds; round += 1) {
      here = apply(here, ask(here));
      left.push(keys(here).filter((key) => /hel|ash|us-east/.test(key)));
    }
    return left;
  }

  test('loses its records, then itself; the network that others use stays', () => {
    const plane = withSpec(settled(planeOf(specOf(off))), gone);
    expect(story(plane, 3)).toEqual([['region/hel'], [], []]);
    expect(keys(settled(plane))).toContain(ZONE);
    expect(ask(plane).conditions['RegionsCurrent']).toBe(
      'False Removing: Region "hel" is leaving, with all it holds',
    );
    expect(ask(plane).status['phase']).toBe('Removing');
    expect(ask(settled(plane)).ready).toBe(true);
  });

  test('its network stays, although no other region is in it: nobody sees when the last of the region has gone', () => {
    const plane = withSpec(settled(planeOf(specOf({ ...off, regions: [FSN, ASH] }))), gone);
    expect(story(plane, 3)).toEqual([
      ['network/us-east', 'region/ash'],
      ['network/us-east'],
      ['network/us-east'],
    ]);
  });

  test('the other region hears of it at once', () => {
    const plane = withSpec(settled(planeOf(specOf(off))), gone);
    expect(regionSpec(ask(plane), 'fsn', 'peers')).toEqual([]);
  });

  test('takes its machines with it, although they would stay without the claim', () => {
    const orphans = { ...off, deletion: { machines: 'Orphan' } };
    let plane = settled(planeOf(specOf({ ...orphans, regions: [FSN, ASH] })));
    plane = withSpec(plane, specOf({ ...orphans, regions: [FSN] }));
    const told = ask(plane);
    expect(regionSpec(told, 'ash', 'deletion', 'machines')).toBe('Delete');
    expect(regionSpec(told, 'fsn', 'deletion', 'machines')).toBe('Orphan');
    expect(told.conditions['RegionsCurrent']).toMatch(/^False Removing: Region "ash" is being told/);
    plane = apply(plane, told);
    const generation = Number(plane.objects.get('region/ash')?.metadata['generation']);
    const seen = (one: number, synced = 'True') => ({
      ...wellRegion(2),
      conditions: [condition('Ready'), condition('Synced', synced, { observedGeneration: one })],
    });
    // It has been told, but has not been at it since, or could not do it: long enough for its records to go.
    for (const waiting of [seen(generation - 1), seen(generation, 'False'), seen(generation - 1)]) {
      const answer = ask(say(plane, 'region/ash', waiting));
      expect(keys(answer, 'region/')).toEqual(['region/ash', 'region/fsn']);
      expect(keys(answer, 'network/')).toEqual([ZONE, 'network/us-east']);
      expect(answer.ready).toBe(false);
      expect(regionSpec(answer, 'ash', 'deletion', 'machines')).toBe('Delete');
      plane = apply(plane, answer);
    }
    expect(paths(plane).filter((path) => path.includes('ash'))).toEqual([]);
    plane = say(plane, 'region/ash', seen(generation));
    expect(story(plane, 2)).toEqual([['network/us-east'], ['network/us-east']]);
  });

  test('a broken region whose machines go anyway needs no telling', () => {
    let plane = settled(planeOf(specOf(off)));
    plane = say(plane, 'region/hel', {
      conditions: [condition('Synced', 'False', { observedGeneration: 1 })],
    });
    plane = withSpec(plane, gone);
    plane = apply(plane, ask(plane));
    expect(keys(ask(plane), 'region/')).toEqual(['region/fsn']);
  });

  test('a region named anew is another region: it comes with ranges of its own while the former goes', () => {
    const plane = withSpec(
      settled(planeOf(specOf(off))),
      specOf({ ...off, regions: [FSN, { ...HEL, name: 'nbg', location: 'nbg1' }] }),
    );
    const answer = ask(plane);
    expect(keys(answer, 'region/')).toEqual(['region/fsn', 'region/hel', 'region/nbg']);
    expect(regionSpec(answer, 'nbg', 'network', 'clusterId')).toBe(3);
    expect(regionSpec(answer, 'fsn', 'network')).toEqual(regionSpec(plane, 'fsn', 'network'));
    expect(keys(settled(plane), 'region/')).toEqual(['region/fsn', 'region/nbg']);
  });

  test('where ranges are used up, the new region waits for the old one to go', () => {
    const small = { ...off, network: { cidr: '10.0.0.0/24' } };
    const other = [FSN, { ...HEL, name: 'nbg', location: 'nbg1' }];
    let plane = withSpec(settled(planeOf(specOf(small))), specOf({ ...small, regions: other }));
    const answer = ask(plane);
    expect(answer.warnings).toEqual([]);
    expect(keys(answer, 'region/')).toEqual(['region/fsn', 'region/hel']);
    plane = settled(plane);
    expect(keys(plane, 'region/')).toEqual(['region/fsn', 'region/nbg']);
    expect(regionSpec(plane, 'nbg', 'network', 'subnetCidr')).toBe('10.0.0.128/25');
  });
});

describe('ranges', () => {
  test('no room for a second region is a mistake that names the field, and everything stays', () => {
    const one = settled(planeOf(specOf({ regions: [FSN], network: { podCidr: '192.168.0.0/16' } })));
    const answer = ask(withSpec(one, specOf({ network: { podCidr: '192.168.0.0/16' } })));
    expect(answer.warnings).toEqual([
      'spec.network.podCidr is "192.168.0.0/16", which leaves no free range for region "hel", must be larger or elsewhere',
    ]);
    expect(keys(answer)).toEqual(keys(one));
  });

  test('of a region that exists are read back, whatever the claim says now', () => {
    const plane = settled(planeOf(specOf()));
    const moved = withSpec(
      plane,
      specOf({ network: { podCidr: '10.64.0.0/16', serviceCidr: '10.65.0.0/16' } }),
    );
    for (const name of ['fsn', 'hel'])
      for (const field of ['podCidr', 'serviceCidr', 'subnetCidr', 'clusterId'])
        expect(regionSpec(ask(moved), name, 'network', field)).toEqual(
          regionSpec(plane, name, 'network', field),
        );
  });
});

describe('what a person reads', () => {
  const busy = (more: JsonObject): JsonObject => wellRegion(1, { phase: 'Provisioning', ...more });
  const line = (object: string, step: string): JsonObject => ({
    object,
    step,
    since: '2026-11-21T10:00:00Z',
    message: 'Waits',
    hint: 'Do this',
  });
  const at_ = (name: string, ...steps: string[]): JsonObject[] =>
    ['MachinesReady', 'KubernetesReady', 'Protected', 'PlatformReady'].map((type) =>
      condition(type, steps.includes(type) ? 'True' : 'False', {
        reason: 'Waiting',
        message: `Waiting for ${name}`,
      }),
    );

  test('the region that is furthest behind speaks first, in its own words', () => {
    let plane = settled(planeOf(specOf()));
    plane = say(
      plane,
      'region/fsn',
      busy({
        conditions: at_('x', 'MachinesReady'),
        waitingFor: [line('Job/fsn-server-2', 'KubernetesReady')],
      }),
    );
    plane = say(
      plane,
      'region/hel',
      busy({ conditions: at_('y'), waitingFor: [line('Server/hel-1', 'MachinesReady')] }),
    );
    const { status, conditions } = ask(plane);
    expect(status['waitingFor']).toEqual([
      line('Server/hel-1', 'MachinesReady'),
      line('Job/fsn-server-2', 'KubernetesReady'),
    ]);
    expect(status['step']).toEqual({ number: 2, of: 5, name: 'MachinesReady' });
    expect(conditions['MachinesReady']).toBe('False Waiting: Region "hel": Waiting for y');
    expect(conditions['KubernetesReady']).toBe(
      'False Waiting: Region "fsn": Waiting for x; Region "hel": Waiting for y',
    );
  });

  test('a region that says nothing yet is named itself, with what Crossplane says of it', () => {
    const plane = say(settled(planeOf(specOf())), 'region/hel', {
      conditions: [condition('Synced', 'False', { message: 'cannot apply: forbidden' })],
    });
    expect(ask(plane).status['waitingFor']).toEqual([
      expect.objectContaining({
        object: 'XOpenOvaRegion/acme-x7k2p-hel',
        message: 'cannot apply: forbidden',
      }),
    ]);
  });

  test('a region that lacks a package says which', () => {
    const plane = say(settled(planeOf(specOf())), 'region/hel', {
      phase: 'Blocked',
      conditions: [condition('PackagesInstalled', 'False', { message: 'Install the packages that serve X' })],
    });
    const { status } = ask(plane);
    expect(status['waitingFor']).toEqual([
      expect.objectContaining({ message: 'Install the packages that serve X' }),
    ]);
    expect(status['phase']).toBe('Blocked');
  });

  test('a network that fails is explained with advice', () => {
    const begun = planeOf(specOf());
    const plane = say(apply(begun, ask(begun)), ZONE, {
      conditions: [
        condition('Synced', 'False', { message: 'create failed: uniqueness_error: name is already used' }),
      ],
    });
    expect(ask(plane).status['waitingFor']).toEqual([
      expect.objectContaining({
        object: 'Network/acme-x7k2p-network-eu-central',
        step: 'NetworkReady',
        hint: expect.stringContaining('object of this name'),
      }),
    ]);
  });

  test('regions, kubeconfigs, release and estimate are gathered', () => {
    const plane = say(
      say(settled(planeOf(specOf())), 'region/fsn', wellRegion(1)),
      'region/hel',
      wellRegion(2, { release: '0.0' }),
    );
    const { status } = ask(plane);
    expect(status).toMatchObject({
      release: '0.1',
      regions: [
        {
          name: 'fsn',
          phase: 'Ready',
          apiEndpoint: 'https://api.r1.acme.example.com:6443',
          gatewayAddresses: ['198.51.100.1'],
          machines: 2,
          role: 'primary',
          release: '0.1',
          apiAddresses: ['203.0.113.1', '2001:db8::1'],
          components: { ready: 9, total: 9 },
          network: { subnetCidr: '10.0.0.0/20', podCidr: '10.42.0.0/16', clusterId: 1 },
        },
        { name: 'hel', role: 'standby', release: '0.0' },
      ],
      kubeconfigSecretRefs: [
        { region: 'fsn', name: 'kubeconfig-1' },
        { region: 'hel', name: 'kubeconfig-2' },
      ],
      estimate: { memoryMiB: { needed: 2000, available: 4000 }, monthlyEUR: '21.00', pricedAt: '2026-09-29' },
    });
  });

  test('before a region exists its estimate follows from the claim', () => {
    const { status } = ask(planeOf(specOf()));
    // per region: 3 cx33 8.49 + 2 cx43 15.99 + 5 addresses 0.50 + lb11 7.49
    expect(at(status, 'estimate', 'monthlyEUR')).toBe('134.88');
    expect(at(status, 'estimate', 'memoryMiB', 'available')).toBe(2 * 57344);
    expect(at(status, 'estimate', 'memoryMiB', 'needed')).toBeGreaterThan(2 * (3 * 1606 + 2 * 275));
  });

  test('an unknown price is unknown, a part that is known is not the sum', () => {
    const pools = [{ name: 'general', count: 1, serverTypes: ['zx1'] }];
    expect(at(ask(planeOf(specOf({ pools }))).status, 'estimate', 'monthlyEUR')).toBe('unknown');
  });

  test.each<{ reason: string; spec: JsonObject; expected: RegExp }>([
    {
      reason: 'enough',
      spec: specOf(),
      expected: /^True Sufficient$/,
    },
    {
      reason: 'too little, with the numbers',
      spec: specOf({ controlPlane: { count: 1, serverTypes: ['cpx12'] }, pools: [], regions: [FSN] }),
      expected:
        /^False NotEnoughMemory: Region "fsn" needs [0-9]+ MiB of memory and its machines have 2048 MiB: /,
    },
    { reason: 'nobody knows', spec: EXISTING, expected: /^Unknown SizeUnknown/ },
  ])('memory is $reason', ({ spec, expected }) => {
    expect(ask(planeOf(spec)).conditions['ResourcesSufficient']).toMatch(expected);
  });

  test('what regions say beside their steps is said of the cluster, and stays said', () => {
    let plane = settled(planeOf(specOf()));
    expect(ask(plane).conditions['BackupReady']).toBeUndefined();
    plane = say(plane, 'region/hel', {
      ...wellRegion(2),
      conditions: [
        ...['Ready', 'MachinesReady', 'KubernetesReady', 'Protected', 'PlatformReady'].map((type) =>
          condition(type),
        ),
        condition('MachinesCurrent', 'False', { reason: 'NewMachinesOnly', message: 'general-1-g1 (image)' }),
        condition('UpdateAvailable', 'True', {
          reason: 'NewerRelease',
          message: 'Release "0.2" changes nothing',
        }),
      ],
    });
    const answer = ask(plane);
    expect(answer.conditions).toMatchObject({
      MachinesCurrent: 'False NewMachinesOnly: Region "hel": general-1-g1 (image)',
      UpdateAvailable: 'True NewerRelease: Region "hel": Release "0.2" changes nothing',
    });
    // It is a notice, nothing waits for it.
    expect(answer.status['phase']).toBe('Ready');
    const silent = say(say(plane, 'region/hel', {}), 'region/fsn', {});
    const had = { ...silent, xr: { ...silent.xr, status: { conditions: [condition('MachinesCurrent')] } } };
    expect(ask(had).conditions['MachinesCurrent']).toBe('Unknown NotReported');
  });

  test('a cluster whose parts are all well but one is not Ready', () => {
    const plane = say(settled(planeOf(specOf())), 'protection', {
      conditions: [condition('Ready', 'False')],
    });
    const answer = ask(plane);
    expect(answer.ready).toBe(false);
    expect(answer.status['phase']).toBe('Provisioning');
    expect(answer.conditions['DeletionProtected']).toMatch(/^False Waiting/);
  });
});

describe('a mistake', () => {
  const well = settled(planeOf(specOf()));
  test.each<{ reason: string; spec: JsonObject; field: string }>([
    {
      reason: 'a cloud that is not available yet',
      spec: specOf({ cloud: { provider: 'aws' } }),
      field: 'spec.cloud.provider',
    },
    {
      reason: 'two primaries',
      spec: specOf({ regions: [FSN, { ...HEL, role: 'primary' }] }),
      field: 'spec.regions',
    },
    {
      reason: 'a component that this release does not have, for all regions',
      spec: specOf({ platform: { components: { nonsense: { enabled: true } } } }),
      field: 'spec.platform.components.nonsense',
    },
    {
      reason: 'one that a single region asks for',
      spec: specOf({ regions: [FSN, { ...HEL, platform: { components: { nonsense: { enabled: true } } } }] }),
      field: 'spec.regions[hel].platform.components.nonsense',
    },
  ])('$reason is said once, and everything that exists stays', ({ spec, field }) => {
    const answer = ask(withSpec(well, spec));
    expect(answer.conditions['InputValid']).toMatch(/^False Invalid/);
    expect(answer.warnings.filter((message) => message.startsWith(`${field} `))).toHaveLength(1);
    expect(keys(answer)).toEqual(keys(well));
    for (const [key, object] of well.objects)
      expect(answer.objects.get(key)?.['spec']).toEqual(object['spec']);
    const first = ask(planeOf(spec));
    expect(keys(first)).toEqual([]);
    expect(first.ready).toBe(false);
  });
});

test('whatever regions say, come and go: what the claim wants stays, networks outlive regions, ranges never move', () => {
  const garbage = fc.constantFrom<JsonObject>(
    {},
    wellRegion(5),
    wellRegion(6, { gatewayAddresses: [] }),
    { apiAddresses: ['203.0.113.50'], conditions: [condition('Ready', 'False')] },
    { apiAddresses: null, gatewayAddresses: 'x', conditions: 'x', waitingFor: [null, 7] },
  );
  const event = fc.oneof(
    fc.record({
      regions: fc.constantFrom<Json[]>(
        [FSN],
        [FSN, HEL],
        [HEL, FSN],
        [FSN, ASH],
        [FSN, { ...HEL, location: 'nbg1', name: 'nbg' }],
      ),
      deletionProtection: fc.boolean(),
      orphan: fc.boolean(),
      zone: fc.constantFrom('cloudflare', 'route53', 'hetzner', 'none'),
    }),
    fc.record({ speaker: fc.integer({ min: 0, max: 3 }), says: garbage }),
  );
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 25 }), (story) => {
      let plane = planeOf(specOf());
      const networks = new Map<string, Json | undefined>();
      for (const one of story) {
        if ('regions' in one) {
          const { regions, deletionProtection, orphan, zone } = one;
          plane = withSpec(
            plane,
            specOf({
              regions,
              deletionProtection,
              deletion: { machines: orphan ? 'Orphan' : 'Delete' },
              dns: zone === 'none' ? undefined : { provider: zone, zone: 'example.com' },
            }),
          );
        } else {
          const spoken = keys(plane, 'region/')[one.speaker];
          if (spoken !== undefined) plane = say(plane, spoken, one.says);
        }
        for (const key of keys(plane, 'network/'))
          if (plane.objects.get(key)?.['status'] === undefined)
            plane = say(plane, key, { conditions: [condition('Ready')], atProvider: { id: '1' } });

        const answer = ask(plane);
        expect(ask(plane)).toEqual(answer);
        expect(answer.warnings).toEqual([]);
        const wanted = new Set(
          [...JSON.stringify(plane.xr['spec']).matchAll(/"name":"(fsn|hel|ash|nbg)"/g)].map(
            (match) => match[1],
          ),
        );
        for (const key of keys(plane, 'region/'))
          if (wanted.has(key.slice('region/'.length)) || at(plane.xr, 'spec', 'deletionProtection') === true)
            expect(keys(answer)).toContain(key);
        for (const key of keys(answer, 'region/')) {
          const region = answer.objects.get(key);
          const network = textAt(region, 'spec', 'network', 'networkRef', 'name');
          expect([...answer.objects.values()].some(({ metadata }) => metadata.name === network)).toBe(true);
          const name = `${key} ${String(plane.objects.has(key))}`;
          const before = networks.get(key);
          if (plane.objects.has(key) && before !== undefined)
            expect([name, at(region, 'spec', 'network')]).toEqual([name, before]);
          networks.set(key, at(region, 'spec', 'network'));
        }
        plane = apply(plane, answer);
        for (const key of networks.keys()) if (!plane.objects.has(key)) networks.delete(key);
      }
    }),
    { numRuns: 30 },
  );
  // Seconds on an idle machine; a busy one may take its time.
}, 60_000);
