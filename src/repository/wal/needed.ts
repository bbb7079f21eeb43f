/** The WAL that a backup needs, computed once for backup, copy, list and cleanup. Pure. */
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupRecord } from '../format/backup-record.ts';

/**
 * The segments an archive must have to make a backup consistent, in the order of recovery. The segment at a
 * switchpoint is the child's: the child's copy begins with the parent's pages, and of the parent's copy only a
 * `.partial` may ever be archived.
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
