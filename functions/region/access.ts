/** What the bootstrap Jobs may do on the control plane, and how the region's cluster is reached from it. */
import { KUBECONFIG_TYPE } from '../bootstrap/contract.ts';
import { claimBehind, claimNamespaceOf } from '../kernel/claim.ts';
import type { Node } from '../kernel/graph.ts';
import type { Manifest } from '../kernel/manifest.ts';
import { nameFor, SYSTEM_NAMESPACE } from '../kernel/names.ts';
import type { RegionSpec } from '../apis/region.ts';
import { s3AddressOf } from './archive.ts';
import { leaseName, secretNames } from './jobs.ts';

const RBAC = 'rbac.authorization.k8s.io/v1';
const STEP = 'MachinesReady';

/** The key of a kubeconfig Secret that holds the kubeconfig. */
const KUBECONFIG_KEY = 'kubeconfig';

/** Where the Secrets that a claim names are read: its namespace; without a claim, as in a render, the system's. */
export function secretNamespace(xr: Manifest): string {
  return claimNamespaceOf(xr) ?? SYSTEM_NAMESPACE;
}

/** The tenant's copy of the kubeconfig; undefined where there is no claim. */
export function kubeconfigCopy(
  xr: Manifest,
  spec: RegionSpec,
): { namespace: string; name: string } | undefined {
  const claim = claimBehind(xr);
  if (claim === undefined) return undefined;
  // No name of a claim or region holds a dot, so no two regions of a namespace mean the same Secret.
  const name = [claim.name, ...(spec.cluster ? [spec.name] : []), 'kubeconfig'].join('.');
  return { namespace: claim.namespace, name };
}

/**
 * Account, roles and the empty Secrets that the Jobs fill.
 * @param results names of the result ConfigMaps.
 */
export function planAccess(xr: Manifest, spec: RegionSpec, results: readonly string[]): Node[] {
  const xrName = xr.metadata.name ?? '';
  const account = nameFor(xrName, 'service-account');
  const kubeconfig = nameFor(xrName, 'kubeconfig');
  const copy = kubeconfigCopy(xr, spec);
  const readable = secretsRead(spec).map((name) => ({
    apiGroups: [''],
    resources: ['secrets'],
    resourceNames: [name],
    verbs: ['get'],
  }));
  const secret = (namespace: string, name?: string) => ({
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { namespace, ...(name !== undefined && { name }) },
    // A Secret keeps its type: the API server refuses to let core take over one of somebody else's.
    type: KUBECONFIG_TYPE,
  });
  return [
    {
      key: 'service-account',
      step: STEP,
      manifest: { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { namespace: SYSTEM_NAMESPACE } },
    },
    { key: 'kubeconfig', step: STEP, manifest: secret(SYSTEM_NAMESPACE) },
    ...role('role', SYSTEM_NAMESPACE, account, [
      // A create can not be limited to a name; the Secrets that exist can.
      { apiGroups: [''], resources: ['secrets'], verbs: ['create'] },
      {
        apiGroups: [''],
        resources: ['secrets'],
        resourceNames: [...Object.values(secretNames(xr)), kubeconfig].sort(),
        verbs: ['get', 'patch', 'update'],
      },
      {
        apiGroups: [''],
        resources: ['configmaps'],
        resourceNames: [...results].sort(),
        verbs: ['get', 'patch', 'update'],
      },
      // Who disturbs a node of the region does so alone.
      { apiGroups: ['coordination.k8s.io'], resources: ['leases'], verbs: ['create'] },
      {
        apiGroups: ['coordination.k8s.io'],
        resources: ['leases'],
        resourceNames: [leaseName(xr)],
        verbs: ['get', 'patch', 'update'],
      },
      ...(copy ? [] : readable),
    ]),
    ...(copy
      ? [
          { key: 'kubeconfig-copy', step: STEP, manifest: secret(copy.namespace, copy.name) },
          ...role('role/claim', copy.namespace, account, [
            {
              apiGroups: [''],
              resources: ['secrets'],
              resourceNames: [copy.name],
              verbs: ['get', 'patch', 'update'],
            },
            ...readable,
          ]),
        ]
      : []),
  ];

  function role(key: string, namespace: string, subject: string, rules: Manifest['rules']): Node[] {
    const name = nameFor(xrName, key);
    return [
      {
        key,
        step: STEP,
        follows: true,
        manifest: { apiVersion: RBAC, kind: 'Role', metadata: { namespace }, rules },
      },
      {
        key: key.replace('role', 'role-binding'),
        step: STEP,
        after: [key, 'service-account'],
        manifest: {
          apiVersion: RBAC,
          kind: 'RoleBinding',
          metadata: { namespace },
          roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name },
          subjects: [{ kind: 'ServiceAccount', name: subject, namespace: SYSTEM_NAMESPACE }],
        },
      },
    ];
  }
}

/** Secrets of the claim's namespace that the Jobs read: the keys of the store for etcd, the token for a restore. */
function secretsRead({ archival, restoreFrom }: RegionSpec): string[] {
  const store = archival && s3AddressOf(archival) !== undefined ? [archival.secretRef.name] : [];
  return [...new Set([...store, ...(restoreFrom ? [restoreFrom.tokenSecretRef.name] : [])])].sort();
}

/** The ways into the region's cluster, both named as the XOpenOvaRegion. */
export function planProviderConfigs(xr: Manifest, after: readonly string[]): Node[] {
  const xrName = xr.metadata.name ?? '';
  const kinds = [
    { key: 'provider-config/helm', apiVersion: 'helm.crossplane.io/v1beta1' },
    { key: 'provider-config/kubernetes', apiVersion: 'kubernetes.crossplane.io/v1alpha1' },
  ];
  return kinds.map(({ key, apiVersion }) => ({
    key,
    step: 'KubernetesReady',
    after,
    manifest: {
      apiVersion,
      kind: 'ProviderConfig',
      metadata: { name: xrName },
      spec: {
        credentials: {
          source: 'Secret',
          secretRef: {
            namespace: SYSTEM_NAMESPACE,
            name: nameFor(xrName, 'kubeconfig'),
            key: KUBECONFIG_KEY,
          },
        },
      },
    },
  }));
}
