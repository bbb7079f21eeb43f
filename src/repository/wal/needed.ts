/** Which WAL a backup needs: the one answer for backup, copy, list, restore and cleanup. Pure. */
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupRecord } from '../format/backup-record.ts';

/**
 * The segments an archive must have to make a backup consistent, in the order of recovery. The segment in which a
 * timeline was left is the child's: that copy begins with the parent's pages, and of the parent's own there may never
 * be more than a `.partial`.
 */
export function neededSegments({
  walRanges,
  geometry,
}: Pick<BackupRecord, 'walRanges' | 'geometry'>): SegmentRange[] {
  return walRanges.flatMap(({ timeline, startLsn, endLsn }, index) => {
    const isLast = index === walRanges.length - 1;
    const range = {
      timeline,
      first: geometry.segmentOf(startLsn),
      last: isLast ? geometry.lastSegmentBefore(endLsn) : geometry.segmentOf(endLsn) - 1n,
    };
    return range.last < range.first ? [] : [range];
  });
}
