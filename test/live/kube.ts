/** A client of an API server: what tests need of it, over HTTPS and without discovery of more than names of resources. */
import { Agent, request as send } from 'node:https';
import { parseAllDocuments } from 'yaml';
import { readFile } from 'node:fs/promises';
import {
  isManifest,
  isObject,
  listAt,
  textAt,
  type Json,
  type JsonObject,
  type Manifest,
} from '../../functions/kernel/manifest.ts';

/** How to reach an API server, and as whom. */
export interface Access {
  readonly url: string;
  /** PEM. */
  readonly ca: string;
  /** PEM; left out with a token. */
  readonly client?: { readonly cert: string; readonly key: string };
  readonly token?: string;
  /** Whom to act as, such as `system:serviceaccount:ns:name`. */
  readonly as?: string;
}

export class KubeError extends Error {
  readonly code: number;
  readonly reason: string;

  constructor(what: string, code: number, reason: string, message: string) {
    super(`${what}: ${code} ${reason}: ${message}`);
    this.code = code;
    this.reason = reason;
  }
}

interface Resource {
  readonly path: string;
  readonly namespaced: boolean;
}

export interface Reference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

type Kinds = readonly { readonly apiVersion: string; readonly kind: string }[];

/** How long the kinds that are served are taken for the same: packages bring new ones now and then. */
const KINDS_MILLISECONDS = 10_000;

export class Kube {
  readonly access: Access;
  readonly #agent: Agent;
  readonly #resources = new Map<string, Resource>();
  #kinds: { readonly found: Kinds; readonly until: number } = { found: [], until: 0 };

  constructor(access: Access) {
    this.access = access;
    this.#agent = new Agent({
      keepAlive: true,
      maxSockets: 8,
      ca: access.ca,
      ...(access.client !== undefined && access.client),
    });
  }

  /** The same API server, as somebody else. */
  as(user: string): Kube {
    return new Kube({ ...this.access, as: user });
  }

  close(): void {
    this.#agent.destroy();
  }

  async get(reference: Reference): Promise<Manifest | undefined> {
    try {
      return asManifest(await this.#call('GET', await this.#path(reference)));
    } catch (error) {
      if (error instanceof KubeError && error.code === 404) return undefined;
      throw error;
    }
  }

  async need(reference: Reference): Promise<Manifest> {
    const found = await this.get(reference);
    if (found === undefined) throw new Error(`${reference.kind} "${reference.name}" not found`);
    return found;
  }

  /** All of a kind, in all namespaces. */
  async list(
    apiVersion: string,
    kind: string,
    labels: Readonly<Record<string, string>> = {},
  ): Promise<Manifest[]> {
    const { path } = await this.#resource(apiVersion, kind);
    const selector = Object.entries(labels).map(([key, value]) => `${key}=${value}`);
    const query = selector.length === 0 ? '' : `?labelSelector=${encodeURIComponent(selector.join(','))}`;
    const answer = await this.#call('GET', `${prefix(apiVersion)}/${path}${query}`);
    return listAt(answer, 'items')
      .filter(isObject)
      .map((item) => asManifest({ apiVersion, kind, ...item }));
  }

  /** All of a kind; none where nobody serves it yet, or only since a moment ago. */
  async listServed(apiVersion: string, kind: string): Promise<Manifest[]> {
    return this.list(apiVersion, kind).catch((error: unknown) => {
      if (error instanceof KubeError && (error.code === 404 || error.code === 429)) return [];
      throw error;
    });
  }

  async create(object: Manifest): Promise<Manifest> {
    return asManifest(await this.#call('POST', await this.#path(referenceOf(object), true), object));
  }

  /** Server-side apply, with the fields forced and unknown ones refused. */
  async apply(object: Manifest, manager = 'live'): Promise<Manifest> {
    const path = `${await this.#path(referenceOf(object))}?fieldManager=${manager}&force=true&fieldValidation=Strict`;
    return asManifest(await this.#call('PATCH', path, object, 'application/apply-patch+yaml'));
  }

  async patch(reference: Reference, change: JsonObject, subresource = ''): Promise<Manifest> {
    const path = `${await this.#path(reference)}${subresource && `/${subresource}`}`;
    return asManifest(await this.#call('PATCH', path, change, 'application/merge-patch+json'));
  }

  async post(path: string, body: JsonObject): Promise<Json> {
    return this.#call('POST', path, body);
  }

  /** @param grace seconds that a pod has; left out, what it wants. */
  async delete(reference: Reference, propagation = 'Background', grace?: number): Promise<void> {
    await this.#call('DELETE', await this.#path(reference), {
      propagationPolicy: propagation,
      ...(grace !== undefined && { gracePeriodSeconds: grace }),
    });
  }

  async raw(path: string): Promise<Json> {
    return this.#call('GET', path);
  }

  /** Every kind that can be listed, as `apiVersion` and kind, in the version that comes first; as of a moment ago. */
  async kinds(): Promise<Kinds> {
    if (Date.now() > this.#kinds.until)
      this.#kinds = { found: await this.#discover(), until: Date.now() + KINDS_MILLISECONDS };
    return this.#kinds.found;
  }

  async #discover(): Promise<Kinds> {
    const groups = listAt(await this.#call('GET', '/apis'), 'groups');
    const found = await Promise.all([
      this.#kindsOf([{ groupVersion: 'v1' }]),
      ...groups.map((group) => this.#kindsOf([...listAt(group, 'versions')])),
    ]);
    return found.flat();
  }

  /** What a group says of its kinds; nothing of one that has only just come and is not served yet. */
  async #served(apiVersion: string): Promise<Json | undefined> {
    return this.#call('GET', prefix(apiVersion)).catch((error: unknown) => {
      if (error instanceof KubeError && error.code === 404) return undefined;
      throw error;
    });
  }

  /** Kinds of a group, each in the first of its versions that has it. */
  async #kindsOf(versions: readonly Json[]): Promise<Kinds> {
    const kinds = new Map<string, string>();
    for (const version of versions) {
      const apiVersion = textAt(version, 'groupVersion') ?? '';
      for (const one of listAt(await this.#served(apiVersion), 'resources')) {
        const kind = textAt(one, 'kind') ?? '';
        const listed = !(textAt(one, 'name') ?? '').includes('/') && listAt(one, 'verbs').includes('list');
        if (listed && !kinds.has(kind)) kinds.set(kind, apiVersion);
      }
    }
    return [...kinds].map(([kind, apiVersion]) => ({ apiVersion, kind }));
  }

  async #path(reference: Reference, collection = false): Promise<string> {
    const { path, namespaced } = await this.#resource(reference.apiVersion, reference.kind);
    const within = namespaced ? `namespaces/${reference.namespace ?? 'default'}/` : '';
    return `${prefix(reference.apiVersion)}/${within}${path}${collection ? '' : `/${reference.name}`}`;
  }

  async #resource(apiVersion: string, kind: string): Promise<Resource> {
    const key = `${apiVersion}/${kind}`;
    const known = this.#resources.get(key);
    if (known !== undefined) return known;
    for (const one of listAt(await this.#call('GET', prefix(apiVersion)), 'resources')) {
      const name = textAt(one, 'name') ?? '';
      if (name.includes('/') || !isObject(one)) continue;
      this.#resources.set(`${apiVersion}/${textAt(one, 'kind') ?? ''}`, {
        path: name,
        namespaced: one['namespaced'] === true,
      });
    }
    const found = this.#resources.get(key);
    if (found === undefined) throw new KubeError(key, 404, 'NotServed', 'no such kind');
    return found;
  }

  async #call(method: string, path: string, body?: JsonObject, type = 'application/json'): Promise<Json> {
    const { token, as } = this.access;
    const text = body === undefined ? undefined : JSON.stringify(body);
    const { code, answer } = await new Promise<{ code: number; answer: string }>((resolve, reject) => {
      const sent = send(
        new URL(path, this.access.url),
        {
          method,
          agent: this.#agent,
          headers: {
            accept: 'application/json',
            ...(text !== undefined && { 'content-type': type, 'content-length': Buffer.byteLength(text) }),
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
            ...(as !== undefined && { 'impersonate-user': as, ...groupsOf(as) }),
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on('data', (chunk: Buffer) => chunks.push(chunk));
          response.on('end', () => {
            resolve({ code: response.statusCode ?? 0, answer: Buffer.concat(chunks).toString('utf8') });
          });
          response.on('error', reject);
        },
      );
      sent.on('error', reject);
      sent.end(text);
    });
    const document = answer.startsWith('{') ? asJson(JSON.parse(answer)) : answer;
    if (code >= 200 && code < 300) return document;
    throw new KubeError(
      `${method} ${path}`,
      code,
      textAt(document, 'reason') ?? '',
      textAt(document, 'message') ?? answer,
    );
  }
}

