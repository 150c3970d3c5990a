import { describe, expect, it } from 'vitest';
import { changesBetween, refusedChanges } from '../../functions/apis/changes.ts';
import { clusterContract, readCluster, type ClusterSpec } from '../../functions/apis/cluster.ts';
import { parseDataService } from '../../functions/apis/data-service.ts';
import { nearest, specOf } from '../../functions/apis/parse.ts';
import { readRegion, regionContract, regionInput, type RegionSpec } from '../../functions/apis/region.ts';
import type { Parsed } from '../../functions/kernel/graph.ts';
import { isObject, type JsonObject, type Manifest } from '../../functions/kernel/manifest.ts';
import { cluster, edited, existingCluster, existingRegion, fullCluster, region, service } from './cases.ts';

function typed<Spec>(parsed: Parsed<Spec>): Spec {
  if (parsed.ok) return parsed.spec;
  throw new Error(parsed.problems.map(({ field, message }) => `${field} ${message}`).join('\n'));
}

function regionsOf(spec: ClusterSpec): readonly RegionSpec[] {
  return spec.regions.map((one) => one.spec);
}

/** As it arrives at the other composite: fields left out are not there. */
function sent(spec: JsonObject): JsonObject {
  const value: unknown = JSON.parse(JSON.stringify(spec));
  return isObject(value) ? value : {};
}

describe('defaults that follow from other fields', () => {
  it('make machines on Hetzner', () => {
    const spec = typed(readRegion(region));
    expect(spec.controlPlane).toEqual({ count: 3, serverTypes: ['cx33'] });
    expect(spec.pools).toEqual([{ name: 'general', count: 2, serverTypes: ['cx43'], labels: {}, taints: [] }]);
    expect(spec.loadBalancer.type).toBe('cloud');
    expect(spec.certificates.solver).toBe('http01');
  });

  it('count the machines that exist', () => {
    const spec = typed(readRegion(existingRegion));
    expect(spec.controlPlane).toEqual({ count: 1, serverTypes: [] });
    expect(spec.pools).toEqual([{ name: 'general', count: 1, serverTypes: [], labels: {}, taints: [] }]);
    expect(spec.loadBalancer.type).toBe('k8gb');
  });

  it.each([
    { cidr: undefined, subnet: '10.0.0.0/20', reason: 'the first /20' },
    { cidr: '10.8.0.0/16', subnet: '10.8.0.0/20', reason: 'the first /20 of another network' },
    { cidr: '10.8.0.0/24', subnet: '10.8.0.0/24', reason: 'all of a small network' },
  ])('place the machines in $reason', ({ cidr, subnet }) => {
    const spec = typed(readRegion(edited(region, { 'network.cidr': cidr })));
    expect(spec.network.subnetCidr).toBe(subnet);
    expect(spec.network.clusterName).toBe('fsn');
  });

  it('prove the domain by DNS where there are credentials', () => {
    const dns = { provider: 'cloudflare', zone: 'example.com', secretRef: { name: 'dns' } };
    expect(typed(readRegion(edited(region, { dns }))).certificates.solver).toBe('dns01');
  });

  it('name the connection Secret after the claim', () => {
    const xr: Manifest = {
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XDataService',
      metadata: { name: 'orders-x7k2p', labels: { 'crossplane.io/claim-name': 'orders' } },
      spec: service,
    };
    expect(typed(parseDataService(xr)).connectionSecret).toEqual({ name: 'orders-conn' });
  });
});

