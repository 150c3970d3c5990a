/** Certificates for tests: of authorities of their own, made anew in each run. */
import { generateKeyPairSync } from 'node:crypto';
import { generate } from 'selfsigned';

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Authority extends Pair {
  /** For a server on loopback or of these names, and for clients. */
  issue(
    name: string,
    options?: {
      readonly organization?: string;
      readonly hosts?: readonly string[];
      readonly addresses?: readonly string[];
      /** A year unless told. */
      readonly days?: number;
    },
  ): Promise<Pair>;
}

/** A certificate authority of its own. */
export async function authority(name: string): Promise<Authority> {
  const own = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return authorityOf({ cert: own.cert, key: own.private });
}

/** A certificate authority that there is already. */
export function authorityOf(ca: Pair): Authority {
  return {
    ...ca,
    issue: async (subject, { organization, hosts = [], addresses = [], days = 365 } = {}) => {
      const names = [
        { name: 'commonName', value: subject },
        ...(organization === undefined ? [] : [{ name: 'organizationName', value: organization }]),
      ];
      const issued = await generate(names, {
        ca,
        keyType: 'ec',
        algorithm: 'sha256',
        notAfterDate: new Date(Date.now() + days * 86_400_000),
        extensions: [
          { name: 'basicConstraints', cA: false },
          { name: 'keyUsage', digitalSignature: true },
          { name: 'extKeyUsage', serverAuth: true, clientAuth: true },
          {
            name: 'subjectAltName',
            altNames: [
              { type: 2, value: 'localhost' },
              { type: 7, ip: '127.0.0.1' },
              ...hosts.map((host) => ({ type: 2 as const, value: host })),
              ...addresses.map((address) => ({ type: 7 as const, ip: address })),
            ],
          },
        ],
      });
      return { cert: issued.cert, key: issued.private };
    },
  };
}

/** What an API server signs the tokens of accounts with. */
export function signingKey(): { readonly privateKey: string; readonly publicKey: string } {
  return generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  });
}
