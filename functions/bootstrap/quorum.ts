/** Whether etcd lives on without a member. */
import { membersOf, nodeOf, type Member } from './node/etcd.ts';

interface Place {
  readonly name: string;
  readonly nodeAddress: string;
}

/**
 * Why a machine's member cannot be taken out of etcd; undefined when it can: of those that stay a majority must live, or
 * nothing can be written any more, not even another member.
 * @param living names of the nodes whose members answer.
 */
export function keptFromLeaving(
  members: readonly Member[],
  leaving: Place,
  living: ReadonlySet<string>,
): string | undefined {
  const own = new Set(membersOf(members, leaving).map(({ id }) => id));
  if (own.size === 0) return undefined;
  const staying = members.filter(({ id, learner }) => !own.has(id) && !learner);
  const needed = Math.floor(staying.length / 2) + 1;
  const alive = staying.filter((member) => living.has(nodeOf(member))).length;
  if (alive >= needed) return undefined;
  if (staying.length === 0) return `"${leaving.name}" is the only member of etcd`;
  const dead = staying.map(nodeOf).filter((name) => !living.has(name));
  return `without "${leaving.name}" etcd has ${staying.length} members, of which ${needed} must live, and ${alive} do: "${dead.sort().join('", "')}" does not answer`;
}
