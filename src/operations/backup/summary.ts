/** What of a record people want to see at a glance. */
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { describeSegments, neededSegments } from './wal/wal-ranges.ts';

/** Bytes it takes in one repository, its WAL apart. */
export function storedBytesOf({ manifest, parts }: BackupRecord): number {
  return parts.reduce((total, part) => total + part.storedSizeBytes, manifest.storedSizeBytes);
}

/** `000000010000000000000002..000000010000000000000003` */
export function describeRanges({ walRanges, segmentSizeBytes }: BackupRecord): string {
  return describeSegments(neededSegments(walRanges, segmentSizeBytes), segmentSizeBytes);
}
