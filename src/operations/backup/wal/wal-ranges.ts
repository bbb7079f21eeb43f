/** The ranges of WAL that make a backup consistent. Pure. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { formatLsn, type Lsn } from '../../../postgres/wal/lsn.ts';
import type { TimelineHistoryEntry } from '../../../postgres/wal/timeline-history.ts';
import type { WalRange } from '../../../repository/format/backup-record.ts';

export interface BackupSpan {
  readonly startTimeline: number;
  readonly startLsn: Lsn;
  readonly stopTimeline: number;
  /** The end of the backup, exclusive. */
  readonly stopLsn: Lsn;
}

/**
 * One range for each timeline, in order. `history` belongs to the timeline on which the backup stopped; it matters
 * only when a standby followed a timeline switch during the backup (AddWALInfoToBackupManifest in backup_manifest.c).
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
