import { describe, expect, test } from 'vitest';
import fc from 'fast-check';
import type { Dns } from '../../functions/apis/fields.ts';
import { dnsProviders } from '../../functions/dns/index.ts';
import {
  delegationOf,
  planRecords,
  TTL,
  type Records,
  type RegionAddresses,
} from '../../functions/dns/records.ts';
import type { Node } from '../../functions/kernel/graph.ts';
import { at, textAt, type JsonObject, type Manifest } from '../../functions/kernel/manifest.ts';
import { labelFor, nameFor, NODE_LABEL } from '../../functions/kernel/names.ts';
import { observe, type Observed } from '../../functions/kernel/observed.ts';
import { packageOf } from '../../functions/providers/packages.ts';
import { checkManifest } from '../fields/check.ts';

const DNS: Readonly<Record<Dns['provider'], Dns>> = {
  azure: dns('azure', { resourceGroup: 'net' }),
  clouddns: dns('clouddns', { project: 'acme-prod' }),
  cloudflare: dns('cloudflare', { zoneId: '023e105f4ecef8ad9ca31a8372d0c353' }),
  hetzner: dns('hetzner'),
  route53: dns('route53', { zoneId: 'Z123' }),
};
const PROVIDERS = Object.values(DNS);

function dns(provider: Dns['provider'], more: Partial<Dns> = {}): Dns {
  return { provider, zone: 'example.com', providerConfigRef: { name: 'default' }, ...more };
}

function region(name: string, api: readonly string[], gateway: readonly string[]): RegionAddresses {
  return { name, api, gateway, key: `region/${name}` };
}

const FSN = region('fsn', ['203.0.113.1', '2001:db8::1', '203.0.113.2'], ['203.0.113.9', '2001:db8::9']);
const HEL = region('hel', ['198.51.100.1'], ['198.51.100.9']);
const nothing = observe(new Map());

function records(more: Partial<Records> = {}): Records {
  return {
    dns: DNS.route53,
    domain: 'acme.example.com',
    regions: [FSN, HEL],
    primary: 'fsn',
    delegated: [],
    deletionPolicy: 'Delete',
    observed: nothing,
    step: 'DNSReady',
    ...more,
  };
}

/** The nodes as objects, by key, as they would be emitted. */
function made(nodes: readonly Node[]): Map<string, Manifest> {
  return new Map(
    nodes.map(({ key, manifest }) => [
      key,
      {
        ...manifest,
        metadata: {
          ...manifest.metadata,
          name: nameFor('acme-x7k2p', key),
          labels: { [NODE_LABEL]: labelFor(key) },
        },
      },
    ]),
  );
}

/** What exists after these nodes were made; with an id when the provider has made the record too. */
function existing(nodes: readonly Node[], id?: string): Observed {
  return observe(
    new Map(
      [...made(nodes)].map(([key, object]) => [
        key,
        id === undefined ? object : { ...object, status: { atProvider: { id } } },
      ]),
    ),
  );
}

function forProvider(nodes: readonly Node[], key: string): unknown {
  return at(nodes.find((node) => node.key === key)?.manifest, 'spec', 'forProvider');
}

/** Name, type and values of every record, whoever serves it. */
function said(nodes: readonly Node[]): Record<string, string[]> {
  const all: Record<string, string[]> = {};
  for (const { key, manifest } of nodes) {
    const parts = key.split('/').slice(3);
    const type = parts.findLastIndex((part) => ['a', 'aaaa', 'ns'].includes(part));
    const path = parts.slice(0, type + 1).join('/');
    const fields = at(manifest, 'spec', 'forProvider') ?? {};
    const values = ['records', 'rrdatas', 'content'].flatMap((field) => at(fields, field) ?? []);
    const texts = values.flatMap(
      (value) => textAt(value, 'value') ?? (typeof value === 'string' ? value : []),
    );
    all[path] = [...(all[path] ?? []), ...texts].sort();
  }
  return all;
}

