/**
 * Members of etcd, through its own HTTP gateway on a server: K3s has it on 127.0.0.1:2382 since v1.28, behind client
 * certificates that only root reads. Source: k3s pkg/etcd and its issue 8402, 2026-11.
 */
import { listAt, textAt, at, isObject, type Json } from '../../kernel/manifest.ts';
import { CommandFailure } from '../failure.ts';
import { quote, type Remote } from '../remote.ts';

export interface Member {
  /** A number of 64 bits, in decimal digits. */
  readonly id: string;
  /** `<node>-<8 hex>`; empty for one that has been added and never came. */
  readonly name: string;
  readonly peerUrls: readonly string[];
  readonly learner: boolean;
}

const TLS = '/var/lib/rancher/k3s/server/tls/etcd';
const GATEWAY = 'https://127.0.0.1:2382';

/** Calls etcd on a server. @param path such as `/v3/cluster/member/list`. */
async function call(remote: Remote, path: string, body: string, signal?: AbortSignal): Promise<Json> {
  const { stdout } = await remote.run(
    `curl -sS --max-time 10 --cacert ${TLS}/server-ca.crt --cert ${TLS}/client.crt --key ${TLS}/client.key -d ${quote(body)} ${GATEWAY}${path}`,
    { ...(signal && { signal }) },
  );
  const answer = parsed(stdout);
  const error = textAt(answer, 'error') ?? textAt(answer, 'message');
  if (error !== undefined) throw new CommandFailure(`etcd on "${remote.target.name}" answers: ${error}`);
  return answer;
}

function parsed(text: string): Json {
  try {
    const answer: unknown = JSON.parse(text);
    if (isObject(answer)) return answer;
  } catch {
    // What is no JSON is said below.
  }
  throw new CommandFailure(`etcd answers "${text.slice(0, 200)}", must be JSON`);
}

export async function members(remote: Remote, signal?: AbortSignal): Promise<Member[]> {
  return listAt(await call(remote, '/v3/cluster/member/list', '{}', signal), 'members').map((member) => ({
    id: textAt(member, 'ID') ?? '',
    name: textAt(member, 'name') ?? '',
    peerUrls: listAt(member, 'peerURLs').filter((url) => typeof url === 'string'),
    learner: at(member, 'isLearner') === true,
  }));
}

/** The members that are or were a machine: by the name that K3s gives them, or by the address of one that has none yet. */
export function membersOf(
  list: readonly Member[],
  { name, nodeAddress }: { readonly name: string; readonly nodeAddress: string },
): Member[] {
  return list.filter(
    (member) =>
      nodeOf(member) === name || member.peerUrls.some((url) => new URL(url).hostname === nodeAddress),
  );
}

/** The node that a member is named after: eight hexadecimal digits follow. Source: k3s pkg/etcd, 2026-11. */
export function nodeOf({ name }: Member): string {
  return name.replace(/-[0-9a-f]{8}$/, '');
}

/** @returns false when etcd will not yet: it asks that its members have known each other for some seconds. */
export async function removeMember(remote: Remote, { id }: Member, signal?: AbortSignal): Promise<boolean> {
  try {
    await call(remote, '/v3/cluster/member/remove', JSON.stringify({ ID: id }), signal);
    return true;
  } catch (error) {
    if (!(error instanceof CommandFailure)) throw error;
    if (error.message.endsWith('etcdserver: unhealthy cluster')) return false;
    // K3s removes the member of a node that is deleted as well.
    if (error.message.endsWith('etcdserver: member not found')) return true;
    throw error;
  }
}

/** The id of the leader, in decimal digits. */
export async function leader(remote: Remote, signal?: AbortSignal): Promise<string> {
  return textAt(await call(remote, '/v3/maintenance/status', '{}', signal), 'leader') ?? '';
}

/** Makes another member lead. Only the leader itself can: `remote` is its machine. */
export async function moveLeader(remote: Remote, to: Member, signal?: AbortSignal): Promise<void> {
  await call(remote, '/v3/maintenance/transfer-leadership', JSON.stringify({ targetID: to.id }), signal);
}
