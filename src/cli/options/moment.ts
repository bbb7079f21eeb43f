/** Options that take a moment: a day, a time with its zone, or a duration from now. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { parseDuration } from '../../base/units.ts';
import { parseTargetTime } from '../../operations/restore/target-time.ts';

export interface MomentMeaning {
  readonly now: Date;
  /** A day in UTC stands for its first moment, or for its end. */
  readonly day: 'begin' | 'end';
  /** `7d` is so long ago, or so long from now. */
  readonly duration: 'ago' | 'ahead';
}

const dayMs = 86_400_000;

/** @throws WalvaultError `usage` */
export function parseMoment(text: string, { now, day, duration }: MomentMeaning): Date {
  const trimmed = text.trim();
  if (/^\d{4}-\d{2}-\d{2}$/.test(trimmed)) {
    const begin = new Date(`${trimmed}T00:00:00Z`);
    if (Number.isNaN(begin.getTime()) || !begin.toISOString().startsWith(trimmed)) throw noMoment(text);
    return day === 'begin' ? begin : new Date(begin.getTime() + dayMs);
  }
  if (/^\d{4}-/.test(trimmed)) return new Date(Number(parseTargetTime(trimmed) / 1000n));
  const moment = new Date(now.getTime() + (duration === 'ago' ? -1 : 1) * durationOf(text));
  if (Number.isNaN(moment.getTime())) throw noMoment(text);
  return moment;
}

function durationOf(text: string): number {
  try {
    return parseDuration(text);
  } catch {
    throw noMoment(text);
  }
}

function noMoment(text: string): WalvaultError {
  return new WalvaultError('usage', `"${text}" is not a time`, {
    hint: 'Write a day in UTC, such as 2026-11-22, a time with its zone, such as "2026-11-22 10:00:00+00", or a duration, such as 90d.',
  });
}
