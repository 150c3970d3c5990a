/** What the platform in a region needs to know of a DNS provider. One file per provider. */
import type { Dns } from '../apis/fields.ts';
import type { JsonObject } from '../kernel/manifest.ts';

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

export interface DnsProvider {
  readonly id: Dns['provider'];
  /** What the Secret that `dns.secretRef` names must hold. */
  readonly credentials: (dns: Dns) => Credentials;
  /** Values of the chart external-dns that are this provider's. */
  readonly externalDns: (dns: Dns) => JsonObject;
  /** A `dns01` solver of cert-manager's ClusterIssuer. */
  readonly dns01: (dns: Dns) => JsonObject;
}

/** A key of the credentials as cert-manager and the pods refer to it. */
export function credential(key: string): { name: string; key: string } {
  return { name: DNS_SECRET, key };
}

/** A variable of a container with a value from the credentials. */
export function secretVariable(name: string, key: string): JsonObject {
  return { name, valueFrom: { secretKeyRef: credential(key) } };
}
