/** Pods leave a node, as their PodDisruptionBudgets allow. */
import { Failure } from '../failure.ts';
import { quote, type Remote } from '../remote.ts';
import { lastLines } from '../ssh.ts';
import { BINARY } from './k3s.ts';
import { conditionOf, getObject } from './kubectl.ts';

/** What drain may take beyond its own limit to say so. */
export const DRAIN_GRACE = 60;
/** After this long a pod of a dead machine is not waited for: nobody is left to end it. */
const DEAD_SECONDS = 30;

/**
 * Cordons a node and evicts its pods. Nothing where there is no such node.
 * @throws Failure timeout when they have not gone in time; the node stays cordoned.
 */
export async function drainNode(
  api: Remote,
  name: string,
  seconds: number,
  signal: AbortSignal,
): Promise<void> {
  const node = await getObject(api, 'node', name, { signal });
  if (node === undefined) return;
  const flags = [
    '--ignore-daemonsets',
    '--delete-emptydir-data',
    // Pods without a controller go as well.
    '--force',
    `--timeout=${seconds}s`,
    ...(conditionOf(node, 'Ready') === 'True' ? [] : [`--skip-wait-for-delete-timeout=${DEAD_SECONDS}`]),
  ];
  const { code, stderr } = await api.run([`${BINARY} kubectl drain`, quote(name), ...flags].join(' '), {
    allow: [1],
    signal,
  });
  if (code === 0) return;
  const budget = stderr.includes('disruption budget');
  throw Failure.timeout(
    `pods of "${name}" did not go within ${seconds} s${budget ? ': a PodDisruptionBudget does not let them' : ''}`,
    {
      hint: budget
        ? 'let these pods run elsewhere, or relax their PodDisruptionBudget, and try again'
        : 'look at the pods of the node that do not end, and try again',
      log: lastLines(stderr),
    },
  );
}
