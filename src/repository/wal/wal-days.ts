/**
 * How much WAL reached a store on each day, as its listing tells: the pace of an archive. The days are the store's, in UTC.
 */
const dayMs = 86_400_000;

/** Days from 1970 to 2200: the times of a directory can be anything. */
const mostDays = 84_000;

export interface WalDay {
  readonly segments: number;
  readonly storedBytes: number;
}

/** By days since 1970. */
export type WalDays = ReadonlyMap<number, WalDay>;

interface Count {
  segments: number;
  storedBytes: number;
}

/** Collects the days of a listing: memory grows with the number of days. */
export class WalDayCounts {
  readonly days = new Map<number, Count>();
  /** Most entries are of the same day as the one before. */
  #day = -1;
  #count: Count | undefined;

  add(modified: Date, storedBytes: number): void {
    const day = dayOf(modified);
    if (day !== this.#day) {
      this.#day = day;
      this.#count = day >= 0 && day < mostDays ? this.#countOf(day) : undefined;
    }
    if (this.#count === undefined) return;
    this.#count.segments++;
    this.#count.storedBytes += storedBytes;
  }

  #countOf(day: number): Count {
    const count = this.days.get(day) ?? { segments: 0, storedBytes: 0 };
    this.days.set(day, count);
    return count;
  }
}

/** The days of several parts of one listing. */
export function sumOfDays(parts: readonly WalDays[]): WalDays {
  const sums = new Map<number, WalDay>();
  for (const days of parts)
    for (const [day, { segments, storedBytes }] of days) {
      const before = sums.get(day);
      sums.set(day, {
        segments: segments + (before?.segments ?? 0),
        storedBytes: storedBytes + (before?.storedBytes ?? 0),
      });
    }
  return sums;
}

export function dayOf(time: Date): number {
  return Math.floor(time.getTime() / dayMs);
}

export function beginOfDay(day: number): Date {
  return new Date(day * dayMs);
}
