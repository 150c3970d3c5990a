/**
 * The provider packages that serve what we emit: the one place where they are pinned. Package dependencies, the
 * ManagedResourceActivationPolicy and the message about a missing package are made of this table.
 *
 * A range is `>=tested, <below`: an exact pin would block every upgrade, because Crossplane keeps a Configuration
 * unhealthy whose dependency does not satisfy its constraint. `below` is the next version that may break by semantic
 * versioning: the next major, for 0.x the next minor.
 */

/** A kind of managed resource, with the plural of its CRD's name. */
export interface ManagedKind {
  readonly apiVersion: string;
  readonly kind: string;
  readonly plural: string;
}

/** What the packages are for: the base is always installed, of the others the one that a claim's `dns.provider` names. */
export type PackageUse = 'base' | 'azure' | 'clouddns' | 'cloudflare' | 'route53';

export interface ProviderPackage {
  readonly name: string;
  /** OCI reference without a tag. */
  readonly package: string;
  /** The version that was tried; the oldest that the dependency accepts. */
  readonly tested: string;
  /** The first version that the dependency refuses. */
  readonly below: string;
  readonly use: PackageUse;
  /** The kind that holds its credentials. */
  readonly providerConfig: { readonly apiVersion: string; readonly kind: string };
  /** The managed kinds that we emit; no other kind of the package needs to be active. */
  readonly managed: readonly ManagedKind[];
  /**
   * Whether it writes specs into Terraform files unescaped, so that strings need `escapeTemplate`.
   * Those that run Terraform providers in their own process must not get it.
   */
  readonly templates: boolean;
}

function kinds(apiVersion: string, plurals: Readonly<Record<string, string>>): ManagedKind[] {
  return Object.entries(plurals).map(([kind, plural]) => ({ apiVersion, kind, plural }));
}

