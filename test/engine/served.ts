/** The project's own functions, served on loopback without certificates for as long as a file of tests runs. */
import { afterAll, beforeAll } from 'vitest';
import { runFunction } from '../../functions/functions.ts';
import { createLogger } from '../../functions/server/log.ts';
import { startServer, type RunningServer } from '../../functions/server/server.ts';

/** @returns the gRPC target, known once the tests run, such as `127.0.0.1:40123`. */
export function servedFunctions(): () => string {
  let server: RunningServer | undefined;
  beforeAll(async () => {
    server = await startServer({
      address: '127.0.0.1:0',
      tls: 'insecure',
      handle: runFunction,
      logger: createLogger('info', { write: () => undefined }),
      drainSeconds: 0,
    });
  });
  afterAll(async () => {
    await server?.stop();
  });
  return () => `127.0.0.1:${server?.port ?? 0}`;
}
