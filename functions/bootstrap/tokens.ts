/** The Secret with the tokens: what K3s trusts its nodes by, and whether there is a cluster yet. */
import * as z from 'zod';
import { Failure } from './failure.ts';
import type { Ref, Store } from './store.ts';

/**
 * Which machine began the cluster, written before it does: only that one ever initialises. `done` once it serves; from then
 * on every machine joins, that one too when it has come back blank.
 */
const Marker = z.object({ node: z.string(), identity: z.string(), done: z.boolean() });
export type Marker = z.output<typeof Marker>;

export interface Tokens {
  readonly server: string;
  readonly agent: string;
  /** Undefined before any machine has begun a cluster. */
  readonly cluster: Marker | undefined;
  readonly version: string;
}

export async function readTokens(store: Store, ref: Ref): Promise<Tokens> {
  const secret = await store.secret(ref);
  const { server, agent, cluster } = secret?.data ?? {};
  if (secret === undefined || server === undefined || agent === undefined)
    throw Failure.input(
      `there is no Secret "${ref.namespace}/${ref.name}" with the keys "agent" and "server"`,
      { hint: 'the operation "prepare" makes it and runs first' },
    );
  return { server, agent, cluster: markerIn(cluster, ref), version: secret.version };
}

function markerIn(text: string | undefined, { namespace, name }: Ref): Marker | undefined {
  if (text === undefined) return undefined;
  try {
    return Marker.parse(JSON.parse(text));
  } catch {
    throw Failure.input(`the key "cluster" of Secret "${namespace}/${name}" cannot be read`, {
      hint: 'it says which machine began the cluster; whoever changed it knows what it was',
    });
  }
}

/**
 * @param taken tokens of a cluster that runs already, in place of those that it was not made with.
 * @returns false when somebody else has written the Secret in the meantime.
 */
export function writeMarker(
  store: Store,
  ref: Ref,
  marker: Marker,
  version?: string,
  taken: Partial<Pick<Tokens, 'server' | 'agent'>> = {},
): Promise<boolean> {
  return store.merge(ref, { ...taken, cluster: JSON.stringify(marker) }, version);
}
