/** Names of objects in the region that several components and users refer to. */

/** The region's Gateway, for `parentRefs` of routes. */
export const GATEWAY = { name: 'platform', namespace: 'gateway-system' } as const;

/** The ClusterIssuer that the Gateway uses, and that users' Certificates may name. */
export const ISSUER = 'platform';

/** The Secret in a namespace that holds the credentials of the archival store. */
export const ARCHIVAL_SECRET = 'archival-credentials';

/** StorageClass of the cloud's volumes: the default in a region at Hetzner. */
export const HCLOUD_VOLUMES = 'hcloud-volumes';
