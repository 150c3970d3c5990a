/** Mutual TLS with certificates that may change while the server runs. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContextOptions } from 'node:tls';
import { ServerCredentials } from '@grpc/grpc-js';
import type { Logger } from 'pino';

/** The three files that Crossplane mounts into a function, in PEM. */
export interface Certificates {
  readonly ca: Buffer;
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly notAfter: Date;
}

/**
 * Reads ca.crt, tls.crt and tls.key as they belong together. Kubernetes swaps a mounted Secret by pointing the link
 * `..data` to a new folder; the link is followed once, so that all three come from the same folder.
 * @throws when one is missing or unfit, naming file and folder.
 */
export function readCertificates(dir: string): Certificates {
  const folder = folderOf(dir);
  const read = (name: string): Buffer => {
    try {
      return readFileSync(join(folder, name));
    } catch (error) {
      throw new Error(`cannot read "${name}" in the certificate folder "${dir}": ${reasonOf(error)}`, {
        cause: error,
      });
    }
  };
  const found = { ca: read('ca.crt'), cert: read('tls.crt'), key: read('tls.key') };
  try {
    const certificate = new X509Certificate(found.cert);
    new X509Certificate(found.ca);
    if (!certificate.checkPrivateKey(createPrivateKey(found.key))) {
      throw new Error('"tls.key" is not the key of "tls.crt"');
    }
    createSecureContext(contextOf(found));
    return { ...found, notAfter: new Date(certificate.validTo) };
  } catch (error) {
    throw new Error(`the certificates in the folder "${dir}" cannot be used: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

function folderOf(dir: string): string {
  try {
    return realpathSync(join(dir, '..data'));
  } catch {
    return dir; // not a mounted Secret
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function contextOf({ ca, cert, key }: Omit<Certificates, 'notAfter'>): SecureContextOptions {
  // Crossplane's Go client speaks TLS 1.3.
  return { ca, cert, key, minVersion: 'TLSv1.3' };
}

/**
 * Asks every client for a certificate that ca.crt signed, and can change all three files at once. What grpc-js has
 * itself takes them one by one and serves nobody while one cannot be read.
 */
export class ReloadableCredentials extends ServerCredentials {
  constructor(first: Certificates) {
    super({ requestCert: true, rejectUnauthorized: true }, contextOf(first));
  }

  /** For connections made from now on; those that exist go on. */
  replace(next: Certificates): void {
    this.updateSecureContextOptions(contextOf(next));
  }

  override _equals(other: ServerCredentials): boolean {
    return this === other;
  }
}

export interface CertificateWatch {
  readonly credentials: ReloadableCredentials;
  /** Reads the folder again; returns whether new certificates are in use. What is unfit is logged and changes nothing. */
  refresh(): boolean;
  stop(): void;
}

/**
 * Certificates of a folder, read again at an interval: links of mounted Secrets tell file watchers little, and
 * three small files cost nothing to read.
 * @throws when they cannot be used at the start.
 */
export function watchCertificates(
  dir: string,
  milliseconds: number,
  logger: Logger,
  onLoad: (certificates: Certificates) => void,
): CertificateWatch {
  let current = readCertificates(dir);
  let problem = '';
  const credentials = new ReloadableCredentials(current);
  const loaded = (): void => {
    logger.info({ notAfter: current.notAfter.toISOString() }, 'certificates loaded');
    onLoad(current);
  };
  const refresh = (): boolean => {
    try {
      const next = readCertificates(dir);
      problem = '';
      if (isSame(current, next)) return false;
      current = next;
      credentials.replace(next);
      loaded();
      return true;
    } catch (error) {
      const reason = reasonOf(error);
      if (reason !== problem) logger.warn(`certificates kept as they were: ${reason}`);
      problem = reason;
      return false;
    }
  };
  const timer = setInterval(refresh, milliseconds);
  timer.unref();
  loaded();
  return {
    credentials,
    refresh,
    stop: () => {
      clearInterval(timer);
    },
  };
}

function isSame(left: Certificates, right: Certificates): boolean {
  return left.ca.equals(right.ca) && left.cert.equals(right.cert) && left.key.equals(right.key);
}