describe("a cluster's regions", () => {
  it("have the cluster's fields under their own: objects by key, lists whole", () => {
    const raw = edited(fullCluster, {
      regions: [
        { name: 'fsn', location: 'fsn1', platform: { profile: 'minimal', components: { harbor: { enabled: false } } } },
        { name: 'hel', location: 'hel1', role: 'standby', access: { sshAllowedCidrs: [] }, pools: [{ name: 'web' }] },
      ],
    });
    const [fsn, hel] = regionsOf(typed(readCluster(raw)));
    expect(fsn?.platform.profile).toBe('minimal');
    expect(fsn?.platform.mesh).toBe('cilium');
    expect(Object.keys(fsn?.platform.components ?? {}).sort()).toEqual([
      'backstage',
      'cilium',
      'harbor',
      'stalwart',
    ]);
    expect(hel?.access.sshAllowedCidrs).toEqual([]);
    expect(hel?.access.apiAllowedCidrs).toEqual(['203.0.113.0/24']);
    expect(hel?.pools.map(({ name }) => name)).toEqual(['web']);
  });

  it('begin with a snapshot only where the primary is', () => {
    const [fsn, hel] = regionsOf(typed(readCluster(fullCluster)));
    expect([fsn?.restoreFrom?.snapshot, hel?.restoreFrom]).toEqual(['s3://acme-archive/etcd/old', undefined]);
  });

  it('say which of their ranges the claim fixes', () => {
    const raw = edited(cluster, {
      regions: [{ name: 'fsn', location: 'fsn1', network: { podCidr: '10.60.0.0/16' } }],
    });
    expect(typed(readCluster(raw)).regions.map(({ ranges }) => ranges)).toEqual([{ podCidr: '10.60.0.0/16' }]);
  });

  it.each([
    { raw: cluster, reason: 'two regions' },
    { raw: fullCluster, reason: 'every field' },
    { raw: existingCluster, reason: 'existing machines' },
  ])('are composed as they are: $reason', ({ raw }) => {
    for (const spec of regionsOf(typed(readCluster(raw)))) {
      const wiring = { cluster: { name: 'acme' }, network: spec.network, peers: [] };
      const arrived = typed(readRegion(sent(regionInput(spec, wiring))));
      expect(arrived).toEqual({ ...spec, cluster: { name: 'acme' }, deletionProtection: false });
    }
  });
});

describe("the user's part of a spec", () => {
  it('leaves out what Crossplane put there', () => {
    const xr: Manifest = {
      apiVersion: 'platform.openova.io/v1alpha1',
      kind: 'XOpenOvaRegion',
      metadata: { name: 'a' },
      spec: {
        ...region,
        claimRef: {},
        compositeDeletePolicy: 'Foreground',
        compositionRef: {},
        compositionRevisionRef: {},
        compositionRevisionSelector: {},
        compositionSelector: {},
        compositionUpdatePolicy: 'Automatic',
        resourceRef: {},
        resourceRefs: [],
        writeConnectionSecretToRef: {},
      },
    };
    expect(specOf(xr)).toEqual(region);
  });
});

describe('the name that was meant', () => {
  it.each([
    { typo: 'serverType', names: ['count', 'serverTypes'], meant: 'serverTypes', reason: 'a missing letter' },
    { typo: 'servertypes', names: ['count', 'serverTypes'], meant: 'serverTypes', reason: 'another case' },
    { typo: 'colour', names: ['count', 'serverTypes'], meant: undefined, reason: 'nothing near' },
    { typo: 'nam', names: ['name', 'role'], meant: 'name', reason: 'a short name' },
  ])('$typo: $reason', ({ typo, names, meant }) => {
    expect(nearest(typo, names)).toBe(meant);
  });
});

describe('what an edit changes', () => {
  it('is told by field, with its class and with defaults filled in', () => {
    const after = edited(region, {
      'platform.profile': 'full',
      'kubernetes.maxPods': 50,
      'kubernetes.version': 'v1.36.3+k3s1',
      pools: [{ name: 'general', count: 3 }],
    });
    const before = edited(region, { pools: [{ name: 'general' }, { name: 'web' }] });
    expect(changesBetween(regionContract, before, after)).toMatchObject([
      { field: 'spec.kubernetes.maxPods', change: 'new machines only', from: 110, to: 50 },
      { field: 'spec.pools[general].count', change: 'live', from: undefined, to: 3 },
      { field: 'spec.pools[web]', change: 'live', from: { name: 'web' }, to: undefined },
      { field: 'spec.platform.profile', change: 'live', from: 'standard', to: 'full' },
    ]);
  });

  it('knows what a region says in place of its cluster', () => {
    const after = edited(cluster, {
      regions: [
        { name: 'fsn', location: 'fsn1', platform: { secrets: 'vault' } },
        { name: 'hel', location: 'hel1', role: 'standby' },
      ],
    });
    expect(changesBetween(clusterContract, cluster, after)).toMatchObject([
      { field: 'spec.regions[fsn].platform.secrets', change: 'refused', overrides: true },
    ]);
  });

  it('is nothing where a list only has another order', () => {
    const turned = edited(cluster, { regions: [...(Array.isArray(cluster['regions']) ? cluster['regions'] : [])].reverse() });
    expect(refusedChanges('OpenOvaCluster', cluster, turned)).toEqual([]);
    expect(changesBetween(clusterContract, cluster, turned)).toEqual([]);
  });
});