describe('which records there are', () => {
  const expected = {
    'api/fsn/a': ['203.0.113.1', '203.0.113.2'],
    'api/fsn/aaaa': ['2001:db8::1'],
    'api/hel/a': ['198.51.100.1'],
    'gateway/fsn/a': ['203.0.113.9'],
    'gateway/fsn/aaaa': ['2001:db8::9'],
    'gateway/hel/a': ['198.51.100.9'],
    'apps/fsn/a': ['203.0.113.9'],
    'apps/fsn/aaaa': ['2001:db8::9'],
    'apps/hel/a': ['198.51.100.9'],
    'domain/a': ['203.0.113.9'],
    'domain/aaaa': ['2001:db8::9'],
    'wildcard/a': ['203.0.113.9'],
    'wildcard/aaaa': ['2001:db8::9'],
  };
  test.each(PROVIDERS)('$provider has the same as every other', (one) => {
    expect(said(planRecords(records({ dns: one })).nodes)).toEqual(expected);
  });

  test('names are under the domain, relative or complete as the provider wants them', () => {
    const names = (one: Dns) => {
      const { nodes } = planRecords(records({ dns: one, regions: [HEL], primary: 'hel' }));
      return nodes.map(
        ({ manifest }) =>
          textAt(manifest, 'spec', 'forProvider', 'name') ??
          textAt(manifest, 'metadata', 'annotations', 'crossplane.io/external-name'),
      );
    };
    const relative = ['api.hel.acme', 'gateway.hel.acme', '*.hel.acme', 'acme', '*.acme'];
    const complete = relative.map((name) => `${name}.example.com`);
    expect(names(DNS.azure)).toEqual(relative);
    expect(names(DNS.hetzner)).toEqual(relative);
    expect(names(DNS.cloudflare)).toEqual(complete);
    expect(names(DNS.route53)).toEqual(complete);
    expect(names(DNS.clouddns)).toEqual(complete.map((name) => `${name}.`));
  });

  test('the domain is the zone itself', () => {
    const { nodes } = planRecords(records({ dns: DNS.hetzner, domain: 'example.com' }));
    const names = nodes.map(({ manifest }) => textAt(manifest, 'spec', 'forProvider', 'name'));
    expect(names).toContain('@');
    expect(names).toContain('*');
    expect(names).toContain('api.fsn');
  });

  test('the domain follows the primary under the same keys', () => {
    const before = planRecords(records()).nodes;
    const after = planRecords(records({ primary: 'hel', observed: existing(before, 'x') })).nodes;
    expect(after.map(({ key }) => key).sort()).toEqual(before.map(({ key }) => key).sort());
    expect(said(after)['domain/a']).toEqual(HEL.gateway);
    expect(said(after)['wildcard/a']).toEqual(HEL.gateway);
    // hel has no IPv6 address: what there was is kept, because a missing address proves nothing
    expect(said(after)['domain/aaaa']).toEqual(['2001:db8::9']);
  });

  test('a region that stands alone has no domain to point', () => {
    const { nodes } = planRecords(records({ regions: [FSN], primary: undefined }));
    expect(Object.keys(said(nodes))).not.toContain('domain/a');
  });

  test('answers may be kept for a minute', () => {
    for (const { manifest } of planRecords(records()).nodes)
      expect(at(manifest, 'spec', 'forProvider', 'ttl')).toBe(TTL);
    expect(TTL).toBe(60);
  });
});

