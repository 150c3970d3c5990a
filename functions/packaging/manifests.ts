/**
 * What the Crossplane packages say of themselves and depend on, made of the table of provider packages.
 * Format: xpkg specification and apis/pkg/meta/v1 of crossplane v2.4.0, read 2026-11-21.
 */
import type { JsonObject, Manifest } from '../kernel/manifest.ts';
import {
  configurationOf,
  crdNameOf,
  PACKAGES,
  versionRange,
  type PackageUse,
  type ProviderPackage,
} from '../providers/packages.ts';
import { IMAGE, VERSION } from '../release.ts';

/** The oldest Crossplane that also watches the resources a function requires; `-0` admits builds of its own. */
export const CROSSPLANE_RANGE = '>=v2.4.0-0';

/** OCI repository of the function, and so of the image that its Jobs run. */
export const FUNCTION_PACKAGE = IMAGE.replace(/:[^/:]*$/, '');

/** OCI repository of the base configuration; those of DNS providers append `-dns-<provider>`. */
export const CONFIGURATION_PACKAGE = FUNCTION_PACKAGE.replace(/[^/]*$/, 'openova');

/**
 * A function serves every claim that an older configuration of its major version lets in, so the function is upgraded
 * first and no minor version of it blocks that; see docs/upgrade.md.
 */
const FUNCTION_BELOW = 'v1.0.0';

export const SOURCE = 'https://github.com/openova/openova';

/** The DNS providers that need a package of their own. Hetzner's records are in the base provider. */
export type DnsUse = Exclude<PackageUse, 'base'>;

const DNS_NAMES: Readonly<Record<DnsUse, string>> = {
  azure: 'Azure DNS',
  clouddns: 'Google Cloud DNS',
  cloudflare: 'Cloudflare',
  route53: 'Amazon Route 53',
};

/** A Crossplane package: the folder below package/ and the objects in it. */
export interface Package {
  readonly folder: string;
  readonly description: Manifest;
  /** Activates the kinds that we emit; a function has none. */
  readonly activation?: Manifest;
}

/** Every package that is published, in alphabetical order of the folders. */
export function packages(): Package[] {
  const dns = PACKAGES.map(({ use }) => use).filter((use) => use !== 'base');
  return [base(), ...[...new Set(dns)].sort().map(dnsPackage), functionPackage()];
}

function functionPackage(): Package {
  return {
    folder: 'function',
    description: meta('Function', 'function-openova', {
      title: 'OpenOva Function',
      text: 'Composes OpenOva clusters, regions, platforms and data services',
      readme: [
        'The composition function of the OpenOva Kubernetes platform. It answers for XOpenOvaCluster, XOpenOvaRegion,',
        'XOpenOvaPlatform and XDataService; the Configuration `openova` installs it together with their definitions.',
        'The same image is the command line `openova` and the program that the bootstrap Jobs run.',
      ],
      spec: { capabilities: ['composition'] },
    }),
  };
}

function base(): Package {
  const used = packagesFor('base');
  return {
    folder: 'configuration',
    description: meta('Configuration', 'openova', {
      title: 'OpenOva',
      text: 'The OpenOva Kubernetes platform: one claim in, one or two Hetzner regions of K3s out',
      readme: [
        'Claims of this Configuration: OpenOvaCluster (one or two regions and what joins them), OpenOvaRegion (one K3s',
        'cluster with its machines and its platform) and DataService (a database in one or two regions).',
        'What a package cannot carry, such as rights and provider settings, is in package/install.yaml of the source;',
        'docs/install.md says the commands. For DNS at Azure, Google Cloud, Cloudflare or Amazon install the',
        'Configuration `openova-dns-<provider>` too.',
      ],
      spec: {
        dependsOn: [
          dependency('Function', FUNCTION_PACKAGE, `>=v${VERSION}, <${FUNCTION_BELOW}`),
          ...used.map((one) => dependency('Provider', one.package, versionRange(one))),
        ],
      },
    }),
    activation: activation('openova', used),
  };
}

function dnsPackage(use: DnsUse): Package {
  const used = packagesFor(use);
  const name = configurationOf(use);
  return {
    folder: `configuration-dns-${use}`,
    description: meta('Configuration', name, {
      title: `OpenOva, DNS at ${DNS_NAMES[use]}`,
      text: `What OpenOva clusters need for DNS records at ${DNS_NAMES[use]}`,
      readme: [
        `The provider that makes the records of OpenOva clusters with dns.provider "${use}", and the activation of the`,
        'kinds that they use. Install it beside the Configuration `openova`.',
      ],
      spec: {
        dependsOn: used.map((one) => dependency('Provider', one.package, versionRange(one))),
      },
    }),
    activation: activation(name, used),
  };
}

function packagesFor(use: PackageUse): ProviderPackage[] {
  return PACKAGES.filter((one) => one.use === use);
}

interface Words {
  readonly title: string;
  readonly text: string;
  readonly readme: readonly string[];
  readonly spec: JsonObject;
}

function meta(
  kind: 'Configuration' | 'Function',
  name: string,
  { title, text, readme, spec }: Words,
): Manifest {
  return {
    apiVersion: 'meta.pkg.crossplane.io/v1',
    kind,
    metadata: {
      name,
      annotations: {
        'friendly-name.meta.crossplane.io': title,
        'meta.crossplane.io/description': text,
        'meta.crossplane.io/license': 'Apache-2.0',
        'meta.crossplane.io/maintainer': 'OpenOva <https://openova.io>',
        'meta.crossplane.io/readme': `${readme.join('\n')}\n`,
        'meta.crossplane.io/source': SOURCE,
      },
    },
    spec: { crossplane: { version: CROSSPLANE_RANGE }, ...spec },
  };
}

function dependency(kind: 'Function' | 'Provider', repository: string, version: string): JsonObject {
  return { apiVersion: 'pkg.crossplane.io/v1', kind, package: repository, version };
}

/** Exactly the kinds that we emit, also where Crossplane activates nothing by itself. */
function activation(name: string, used: readonly ProviderPackage[]): Manifest {
  return {
    apiVersion: 'apiextensions.crossplane.io/v1alpha1',
    kind: 'ManagedResourceActivationPolicy',
    metadata: { name },
    spec: { activate: used.flatMap(({ managed }) => managed.map(crdNameOf)).sort() },
  };
}
