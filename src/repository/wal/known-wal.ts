/**
 * The WAL that surely was archived once, whether it still is or not: it tells a lost tail from the end of the archive.
 * Pure.
 *
 * PostgreSQL archives a timeline in order, so WAL that once existed also shows that all WAL before it on its timeline
 * did. Where no signature is required, anybody's sign counts: a false one only refuses a recovery, and `walvault gap ack`
 * lets it pass; one that is ignored cuts a recovery short.
 */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentPosition, SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { TimelineHistoryEntry } from '../../postgres/wal/timeline-history.ts';
import type { BackupRecord } from '../format/backup-record.ts';
import type { HighWater } from '../format/notes/high-water.ts';
import { neededSegments } from './needed.ts';

export interface KnownWal extends SegmentRange {
  readonly sign: 'backup' | 'high-water' | 'history' | 'given-up' | 'removed';
  /** What shows that it existed, as a sentence without its full stop. */
  readonly shownBy: string;
}

/** The WAL that committed backups needed: a backup commits only when all of it is archived (P4). */
export function knownFromBackups(records: readonly BackupRecord[]): KnownWal[] {
  return records.flatMap(record =>
    neededSegments(record).map(range => ({
      ...range,
      sign: 'backup' as const,
      shownBy: `backup ${record.id} was taken with WAL up to ${record.geometry.nameOf(range.timeline, range.last)}`,
    })),
  );
}

export function knownFromHighWater(notes: readonly HighWater[], geometry: WalGeometry): KnownWal[] {
  return notes.map(({ timeline, segment, notedAt }) => ({
    timeline,
    first: segment,
    last: segment,
    sign: 'high-water',
    shownBy: `${geometry.nameOf(timeline, segment)} was archived, as noted ${notedAt.toISOString()}`,
  }));
}

/** The WAL of ancestors up to the segments in which their children left them. */
export function knownFromHistories(
  histories: Iterable<readonly [timeline: number, history: readonly TimelineHistoryEntry[]]>,
  geometry: WalGeometry,
): KnownWal[] {
  return [...histories].flatMap(([child, history]) =>
    history.flatMap(({ timeline, switchpoint }, index) => {
      // A child may have left its parent before the parent itself began: the parent has no WAL there.
      const begin = history[index - 1]?.switchpoint ?? 0n;
      const last = geometry.segmentOf(switchpoint) - 1n;
      if (switchpoint <= begin || last < geometry.segmentOf(begin)) return [];
      const shownBy = `timeline ${child} left timeline ${timeline} in a later segment`;
      return [{ timeline, first: last, last, sign: 'history' as const, shownBy }];
    }),
  );
}

/** What shows that the segment existed: the sign that reaches farthest, if any reaches it. */
export function whatShows(
  { timeline, segment }: SegmentPosition,
  known: readonly KnownWal[],
): KnownWal | undefined {
  return known
    .filter(range => range.timeline === timeline && range.last >= segment)
    .reduce<KnownWal | undefined>(
      (far, one) => (far === undefined || one.last > far.last ? one : far),
      undefined,
    );
}
