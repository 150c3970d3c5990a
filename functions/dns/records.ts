/** Which records there are, and the nodes that make them. docs/dns.md says it in a table. */
import { isIPv4, isIPv6 } from 'node:net';
import type { Deletion, Dns } from '../apis/fields.ts';
import type { After, Node } from '../kernel/graph.ts';
import { held } from '../kernel/hold.ts';
import { textAt, type Manifest } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION, sha256 } from '../kernel/names.ts';
import type { Observed } from '../kernel/observed.ts';
import { PACKAGES } from '../providers/packages.ts';
import { policiesFor } from '../providers/policies.ts';
import { escapeTemplates } from '../providers/terraform.ts';
import { dnsProviders } from './index.ts';
import type { DnsRecord, RecordObject } from './provider.ts';

/**
 * Seconds that a resolver may keep an answer: a failover moves records, and clients follow after this long. It is
 * also the least that Cloudflare's free plans and Hetzner accept. Sources: both services' documentation, 2026-11.
 */
export const TTL = 60;

/** The first part of the keys of all records. */
export const RECORDS = 'dns/';

/** What records say of a region. */
export interface RegionAddresses {
  readonly name: string;
  /** Public addresses of every server that runs the Kubernetes API. */
  readonly api: readonly string[];
  /** Public addresses of the Gateway. */
  readonly gateway: readonly string[];
  /** Key of the node whose object says so; records wait for it and go before it. Left out for a region's own records. */
  readonly key?: string;
}

export interface Records {
  readonly dns: Dns;
  readonly domain: string;
  readonly regions: readonly RegionAddresses[];
  /** The region that the domain itself points at; undefined where that is not for these records to say. */
  readonly primary: string | undefined;
  /** Names of the regions whose k8gb answers for the zone of `delegationOf`; empty without k8gb. */
  readonly delegated: readonly string[];
  readonly deletionPolicy: Deletion['machines'];
  readonly observed: Observed;
  readonly step: string;
}

export interface PlannedRecords {
  readonly nodes: readonly Node[];
  /** For records that are no longer wanted: what takes their place, and must be there first. */
  readonly leaving: ReadonlyMap<string, readonly string[]>;
}

/** One name, and what it should point at. */
interface Wanted {
  /** `<purpose>` or `<purpose>/<region>`: part of the key, so it never changes. */
  readonly path: string;
  readonly name: string;
  readonly regions: readonly RegionAddresses[];
  readonly values: Readonly<Partial<Record<DnsRecord['type'], readonly string[]>>>;
}

/** The zone that k8gb answers for, and the names of its servers, as k8gb itself makes them. */
export interface Delegation {
  /** `gslb.<domain>` */
  readonly zone: string;
  /** The zone at the DNS provider. */
  readonly parent: string;
  readonly nameServer: (region: string) => string;
}

/**
 * The delegation of a domain. The region's name is k8gb's geo tag.
 * Source of the names: k8gb v0.20.0, controllers/resolver/ns_names.go, with its default prefix.
 */
export function delegationOf(domain: string, parent: string): Delegation {
  const zone = `gslb.${domain}`;
  const label = zone.slice(0, -parent.length - 1).replaceAll('.', '-');
  return { zone, parent, nameServer: (region) => `gslb-ns-${region}-${label}.${parent}` };
}

/** Whether there are records with which a region's k8gb is delegated to. */
export function isDelegated(observed: Observed, region: string): boolean {
  return observed.ours.some(([key]) => key.startsWith(RECORDS) && key.includes(`/nameserver/${region}/`));
}

/** The nodes of all records. */
export function planRecords(records: Records): PlannedRecords {
  const nodes = wanted(records).flatMap((one) => nodesOf(one, records));
  const keys = new Set(nodes.map(({ key }) => key));
  const old = records.observed.ours.filter(([key]) => key.startsWith(RECORDS) && !keys.has(key));
  return {
    nodes,
    leaving: new Map(
      old.map(([key]) => [key, [...keys].filter((other) => subjectOf(other) === subjectOf(key))]),
    ),
  };
}

function wanted({ domain, dns, regions, primary, delegated }: Records): Wanted[] {
  const pointing = (
    path: string,
    name: string,
    region: RegionAddresses,
    side: 'api' | 'gateway',
  ): Wanted => ({
    path,
    name,
    regions: [region],
    values: byFamily(region[side]),
  });
  const sorted = [...regions].sort((left, right) => (left.name < right.name ? -1 : 1));
  const first = sorted.find(({ name }) => name === primary);
  const { zone, nameServer } = delegationOf(domain, dns.zone);
  const servers = sorted.filter(({ name }) => delegated.includes(name));
  return [
    ...sorted.flatMap((region) => [
      pointing(`api/${region.name}`, `api.${region.name}.${domain}`, region, 'api'),
      pointing(`gateway/${region.name}`, `gateway.${region.name}.${domain}`, region, 'gateway'),
      pointing(`apps/${region.name}`, `*.${region.name}.${domain}`, region, 'gateway'),
    ]),
    ...(first === undefined
      ? []
      : [
          pointing('domain', domain, first, 'gateway'),
          pointing('wildcard', `*.${domain}`, first, 'gateway'),
        ]),
    ...servers.map((region) =>
      pointing(`nameserver/${region.name}`, nameServer(region.name), region, 'gateway'),
    ),
    ...(servers.length === 0
      ? []
      : [
          {
            path: 'delegation',
            name: zone,
            regions: servers,
            // A server without an address would be asked in vain.
            values: {
              NS: servers
                .filter(({ gateway }) => valid(gateway).length > 0)
                .map(({ name }) => nameServer(name)),
            },
          },
        ]),
  ];
}

