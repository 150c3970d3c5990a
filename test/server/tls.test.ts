import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type PeerCertificate } from 'node:tls';
import { credentials, status } from '@grpc/grpc-js';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { readCertificates, watchCertificates } from '../../functions/server/credentials.ts';
import {
  callerAt,
  failureOfCall,
  logBook,
  mountSecret,
  mutual,
  requestWith,
  serverWith,
  stopAll,
  temporaryFolder,
  writeCertificates,
} from './support.ts';
import { authority, type Authority, type Pair } from '../certificates.ts';

let ours: Authority;
let theirs: Authority;
let server: Pair;
let client: Pair;

beforeAll(async () => {
  [ours, theirs] = await Promise.all([authority('ours'), authority('theirs')]);
  [server, client] = await Promise.all([ours.issue('function'), ours.issue('crossplane')]);
});

afterEach(stopAll);

function folderWith(pair: Pair, ca = ours.cert): string {
  const dir = temporaryFolder();
  writeCertificates(dir, ca, pair);
  return dir;
}

describe('who may call', () => {
  it('serves a client whose certificate ca.crt signed', async () => {
    const { port } = await serverWith({ tls: { dir: folderWith(server) } });
    const response = await callerAt(port, mutual(ours.cert, client)).call(requestWith({}));
    expect(response.meta?.tag).toBe('0123456789abcdef');
  });

  it.each([
    {
      reason: 'no certificate at all',
      channel: () => Promise.resolve(credentials.createSsl(Buffer.from(ours.cert))),
    },
    {
      reason: 'a certificate of another authority',
      channel: async () => mutual(ours.cert, await theirs.issue('crossplane')),
    },
    {
      reason: 'a certificate that signs itself, with the name of ours',
      channel: async () => mutual(ours.cert, await authority('ours')),
    },
    { reason: 'plain text', channel: () => Promise.resolve(credentials.createInsecure()) },
  ])('refuses a client with $reason', async ({ channel }) => {
    let calls = 0;
    const { port } = await serverWith({
      tls: { dir: folderWith(server) },
      handle: () => {
        calls += 1;
        throw new Error('must not be called');
      },
    });
    const error = await failureOfCall(callerAt(port, await channel()).call(requestWith({})));
    expect(error.code).toBe(status.UNAVAILABLE);
    expect(calls).toBe(0);
  });

  it('speaks TLS 1.3 only', async () => {
    const { port } = await serverWith({ tls: { dir: folderWith(server) } });
    await expect(peerCertificate(port, client, 'TLSv1.2')).rejects.toThrow(/protocol version/);
  });
});

describe('certificates that cannot be used', () => {
  it.each([
    {
      reason: 'the folder is missing',
      prepare: () => undefined,
      says: /cannot read "ca.crt" in the certificate folder ".*certs": ENOENT/,
    },
    {
      reason: 'ca.crt is missing: clients could not be verified',
      prepare: (dir: string) => {
        mkdirSync(dir);
        writeFileSync(join(dir, 'tls.crt'), server.cert);
        writeFileSync(join(dir, 'tls.key'), server.key);
      },
      says: /cannot read "ca.crt" in the certificate folder ".*certs": ENOENT/,
    },
    {
      reason: 'the key is of another certificate',
      prepare: (dir: string) => {
        writeCertificates(dir, ours.cert, { cert: server.cert, key: client.key });
      },
      says: /folder ".*certs" cannot be used: "tls.key" is not the key of "tls.crt"/,
    },
    {
      reason: 'ca.crt is no certificate',
      prepare: (dir: string) => {
        writeCertificates(dir, '', server);
      },
      says: /folder ".*certs" cannot be used/,
    },
  ])('says so and does not start when $reason', async ({ prepare, says }) => {
    const dir = join(temporaryFolder(), 'certs');
    prepare(dir);
    await expect(serverWith({ tls: { dir } })).rejects.toThrow(says);
  });
});

describe('certificates that change', () => {
  it('takes new ones when a mounted Secret is swapped, and lets connections go on', async () => {
    const dir = temporaryFolder();
    mountSecret(dir, ours.cert, server);
    const { port } = await serverWith({ tls: { dir, reloadMilliseconds: 10 } });
    const early = callerAt(port, mutual(ours.cert, client));
    await early.call(requestWith({}));

    const [renewed, theirClient] = await Promise.all([theirs.issue('renewed'), theirs.issue('crossplane')]);
    mountSecret(dir, theirs.cert, renewed);
    const subject = async (): Promise<unknown> => (await peerCertificate(port, theirClient)).subject.CN;
    await expect.poll(subject, { timeout: 10_000 }).toBe('renewed');

    expect((await callerAt(port, mutual(theirs.cert, theirClient)).call(requestWith({}))).meta).toBeDefined();
    // Only its connection of before can still serve it: what follows shows that a new one would be refused.
    expect((await early.call(requestWith({}))).meta).toBeDefined();
    const late = await failureOfCall(callerAt(port, mutual(theirs.cert, client)).call(requestWith({})));
    expect(late.code).toBe(status.UNAVAILABLE);
  });

  it('keeps what it has while the files do not fit together, and says so once', async () => {
    const dir = folderWith(server);
    const { logger, lines } = logBook();
    const ends: Date[] = [];
    const watch = watchCertificates(dir, 1_000_000, logger, ({ notAfter }) => ends.push(notAfter));
    const next = await ours.issue('next');
    expect(watch.refresh(), 'nothing changed').toBe(false);

    writeFileSync(join(dir, 'tls.crt'), next.cert);
    expect(watch.refresh(), 'a certificate without its key').toBe(false);
    expect(watch.refresh()).toBe(false);
    const warnings = lines.filter((line) => line.includes('"level":"warn"'));
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('is not the key of');

    writeFileSync(join(dir, 'tls.key'), next.key);
    expect(watch.refresh(), 'the key has come too').toBe(true);
    expect(ends).toHaveLength(2);
    watch.stop();
  });

  it('reads the three files of one folder, also while the link moves on', () => {
    const dir = temporaryFolder();
    mountSecret(dir, ours.cert, server);
    expect(readCertificates(dir).key.toString()).toBe(server.key);
    mountSecret(dir, theirs.cert, client);
    const { ca, cert, key } = readCertificates(dir);
    expect([ca, cert, key].map(String)).toEqual([theirs.cert, client.cert, client.key]);
  });
});

/** The certificate that a server shows to a new connection. */
async function peerCertificate(port: number, pair: Pair, maxVersion?: 'TLSv1.2'): Promise<PeerCertificate> {
  return await new Promise((resolve, reject) => {
    const socket = connect({
      host: '127.0.0.1',
      port,
      ...pair,
      rejectUnauthorized: false,
      ALPNProtocols: ['h2'],
      ...(maxVersion !== undefined && { maxVersion }),
    });
    socket.on('error', reject).on('secureConnect', () => {
      resolve(socket.getPeerCertificate());
      socket.destroy();
    });
  });
}
