/**
 * Repositories of charts on loopback, under the names that the real ones have: provider-helm reaches them through a proxy
 * that leads every name here, with certificates of our own authority. Manifests do not know of it.
 *
 * Charts have the names and versions of the real ones and hold one ConfigMap each, with their values, beside the kinds
 * that others need; ours is the real one.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import {
  createServer as createProxy,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import { createServer } from 'node:https';
import { connect } from 'node:net';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { stringify } from 'yaml';
import { catalogue } from '../../functions/catalogue/index.ts';
import type { Chart } from '../../functions/catalogue/component.ts';
import { listAt } from '../../functions/kernel/manifest.ts';
import { moduleFolder } from '../../tools/build.ts';
import { PUBLIC_RANGE } from '../bootstrap/machines/network.ts';
import type { Authority } from '../certificates.ts';
import { asJson } from './kube.ts';

const run = promisify(execFile);
const root = join(import.meta.dirname, '../..');
const OURS = 'openova-system';

/** Where the kinds lie that a chart brings, or that the program in it makes. */
const KINDS: Readonly<Record<string, readonly [module: string, path: string]>> = {
  'gateway-api-crds': ['sigs.k8s.io/gateway-api', 'config/crd/standard'],
  'cert-manager': ['github.com/cert-manager/cert-manager', 'deploy/crds'],
  cilium: [
    'github.com/cilium/cilium',
    'pkg/k8s/apis/cilium.io/client/crds/v2/ciliumclusterwidenetworkpolicies.yaml',
  ],
};

export interface Charts {
  /** For the process that fetches. */
  readonly env: Readonly<Record<string, string>>;
  /** What was fetched, `host/path` each. */
  readonly fetched: readonly string[];
  /** Publishes our own chart from another tree, in its version such as `0.2.0`, beside the one that is there. */
  publish(root: string, version: string): Promise<void>;
  close(): void;
}

export async function serveCharts(folder: string, ca: Authority): Promise<Charts> {
  const files = new Map<string, Buffer>();
  const charts = catalogue.flatMap(({ chart }) => (chart === undefined ? [] : [chart]));
  const put = async (chart: Chart, from: string) => {
    const archive = await pack(folder, chart, from);
    if (chart.repository.startsWith('oci://')) publishOci(files, chart, archive);
    else publish(files, chart, archive);
  };
  for (const chart of charts) await put(chart, root);
  const hosts = [...new Set([...files.keys()].map((path) => path.split('/')[0] ?? ''))];
  const { cert, key } = await ca.issue('charts', { hosts });
  const fetched: string[] = [];
  const server = createServer({ cert, key }, (request, response) => {
    answer(files, fetched, request, response);
  });
  const port = await listen(server);
  const proxy = createProxy();
  proxy.on('connect', (_, client, head) => {
    const through = connect(port, '127.0.0.1', () => {
      client.write('HTTP/1.1 200 Connection established\r\n\r\n');
      through.write(head);
      through.pipe(client).pipe(through);
    });
    const end = () => {
      through.destroy();
      client.destroy();
    };
    through.on('error', end);
    client.on('error', end);
  });
  const proxyPort = await listen(proxy);
  const authorityFile = join(folder, 'charts-ca.crt');
  await writeFile(authorityFile, ca.cert);
  return {
    env: {
      HTTPS_PROXY: `http://127.0.0.1:${proxyPort}`,
      NO_PROXY: PUBLIC_RANGE,
      SSL_CERT_FILE: authorityFile,
    },
    fetched,
    publish: async (from, version) => {
      for (const chart of charts.filter(({ name }) => name === OURS)) await put({ ...chart, version }, from);
    },
    close: () => {
      proxy.close();
      proxy.closeAllConnections();
      server.close();
      server.closeAllConnections();
    },
  };
}

/** @param root of the tree that our own chart is taken from. */
async function pack(folder: string, { name, version }: Chart, root: string): Promise<Buffer> {
  const source = join(folder, 'charts', `${name}-${version}`);
  const chart = join(source, name);
  await mkdir(join(chart, 'templates'), { recursive: true });
  if (name === OURS) await cp(join(root, 'package/charts', OURS), chart, { recursive: true });
  else await write(chart, name, version);
  await run('tar', ['-czf', join(source, 'chart.tgz'), '-C', source, name]);
  return readFile(join(source, 'chart.tgz'));
}

