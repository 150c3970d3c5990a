import { describe, expect, it } from 'vitest';
import { contains, hostOf, isCidr, isCidr4, overlaps, subnet } from '../../functions/apis/cidr.ts';

describe('ranges', () => {
  it.each([
    { text: '10.0.0.0/16', any: true, four: true, reason: 'IPv4' },
    { text: '0.0.0.0/0', any: true, four: true, reason: 'all of IPv4' },
    { text: '192.0.2.10/32', any: true, four: true, reason: 'one address' },
    { text: '10.0.0.1/16', any: false, four: false, reason: 'bits behind the prefix' },
    { text: '10.0.0.0/33', any: false, four: false, reason: 'a prefix that is too long' },
    { text: '10.0.0.0/016', any: false, four: false, reason: 'a prefix with a leading zero' },
    { text: '300.0.0.0/8', any: false, four: false, reason: 'no address' },
    { text: '10.0.0.0', any: false, four: false, reason: 'no prefix' },
    { text: '2001:db8::/32', any: true, four: false, reason: 'IPv6' },
    { text: '::/0', any: true, four: false, reason: 'all of IPv6' },
    { text: '2001:db8::1/128', any: true, four: false, reason: 'one IPv6 address' },
    { text: '2001:db8::1/64', any: false, four: false, reason: 'IPv6 bits behind the prefix' },
    { text: '::ffff:10.0.0.0/120', any: false, four: false, reason: 'IPv4 in IPv6' },
  ])('$text: $reason', ({ text, any, four }) => {
    expect([isCidr(text), isCidr4(text)]).toEqual([any, four]);
  });

  it.each([
    { outer: '10.0.0.0/8', inner: '10.42.0.0/16', inside: true, meet: true, reason: 'within' },
    { outer: '10.42.0.0/16', inner: '10.0.0.0/8', inside: false, meet: true, reason: 'around' },
    { outer: '10.42.0.0/16', inner: '10.42.0.0/16', inside: true, meet: true, reason: 'equal' },
    { outer: '10.42.0.0/16', inner: '10.43.0.0/16', inside: false, meet: false, reason: 'neighbours' },
    { outer: '0.0.0.0/0', inner: '2001:db8::/32', inside: false, meet: false, reason: 'of two families' },
    { outer: '2001:db8::/32', inner: '2001:db8:1::/48', inside: true, meet: true, reason: 'IPv6 within' },
    { outer: '10.0.0.0/8', inner: 'x', inside: false, meet: false, reason: 'no range' },
  ])('$outer and $inner: $reason', ({ outer, inner, inside, meet }) => {
    expect([contains(outer, inner), overlaps(outer, inner)]).toEqual([inside, meet]);
  });

  it.each([
    { given: subnet('10.0.0.0/16', 20, 0), expected: '10.0.0.0/20', reason: 'the first' },
    { given: subnet('10.0.0.0/16', 20, 15), expected: '10.0.240.0/20', reason: 'the last' },
    { given: subnet('10.0.0.0/16', 20, 16), expected: undefined, reason: 'one too many' },
    { given: subnet('10.0.0.0/24', 20, 0), expected: undefined, reason: 'larger than the range' },
    { given: subnet('2001:db8::/32', 48, 0), expected: undefined, reason: 'IPv6' },
    { given: hostOf('10.0.16.0/20', 258), expected: '10.0.17.2', reason: 'an address across a byte' },
    { given: hostOf('255.255.255.252/30', 3), expected: '255.255.255.255', reason: 'the last address of all' },
    { given: hostOf('10.0.0.0/30', 4), expected: undefined, reason: 'an address outside' },
  ])('$reason is $expected', ({ given, expected }) => {
    expect(given).toBe(expected);
  });
});
