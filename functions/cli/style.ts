/** Colours of a terminal, or none. */

export type Colour = 'blue' | 'bold' | 'cyan' | 'dim' | 'green' | 'magenta' | 'red' | 'yellow';

const CODES: Readonly<Record<Colour, number>> = {
  blue: 34,
  bold: 1,
  cyan: 36,
  dim: 2,
  green: 32,
  magenta: 35,
  red: 31,
  yellow: 33,
};

export type Paint = (colour: Colour, text: string) => string;

export function painter(colour: boolean): Paint {
  return colour ? (name, text) => `\u001b[${CODES[name]}m${text}\u001b[0m` : (_, text) => text;
}

const ESCAPE = '\u001b[';

/** The text without what lies behind that many characters on a screen; its colours end where they did. */
export function cut(text: string, columns: number): string {
  const [plain = '', ...painted] = text.split(ESCAPE);
  const parts = painted.map((part): readonly [code: string, words: string] => {
    const end = part.indexOf('m') + 1;
    return [`${ESCAPE}${part.slice(0, end)}`, part.slice(end)];
  });
  const long = [plain, ...parts.map(([, words]) => words)].join('').length > columns;
  if (!long) return text;
  let room = columns - 1;
  const kept = [['', plain] as const, ...parts].map(([code, words]) => {
    const before = room;
    if (before < 0) return code;
    room -= words.length;
    return `${code}${words.slice(0, before)}${room < 0 ? '…' : ''}`;
  });
  return kept.join('');
}
