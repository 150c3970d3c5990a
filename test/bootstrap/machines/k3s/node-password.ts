/** The password by which a node proves to be the one that first came under its name. */
import { randomBytes } from 'node:crypto';
import { textAt } from '../../../../functions/kernel/manifest.ts';
import type { Kube } from '../../../live/kube.ts';
import { place, readOr } from './place.ts';
import { sha256 } from './token.ts';

const FILE = '/etc/rancher/node/password';

export async function ownPassword(): Promise<string> {
  const there = (await readOr(FILE, '')).trim();
  if (there !== '') return there;
  const password = randomBytes(16).toString('hex');
  await place(FILE, `${password}\n`);
  return password;
}

export function passwordSecret(node: string) {
  return { apiVersion: 'v1', kind: 'Secret', namespace: 'kube-system', name: `${node}.node-password.k3s` };
}

/** What is wrong; the first password of a name is kept. */
export async function checkPassword(kube: Kube, node: string, password: string): Promise<string | undefined> {
  const reference = passwordSecret(node);
  const secret = await kube.get(reference);
  if (secret === undefined) {
    const { apiVersion, kind, ...metadata } = reference;
    const hash = Buffer.from(sha256(password)).toString('base64');
    await kube.create({ apiVersion, kind, metadata, type: 'Opaque', data: { hash } });
    return undefined;
  }
  const hash = Buffer.from(textAt(secret, 'data', 'hash') ?? '', 'base64').toString('utf8');
  return hash === sha256(password)
    ? undefined
    : `unable to verify password for node ${node}: hash does not match`;
}

/** What K3s says on the node. */
export const REJECTED =
  "Node password rejected, duplicate hostname or contents of '/etc/rancher/node/password' may not match server node-passwd entry, try enabling a unique node name with the --with-node-id flag";
