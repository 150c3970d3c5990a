/** Tokens of K3s: short, the secret alone; or secure, with the digest of the authority that the server must have. */
import { createHash } from 'node:crypto';

export interface Token {
  /** SHA-256 of the authority's PEM. */
  readonly digest?: string;
  readonly user: string;
  readonly secret: string;
}

export function parseToken(text: string, user: 'server' | 'node'): Token {
  const [, digest, named, secret] = /^K10([0-9a-f]{64})::(\w+):(.+)$/.exec(text.trim()) ?? [];
  if (digest === undefined || named === undefined || secret === undefined)
    return { user, secret: text.trim() };
  return { digest, user: named, secret };
}

export function secureToken(ca: string, user: 'server' | 'node', secret: string): string {
  return `K10${sha256(ca)}::${user}:${secret}`;
}

export function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

export function basic(user: string, secret: string): string {
  return `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}`;
}
