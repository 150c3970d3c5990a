/** The one place where names are made. docs/names.md lists every resource key. */
import { createHash } from 'node:crypto';

export const GROUP = 'platform.openova.io';

/** Marks what this package composed; its value is the key in a form that a label can hold. */
export const NODE_LABEL = `${GROUP}/node`;
/** Keys that the object waited for; what leaves, leaves in the reverse order. */
export const AFTER_ANNOTATION = `${GROUP}/after`;
/** On nested composites: the release that the outer one runs, so that a lost status does not lose it. */
export const RELEASE_ANNOTATION = `${GROUP}/release`;
export const RETRY_ANNOTATION = `${GROUP}/retry`;
export const CLUSTER_LABEL = `${GROUP}/cluster`;
export const REGION_LABEL = `${GROUP}/region`;
/** On nodes whose ports 80 and 443 are the Gateway's. */
export const GATEWAY_NODE_LABEL = `${GROUP}/gateway`;
export const CLAIM_NAME_LABEL = 'crossplane.io/claim-name';
export const CLAIM_NAMESPACE_LABEL = 'crossplane.io/claim-namespace';
export const COMPOSITE_LABEL = 'crossplane.io/composite';
/** The annotation under which Crossplane keeps a composed resource's key. */
export const KEY_ANNOTATION = 'crossplane.io/composition-resource-name';
export const EXTERNAL_NAME_ANNOTATION = 'crossplane.io/external-name';
/** Where the Jobs, their accounts and the Secrets of all regions live; tenants cannot write here. */
export const SYSTEM_NAMESPACE = 'openova-system';

export function sha256(text: string, length = 64): string {
  return createHash('sha256').update(text).digest('hex').slice(0, length);
}

/** A name of at most `limit` characters: as given when it fits, else cut and closed with 8 hex of its sha256. */
export function bounded(name: string, limit = 63): string {
  if (name.length <= limit) return name;
  return `${name.slice(0, limit - 9).replace(/[^a-z0-9]+$/, '')}-${sha256(name, 8)}`;
}

/**
 * The `metadata.name` of the object composed under a key: `<XR name>-<key>`.
 * Only letters, digits and dashes: Terraform-based providers use it as an identifier too.
 */
export function nameFor(xrName: string, key: string): string {
  return bounded(
    `${xrName}-${key}`
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '-')
      .replace(/-+$/, ''),
  );
}

/** A key as the value of a label: at most 63 of letters, digits, dashes and dots. */
export function labelFor(key: string): string {
  return bounded(
    key
      .toLowerCase()
      .replace(/[^a-z0-9]+/g, '.')
      .replace(/^\.+|\.+$/g, ''),
  );
}