/** The addresses of a list in one form, sorted; what is none is left out. */
function valid(addresses: readonly string[]): string[] {
  const forms = addresses.flatMap((address) => {
    if (isIPv4(address)) return [address];
    return isIPv6(address) && !address.includes('%')
      ? [new URL(`http://[${address}]`).hostname.slice(1, -1)]
      : [];
  });
  return [...new Set(forms)].sort();
}

function byFamily(addresses: readonly string[]): { A: string[]; AAAA: string[] } {
  const all = valid(addresses);
  return { A: all.filter(isIPv4), AAAA: all.filter(isIPv6) };
}

/** What a key's record is about, whoever serves it and whatever its value. */
function subjectOf(key: string): string {
  const [, , , ...rest] = key.split('/');
  const type = rest.findLastIndex((part) => ['a', 'aaaa', 'ns'].includes(part));
  return rest.slice(0, type + 1).join('/');
}

function nodesOf(one: Wanted, records: Records): Node[] {
  const { path, name, regions, values } = one;
  const { dns } = records;
  const found = Object.entries(values).flatMap(([type, list]) => {
    const base = `${RECORDS}${dns.provider}/${dns.zone}/${path}/${type.toLowerCase()}`;
    // What was known once is kept: a region that says nothing for a moment has not moved.
    if (list.length === 0) return keptNodes(base, regions, records);
    return typeOf(type).flatMap((known) =>
      dnsProviders[dns.provider]
        .records({ name, type: known, values: list, ttl: TTL }, dns)
        .map((object) => nodeOf(base, object, regions, records)),
    );
  });
  if (found.length > 0) return found;
  // Nothing is known yet: a node that waits, so that the status says for what.
  return regions.some(({ key }) => key !== undefined) ? [waiting(one, records)] : [];
}

function typeOf(type: string): DnsRecord['type'][] {
  return type === 'A' || type === 'AAAA' || type === 'NS' ? [type] : [];
}

function nodeOf(
  base: string,
  object: RecordObject,
  regions: readonly RegionAddresses[],
  records: Records,
): Node {
  const { dns, deletionPolicy, observed, step } = records;
  const { apiVersion, kind, value, forProvider, fixed, externalName } = object;
  const key = value === undefined ? base : `${base}/${sha256(value, 8)}`;
  const provider = dnsProviders[dns.provider];
  const templates = PACKAGES.some((one) => one.name === provider.package && one.templates);
  return {
    key,
    step,
    follows: true,
    scales: true,
    after: afterOf(regions, () => true),
    manifest: {
      apiVersion,
      kind,
      ...(externalName !== undefined && {
        metadata: { annotations: { [EXTERNAL_NAME_ANNOTATION]: externalName } },
      }),
      spec: {
        ...policiesFor(deletionPolicy),
        providerConfigRef: { name: dns.providerConfigRef.name },
        forProvider: templates ? escapeTemplates(forProvider) : forProvider,
      },
    },
    // A record that was never made may still be corrected.
    frozen: isMade(observed.get(key)) ? fixed.map((field) => `spec.forProvider.${field}`) : [],
  };
}

function isMade(object: Manifest | undefined): boolean {
  return object !== undefined && (textAt(object, 'status', 'atProvider', 'id') ?? '') !== '';
}

function afterOf(regions: readonly RegionAddresses[], test: () => boolean): After[] {
  return regions.flatMap(({ key }) => (key === undefined ? [] : [{ key, until: 'its addresses', test }]));
}

function keptNodes(base: string, regions: readonly RegionAddresses[], { observed, step }: Records): Node[] {
  return observed.ours
    .filter(([key]) => key === base || key.startsWith(`${base}/`))
    .map(([key, object]) => ({
      key,
      step,
      follows: true,
      after: afterOf(regions, () => true),
      manifest: held(object),
    }));
}

/** A record without values: never made, because what it waits for is never so while it is in the graph. */
function waiting({ path, name, regions, values }: Wanted, { dns, step }: Records): Node {
  const type = values.NS === undefined ? 'A' : 'NS';
  const [object] = dnsProviders[dns.provider].records({ name, type, values: [''], ttl: TTL }, dns);
  return {
    key: `${RECORDS}${dns.provider}/${dns.zone}/${path}/unknown`,
    step,
    follows: true,
    after: afterOf(regions, () => false),
    manifest: { apiVersion: object?.apiVersion ?? '', kind: object?.kind ?? '' },
  };
}
