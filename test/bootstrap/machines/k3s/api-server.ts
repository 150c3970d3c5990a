/** A server's own API server and controllers, on its member of etcd. */
import type { Config } from './config.ts';
import type { Upstream } from './supervisor.ts';

export async function startApiServer(config: Config): Promise<Upstream> {
  return Promise.reject(new Error(`no API server for ${config.name}`));
}
