/** The few facts of a backup record that people want to see first. */
import { nameRange } from '../../postgres/wal/segment-range.ts';
import { storedBytesOf, type BackupRecord } from '../../repository/format/backup-record.ts';
import { neededSegments } from '../../repository/wal/needed.ts';

export interface BackupSummary {
  /** Bytes that the backup takes in one repository, without its WAL. */
  readonly storedBytes: number;
  /** The WAL that the backup needs, for each timeline: `000000010000000000000002`, or `first..last`. */
  readonly walSegments: string;
}

export function summariseBackup(record: BackupRecord): BackupSummary {
  const ranges = neededSegments(record).map(range => {
    const { firstSegment, lastSegment } = nameRange(range, record.geometry);
    return firstSegment === lastSegment ? firstSegment : `${firstSegment}..${lastSegment}`;
  });
  return { storedBytes: storedBytesOf(record), walSegments: ranges.join(', ') };
}
