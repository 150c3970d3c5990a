/** What answers on port 6443 of a server: the supervisor, for nodes that join, and behind it the API server. */
import { readFile } from 'node:fs/promises';
import { createServer, request as send, Agent } from 'node:https';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { TLSSocket } from 'node:tls';
import { asJson } from '../../../live/kube.ts';
import { type Json } from '../../../../functions/kernel/manifest.ts';
import type { Pair } from '../../../certificates.ts';
import type { Config } from './config.ts';
import { addMember } from './membership.ts';
import { checkPassword } from './node-password.ts';
import { log, need, TLS } from './place.ts';
import { issueKubelet, readBootstrap, readPair } from './pki.ts';
import { basic } from './token.ts';
import type { Kube } from '../../../live/kube.ts';

/** The API server behind it. */
export interface Upstream {
  readonly url: string;
  readonly ca: string;
  readonly proxy: Pair;
}

export interface Supervised {
  readonly config: Config;
  readonly secrets: { readonly server: string; readonly agent: string };
  /** Undefined while there is no API: etcd has no quorum, or this member is a learner. */
  upstream(): Upstream | undefined;
  kube(): Kube;
}

export async function supervise(supervised: Supervised): Promise<void> {
  const [serving, clientCa, serverCa] = await Promise.all([
    readPair('serving-kube-apiserver'),
    readFile(`${TLS}/client-ca.crt`, 'utf8'),
    readFile(`${TLS}/server-ca.crt`, 'utf8'),
  ]);
  const pass = passer();
  const options = { ...serving, ca: clientCa, requestCert: true, rejectUnauthorized: false };
  const server = createServer(options, (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'https://k3s');
    if (pathname === '/ping') response.end('pong');
    else if (pathname === '/cacerts') response.end(serverCa);
    else if (pathname.startsWith('/v1-k3s/')) {
      answer(supervised, pathname, request).then(
        (found) => response.end(JSON.stringify(found)),
        (error: unknown) => {
          const message = error instanceof Error ? error.message : String(error);
          log('error', `Sending HTTP ${error instanceof Denied ? error.code : 503} response: ${message}`);
          response.writeHead(error instanceof Denied ? error.code : 503).end(message);
        },
      );
    } else {
      const upstream = supervised.upstream();
      if (upstream === undefined) response.writeHead(503).end('apiserver not ready');
      else pass(upstream, request, response);
    }
  });
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(6443, resolve);
  });
}

class Denied extends Error {
  readonly code: number;

  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** What K3s offers to nodes below this path, as far as it matters here; what they say is JSON of our own. */
async function answer(supervised: Supervised, path: string, request: IncomingMessage): Promise<unknown> {
  const { config, secrets } = supervised;
  const authorization = request.headers.authorization ?? '';
  const isServer = authorization === basic('server', secrets.server);
  const isNode =
    isServer ||
    authorization === basic('node', secrets.agent) ||
    authorization === basic('node', secrets.server);
  const isForNode = path === '/v1-k3s/client-kubelet.crt';
  if (!(isForNode ? isNode : isServer)) throw new Denied(401, 'not authorized');
  switch (path) {
    case '/v1-k3s/server-bootstrap':
      return readBootstrap();
    case '/v1-k3s/config':
      return config.critical();
    case '/v1-k3s/members':
      return addMember(await bodyOf(request));
    case '/v1-k3s/client-kubelet.crt': {
      const body = await bodyOf(request);
      const [node, password] = [need(body, 'node'), need(body, 'password')];
      const problem = await checkPassword(supervised.kube(), node, password);
      if (problem !== undefined) throw new Denied(403, problem);
      return issueKubelet(node);
    }
    default:
      throw new Denied(404, 'not found');
  }
}

async function bodyOf(request: IncomingMessage): Promise<Json> {
  const chunks: string[] = [];
  for await (const chunk of request) chunks.push(String(chunk));
  return asJson(JSON.parse(chunks.join('')));
}

/** Passes requests on, on behalf of whom the client's certificate names; tokens speak for themselves. */
function passer() {
  const agents = new Map<string, Agent>();
  return ({ url, ca, proxy }: Upstream, request: IncomingMessage, response: ServerResponse): void => {
    const agent = agents.get(url) ?? new Agent({ keepAlive: true, ca, ...proxy });
    agents.set(url, agent);
    const headers = Object.fromEntries(
      Object.entries(request.headers).filter(
        ([name]) => !name.startsWith('x-remote-') && name !== 'connection',
      ),
    );
    const sent = send(
      new URL(request.url ?? '/', url),
      { method: request.method, agent, headers: { ...headers, ...remote(request) } },
      (found) => {
        response.writeHead(found.statusCode ?? 502, found.headers);
        found.pipe(response);
      },
    );
    sent.on('error', (error) => {
      if (response.headersSent) response.destroy();
      else response.writeHead(502).end(error.message);
    });
    response.on('close', () => sent.destroy());
    request.pipe(sent);
  };
}

function remote(request: IncomingMessage): Record<string, string | string[]> {
  const { socket } = request;
  if (!(socket instanceof TLSSocket) || !socket.authorized) return {};
  const { subject } = socket.getPeerCertificate();
  return { 'x-remote-user': [subject.CN].flat().join(), 'x-remote-group': [subject.O ?? []].flat() };
}
