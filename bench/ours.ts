/** The function's server as it is, in a process of its own. */
import { runFunction } from '../functions/functions.ts';
import { createLogger } from '../functions/server/log.ts';
import { startServer } from '../functions/server/server.ts';
import { answerParent } from './child.ts';

const LOOPBACK = '127.0.0.1:0';

const { port } = await startServer({
  address: LOOPBACK,
  healthAddress: LOOPBACK,
  metricsAddress: LOOPBACK,
  tls: 'insecure',
  handle: runFunction,
  logger: createLogger('info'),
  drainSeconds: 1,
});
answerParent(port);
