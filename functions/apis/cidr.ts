/** IPv4 and IPv6 ranges in CIDR notation. */
import { isIPv4, isIPv6 } from 'node:net';

interface Range {
  readonly bits: 32 | 128;
  readonly first: bigint;
  readonly prefix: number;
}

/** The value of an IPv4 or IPv6 address. */
function addressValue(address: string): { readonly bits: 32 | 128; readonly value: bigint } | undefined {
  if (isIPv4(address)) {
    const value = address.split('.').reduce((sum, part) => (sum << 8n) | BigInt(part), 0n);
    return { bits: 32, value };
  }
  if (!isIPv6(address) || address.includes('.') || address.includes('%')) return undefined;
  const [head = '', tail] = address.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => '0'), ...right];
  const value = groups.reduce((sum, part) => (sum << 16n) | BigInt(`0x${part}`), 0n);
  return { bits: 128, value };
}

/** A CIDR whose host bits are zero; undefined for anything else. */
function rangeOf(cidr: string): Range | undefined {
  const match = /^([0-9a-fA-F.:]+)\/(0|[1-9][0-9]{0,2})$/.exec(cidr);
  const address = addressValue(match?.[1] ?? '');
  if (address === undefined) return undefined;
  const prefix = Number(match?.[2]);
  if (prefix > address.bits) return undefined;
  const size = 1n << BigInt(address.bits - prefix);
  return address.value % size === 0n ? { bits: address.bits, first: address.value, prefix } : undefined;
}

/** Whether this is an IPv4 or IPv6 range with no bits set behind its prefix. */
export function isCidr(cidr: string): boolean {
  return rangeOf(cidr) !== undefined;
}

/** Whether this is an IPv4 range with no bits set behind its prefix. */
export function isCidr4(cidr: string): boolean {
  return rangeOf(cidr)?.bits === 32;
}

/** Whether all of `inner` lies in `outer`; false where one of them is no range. */
export function contains(outer: string, inner: string): boolean {
  const [out, within] = [rangeOf(outer), rangeOf(inner)];
  if (out === undefined || within === undefined) return false;
  if (out.bits !== within.bits || within.prefix < out.prefix) return false;
  return within.first >> BigInt(out.bits - out.prefix) === out.first >> BigInt(out.bits - out.prefix);
}

/** Whether two ranges share an address. */
export function overlaps(left: string, right: string): boolean {
  return contains(left, right) || contains(right, left);
}

function text(address: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((address >> shift) & 255n)).join('.');
}

/**
 * The range number `index` of those with this prefix that lie in an IPv4 range; undefined when there are not as many.
 * Such as `subnet('10.0.0.0/16', 20, 1)`, which is `10.0.16.0/20`.
 */
export function subnet(cidr: string, prefix: number, index: number): string | undefined {
  const range = rangeOf(cidr);
  if (range?.bits !== 32 || prefix < range.prefix || prefix > 32) return undefined;
  if (index < 0 || index >= 2 ** (prefix - range.prefix)) return undefined;
  return `${text(range.first + (BigInt(index) << BigInt(32 - prefix)))}/${String(prefix)}`;
}

/** The address number `index` of an IPv4 range, such as `10.0.0.5` for `('10.0.0.0/20', 5)`; undefined outside of it. */
export function hostOf(cidr: string, index: number): string | undefined {
  return subnet(cidr, 32, index)?.replace('/32', '');
}
