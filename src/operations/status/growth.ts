/** How fast an archive grows, and what that means for its disk. Pure. */
import { beginOfDay, dayOf, type WalDays } from '../../repository/wal/wal-days.ts';
import type { BackupFacts, DiskFacts, SystemFacts } from './facts.ts';

export interface Growth {
  readonly walBytesPerDay: number;
  readonly backupBytesPerDay: number;
  /** The days that the rates are taken from, at most seven. */
  readonly observedDays: number;
}

const dayMs = 86_400_000;
const observedDays = 7;
/** Less time tells nothing about a day. */
const shortestMs = 6 * 3_600_000;

/** What is added on an average day, by what is still there. Undefined: the archive is too young to tell. */
export function growthOf({ firstSeen, archive, backups }: SystemFacts, now: Date): Growth | undefined {
  if (archive === undefined) return undefined;
  const from = observedFrom(archive.days, firstSeen, now);
  const observedMs = now.getTime() - from.getTime();
  if (observedMs < shortestMs) return undefined;
  const perDay = (bytes: number) => Math.round((bytes * dayMs) / observedMs);
  return {
    walBytesPerDay: perDay(addedSince(archive.days, from, now).storedBytes),
    backupBytesPerDay: perDay(sum(backups.filter(({ record }) => record.stopTime >= from))),
    observedDays: observedMs / dayMs,
  };
}

/** Plain bytes of WAL that the server writes on a day, at the pace of yesterday and today; undefined: not known. */
export function walPaceOf({ firstSeen, archive }: SystemFacts, now: Date): number | undefined {
  if (archive === undefined) return undefined;
  const yesterday = beginOfDay(dayOf(now) - 1);
  const from = firstSeen !== undefined && firstSeen > yesterday ? firstSeen : yesterday;
  const observedMs = now.getTime() - from.getTime();
  if (observedMs < shortestMs) return undefined;
  const { segments } = addedSince(archive.days, from, now);
  return Math.round((segments * archive.geometry.segmentSizeBytes * dayMs) / observedMs);
}

/** When the disk is full at this rate; undefined: never, or not before a human lifetime is over. */
export function fullAt(
  { freeBytes }: DiskFacts,
  bytesPerDay: number | undefined,
  now: Date,
): Date | undefined {
  if (bytesPerDay === undefined || bytesPerDay <= 0) return undefined;
  const days = freeBytes / bytesPerDay;
  return days > 36_500 ? undefined : new Date(now.getTime() + days * dayMs);
}

/** The first whole day of which everything may still be there, or the moment when the archive began. */
function observedFrom(days: WalDays, firstSeen: Date | undefined, now: Date): Date {
  let oldest = dayOf(now);
  for (const day of days.keys()) if (day < oldest) oldest = day;
  const from = beginOfDay(Math.max(oldest, dayOf(now) - observedDays + 1));
  return firstSeen !== undefined && firstSeen > from ? firstSeen : from;
}

function addedSince(days: WalDays, from: Date, now: Date): { segments: number; storedBytes: number } {
  const added = { segments: 0, storedBytes: 0 };
  for (const [day, { segments, storedBytes }] of days) {
    // A store's clock that is ahead.
    if (day < dayOf(from) || day > dayOf(now) + 1) continue;
    added.segments += segments;
    added.storedBytes += storedBytes;
  }
  return added;
}

function sum(backups: readonly BackupFacts[]): number {
  return backups.reduce((bytes, { storedBytes }) => bytes + storedBytes, 0);
}
