/** Where the schemas of everything we render come from. */
import { join } from 'node:path';
import { isManifest, isObject, at, type Manifest } from '../../functions/kernel/manifest.ts';
import { moduleFolder } from '../../tools/build.ts';
import { folderNamedBy } from '../beside.ts';

const root = join(import.meta.dirname, '../..');

/** Modules of components that carry their CRDs, and where in them. */
const COMPONENTS = {
  'github.com/cert-manager/cert-manager': 'deploy/crds',
  'github.com/cloudnative-pg/cloudnative-pg': 'config/crd/bases',
  'github.com/cloudnative-pg/plugin-barman-cloud': 'config/crd/bases',
  'sigs.k8s.io/gateway-api': 'config/crd/standard',
};

/**
 * Files and folders of CRDs and XRDs for `validate`: ours, Crossplane's own, and those of providers and operators. The
 * latter lie in the folder $OPENOVA_CRDS; without it, in the modules of those that are Go modules: provider-hetzner and
 * the DNS providers are none.
 */
export async function schemaFolders(): Promise<readonly string[]> {
  const crossplane = await moduleFolder('crossplane-core', 'github.com/crossplane/crossplane/v2');
  const collected = folderNamedBy('OPENOVA_CRDS');
  const cilium = await moduleFolder('crds', 'github.com/cilium/cilium');
  return [
    join(root, 'apis'),
    join(crossplane, 'cluster/crds'),
    join(cilium, 'pkg/k8s/apis/cilium.io/client/crds/v2/ciliumclusterwidenetworkpolicies.yaml'),
    ...(collected === undefined ? [...(await providerCrds()), ...(await componentCrds())] : [collected]),
  ];
}

/** Whether the CRDs of all providers and operators are at hand, or only those that Go modules carry. */
export function hasAllSchemas(): boolean {
  return folderNamedBy('OPENOVA_CRDS') !== undefined;
}

async function providerCrds(): Promise<readonly string[]> {
  const helm = await moduleFolder('provider-helm', 'github.com/crossplane-contrib/provider-helm');
  const kubernetes = await moduleFolder(
    'provider-kubernetes',
    'github.com/crossplane-contrib/provider-kubernetes',
  );
  return [helm, kubernetes].map((folder) => join(folder, 'package/crds'));
}

async function componentCrds(): Promise<readonly string[]> {
  return Promise.all(
    Object.entries(COMPONENTS).map(async ([module, folder]) =>
      join(await moduleFolder('crds', module), folder),
    ),
  );
}

/** Objects together with the manifests that provider-kubernetes Objects among them will apply. */
export function withEmbedded(objects: readonly Manifest[]): readonly Manifest[] {
  return objects.flatMap((object) => {
    const inner = object.kind === 'Object' ? at(object, 'spec', 'forProvider', 'manifest') : undefined;
    return isObject(inner) && isManifest(inner) ? [object, inner] : [object];
  });
}
