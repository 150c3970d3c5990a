/** `k3s agent`. */
import { listAt, textAt, isObject } from '../../../../functions/kernel/manifest.ts';
import { asJson, Kube } from '../../../live/kube.ts';
import { call, Refused } from './call.ts';
import { readConfig } from './config.ts';
import { fetchAuthority } from './membership.ts';
import { again, register, tend, type Kubelet } from './node.ts';
import { ownPassword, REJECTED } from './node-password.ts';
import { DATA, life, log, need, notifyReady, place } from './place.ts';
import { checkKernel } from './kernel.ts';
import { basic, parseToken } from './token.ts';

export async function agent(version: string, args: readonly string[]): Promise<void> {
  const config = await readConfig(args);
  await checkKernel(config);
  log('info', `Starting k3s agent ${version}`);
  const server = config.text('server');
  if (server === undefined) throw new Error('--server is required');
  const token = parseToken(config.text('token') ?? '', 'node');
  const ca = await fetchAuthority(server, token);
  const client = await credentials(server, ca, basic(token.user, token.secret), config.name);
  await place(`${DATA}/agent/server-ca.crt`, ca);
  await place(`${DATA}/agent/client-kubelet.crt`, client.cert);
  await place(`${DATA}/agent/client-kubelet.key`, client.key);
  const kubes = [new Kube({ url: server, ca, client })];
  const kubelet: Kubelet = { config, version, role: 'agent', kube: () => kubes[0], voter: () => undefined };
  const [first] = kubes;
  if (first !== undefined) await register(kubelet, first);
  await tend(kubelet);
  await life(`join ${new URL(server).hostname}`);
  await notifyReady();
  again('kubelet', 500, async () => {
    try {
      await tend(kubelet);
      await learn(kubes, ca, client);
    } catch (error) {
      // The next server's turn.
      kubes.push(...kubes.splice(0, 1));
      throw error;
    }
  });
}

async function credentials(server: string, ca: string, authorization: string, node: string) {
  const body = JSON.stringify({ node, password: await ownPassword() });
  const url = `${server}/v1-k3s/client-kubelet.crt`;
  try {
    const found = asJson(
      JSON.parse(await call(url, { method: 'POST', body, ca, headers: { authorization } })),
    );
    return { cert: need(found, 'cert'), key: need(found, 'key') };
  } catch (error) {
    if (error instanceof Refused && error.code === 403) throw new Error(REJECTED, { cause: error });
    if (error instanceof Refused && error.code === 401)
      throw new Error(`failed to validate token: ${url}: 401 Unauthorized`, { cause: error });
    throw error;
  }
}

/** Keeps the addresses of all servers, the one in use first. */
async function learn(kubes: Kube[], ca: string, client: { cert: string; key: string }): Promise<void> {
  const [current] = kubes;
  if (current === undefined) return;
  const nodes = await current.list('v1', 'Node', { 'node-role.kubernetes.io/control-plane': 'true' });
  const urls = nodes.flatMap((node) =>
    listAt(node, 'status', 'addresses')
      .filter((address) => isObject(address) && address['type'] === 'InternalIP')
      .map((address) => `https://${textAt(address, 'address') ?? ''}:6443`),
  );
  const known = new Set(kubes.map(({ access }) => access.url));
  kubes.push(...urls.filter((url) => !known.has(url)).map((url) => new Kube({ url, ca, client })));
}
