import { describe, expect, it } from 'vitest';
import { openUntil, parseWindow } from '../../functions/bootstrap/window.ts';

describe('a maintenance window', () => {
  // 2026-11-22 is a Sunday.
  it.each([
    ['at its beginning', 'Sun 02:00-04:00 UTC', '2026-11-22T02:00:00Z', '2026-11-22T04:00:00.000Z'],
    ['in it', 'Sun 02:00-04:00 UTC', '2026-11-22T03:59:59Z', '2026-11-22T04:00:00.000Z'],
    ['at its end', 'Sun 02:00-04:00 UTC', '2026-11-22T04:00:00Z', undefined],
    ['before it', 'Sun 02:00-04:00 UTC', '2026-11-22T01:59:59Z', undefined],
    ['on another day', 'Sun 02:00-04:00 UTC', '2026-11-23T03:00:00Z', undefined],
    ['every day', 'Daily 02:00-04:00 UTC', '2026-11-24T03:00:00Z', '2026-11-24T04:00:00.000Z'],
    ['before midnight', 'Sat 23:00-01:00 UTC', '2026-11-21T23:30:00Z', '2026-11-22T01:00:00.000Z'],
    ['after midnight', 'Sat 23:00-01:00 UTC', '2026-11-22T00:30:00Z', '2026-11-22T01:00:00.000Z'],
    ['a day too late', 'Sat 23:00-01:00 UTC', '2026-11-23T00:30:00Z', undefined],
    ['all day long', 'Sun 00:00-00:00 UTC', '2026-11-22T23:59:00Z', '2026-11-23T00:00:00.000Z'],
  ])('%s: %s at %s', (_, window, now, until) => {
    expect(openUntil(parseWindow(window), new Date(now))?.toISOString()).toBe(until);
  });

  it('is refused when it is none', () => {
    expect(() => parseWindow('Sunday')).toThrow('"Sunday" is no maintenance window');
  });
});
