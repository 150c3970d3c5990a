import { describe, expect, it } from 'vitest';
import type { Member } from '../../functions/bootstrap/node/etcd.ts';
import { keptFromLeaving } from '../../functions/bootstrap/quorum.ts';

const member = (name: string, more: Partial<Member> = {}): Member => ({
  id: name,
  name: `${name}-0123abcd`,
  peerUrls: [`https://10.0.0.${name.charCodeAt(0) - 96}:2380`],
  learner: false,
  ...more,
});
const place = (name: string) => ({ name, nodeAddress: `10.0.0.${name.charCodeAt(0) - 96}` });

describe('a member leaves etcd', () => {
  it.each([
    ['c of three that live', 'a b c', 'c', 'abc'],
    ['the one of three that is dead', 'a b c', 'c', 'ab'],
    ['one of two that live: two become one', 'a b', 'b', 'ab'],
    ['the dead one of two', 'a b', 'b', 'a'],
    ['one of five, of which another is dead', 'a b c d e', 'e', 'abce'],
    ['what is no member any more', 'a b', 'c', 'ab'],
  ])('%s', (_, members, leaving, living) => {
    expect(
      keptFromLeaving(
        members.split(' ').map((one) => member(one)),
        place(leaving),
        new Set(living),
      ),
    ).toBeUndefined();
  });

  it.each([
    [
      'a living one of three, when another is dead',
      'a b c',
      'c',
      'ac',
      '2 must live, and 1 do: "b" does not',
    ],
    ['the living one of two', 'a b', 'b', 'b', '1 must live, and 0 do: "a" does not'],
    ['the only one', 'a', 'a', 'a', '"a" is the only member'],
    [
      'one of five, of which two are dead',
      'a b c d e',
      'e',
      'abe',
      '3 must live, and 2 do: "c", "d" does not',
    ],
  ])('never %s', (_, members, leaving, living, why) => {
    expect(
      keptFromLeaving(
        members.split(' ').map((one) => member(one)),
        place(leaving),
        new Set(living),
      ),
    ).toContain(why);
  });

  it('a learner does not vote', () => {
    const members = [member('a'), member('b'), member('c', { learner: true })];

    expect(keptFromLeaving(members, place('b'), new Set('ab'))).toBeUndefined();
    expect(keptFromLeaving(members, place('a'), new Set('ac'))).toContain('has 1 members');
  });

  it('one that never came is known by its address', () => {
    const members = [member('a'), member('b', { name: '' })];

    expect(keptFromLeaving(members, place('b'), new Set('a'))).toBeUndefined();
  });
});
