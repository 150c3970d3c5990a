import { describe, expect, it } from 'vitest';
import { cut } from '../../functions/cli/style.ts';

const RED = '\u001b[31m';
const END = '\u001b[0m';

describe('cut', () => {
  const cases: Record<string, { reason: string; text: string; columns: number; want: string }> = {
    'as long as the line': { reason: 'it fits', text: 'abcde', columns: 5, want: 'abcde' },
    'one longer': { reason: 'the mark takes a place too', text: 'abcdef', columns: 5, want: 'abcd…' },
    painted: {
      reason: 'codes take no place',
      text: `a${RED}bcd${END}e`,
      columns: 5,
      want: `a${RED}bcd${END}e`,
    },
    'cut within a colour': {
      reason: 'the colour still ends',
      text: `a${RED}bcdef${END}g`,
      columns: 4,
      want: `a${RED}bc…${END}`,
    },
    'cut where a colour begins': {
      reason: 'one mark, not two',
      text: `abc${RED}def${END}g`,
      columns: 4,
      want: `abc${RED}…${END}`,
    },
  };
  for (const [name, { reason, text, columns, want }] of Object.entries(cases)) {
    it(`${name}: ${reason}`, () => {
      expect(cut(text, columns)).toBe(want);
    });
  }
});
