/** What of a record people want to see at a glance. */
import { storedBytesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import { describeSegments, neededSegments } from './wal/wal-ranges.ts';

export interface BackupSummary {
  /** Bytes the backup takes in one repository, its WAL apart. */
  readonly storedBytes: number;
  /** `000000010000000000000002..000000010000000000000003` */
  readonly walSegments: string;
}

export function summarise(record: BackupRecord): BackupSummary {
  const { walRanges, segmentSizeBytes } = record;
  return {
    storedBytes: storedBytesOf(record),
    walSegments: describeSegments(neededSegments(walRanges, segmentSizeBytes), segmentSizeBytes),
  };
}
