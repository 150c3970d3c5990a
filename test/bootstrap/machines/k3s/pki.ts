/** Authorities and certificates, laid out as K3s lays them out. */
import { X509Certificate } from 'node:crypto';
import { isIP } from 'node:net';
import { readFile } from 'node:fs/promises';
import { authority, authorityOf, signingKey, type Pair } from '../../../certificates.ts';
import type { JsonObject } from '../../../../functions/kernel/manifest.ts';
import type { Config } from './config.ts';
import { lightSetting, need, place, readOr, TLS } from './place.ts';

/** What all servers share: the authorities and the key that signs tokens of accounts, by path below server/tls. */
export type Bootstrap = Readonly<Record<string, string>>;

const AUTHORITIES = [
  'server-ca',
  'client-ca',
  'request-header-ca',
  'etcd/server-ca',
  'etcd/peer-ca',
] as const;
type AuthorityName = (typeof AUTHORITIES)[number];

const BOOTSTRAP_FILES = [
  ...AUTHORITIES.flatMap((name) => [`${name}.crt`, `${name}.key`]),
  'service.key',
  'service.pub',
];

/** K3s renews at a start what has less life left. Source: docs.k3s.io, certificate, 2026-11. */
const RENEW_DAYS = 120;

/** Makes the authorities of a new cluster, unless there are some. */
export async function createAuthorities(): Promise<void> {
  if ((await readOr(`${TLS}/service.key`, '')) !== '') return;
  const shared = lightSetting()?.authority;
  const made = await Promise.all(
    AUTHORITIES.map(async (name): Promise<[string, string][]> => {
      const { cert, key } =
        name === 'server-ca' && shared ? shared : await authority(`k3s-${name.replace('/', '-')}`);
      return [
        [`${name}.crt`, cert],
        [`${name}.key`, key],
      ];
    }),
  );
  const { privateKey, publicKey } = signingKey();
  await placeBootstrap(
    Object.fromEntries([...made.flat(), ['service.pub', publicKey], ['service.key', privateKey]]),
  );
}

export async function readBootstrap(): Promise<Bootstrap> {
  const entries = BOOTSTRAP_FILES.map(
    async (file) => [file, await readFile(`${TLS}/${file}`, 'utf8')] as const,
  );
  return Object.fromEntries(await Promise.all(entries));
}

/** The key of tokens comes last: with it they are complete. */
export async function placeBootstrap(bootstrap: JsonObject): Promise<void> {
  for (const file of BOOTSTRAP_FILES) await place(`${TLS}/${file}`, need(bootstrap, file));
}

export async function readPair(name: string): Promise<Pair> {
  const [cert, key] = await Promise.all(
    ['crt', 'key'].map((kind) => readFile(`${TLS}/${name}.${kind}`, 'utf8')),
  );
  return { cert: cert ?? '', key: key ?? '' };
}

/** Issues what this server needs and has not, or not for long. */
export async function issueLeaves(config: Config, days = 365): Promise<void> {
  const names = config.list('tls-san');
  const addresses = [config.address, ...names.filter((name) => isIP(name) !== 0)];
  const hosts = [
    config.name,
    'kubernetes',
    'kubernetes.default.svc',
    ...names.filter((name) => isIP(name) === 0),
  ];
  const own = { addresses, hosts };
  const leaves: [
    string,
    AuthorityName,
    string,
    Parameters<Awaited<ReturnType<typeof authority>>['issue']>[1],
  ][] = [
    ['serving-kube-apiserver', 'server-ca', 'kube-apiserver', own],
    ['client-admin', 'client-ca', 'system:admin', { organization: 'system:masters' }],
    ['client-auth-proxy', 'request-header-ca', 'system:auth-proxy', {}],
    ['etcd/server-client', 'etcd/server-ca', 'etcd-server', own],
    ['etcd/client', 'etcd/server-ca', 'etcd-client', {}],
    ['etcd/peer-server-client', 'etcd/peer-ca', 'etcd-peer', own],
  ];
  for (const [name, ca, subject, options] of leaves) {
    const fresh = days < RENEW_DAYS || !(await lasts(`${TLS}/${name}.crt`, options?.addresses));
    if (!fresh) continue;
    const { cert, key } = await authorityOf(await readPair(ca)).issue(subject, { ...options, days });
    await place(`${TLS}/${name}.crt`, cert);
    await place(`${TLS}/${name}.key`, key);
  }
}

/** A pair for the kubelet of a node, which speaks for all here. */
export async function issueKubelet(node: string): Promise<Pair> {
  return authorityOf(await readPair('client-ca')).issue(`system:node:${node}`, {
    organization: 'system:masters',
  });
}

async function lasts(file: string, addresses: readonly string[] = []): Promise<boolean> {
  const pem = await readOr(file, '');
  if (pem === '') return false;
  const certificate = new X509Certificate(pem);
  const left = certificate.validToDate.getTime() - Date.now();
  return (
    left > RENEW_DAYS * 86_400_000 && addresses.every((address) => certificate.checkIP(address) !== undefined)
  );
}
