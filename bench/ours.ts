/** The function's server as it is, in a process of its own. */
import { createLogger } from '../functions/server/log.ts';
import { startServer } from '../functions/server/server.ts';
import { answerParent } from './child.ts';
import { handler } from './handler.ts';

const LOOPBACK = '127.0.0.1:0';

const { port } = await startServer({
  address: LOOPBACK,
  healthAddress: LOOPBACK,
  metricsAddress: LOOPBACK,
  tls: 'insecure',
  handle: handler,
  logger: createLogger('info'),
  drainSeconds: 1,
});
answerParent(port);