describe('addresses', () => {
  test.each([
    {
      reason: 'order means nothing',
      gateway: ['203.0.113.2', '203.0.113.1'],
      a: ['203.0.113.1', '203.0.113.2'],
    },
    { reason: 'twice is once', gateway: ['203.0.113.1', '203.0.113.1'], a: ['203.0.113.1'] },
    {
      reason: 'what is no address is left out',
      gateway: ['203.0.113.1', 'x', '', 'fe80::1%eth0'],
      a: ['203.0.113.1'],
    },
    { reason: 'IPv6 has one form', gateway: ['2001:DB8:0:0::1'], aaaa: ['2001:db8::1'] },
  ])('$reason', ({ gateway, a, aaaa }) => {
    const found = said(planRecords(records({ regions: [region('fsn', [], gateway)] })).nodes);
    expect(found['gateway/fsn/a']).toEqual(a);
    expect(found['gateway/fsn/aaaa']).toEqual(aaaa);
  });

  test('a record without addresses waits for its region, and for no other', () => {
    const { nodes } = planRecords(records({ regions: [FSN, region('hel', [], [])] }));
    const waiting = nodes.filter(({ key }) => key.endsWith('/unknown'));
    expect(waiting.map(({ key }) => key.split('/').slice(3).join('/'))).toEqual([
      'api/hel/unknown',
      'gateway/hel/unknown',
      'apps/hel/unknown',
    ]);
    for (const { after = [] } of waiting) {
      expect(after).toMatchObject([{ key: 'region/hel' }]);
      expect(
        after.some((one) => typeof one !== 'string' && one.test({ apiVersion: '', kind: '', metadata: {} })),
      ).toBe(false);
    }
    expect(said(nodes.filter(({ key }) => !key.endsWith('/unknown')))['api/fsn/a']).toBeDefined();
  });

  test.each(PROVIDERS)('$provider: what exists stays as it is while its region says nothing', (one) => {
    const before = planRecords(records({ dns: one })).nodes;
    const observed = existing(before, 'x');
    const silent = [region('fsn', [], []), region('hel', [], [])];
    const { nodes, leaving } = planRecords(records({ dns: one, regions: silent, observed }));
    expect(made(nodes)).toEqual(made(before));
    expect([...leaving]).toEqual([]);
  });

  test('a changed address is changed in place', () => {
    const before = planRecords(records()).nodes;
    const moved = region('hel', HEL.api, ['198.51.100.77']);
    const { nodes, leaving } = planRecords(
      records({ regions: [FSN, moved], observed: existing(before, 'x') }),
    );
    expect(nodes.map(({ key }) => key)).toEqual(before.map(({ key }) => key));
    expect(said(nodes)['gateway/hel/a']).toEqual(['198.51.100.77']);
    expect([...leaving]).toEqual([]);
  });

  test('Cloudflare: the new address is there before the old one goes', () => {
    const one = DNS.cloudflare;
    const before = planRecords(records({ dns: one })).nodes;
    const moved = region('hel', HEL.api, ['198.51.100.77']);
    const { nodes, leaving } = planRecords(
      records({ dns: one, regions: [FSN, moved], observed: existing(before, 'x') }),
    );
    const keys = (prefix: string, from: readonly Node[]) =>
      from.map(({ key }) => key).filter((key) => key.startsWith(`dns/cloudflare/example.com/${prefix}`));
    for (const path of ['gateway/hel/a', 'apps/hel/a'])
      expect(leaving.get(keys(path, before)[0] ?? '')).toEqual(keys(path, nodes));
    expect(leaving.size).toBe(2);
  });
});

describe('a change of the zone or its provider', () => {
  test('moves records: the new ones are there before the old ones go', () => {
    const before = planRecords(records({ dns: DNS.cloudflare })).nodes;
    const { nodes, leaving } = planRecords(records({ dns: DNS.route53, observed: existing(before, 'x') }));
    const all = new Set(nodes.map(({ key }) => key));
    expect(leaving.size).toBe(before.length);
    for (const [old, first] of leaving) {
      expect(first).toHaveLength(1);
      expect(all.has(first[0] ?? '')).toBe(true);
      expect(old.split('/').slice(3, -1).join('/')).toBe((first[0] ?? '').split('/').slice(3).join('/'));
    }
  });

  test('records of a region that goes wait for nothing', () => {
    const before = planRecords(records()).nodes;
    const { leaving } = planRecords(records({ regions: [FSN], observed: existing(before, 'x') }));
    expect([...leaving.values()]).toEqual(leaving.size === 3 ? [[], [], []] : 'three records');
  });

  test.each(PROVIDERS)(
    '$provider: what names the zone is fixed once the record is made, and not before',
    (one) => {
      const before = planRecords(records({ dns: one })).nodes;
      const tried = planRecords(records({ dns: one, observed: existing(before) })).nodes;
      const exists = planRecords(records({ dns: one, observed: existing(before, 'x') })).nodes;
      for (const { frozen } of tried) expect(frozen).toEqual([]);
      for (const { frozen = [], manifest } of exists) {
        const fields = Object.keys(at(manifest, 'spec', 'forProvider') ?? {});
        const zone = fields.filter((field) => /^(zone|managedZone|resourceGroup|project)/.test(field));
        expect(zone.length).toBeGreaterThan(0);
        for (const field of zone) expect(frozen).toContain(`spec.forProvider.${field}`);
        for (const field of ['records', 'rrdatas', 'content', 'ttl'])
          expect(frozen).not.toContain(`spec.forProvider.${field}`);
      }
    },
  );
});

