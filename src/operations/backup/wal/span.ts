/**
 * The span of a backup from start to stop, read from the label that the server wrote and the histories in its
 * `pg_wal`.
 */
import { join } from 'node:path';
import { WalvaultError } from '../../../base/errors/errors.ts';
import { parseBackupLabel, type BackupLabel } from '../../../postgres/cluster/backup-label.ts';
import { readLocalHistory } from '../../../postgres/cluster/local-histories.ts';
import type { StoppedBackup } from '../../../postgres/server/backup-control.ts';
import { historyFileName } from '../../../postgres/wal/file-name.ts';
import { timelineOfLsn, type TimelineHistoryEntry } from '../../../postgres/wal/timeline-history.ts';
import type { WalRange } from '../../../repository/format/backup-record.ts';
import { walRangesOf } from './wal-ranges.ts';

export interface Span {
  /** The label as the server wrote it. On a standby the label, not the start, says where recovery begins. */
  readonly label: BackupLabel;
  readonly ranges: readonly WalRange[];
}

/**
 * Works out the span.
 * @throws WalvaultError `postgres` when the start is not on the way to the stop, `local-io` without the history
 */
export function spanOf(stopped: StoppedBackup, dataDirectory: string): Span {
  const label = parseBackupLabel(stopped.labelFile);
  const { startTimeline, startLsn } = label;
  const { stopLsn } = stopped;
  const history =
    stopped.stopTimeline === startTimeline ? [] : requireHistory(dataDirectory, stopped.stopTimeline);
  // The standby may have changed its timeline between the stop of the backup and the query for its timeline.
  const stopTimeline = timelineOfLsn(history, stopped.stopTimeline, stopLsn - 1n);
  return { label, ranges: walRangesOf({ startTimeline, startLsn, stopTimeline, stopLsn }, history) };
}

function requireHistory(dataDirectory: string, timeline: number): TimelineHistoryEntry[] {
  const walDirectory = join(dataDirectory, 'pg_wal');
  const history = readLocalHistory(walDirectory, timeline);
  if (history !== undefined) return history;
  throw new WalvaultError('local-io', `${historyFileName(timeline)} is not in ${walDirectory}`);
}