/** Versions and kinds: the CRDs and tags of each repository, read 2026-11-21. */
export const PACKAGES = [
  {
    name: 'provider-hetzner',
    // github.com/hipervincle/provider-hetzner, tag v0.2.1 of 2026-08-06: the only line with DNS and current kinds.
    // Its cluster-scoped kinds, because the composites that claims need are cluster-scoped themselves.
    package: 'ghcr.io/hipervincle/provider-hetzner',
    tested: 'v0.2.1',
    below: 'v0.3.0',
    use: 'base',
    providerConfig: { apiVersion: 'hetzner.crossplane.io/v1beta1', kind: 'ProviderConfig' },
    managed: [
      ...kinds('network.hetzner.crossplane.io/v1alpha1', {
        Firewall: 'firewalls',
        Network: 'networks',
        Subnet: 'subnets',
      }),
      ...kinds('server.hetzner.crossplane.io/v1alpha1', {
        FirewallAttachment: 'firewallattachments',
        PlacementGroup: 'placementgroups',
        SSHKey: 'sshkeys',
        Server: 'servers',
      }),
      ...kinds('loadbalancer.hetzner.crossplane.io/v1alpha1', {
        LoadBalancer: 'loadbalancers',
        LoadBalancerService: 'loadbalancerservices',
        LoadBalancerTarget: 'loadbalancertargets',
        NetworkAttachment: 'networkattachments',
      }),
      ...kinds('dns.hetzner.crossplane.io/v1alpha1', { ZoneRRSet: 'zonerrsets' }),
    ],
    templates: true,
  },
  {
    name: 'provider-helm',
    // github.com/crossplane-contrib/provider-helm: v1.3.0 (Helm 3.21) was run against a live API server, the fields
    // that we set were checked against the CRD of v1.4.0 (2026-08-11, Helm 4).
    package: 'xpkg.crossplane.io/crossplane-contrib/provider-helm',
    tested: 'v1.3.0',
    below: 'v2.0.0',
    use: 'base',
    providerConfig: { apiVersion: 'helm.crossplane.io/v1beta1', kind: 'ProviderConfig' },
    managed: kinds('helm.crossplane.io/v1beta1', { Release: 'releases' }),
    templates: false,
  },
  {
    name: 'provider-kubernetes',
    // github.com/crossplane-contrib/provider-kubernetes: v1.2.1 (2026-02-25) was run against a live API server.
    package: 'xpkg.crossplane.io/crossplane-contrib/provider-kubernetes',
    tested: 'v1.2.1',
    below: 'v2.0.0',
    use: 'base',
    providerConfig: { apiVersion: 'kubernetes.crossplane.io/v1alpha1', kind: 'ProviderConfig' },
    managed: kinds('kubernetes.crossplane.io/v1alpha2', { Object: 'objects' }),
    templates: false,
  },
  {
    name: 'provider-cloudflare-dns',
    // github.com/wildbitca/provider-upjet-cloudflare, tag v0.2.14 of 2026-07-22. CLI mode (OpenTofu).
    package: 'xpkg.upbound.io/wildbitca/provider-cloudflare-dns',
    tested: 'v0.2.14',
    below: 'v0.3.0',
    use: 'cloudflare',
    providerConfig: { apiVersion: 'upjet-cloudflare.upbound.io/v1beta1', kind: 'ProviderConfig' },
    managed: kinds('dns.upjet-cloudflare.upbound.io/v1alpha1', { Record: 'records' }),
    templates: true,
  },
  {
    name: 'provider-aws-route53',
    // github.com/crossplane-contrib/provider-upjet-aws, CRDs of tag v2.6.0 (2026-06-11).
    package: 'xpkg.crossplane.io/crossplane-contrib/provider-aws-route53',
    tested: 'v2.6.0',
    below: 'v3.0.0',
    use: 'route53',
    providerConfig: { apiVersion: 'aws.upbound.io/v1beta1', kind: 'ProviderConfig' },
    managed: kinds('route53.aws.upbound.io/v1beta2', { Record: 'records' }),
    templates: false,
  },
  {
    name: 'provider-gcp-dns',
    // github.com/crossplane-contrib/provider-upjet-gcp, tag v3.0.0 (2026-08-04); v2 serves another version of RecordSet.
    package: 'xpkg.crossplane.io/crossplane-contrib/provider-gcp-dns',
    tested: 'v3.0.0',
    below: 'v4.0.0',
    use: 'clouddns',
    providerConfig: { apiVersion: 'gcp.upbound.io/v1beta1', kind: 'ProviderConfig' },
    managed: kinds('dns.gcp.upbound.io/v1beta2', { RecordSet: 'recordsets' }),
    templates: false,
  },
  {
    name: 'provider-azure-network',
    // github.com/crossplane-contrib/provider-upjet-azure, tag v2.7.0 (2026-08-04): its DNS kinds live in `network`.
    package: 'xpkg.crossplane.io/crossplane-contrib/provider-azure-network',
    tested: 'v2.7.0',
    below: 'v3.0.0',
    use: 'azure',
    providerConfig: { apiVersion: 'azure.upbound.io/v1beta1', kind: 'ProviderConfig' },
    managed: kinds('network.azure.upbound.io/v1beta1', {
      DNSAAAARecord: 'dnsaaaarecords',
      DNSARecord: 'dnsarecords',
      DNSNSRecord: 'dnsnsrecords',
    }),
    templates: false,
  },
] as const satisfies readonly ProviderPackage[];

/** The constraint of a package dependency, such as `>=v1.3.0, <v2.0.0`. */
export function versionRange({ tested, below }: Pick<ProviderPackage, 'tested' | 'below'>): string {
  return `>=${tested}, <${below}`;
}

/** Every apiVersion of the package that can occur in what we emit. */
export function apiVersionsOf({ managed, providerConfig }: ProviderPackage): string[] {
  return [...new Set([providerConfig.apiVersion, ...managed.map(({ apiVersion }) => apiVersion)])].sort();
}

/** The package that serves an apiVersion; undefined for what Kubernetes, Crossplane or nobody serves. */
export function packageOf(apiVersion: string): ProviderPackage | undefined {
  return PACKAGES.find((candidate) => apiVersionsOf(candidate).includes(apiVersion));
}

/** Our Configuration that installs a provider's package: `openova`, or `openova-dns-<provider>`. */
export function configurationOf(use: PackageUse): string {
  return use === 'base' ? 'openova' : `openova-dns-${use}`;
}

/** The name of a kind's CRD, which a ManagedResourceActivationPolicy lists: `networks.network.hetzner.crossplane.io`. */
export function crdNameOf({ apiVersion, plural }: ManagedKind): string {
  return `${plural}.${apiVersion.split('/')[0] ?? ''}`;
}
