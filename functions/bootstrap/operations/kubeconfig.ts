/** The way into the cluster from outside: a token of a ServiceAccount, which can be taken back, never the administrator's. */
import { stringify } from 'yaml';
import { textAt } from '../../kernel/manifest.ts';
import { KUBECONFIG_TYPE } from '../contract.ts';
import { Failure } from '../failure.ts';
import { applyObject, getObject } from '../node/kubectl.ts';
import { logIn } from '../node/machine.ts';
import type { Remote } from '../remote.ts';
import type { InputOf, Outcome, Run } from '../run.ts';
import type { Ref } from '../store.ts';

type Input = InputOf<'kubeconfig'>;

const STEP_SECONDS = 120;
const NAMESPACE = 'kube-system';
const ACCOUNT = 'openova';
const TOKEN_SECRET = 'openova-token';
const KEY = 'kubeconfig';

interface Access {
  readonly token: string;
  /** PEM of the cluster's authority. */
  readonly authority: string;
}

export async function kubeconfig(run: Run, input: Input): Promise<Outcome> {
  const remote = await logIn(run, input.target);
  const access = await run.step('make an account', STEP_SECONDS, async (signal) => {
    for (const manifest of ACCOUNT_MANIFESTS) await applyObject(remote, manifest, signal);
    return run.until(signal, async () => tokenOf(remote, signal));
  });
  await run.step('write the kubeconfig', STEP_SECONDS, async () => {
    const text = kubeconfigText(input, access);
    const system = { namespace: input.namespace, name: input.kubeconfig };
    if (!(await put(run, system, text)))
      throw Failure.input(
        `the Secret "${system.namespace}/${system.name}" is not of type "${KUBECONFIG_TYPE}"`,
        { hint: 'somebody else made it: delete or rename it' },
      );
    if (input.copy !== undefined) await put(run, input.copy, text);
  });
  return {};
}

const ACCOUNT_MANIFESTS = [
  {
    apiVersion: 'v1',
    kind: 'ServiceAccount',
    metadata: { name: ACCOUNT, namespace: NAMESPACE },
  },
  {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'ClusterRoleBinding',
    metadata: { name: 'openova:cluster-admin' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
    subjects: [{ kind: 'ServiceAccount', name: ACCOUNT, namespace: NAMESPACE }],
  },
  {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: TOKEN_SECRET,
      namespace: NAMESPACE,
      annotations: { 'kubernetes.io/service-account.name': ACCOUNT },
    },
    type: 'kubernetes.io/service-account-token',
  },
];

/** Kubernetes fills in the token and the authority. */
async function tokenOf(remote: Remote, signal: AbortSignal) {
  const secret = await getObject(remote, 'secret', TOKEN_SECRET, { namespace: NAMESPACE, signal });
  const [token, authority] = ['token', 'ca.crt'].map((key) => textAt(secret, 'data', key));
  if (token === undefined || authority === undefined)
    return { waiting: `the Secret "${NAMESPACE}/${TOKEN_SECRET}" has no token yet` };
  return { done: { token: decoded(token), authority: decoded(authority) } };
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('utf8');
}

/** One name for cluster, user and context, so that kubeconfigs of several regions can be merged. */
export function kubeconfigText(
  { target, context }: Pick<Input, 'target' | 'context'>,
  access: Access,
): string {
  const host = target.address.includes(':') ? `[${target.address}]` : target.address;
  return stringify(
    {
      apiVersion: 'v1',
      kind: 'Config',
      clusters: [
        {
          name: context,
          cluster: {
            server: `https://${host}:6443`,
            'certificate-authority-data': Buffer.from(access.authority).toString('base64'),
          },
        },
      ],
      users: [{ name: context, user: { token: access.token } }],
      contexts: [{ name: context, context: { cluster: context, user: context } }],
      'current-context': context,
    },
    { lineWidth: 0 },
  );
}

/** @returns false for a Secret that somebody else made, which stays as it is. */
async function put(run: Run, ref: Ref, text: string): Promise<boolean> {
  const found = await run.store.secret(ref);
  if (found === undefined) return run.store.create(ref, { type: KUBECONFIG_TYPE, data: { [KEY]: text } });
  if (found.type !== KUBECONFIG_TYPE) return false;
  if (found.data[KEY] !== text) await run.store.merge(ref, { [KEY]: text });
  return true;
}
