/** The region's archival store as a data service uses it: where its backups lie, and with which credentials. */
import type { Archival } from '../apis/fields.ts';
import { ARCHIVAL_SECRET } from '../catalogue/names.ts';
import { ARCHIVAL_KEYS } from '../catalogue/openova-system.ts';
import type { Node } from '../kernel/graph.ts';
import type { JsonObject } from '../kernel/manifest.ts';
import { EXTERNAL_NAME_ANNOTATION } from '../kernel/names.ts';
import { CHARTS, VERSION } from '../release.ts';
import { claimOf } from './discover.ts';
import { namespaceKey, type Site } from './home.ts';
import { inRegion } from './objects.ts';

export interface Archive {
  readonly archival: Archival;
  /** URL of the folder in which each incarnation of the service has a folder of its own. */
  readonly destination: string;
  /**
   * Name of this incarnation's folder: the composite's, which Crossplane never gives twice. An archiver refuses a folder
   * that holds another database's log, and a restore must still find it.
   */
  readonly incarnation: string;
}

/** Why a service has no backups, as a condition says it. */
export interface NoArchive {
  readonly reason: string;
  readonly message: string;
}

/** Where the backups of a service go. */
export function archiveOf({ xr, spec, home, name, claimNamespace }: Site): Archive | NoArchive {
  const claim = claimOf(spec);
  if (!spec.backup.enabled) return { reason: 'Disabled', message: 'spec.backup.enabled is false' };
  const { archival } = home;
  if (archival === undefined) {
    const message = `Region "${home.region}" has no archival store: spec.archival of ${claim.kind} "${claim.name}" gives it one`;
    return { reason: 'NoArchivalStore', message };
  }
  const bucket = bucketOf(archival);
  if (bucket === undefined) {
    const message = `spec.archival.endpoint of ${claim.kind} "${claim.name}" is missing: backups to azureblob need the account's address, such as https://ACCOUNT.blob.core.windows.net`;
    return { reason: 'NoEndpoint', message };
  }
  const root = archival.prefix ?? `${claimNamespace}/${claim.name}`;
  return {
    archival,
    destination: `${bucket}/${root}/${spec.engine}/${claimNamespace}/${name}`,
    incarnation: xr.metadata.name ?? '',
  };
}

export function isArchive(found: Archive | NoArchive): found is Archive {
  return 'archival' in found;
}

/** The bucket's URL as Barman writes it; azureblob has the account in it. Source: Barman Cloud's documentation, 2026-11. */
function bucketOf({ provider, bucket, endpoint }: Archival): string | undefined {
  switch (provider) {
    case 'r2':
    case 's3':
      return `s3://${bucket}`;
    case 'gcs':
      return `gs://${bucket}`;
    case 'azureblob':
      return endpoint === undefined ? undefined : `${endpoint.replace(/\/+$/, '')}/${bucket}`;
  }
}

/** Cloudflare takes no other; of Amazon's the default is not one that all buckets are in. Source: R2's documentation, 2026-11. */
export function bucketRegion({ provider, region }: Archival): string | undefined {
  return region ?? (provider === 'r2' ? 'auto' : undefined);
}

export const credentialsKey = (region: string) => `${region}/credentials`;

/** Fields that a newer package would change; they stay while the region runs an older release. */
export const CHART = 'spec.forProvider.chart';

/**
 * The store's credentials in the service's namespace. They cross as values of a Helm release, which the provider reads
 * from the claim's namespace, so that no object of the control plane shows them. The chart is the platform's own, with
 * nothing but this Secret in it.
 */
export function credentials(site: Site, archive: Archive): Node {
  const { archival } = archive;
  const { keys, json } = ARCHIVAL_KEYS[archival.provider];
  const region = bucketRegion(archival);
  const from = (key: string): JsonObject => ({
    secretKeyRef: { name: archival.secretRef.name, namespace: site.claimNamespace, key },
  });
  return inRegion(site, {
    key: credentialsKey(site.home.region),
    step: 'BackupReady',
    after: [namespaceKey(site.home.region)],
    frozen: site.home.older ? [CHART] : [],
    manifest: {
      apiVersion: 'helm.crossplane.io/v1beta1',
      kind: 'Release',
      metadata: { annotations: { [EXTERNAL_NAME_ANNOTATION]: 'archival-credentials' } },
      spec: {
        deletionPolicy: 'Orphan',
        providerConfigRef: { name: site.home.providerConfig },
        // Without a limit provider-helm never retries a release whose values did not change.
        rollbackLimit: 10,
        forProvider: {
          chart: { repository: CHARTS, name: 'openova-system', version: VERSION },
          namespace: site.namespace,
          skipCreateNamespace: true,
          wait: false,
          maxHistory: 3,
          values: {
            credentials: { archival: {} },
            secrets: [
              {
                name: ARCHIVAL_SECRET,
                namespace: site.namespace,
                from: 'archival',
                ...(region !== undefined && { plain: { region } }),
                ...(json !== undefined && { json }),
              },
            ],
          },
          ...(json !== undefined && { valuesFrom: [from(json)] }),
          ...(keys.length > 0 && {
            set: keys.map((key) => ({ name: `credentials.archival.${key}`, valueFrom: from(key) })),
          }),
        },
      },
    },
  });
}
