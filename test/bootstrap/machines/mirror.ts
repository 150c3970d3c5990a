/**
 * K3s' releases as GitHub serves them, for machines: in the clear as a mirror, and as github.com itself, whose name and
 * authority the machines are told. Every version exists; its "binary" is a script that runs the stand-in.
 */
import { createHash } from 'node:crypto';
import { createServer, type RequestListener, type Server } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { join } from 'node:path';
import { authority } from '../../certificates.ts';

export interface Mirror {
  /** What stands for `https://github.com`. */
  readonly url: string;
  /** PEM of the authority that machines trust. */
  readonly ca: string;
  /** Paths that were asked for, in order. */
  readonly requests: readonly string[];
  /** How often a binary was fetched. */
  downloads(): number;
  /** From now on binaries are not what their digests say. */
  corrupt(wrong: boolean): void;
  /** The binary of a version, to be placed by hand. */
  binary(version: string): string;
  /** Its SHA-256, in hexadecimal digits. */
  digest(version: string): string;
  stop(): Promise<void>;
}

const RELEASE = /^\/k3s-io\/k3s\/releases\/download\/(v\d+\.\d+\.\d+\+k3s\d+)\/(.+)$/;
const BINARIES = ['k3s', 'k3s-arm64'];

export async function startMirror(address: string): Promise<Mirror> {
  const requests: string[] = [];
  let wrong = false;
  const answer = (path: string): string | undefined => {
    const [, version = '', file = ''] = RELEASE.exec(path) ?? [];
    if (BINARIES.includes(file)) return wrong ? `${binary(version)}# ${path}\n` : binary(version);
    if (file.startsWith('sha256sum-')) return digests(version, file);
    return undefined;
  };
  const listener: RequestListener = (request, response) => {
    const path = decodeURIComponent(request.url ?? '');
    requests.push(path);
    const found = answer(path);
    response.writeHead(found === undefined ? 404 : 200).end(request.method === 'HEAD' ? undefined : found);
  };
  const ca = await authority('machines mirror');
  const { cert, key } = await ca.issue('github.com', { hosts: ['github.com'] });
  const servers = [createServer(listener), createSecureServer({ cert, key }, listener)];
  await Promise.all([listen(servers[0], 80, address), listen(servers[1], 443, address)]);
  return {
    url: `http://${address}`,
    ca: ca.cert,
    requests,
    downloads: () => requests.filter((path) => BINARIES.includes(RELEASE.exec(path)?.[2] ?? '')).length,
    corrupt: (now) => {
      wrong = now;
    },
    binary,
    digest: (version) => sha256(binary(version)),
    stop: async () => {
      await Promise.all(
        servers.map(async (server) => {
          server.closeAllConnections();
          await new Promise((resolve) => server.close(resolve));
        }),
      );
    },
  };
}

function binary(version: string): string {
  const program = join(import.meta.dirname, 'programs/k3s');
  return `#!/bin/sh\nexec ${program} ${version} "$@"\n`;
}

function digests(version: string, file: string): string {
  const name = file === 'sha256sum-arm64.txt' ? 'k3s-arm64' : 'k3s';
  return `${sha256(binary(version))}  ${name}\n${sha256(`${version} images`)}  k3s-airgap-images.tar.gz\n`;
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

async function listen(server: Server | undefined, port: number, address: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server?.once('error', reject);
    server?.listen(port, address, resolve);
  });
}
