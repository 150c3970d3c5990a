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
