/** The kinds that K3s brings into every cluster, as far as somebody here looks at them. */
import type { Manifest } from '../../../../functions/kernel/manifest.ts';
import type { Kube } from '../../../live/kube.ts';

export const KINDS = [
  { group: 'helm.cattle.io', version: 'v1', kind: 'HelmChart', plural: 'helmcharts', scope: 'Namespaced' },
  {
    group: 'k3s.cattle.io',
    version: 'v1',
    kind: 'ETCDSnapshotFile',
    plural: 'etcdsnapshotfiles',
    scope: 'Cluster',
  },
] as const;

export async function createKinds(kube: Kube): Promise<void> {
  for (const one of KINDS) await kube.apply(definition(one), 'k3s');
}

function definition({ group, version, kind, plural, scope }: (typeof KINDS)[number]): Manifest {
  const open = { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  return {
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope,
      names: { kind, plural, singular: kind.toLowerCase(), listKind: `${kind}List` },
      versions: [{ name: version, served: true, storage: true, schema: { openAPIV3Schema: open } }],
    },
  };
}