async function write(chart: string, name: string, version: string): Promise<void> {
  await writeFile(join(chart, 'Chart.yaml'), stringify({ apiVersion: 'v2', name, version }));
  const map = `apiVersion: v1
kind: ConfigMap
metadata:
  name: ${name === 'cilium' ? 'cilium-config' : '{{ .Release.Name }}'}
  namespace: {{ .Release.Namespace }}
data:
  values: {{ .Values | toJson | quote }}
`;
  await writeFile(join(chart, 'templates/values.yaml'), map);
  const [module, path] = KINDS[name] ?? [];
  if (module === undefined || path === undefined) return;
  const from = join(await moduleFolder('crds', module), path);
  await mkdir(join(chart, 'crds'));
  const names = path.endsWith('.yaml') ? [''] : await readdir(from);
  for (const [index, file] of names.filter((one) => one === '' || one.endsWith('.yaml')).entries()) {
    // Copied as text: modules are read-only.
    await writeFile(join(chart, 'crds', `${index}.yaml`), await readFile(join(from, file)));
  }
}

/** An index beside the archive; repositories with several charts have one index. */
function publish(files: Map<string, Buffer>, chart: Chart, archive: Buffer): void {
  const base = chart.repository.replace(/^https:\/\//, '').replace(/\/$/, '');
  const file = `${chart.name}-${chart.version}.tgz`;
  files.set(`${base}/${file}`, archive);
  const index = `${base}/index.yaml`;
  const before = files.get(index)?.toString('utf8') ?? 'apiVersion: v1\nentries:\n';
  const digest = createHash('sha256').update(archive).digest('hex');
  const entry = `  ${chart.name}:
    - { apiVersion: v2, name: ${chart.name}, version: ${chart.version}, digest: ${digest}, urls: [${file}] }
`;
  files.set(index, Buffer.from(before + entry));
}

const CHART = 'application/vnd.cncf.helm.chart.content.v1.tar+gzip';
const CONFIG = 'application/vnd.cncf.helm.config.v1+json';
const MANIFEST = 'application/vnd.oci.image.manifest.v1+json';

/** The manifest and the blobs of a chart in a registry. */
function publishOci(files: Map<string, Buffer>, chart: Chart, archive: Buffer): void {
  const [host = '', ...folders] = chart.repository.replace(/^oci:\/\//, '').split('/');
  const base = `${host}/v2/${[...folders, chart.name].join('/')}`;
  const blob = (content: Buffer) => {
    const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
    files.set(`${base}/blobs/${digest}`, content);
    return { digest, size: content.length };
  };
  const description = Buffer.from(
    JSON.stringify({ name: chart.name, version: chart.version, apiVersion: 'v2' }),
  );
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: MANIFEST,
      config: { mediaType: CONFIG, ...blob(description) },
      layers: [{ mediaType: CHART, ...blob(archive) }],
    }),
  );
  const { digest } = blob(manifest);
  files.set(`${base}/manifests/${chart.version}`, manifest);
  files.set(`${base}/manifests/${digest}`, manifest);
  const before = files.get(`${base}/tags/list`)?.toString('utf8');
  const tags = [...listAt(asJson(JSON.parse(before ?? '{}')), 'tags'), chart.version];
  files.set(`${base}/tags/list`, Buffer.from(JSON.stringify({ name: chart.name, tags })));
  files.set(`${host}/v2/`, Buffer.from('{}'));
}

function answer(
  files: ReadonlyMap<string, Buffer>,
  fetched: string[],
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const path = `${request.headers.host ?? ''}${(request.url ?? '').split('?')[0] ?? ''}`.replace(
    ':443/',
    '/',
  );
  fetched.push(`${request.method ?? ''} ${path}`);
  const file = files.get(path);
  if (file === undefined) {
    response.writeHead(404).end();
    return;
  }
  response.writeHead(200, {
    'content-type': path.includes('/manifests/') ? MANIFEST : 'application/octet-stream',
    'content-length': file.length,
    'docker-content-digest': `sha256:${createHash('sha256').update(file).digest('hex')}`,
  });
  response.end(request.method === 'HEAD' ? undefined : file);
}

async function listen(server: Pick<Server, 'address' | 'listen'>): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      if (typeof address === 'object' && address !== null) resolve(address.port);
    });
  });
}