describe('the delegation to k8gb', () => {
  test.each([
    {
      reason: 'the domain lies in the zone',
      domain: 'acme.example.com',
      parent: 'example.com',
      zone: 'gslb.acme.example.com',
      server: 'gslb-ns-fsn-gslb-acme.example.com',
    },
    {
      reason: 'the domain is the zone',
      domain: 'example.com',
      parent: 'example.com',
      zone: 'gslb.example.com',
      server: 'gslb-ns-fsn-gslb.example.com',
    },
  ])('has the names that k8gb makes itself: $reason', ({ domain, parent, zone, server }) => {
    const made = delegationOf(domain, parent);
    expect(made.zone).toBe(zone);
    expect(made.nameServer('fsn')).toBe(server);
  });

  test.each(PROVIDERS)('$provider: a name server for each region, at the addresses of its gateway', (one) => {
    const { nodes } = planRecords(records({ dns: one, delegated: ['fsn', 'hel'] }));
    const dot = one.provider === 'cloudflare' ? '' : '.';
    expect(said(nodes)).toMatchObject({
      'delegation/ns': [`gslb-ns-fsn-gslb-acme.example.com${dot}`, `gslb-ns-hel-gslb-acme.example.com${dot}`],
      'nameserver/fsn/a': ['203.0.113.9'],
      'nameserver/fsn/aaaa': ['2001:db8::9'],
      'nameserver/hel/a': ['198.51.100.9'],
    });
  });

  test('names no server that has no address yet', () => {
    const regions = [FSN, region('hel', [], [])];
    const { nodes } = planRecords(records({ regions, delegated: ['fsn', 'hel'] }));
    expect(said(nodes)['delegation/ns']).toEqual(['gslb-ns-fsn-gslb-acme.example.com.']);
  });

  test('waits until one server has an address', () => {
    const { nodes } = planRecords(records({ regions: [region('fsn', [], [])], delegated: ['fsn'] }));
    expect(nodes.find(({ key }) => key.includes('/delegation/'))?.key).toBe(
      'dns/route53/example.com/delegation/unknown',
    );
  });
});

