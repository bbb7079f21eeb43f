/** What of a record people want to see at a glance. */
import { nameRange } from '../../postgres/wal/segment-range.ts';
import { storedBytesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import { neededSegments } from '../../repository/wal/needed.ts';

export interface BackupSummary {
  /** Bytes the backup takes in one repository, its WAL apart. */
  readonly storedBytes: number;
  /** The WAL it needs, for each timeline: `000000010000000000000002`, or `first..last`. */
  readonly walSegments: string;
}

export function summariseBackup(record: BackupRecord): BackupSummary {
  const ranges = neededSegments(record).map(range => {
    const { firstSegment, lastSegment } = nameRange(range, record.geometry);
    return firstSegment === lastSegment ? firstSegment : `${firstSegment}..${lastSegment}`;
  });
  return { storedBytes: storedBytesOf(record), walSegments: ranges.join(', ') };
}
