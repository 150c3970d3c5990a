/** The DNS providers whose services are not here, on the real kinds of all their packages: each record is made, and goes, as it is told. */
import { at, isTrue, listAt, textAt, type Manifest } from '../../functions/kernel/manifest.ts';
import { PACKAGES, type ProviderPackage } from '../../functions/providers/packages.ts';
import { seconds } from './job-status.ts';
import { referenceOf, versionOf, type Kube } from './kube.ts';

/** The packages of those providers. */
export const PLAYED: readonly ProviderPackage[] = PACKAGES.filter(({ use }) => use !== 'base');

/** What every provider holds its objects by. Source: crossplane-runtime v2, pkg/reconciler/managed, 2026-11. */
const HELD = 'finalizer.managedresource.crossplane.io';

/** Does what there is to do for the records of every package that is installed. */
export async function playRecords(kube: Kube): Promise<void> {
  for (const { managed, providerConfig } of PLAYED)
    for (const { apiVersion, kind } of managed)
      for (const record of await kube.listServed(apiVersion, kind))
        await playRecord(kube, record, providerConfig);
}

async function playRecord(
  kube: Kube,
  record: Manifest,
  providerConfig: ProviderPackage['providerConfig'],
): Promise<void> {
  const name = textAt(record, 'spec', 'providerConfigRef', 'name') ?? '';
  if ((await kube.get({ ...providerConfig, name })) === undefined) return;
  const leaves = at(record, 'metadata', 'deletionTimestamp') !== undefined;
  const finalizers = listAt(record, 'metadata', 'finalizers');
  if (leaves === finalizers.includes(HELD)) {
    const others = finalizers.filter((one) => one !== HELD);
    const resourceVersion = versionOf(record);
    await kube.patch(referenceOf(record), {
      metadata: { resourceVersion, finalizers: leaves ? others : [...others, HELD] },
    });
  }
  if (leaves || isTrue(record, 'Ready')) return;
  const lastTransitionTime = seconds(new Date().toISOString());
  const conditions = ['Ready', 'Synced'].map((type) => ({
    type,
    status: 'True',
    reason: type === 'Ready' ? 'Available' : 'ReconcileSuccess',
    lastTransitionTime,
  }));
  // With an id a record counts as made, and what its provider cannot change is kept.
  const atProvider = { id: `played/${record.metadata.name ?? ''}` };
  await kube.patch(referenceOf(record), { status: { atProvider, conditions } }, 'status');
}
