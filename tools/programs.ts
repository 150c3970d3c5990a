/** The Go programs that the tests and the packages need, each a folder here with a go.mod of its own. */

/** How one program is built. Its version is that of `module` in the folder's go.mod, and nowhere else. */
export interface Program {
  /** The folder below tools/, and the name of the binary. */
  readonly name: string;
  /** The module whose required version is the program's version. */
  readonly module: string;
  /** The main package to build. */
  readonly package: string;
  /** Variables that the linker sets, by full name; some programs read their own version from one. */
  readonly variables?: (version: string) => Readonly<Record<string, string>>;
}

/** Off: without a flag for the port of its metrics, two such programs on one machine would collide. */
function withoutMetrics(): Record<string, string> {
  return { 'sigs.k8s.io/controller-runtime/pkg/metrics/server.DefaultBindAddress': '0' };
}

/** Without these the programs of Kubernetes say that they are v0.0.0, and charts that ask for a version are refused. */
function kubernetesVersion(version: string): Record<string, string> {
  const [major = '', minor = ''] = version.replace(/^v/, '').split('.');
  const prefix = 'k8s.io/component-base/version';
  return { [`${prefix}.gitVersion`]: version, [`${prefix}.gitMajor`]: major, [`${prefix}.gitMinor`]: minor };
}

export const programs = [
  {
    name: 'crossplane-core',
    module: 'github.com/crossplane/crossplane/v2',
    package: 'github.com/crossplane/crossplane/v2/cmd/crossplane',
    // Without a version every package with a version constraint is unhealthy. The RBAC manager's metrics have no flag.
    variables: (version) => ({
      'github.com/crossplane/crossplane-runtime/v2/pkg/version.version': version,
      ...withoutMetrics(),
    }),
  },
  {
    name: 'crossplane-cli',
    module: 'github.com/crossplane/cli/v2',
    package: 'github.com/crossplane/cli/v2/cmd/crossplane',
    variables: (version) => ({ 'github.com/crossplane/crossplane-runtime/v2/pkg/version.version': version }),
  },
  {
    name: 'provider-helm',
    module: 'github.com/crossplane-contrib/provider-helm',
    package: 'github.com/crossplane-contrib/provider-helm/cmd/provider',
    variables: withoutMetrics,
  },
  {
    name: 'provider-kubernetes',
    module: 'github.com/crossplane-contrib/provider-kubernetes',
    package: 'github.com/crossplane-contrib/provider-kubernetes/cmd/provider',
    variables: withoutMetrics,
  },
  {
    // The Helm that provider-helm 1.4 has inside, by itself: renders and checks charts.
    name: 'helm',
    module: 'helm.sh/helm/v4',
    package: 'helm.sh/helm/v4/cmd/helm',
  },
  { name: 'etcd', module: 'go.etcd.io/etcd/server/v3', package: 'go.etcd.io/etcd/server/v3' },
  {
    // Makes a member's data of a snapshot, which etcd itself cannot.
    name: 'etcdutl',
    module: 'go.etcd.io/etcd/etcdutl/v3',
    package: 'go.etcd.io/etcd/etcdutl/v3',
  },
  {
    name: 'kube-apiserver',
    module: 'k8s.io/kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-apiserver',
    variables: kubernetesVersion,
  },
  {
    // Garbage collection, namespaces, accounts: what makes an API server a control plane.
    name: 'kube-controller-manager',
    module: 'k8s.io/kubernetes',
    package: 'k8s.io/kubernetes/cmd/kube-controller-manager',
    variables: kubernetesVersion,
  },
  {
    name: 'kubectl',
    module: 'k8s.io/kubernetes',
    package: 'k8s.io/kubernetes/cmd/kubectl',
    variables: kubernetesVersion,
  },
  {
    // The last version under the MPL; provider-hetzner has it inside.
    name: 'terraform',
    module: 'github.com/hashicorp/terraform',
    package: 'github.com/hashicorp/terraform',
  },
] as const satisfies readonly Program[];

export type ProgramName = (typeof programs)[number]['name'];
