/** What every command that simulates begins with: our kinds, the real function over real gRPC, and the world. */
import { refusedChanges } from '../apis/changes.ts';
import { KINDS } from '../apis/kinds.ts';
import { specOf } from '../apis/parse.ts';
import { compositeResourceDefinition } from '../apis/xrd.ts';
import { runFunction } from '../functions.ts';
import type { Manifest } from '../kernel/manifest.ts';
import { createLogger } from '../server/log.ts';
import { startServer } from '../server/server.ts';
import { connect } from '../simulator/call.ts';
import type { Refuses } from '../simulator/composed.ts';
import { admitted, definitionOf, definitionOfClaim, readDefinitions } from '../simulator/definitions.ts';
import { adopt, bound } from '../simulator/observed.ts';
import type { Setup } from '../simulator/reconcile.ts';
import { EMPTY, put, type World } from '../simulator/world.ts';
import { problemsOf } from './check.ts';

/** Our kinds as the API server knows them. */
export const DEFINITIONS = readDefinitions(KINDS.map(compositeResourceDefinition));

/** Namespace of claims that name none, as kubectl has it. */
const NAMESPACE = 'default';

/** Runs something with the function served on loopback in this process, and Crossplane's side of the wire. */
export async function withFunction<Result>(use: (setup: Setup) => Promise<Result>): Promise<Result> {
  const server = await startServer({
    address: '127.0.0.1:0',
    tls: 'insecure',
    handle: runFunction,
    logger: createLogger('info', { write: () => undefined }),
    drainSeconds: 0,
  });
  const connection = connect(`127.0.0.1:${server.port}`);
  try {
    return await use({ definitions: DEFINITIONS, call: connection.call, refuses });
  } finally {
    connection.close();
    await server.stop();
  }
}

/** What the API server refuses of our own kinds: mistakes, and changes of what cannot change. */
export const refuses: Refuses = (before, after) => {
  const definition = definitionOf(DEFINITIONS, after);
  if (definition === undefined) return [];
  const edits =
    before === undefined ? [] : refusedChanges(definition.claimKind ?? '', specOf(before), specOf(after));
  return [...problemsOf(after), ...edits].map(({ field, message }) => `${field} ${message}`);
};

/** A world with what exists, and then what users apply. */
export function worldOf(observed: readonly Manifest[], given: readonly Manifest[]): World {
  return applied(adopt(EMPTY, DEFINITIONS, observed.map(placed)), given);
}

/** The world after `kubectl apply`. */
export function applied(world: World, given: readonly Manifest[]): World {
  return given.map(placed).reduce((next, object) => {
    const definition = definitionOf(DEFINITIONS, object);
    return put(
      next,
      definition === undefined ? bound(next, DEFINITIONS, object) : admitted(object, definition),
    );
  }, world);
}

/** The object in the namespace that kubectl would put it in. */
export function placed(object: Manifest): Manifest {
  if (definitionOfClaim(DEFINITIONS, object) === undefined) return object;
  return { ...object, metadata: { ...object.metadata, namespace: object.metadata.namespace ?? NAMESPACE } };
}
