/**
 * Whether a cluster that archives WAL has been without a new backup for longer than `status.backup-interval` says: each
 * recovery then has more and more WAL to replay. Pure.
 */
import { formatDuration } from '../base/units.ts';
import type { CatalogEntry } from '../repository/format/catalog.ts';

export interface BackupRhythm {
  /** Undefined: no backup is expected. */
  readonly intervalMs: number | undefined;
  /** The backups that count. */
  readonly backups: readonly CatalogEntry[];
  /** When the system's first object was written; undefined if that was not noted. */
  readonly firstSeen: Date | undefined;
  /** When its newest WAL reached the store. */
  readonly lastArchivedAt: Date | undefined;
  readonly now: Date;
}

export interface OverdueBackup {
  /** When the newest backup began; undefined: there is none. */
  readonly newestAt: Date | undefined;
  readonly ageMs: number;
  readonly intervalMs: number;
}

const dayMs = 86_400_000;

/** Undefined where nothing is overdue, none is expected, or the system archives nothing any more. */
export function findOverdueBackup(rhythm: BackupRhythm): OverdueBackup | undefined {
  const { intervalMs, backups, firstSeen, lastArchivedAt, now } = rhythm;
  if (intervalMs === undefined || lastArchivedAt === undefined) return undefined;
  if (now.getTime() - lastArchivedAt.getTime() > Math.max(intervalMs, dayMs)) return undefined;
  const newest = newestBackup(backups);
  const newestAt = newest && begunAt(newest);
  const since = newestAt ?? firstSeen;
  if (since === undefined) return undefined;
  const ageMs = now.getTime() - since.getTime();
  // The next backup may take as long as the newest one did: it is expected by then, and not a minute after its turn.
  const tookMs = newest === undefined ? 0 : tookMsOf(newest);
  return ageMs > intervalMs + tookMs ? { newestAt, ageMs, intervalMs } : undefined;
}

/** The backup that began last; of several the last one. */
export function newestBackup(backups: readonly CatalogEntry[]): CatalogEntry | undefined {
  return backups.reduce<CatalogEntry | undefined>(
    (newest, one) => (newest === undefined || begunAt(one) >= begunAt(newest) ? one : newest),
    undefined,
  );
}

/** By the database server's clock; a clock that is ahead does not make a backup younger than its commit. */
export function begunAt({ record, committedAt }: CatalogEntry): Date {
  return record.startTime < committedAt ? record.startTime : committedAt;
}

function tookMsOf(entry: CatalogEntry): number {
  return Math.max(0, entry.committedAt.getTime() - begunAt(entry).getTime());
}

/** One line, without a name in front. */
export function describeOverdue({ newestAt, ageMs, intervalMs }: OverdueBackup): string {
  const expected = `one is expected each ${formatDuration(intervalMs)} (status.backup-interval)`;
  return newestAt === undefined
    ? `WAL has been archived for ${formatDuration(ageMs)} and there is no backup: ${expected}`
    : `WAL is archived and the newest backup began ${formatDuration(ageMs)} ago: ${expected}`;
}

export const overdueHint = 'Run `walvault backup`, and look why cron or the timer did not.';
