/** The archival store as K3s sees it, which speaks S3 alone. Source: docs.k3s.io, cli/etcd-snapshot, 2026-11. */
import type { Archival } from '../apis/fields.ts';

/** Of Amazon's regions the one that is taken where a claim names none. */
const AMAZON_REGION = 'eu-central-1';

/** Where the store speaks S3; undefined for one that does not. Google's does with HMAC keys, Azure's never. */
export function s3AddressOf({ provider, endpoint, region = AMAZON_REGION }: Archival): string | undefined {
  if (provider === 'azureblob') return undefined;
  if (endpoint !== undefined) return endpoint;
  // R2 has no address without the account in it; a claim must say it.
  return { s3: `https://s3.${region}.amazonaws.com`, gcs: 'https://storage.googleapis.com', r2: undefined }[
    provider
  ];
}

/** What requests are signed for: Amazon's own stores want their region, others take any. */
export function s3RegionOf({ provider, endpoint, region }: Archival): string {
  return region ?? (provider === 's3' && endpoint === undefined ? AMAZON_REGION : 'auto');
}
