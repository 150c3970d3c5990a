/** The maintenance window, such as `Sun 02:00-04:00 UTC` or `Daily 23:00-01:00 UTC`. */

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];
const MINUTE = 60_000;
const DAY = 24 * 60;

export interface Window {
  /** Day of the week on which it opens, Sunday is 0; undefined: every day. */
  readonly day: number | undefined;
  /** Minutes from midnight to its opening. */
  readonly opens: number;
  /** How long it is open, in minutes; over midnight where the end is not after the beginning. */
  readonly minutes: number;
}

/** @throws when the text is no window: the claim's schema lets none in that is not. */
export function parseWindow(text: string): Window {
  const [, name = '', ...times] = /^(Daily|[A-Z][a-z]{2}) (\d\d):(\d\d)-(\d\d):(\d\d) UTC$/.exec(text) ?? [];
  const [hour = NaN, minute = NaN, toHour = NaN, toMinute = NaN] = times.map(Number);
  const opens = hour * 60 + minute;
  const length = toHour * 60 + toMinute - opens;
  const day = DAYS.indexOf(name);
  if (Number.isNaN(length) || (day < 0 && name !== 'Daily'))
    throw new Error(`"${text}" is no maintenance window`);
  return { day: day < 0 ? undefined : day, opens, minutes: length > 0 ? length : length + DAY };
}

/** When the window that is open at a time closes; undefined while none is open. */
export function openUntil(window: Window, now: Date): Date | undefined {
  const midnight = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  // One that opened yesterday may be open still.
  return [midnight - DAY * MINUTE, midnight]
    .filter((day) => window.day === undefined || new Date(day).getUTCDay() === window.day)
    .map((day) => ({ from: day + window.opens * MINUTE, to: day + (window.opens + window.minutes) * MINUTE }))
    .flatMap(({ from, to }) => (from <= now.getTime() && now.getTime() < to ? [new Date(to)] : []))[0];
}
