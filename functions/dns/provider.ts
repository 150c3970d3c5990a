/** What there is to know of a DNS provider: its records, and what uses it in a region. One file per provider. */
import type { Dns } from '../apis/fields.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import type { PACKAGES } from '../providers/packages.ts';

/** The Secret in the namespaces of ExternalDNS and cert-manager that holds what `dns.secretRef` holds. */
export const DNS_SECRET = 'dns-credentials';

/** A file made of public fields and one secret one, for programs that read nothing else. */
export interface Document {
  /** Key in the Secret, which is the file's name. */
  readonly key: string;
  readonly fields: JsonObject;
  /** Fields of the file by the key of the user's Secret that holds their value. */
  readonly secrets: Readonly<Record<string, string>>;
}

export interface Credentials {
  /** Keys of the user's Secret, each a single line. */
  readonly keys: readonly string[];
  /** The key whose value is a JSON object. */
  readonly json?: string;
  readonly document?: Document;
}

/** All values that one name has of one type. */
export interface DnsRecord {
  /** Fully qualified, without a dot at its end: `*.fsn.acme.example.com`. */
  readonly name: string;
  readonly type: 'A' | 'AAAA' | 'NS';
  /** Addresses, or names of servers without a dot at their end; sorted, no two the same. */
  readonly values: readonly string[];
  /** Seconds. */
  readonly ttl: number;
}

/** One managed resource of a record. */
export interface RecordObject {
  readonly apiVersion: string;
  readonly kind: string;
  /** The one value that it holds, where the provider wants an object for each. */
  readonly value?: string;
  readonly forProvider: JsonObject;
  /** Fields of `forProvider` that the provider cannot change once the record exists. */
  readonly fixed: readonly string[];
  /** The record's name, where it is no field but the annotation that Crossplane keeps identities in. */
  readonly externalName?: string;
}

export interface DnsProvider {
  readonly id: Dns['provider'];
  /** The package that serves its records. */
  readonly package: (typeof PACKAGES)[number]['name'];
  /** The managed resources of a record. */
  readonly records: (record: DnsRecord, dns: Dns) => readonly RecordObject[];
  /** What the Secret that `dns.secretRef` names must hold. */
  readonly credentials: (dns: Dns) => Credentials;
  /** Values of the chart external-dns that are this provider's. */
  readonly externalDns: (dns: Dns) => JsonObject;
  /** A `dns01` solver of cert-manager's ClusterIssuer. */
  readonly dns01: (dns: Dns) => JsonObject;
}

/** The name of a record within its zone: `api.fsn` in `acme.example.com`, `@` for the zone itself. */
export function nameInZone(name: string, zone: string): string {
  if (name === zone) return '@';
  return name.endsWith(`.${zone}`) ? name.slice(0, -zone.length - 1) : name;
}

/** The managed resource of a zone, where a claim names none by the provider's own id: dots become dashes. */
export function zoneRef({ zone }: Pick<Dns, 'zone'>): { name: string } {
  return { name: zone.replaceAll('.', '-') };
}

/** The values of a record where names of servers end with a dot, because they would be relative without. */
export function absolute({ type, values }: DnsRecord): string[] {
  return values.map((value) => (type === 'NS' ? `${value}.` : value));
}

/** A key of the credentials as cert-manager and the pods refer to it. */
export function credential(key: string): { name: string; key: string } {
  return { name: DNS_SECRET, key };
}

/** A variable of a container with a value from the credentials. */
export function secretVariable(name: string, key: string): JsonObject {
  return { name, valueFrom: { secretKeyRef: credential(key) } };
}