function groupsOf(user: string): Record<string, string[]> {
  const [kind, account, namespace] = user.split(':').slice(0, 3);
  if (kind !== 'system' || account !== 'serviceaccount' || namespace === undefined) return {};
  return {
    'impersonate-group': [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
  };
}

/** A kubeconfig with everything inside. */
export function kubeconfig({ url, ca, client, token }: Access): string {
  const encoded = (pem: string) => Buffer.from(pem).toString('base64');
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'live', cluster: { server: url, 'certificate-authority-data': encoded(ca) } }],
    users: [
      {
        name: 'live',
        user: {
          ...(client !== undefined && {
            'client-certificate-data': encoded(client.cert),
            'client-key-data': encoded(client.key),
          }),
          ...(token !== undefined && { token }),
        },
      },
    ],
    contexts: [{ name: 'live', context: { cluster: 'live', user: 'live' } }],
    'current-context': 'live',
  });
}

export function referenceOf(object: Manifest): Reference {
  const { apiVersion, kind, metadata } = object;
  return {
    apiVersion,
    kind,
    name: metadata.name ?? '',
    ...(metadata.namespace !== undefined && { namespace: metadata.namespace }),
  };
}

export function asManifest(value: unknown): Manifest {
  if (isManifest(value)) return value;
  throw new Error(`not an object of Kubernetes: ${JSON.stringify(value).slice(0, 200)}`);
}

/** Reads objects from a YAML file. */
export async function readManifests(file: string): Promise<Manifest[]> {
  return parseManifests(await readFile(file, 'utf8'));
}

export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => asJson(document.toJS()))
    .filter((value) => value !== null)
    .map(asManifest);
}

/** What JSON.parse gave, by its type. */
export function asJson(value: unknown): Json {
  if (isObject(value)) return value;
  if (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean') return value;
  return Array.isArray(value) ? value.map(asJson) : null;
}

export function versionOf(object: Manifest): string {
  return textAt(object, 'metadata', 'resourceVersion') ?? '';
}

function prefix(apiVersion: string): string {
  return apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}