describe('the objects', () => {
  const all = PROVIDERS.map((one) => ({
    provider: one.provider,
    nodes: planRecords(records({ dns: one, delegated: ['fsn'] })).nodes,
  }));

  test.each(all)('$provider: are as the CRD wants them', ({ nodes }) => {
    expect(nodes.length).toBeGreaterThan(13);
    for (const [key, object] of made(nodes)) expect([key, ...checkManifest(object)]).toEqual([key]);
  });

  test.each(all)('$provider: belong to the package of this provider', ({ provider, nodes }) => {
    for (const { manifest } of nodes) {
      const found = packageOf(manifest.apiVersion);
      expect(found?.name).toBe(dnsProviders[provider].package);
      expect(found?.use).toBe(provider === 'hetzner' ? 'base' : provider);
      expect(found?.managed).toContainEqual(
        expect.objectContaining({ apiVersion: manifest.apiVersion, kind: manifest.kind }),
      );
    }
  });

  const shapes: { reason: string; dns: Dns; key: string; expected: JsonObject }[] = [
    {
      reason: 'Cloudflare has an object for each value, and never its proxy',
      dns: DNS.cloudflare,
      key: 'dns/cloudflare/example.com/api/fsn/aaaa/5afd19e8',
      expected: {
        zoneId: '023e105f4ecef8ad9ca31a8372d0c353',
        name: 'api.fsn.acme.example.com',
        type: 'AAAA',
        content: '2001:db8::1',
        ttl: 60,
        proxied: false,
      },
    },
    {
      reason: 'Hetzner names the zone by its name, and values are objects',
      dns: DNS.hetzner,
      key: 'dns/hetzner/example.com/api/fsn/a',
      expected: {
        zone: 'example.com',
        name: 'api.fsn.acme',
        type: 'A',
        records: [{ value: '203.0.113.1' }, { value: '203.0.113.2' }],
        ttl: 60,
      },
    },
    {
      reason: 'Route 53 without an id refers to a managed zone',
      dns: dns('route53'),
      key: 'dns/route53/example.com/domain/a',
      expected: {
        zoneIdRef: { name: 'example-com' },
        name: 'acme.example.com',
        type: 'A',
        records: ['203.0.113.9'],
        ttl: 60,
      },
    },
    {
      reason: 'Cloud DNS ends names with a dot',
      dns: DNS.clouddns,
      key: 'dns/clouddns/example.com/wildcard/a',
      expected: {
        managedZoneRef: { name: 'example-com' },
        project: 'acme-prod',
        name: '*.acme.example.com.',
        type: 'A',
        rrdatas: ['203.0.113.9'],
        ttl: 60,
      },
    },
    {
      reason: 'Azure has no field for the name',
      dns: DNS.azure,
      key: 'dns/azure/example.com/wildcard/a',
      expected: { zoneName: 'example.com', resourceGroupName: 'net', records: ['203.0.113.9'], ttl: 60 },
    },
  ];
  test.each(shapes)('$reason', ({ dns: one, key, expected }) => {
    expect(forProvider(planRecords(records({ dns: one })).nodes, key)).toEqual(expected);
  });

  test('follow what is left when the claim goes', () => {
    for (const { manifest } of planRecords(records({ deletionPolicy: 'Orphan' })).nodes)
      expect(at(manifest, 'spec')).toMatchObject({
        deletionPolicy: 'Orphan',
        managementPolicies: ['Observe', 'Create', 'Update'],
      });
  });
});

test('keys and names are unique, fit, and never depend on the order of regions or addresses', () => {
  const name = fc.stringMatching(/^[a-z]([-a-z0-9]{0,10}[a-z0-9])?$/);
  const address = fc.oneof(fc.ipV4(), fc.ipV6());
  const regions = fc.uniqueArray(fc.record({ name, api: fc.array(address), gateway: fc.array(address) }), {
    selector: (one) => one.name,
    maxLength: 3,
  });
  fc.assert(
    fc.property(regions, fc.constantFrom(...PROVIDERS), fc.integer(), (given, one, turn) => {
      const plan = (list: readonly RegionAddresses[]) =>
        planRecords(
          records({ dns: one, regions: list, primary: list[0]?.name, delegated: list.map((r) => r.name) }),
        ).nodes;
      const nodes = plan(given);
      const keys = nodes.map(({ key }) => key);
      expect(new Set(keys).size).toBe(keys.length);
      const names = keys.map((key) => nameFor('acme-x7k2p', key));
      expect(new Set(names).size).toBe(names.length);
      for (const made of names) expect(made).toMatch(/^[a-z][-a-z0-9]{0,61}[a-z0-9]$/);
      const turned = given.map((r) => ({
        ...r,
        api: turn % 2 ? [...r.api].reverse() : r.api,
        gateway: [...r.gateway].reverse(),
      }));
      const first = given[0];
      const reordered = planRecords(
        records({
          dns: one,
          regions: [...turned].reverse(),
          primary: first?.name,
          delegated: given.map((r) => r.name),
        }),
      ).nodes;
      expect(made(reordered)).toEqual(made(nodes));
    }),
  );
});

test('a field that nobody fixed is corrected while the record was never made', () => {
  const before = planRecords(records({ dns: dns('route53', { zoneId: 'WRONG' }) })).nodes;
  const [node] = planRecords(records({ observed: existing(before) })).nodes;
  expect(node?.frozen).toEqual([]);
  expect(at(node?.manifest, 'spec', 'forProvider', 'zoneId')).toBe('Z123');
});
