/** The hours, days, weeks, months and years of a time zone, and which of them an instant is in. Pure. */
import { clockOf } from '../../../base/time/time-zone.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';

export type PeriodKind = 'hour' | 'day' | 'week' | 'month' | 'year';

export interface Period {
  /** Periods of one kind are ordered by it, and equal if it is equal. */
  readonly order: number;
  /** For people: `2026-11-30`, `2026-11`. */
  readonly name: string;
}

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

/**
 * Gives the period of an instant, by the zone's calendar: a day is 23 or 25 hours long where the clocks change, and the hour
 * that they show twice is two.
 * @throws WalvaultError `usage` for a zone that does not exist
 */
export function periodsOf(kind: PeriodKind, timeZone: string): (instantMs: number) => Period {
  const clock = clockOf(timeZone);
  if (clock === undefined)
    throw new WalvaultError('usage', `"${timeZone}" is no time zone`, {
      hint: 'Write it like Europe/Berlin, or UTC.',
    });
  return instantMs => periods[kind](clock(instantMs), instantMs);
}

/** `shownMs`: what the clocks show, as if they showed UTC. */
type PeriodOf = (shownMs: number, instantMs: number) => Period;

const periods: Record<PeriodKind, PeriodOf> = {
  hour: (shownMs, instantMs) => ({
    // What the clocks show is not unique: the instant at which this hour began is.
    order: Math.floor(instantMs / 1000) * 1000 - modulo(shownMs, hourMs),
    name: `${isoDate(shownMs)} ${new Date(shownMs).toISOString().slice(11, 13)}:00`,
  }),
  day: shownMs => ({ order: Math.floor(shownMs / dayMs), name: isoDate(shownMs) }),
  week: shownMs => {
    // The first day of 1970 was a Thursday, and ISO 8601 begins a week on Monday.
    const order = Math.floor((Math.floor(shownMs / dayMs) + 3) / 7);
    return { order, name: `of ${isoDate((order * 7 - 3) * dayMs)}` };
  },
  month: shownMs => {
    const date = new Date(shownMs);
    return {
      order: date.getUTCFullYear() * 12 + date.getUTCMonth(),
      name: date.toISOString().slice(0, 7),
    };
  },
  year: shownMs => {
    const order = new Date(shownMs).getUTCFullYear();
    return { order, name: String(order) };
  },
};

function isoDate(shownMs: number): string {
  return new Date(shownMs).toISOString().slice(0, 10);
}

function modulo(value: number, divisor: number): number {
  return ((value % divisor) + divisor) % divisor;
}
