/** Numbers and addresses that a cloud would give out: the same for the same name, from ranges kept for documentation. */
import { sha256 } from '../kernel/names.ts';

/** A number of eight digits, as Hetzner's are. */
export function numberFor(seed: string): number {
  return 10_000_000 + (hash(seed) % 90_000_000);
}

/** Ranges for documentation (RFC 5737), and one for benchmarks (RFC 2544) should those not suffice. */
const SERVERS = ['198.51.100', '203.0.113', '198.18.0', '198.18.1', '198.18.2', '198.18.3'];
const LOAD_BALANCERS = ['192.0.2', '198.19.0'];
const HOSTS = 254;

/** A free IPv4 address for a server or a load balancer. */
export function ipv4For(kind: 'server' | 'load balancer', seed: string, taken: ReadonlySet<string>): string {
  const [first = '', ...more] = kind === 'server' ? SERVERS : LOAD_BALANCERS;
  const start = hash(seed) % HOSTS;
  const hosts = Array.from({ length: HOSTS }, (_, index) => ((start + index) % HOSTS) + 1);
  const all = [first, ...more].flatMap((range) => hosts.map((host) => `${range}.${host}`));
  return all.find((address) => !taken.has(address)) ?? `${first}.${hosts[0] ?? 1}`;
}

/** The first address of a free /64 (RFC 3849). */
export function ipv6For(seed: string, taken: ReadonlySet<string>): string {
  for (let offset = 0; ; offset += 1) {
    const address = `2001:db8:${(((hash(seed) + offset) % 0xffff) + 1).toString(16)}::1`;
    if (!taken.has(address) || offset > 0xffff) return address;
  }
}

/** A hardware address of Hetzner's own range. */
export function macFor(seed: string): string {
  const hex = sha256(seed, 6);
  return `86:00:00:${hex.slice(0, 2)}:${hex.slice(2, 4)}:${hex.slice(4, 6)}`;
}

/** A public key in OpenSSH's form that nobody has the private key of. */
export function publicKeyFor(seed: string): string {
  const type = Buffer.from('ssh-ed25519');
  const key = Buffer.from(sha256(seed), 'hex');
  const length = (part: Buffer) => Buffer.from(Uint32Array.of(part.length).buffer).swap32();
  const blob = Buffer.concat([length(type), type, length(key), key]);
  return `ssh-ed25519 ${blob.toString('base64')} openova`;
}

function hash(seed: string): number {
  return Number.parseInt(sha256(seed, 8), 16);
}
