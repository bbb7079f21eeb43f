/** What keeps committed backups from being restored, as listings show it: objects and WAL that are missing (P13). */
import { subtract, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { restoredPiecesOf, type BackupRecord } from '../format/backup-record.ts';
import { missingPieces, type BackupDirectory, type MissingPieces } from '../stored-backups.ts';
import { neededSegments } from '../wal/needed.ts';

export interface BackupFaults {
  readonly record: BackupRecord;
  /** Of the objects that a restore reads. */
  readonly pieces: MissingPieces;
  /** Without its name map a backup can be restored. */
  readonly names: MissingPieces;
  /** Of the segments that make it consistent. */
  readonly wal: readonly SegmentRange[];
}

/** @param archived the whole segments of its system */
export function faultsOf(
  record: BackupRecord,
  directory: BackupDirectory | undefined,
  archived: readonly SegmentRange[],
): BackupFaults {
  const sizes = directory?.sizes ?? new Map<string, number>();
  return {
    record,
    pieces: missingPieces(restoredPiecesOf(record), sizes),
    names: missingPieces(record.names === undefined ? [] : [record.names], sizes),
    wal: neededSegments(record).flatMap(range => subtract(range, archived)),
  };
}
