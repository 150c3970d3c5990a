/** A pretended Hetzner Cloud on loopback: its API as far as our machines need it, and a log of every call. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { isObject, textAt, type JsonObject } from '../../../functions/kernel/manifest.ts';
import { images, loadBalancerTypes, locations, serverTypes } from './catalogue.ts';
import { firewalls, placementGroups, sshKeys } from './firewalls.ts';
import { loadBalancers } from './load-balancers.ts';
import { networks } from './networks.ts';
import { filtered, id, page, router, type Routes } from './routes.ts';
import { servers } from './servers.ts';
import { ApiError, type Project } from './state.ts';
import { zones } from './zones.ts';

function fixed(name: string, one: string, things: readonly JsonObject[]): Routes {
  return {
    [`GET /${name}`]: ({ query }) => page(name, filtered(things, query)),
    [`GET /${name}/:id`]: (asked) => ({ [one]: things.find((thing) => thing['id'] === id(asked)) ?? null }),
  };
}

const route = router({
  ...fixed('locations', 'location', locations),
  ...fixed('server_types', 'server_type', serverTypes),
  ...fixed('images', 'image', images),
  ...fixed('load_balancer_types', 'load_balancer_type', loadBalancerTypes),
  ...networks,
  ...servers,
  ...loadBalancers,
  ...firewalls,
  ...sshKeys,
  ...placementGroups,
  ...zones,
  'GET /actions': ({ project, query }) => page('actions', filtered(project.all('actions'), query)),
  'GET /actions/:id': (asked) => ({ action: asked.project.get('actions', id(asked)) }),
});

export interface Hcloud {
  /** With its /v1. */
  readonly url: string;
  readonly project: Project;
  close(): void;
}

export async function startHcloud(token: string, project: Project): Promise<Hcloud> {
  const server = createServer((request, response) => {
    void answer(project, token, request, response);
  });
  const port = await new Promise<number>((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
    });
  });
  return {
    url: `http://127.0.0.1:${port}/v1`,
    project,
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}

/**
 * How long a change takes until it is answered, in milliseconds. Of one that is answered at once, provider-hetzner tends to
 * lose how it went: it says so in a status that it is still writing, and looks again half a minute later.
 */
const CHANGE_MS = 500;

async function answer(
  project: Project,
  token: string,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', 'http://hcloud');
  const path = url.pathname.replace(/^\/v1/, '');
  const method = request.method ?? 'GET';
  const body = await read(request);
  // What is deleted has its name only before.
  const about = nameIn(body) === '' ? project.nameAt(path) : nameIn(body);
  const { status, said } = respond(project, token, request, method, path, url.searchParams, body);
  project.record({ method, path, status, about });
  if (method !== 'GET') await pause(CHANGE_MS);
  response.writeHead(status, {
    'content-type': 'application/json',
    'ratelimit-limit': '3600',
    'ratelimit-remaining': '3599',
    'ratelimit-reset': String(Math.floor(Date.now() / 1000) + 1),
  });
  response.end(said === undefined ? undefined : JSON.stringify(said));
}

function respond(
  project: Project,
  token: string,
  request: IncomingMessage,
  method: string,
  path: string,
  query: URLSearchParams,
  body: JsonObject,
): { status: number; said: JsonObject | undefined } {
  try {
    if (request.headers.authorization !== `Bearer ${token}`)
      throw new ApiError(401, 'unauthorized', 'the token is wrong');
    const fault = project.fault(method, path, nameIn(body));
    if (fault !== undefined) throw fault;
    const { handler, parts } = route(method, path);
    const said = handler({ project, parts, query, body });
    return { status: said === undefined ? 204 : method === 'POST' ? 201 : 200, said };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    const { status, code, message } = error;
    return { status, said: { error: { code, message, details: {} } } };
  }
}

function nameIn(body: JsonObject): string {
  return textAt(body, 'name') ?? '';
}

async function read(request: IncomingMessage): Promise<JsonObject> {
  let text = '';
  for await (const chunk of request) text += String(chunk);
  const body: unknown = text === '' ? {} : JSON.parse(text);
  return isObject(body) ? body : {};
}
