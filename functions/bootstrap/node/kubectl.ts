/**
 * Kubernetes through a server's own kubectl, over SSH: port 22 is all that it needs, and the administrator's certificate
 * never leaves the machine.
 */
import {
  isObject,
  listAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../kernel/manifest.ts';
import { Failure } from '../failure.ts';
import { quote, type Remote, type RunOptions } from '../remote.ts';
import { BINARY } from './k3s.ts';

const KUBECTL = `${BINARY} kubectl --request-timeout=15s`;

/** Runs kubectl; its arguments are quoted here. */
export async function kubectl(
  remote: Remote,
  args: readonly string[],
  options: RunOptions = {},
): Promise<string> {
  const { stdout } = await remote.run([KUBECTL, ...args.map(quote)].join(' '), options);
  return stdout;
}

/** An object; undefined when there is none of that name. */
export async function getObject(
  remote: Remote,
  kind: string,
  name: string,
  { namespace, signal }: { namespace?: string; signal?: AbortSignal } = {},
): Promise<JsonObject | undefined> {
  const place = namespace === undefined ? [] : ['-n', namespace];
  const args = ['get', kind, name, ...place, '--ignore-not-found', '-o', 'json'];
  const text = await kubectl(remote, args, { ...(signal && { signal }) });
  return text.trim() === '' ? undefined : objectIn(text);
}

/** All objects of a kind, of all namespaces. */
export async function listObjects(remote: Remote, kind: string, signal?: AbortSignal): Promise<JsonObject[]> {
  const text = await kubectl(remote, ['get', kind, '-A', '-o', 'json'], { ...(signal && { signal }) });
  return listAt(objectIn(text), 'items').filter(isObject);
}

/** Server-side apply, as ourselves. The manifest goes by standard input, so it may hold a secret. */
export async function applyObject(remote: Remote, manifest: Manifest, signal?: AbortSignal): Promise<void> {
  const args = ['apply', '--server-side', '--force-conflicts', '--field-manager=openova', '-f', '-'];
  await kubectl(remote, args, { input: JSON.stringify(manifest), ...(signal && { signal }) });
}

/** Deletes an object if it exists, and does not wait for its end. */
export async function deleteObject(
  remote: Remote,
  kind: string,
  name: string,
  { namespace, signal }: { namespace?: string; signal?: AbortSignal } = {},
): Promise<void> {
  const place = namespace === undefined ? [] : ['-n', namespace];
  await kubectl(remote, ['delete', kind, name, ...place, '--ignore-not-found', '--wait=false'], {
    ...(signal && { signal }),
  });
}

/** The status of a condition, such as `True`; undefined where there is none. */
export function conditionOf(object: Json | undefined, type: string): string | undefined {
  return textAt(
    listAt(object, 'status', 'conditions').find((one) => textAt(one, 'type') === type),
    'status',
  );
}

function objectIn(text: string): JsonObject {
  const read: unknown = JSON.parse(text);
  if (!isObject(read)) throw Failure.remote('kubectl answered something else than an object');
  return read;
}
