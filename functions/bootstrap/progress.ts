/** What the program says while it works: a line for each step on a terminal, JSON lines elsewhere. */
import { cut, painter } from '../cli/style.ts';

export interface Event {
  readonly node: string;
  readonly step: string;
  /** `waiting` says in its cause what is waited for, whenever that is something else. */
  readonly state: 'begun' | 'waiting' | 'done' | 'failed';
  readonly seconds?: number;
  readonly cause?: string | undefined;
  readonly hint?: string | undefined;
  readonly log?: readonly string[];
}

export type Progress = (event: Event) => void;

interface Sink {
  write(text: string): void;
  readonly isTerminal: boolean;
  /** Characters in a line. */
  readonly columns: number;
}

/** @param colour whether the terminal takes colours. */
export function progressOn(sink: Sink, colour: boolean, now: () => Date): Progress {
  return sink.isTerminal
    ? (event) => {
        sink.write(forTerminal(event, colour, sink.columns));
      }
    : (event) => {
        sink.write(`${JSON.stringify({ time: now().toISOString(), ...event })}\n`);
      };
}

/** A step that has begun is written over when it ends. */
function forTerminal(
  { node, step, state, seconds = 0, cause, hint, log = [] }: Event,
  colour: boolean,
  columns: number,
): string {
  const paint = painter(colour);
  const what = `${node}  ${step}`;
  const time = paint('dim', `${seconds.toFixed(1)} s`);
  switch (state) {
    case 'begun':
      return `\r\u001b[K${paint('cyan', '·')} ${what}`;
    case 'waiting':
      // In one line of the screen, or it could not be written over.
      return `\r\u001b[K${cut(`${paint('cyan', '·')} ${what}  ${paint('dim', cause ?? '')}`, columns)}`;
    case 'done':
      return `\r\u001b[K${paint('green', '✓')} ${what}  ${time}\n`;
    case 'failed':
      return [
        `\r\u001b[K${paint('red', '✗')} ${what}  ${time}`,
        ...log.map((line) => `    ${paint('dim', line)}`),
        `  ${cause ?? ''}`,
        ...(hint === undefined ? [] : [`  ${hint}`]),
        '',
      ].join('\n');
  }
}
