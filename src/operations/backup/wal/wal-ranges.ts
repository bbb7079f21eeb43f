/** Which WAL makes a backup consistent. Pure. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { lastSegmentBefore, segmentName, segmentNumberOfLsn } from '../../../postgres/wal/file-name.ts';
import { formatLsn, type Lsn } from '../../../postgres/wal/lsn.ts';
import type { TimelineHistoryEntry } from '../../../postgres/wal/timeline-history.ts';
import type { WalRange } from '../../../repository/format/backup-record.ts';

export interface BackupSpan {
  readonly startTimeline: number;
  readonly startLsn: Lsn;
  readonly stopTimeline: number;
  /** Exclusive. */
  readonly stopLsn: Lsn;
}

/**
 * One range a timeline, in order. `history` is that of the timeline the backup stopped on; it matters only when a
 * standby followed a switch meanwhile (AddWALInfoToBackupManifest in backup_manifest.c).
 * @throws WalvaultError `postgres` when the start does not lie on the way to the stop
 */
export function walRangesOf(span: BackupSpan, history: readonly TimelineHistoryEntry[]): WalRange[] {
  const { startTimeline, startLsn, stopTimeline, stopLsn } = span;
  const ranges: WalRange[] = [];
  let from = startLsn;
  for (const { timeline, switchpoint } of history) {
    if (timeline < startTimeline || timeline >= stopTimeline || switchpoint <= from) continue;
    ranges.push({ timeline, startLsn: from, endLsn: switchpoint });
    from = switchpoint;
  }
  ranges.push({ timeline: stopTimeline, startLsn: from, endLsn: stopLsn });
  if (ranges[0]?.timeline !== startTimeline || from > stopLsn) {
    throw new WalvaultError(
      'postgres',
      `the backup started at ${formatLsn(startLsn)} on timeline ${startTimeline}, which is not on the way to ${formatLsn(stopLsn)} on timeline ${stopTimeline}`,
    );
  }
  return ranges;
}

/** Segments of one timeline, both ends included. */
export interface NeededSegments {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

/**
 * The segments the archive must have. The one a timeline was left in is taken from the child: it begins with the
 * parent's pages, and of the parent's own there may never be more than a `.partial`.
 */
export function neededSegments(ranges: readonly WalRange[], segmentSizeBytes: number): NeededSegments[] {
  return ranges.flatMap(({ timeline, startLsn, endLsn }, index) => {
    const first = segmentNumberOfLsn(startLsn, segmentSizeBytes);
    const isLast = index === ranges.length - 1;
    const last = isLast
      ? lastSegmentBefore(endLsn, segmentSizeBytes)
      : segmentNumberOfLsn(endLsn, segmentSizeBytes) - 1n;
    return last < first ? [] : [{ timeline, first, last }];
  });
}

/** `000000010000000000000002` or `first..last`, for people. */
export function describeSegments(needed: readonly NeededSegments[], segmentSizeBytes: number): string {
  return needed
    .map(({ timeline, first, last }) => {
      const name = segmentName(timeline, first, segmentSizeBytes);
      return first === last ? name : `${name}..${segmentName(timeline, last, segmentSizeBytes)}`;
    })
    .join(', ');
}
