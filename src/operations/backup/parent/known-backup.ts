/** The backups that a new one may be taken against, and the server it is taken of, as plain data. */
import type { Lsn } from '../../../postgres/wal/lsn.ts';
import type { TimelineHistoryEntry } from '../../../postgres/wal/timeline-history.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';

/** A committed backup of the repository. */
export interface KnownBackup extends Pick<
  BackupRecord,
  | 'id'
  | 'type'
  | 'parent'
  | 'systemId'
  | 'timeline'
  | 'startLsn'
  | 'stopLsn'
  | 'walRanges'
  | 'startTime'
  | 'dataChecksums'
> {
  readonly blockSizeBytes: number;
  /** True if a note announces its removal. */
  readonly isExpiring: boolean;
  /** True if this host's secret opens what it has to read of it. */
  readonly isReadable: boolean;
  /** The bytes of data that it stores itself, before compression: of a full backup all of them. */
  readonly ownBytes: number;
}

export interface ParentServer {
  readonly systemId: bigint;
  readonly timeline: number;
  /** The history of `timeline`. */
  readonly history: readonly TimelineHistoryEntry[];
  /** The start of the new backup, or where the server's WAL ends before it. */
  readonly lsn: Lsn;
  readonly dataChecksums: boolean;
  readonly blockSizeBytes: number;
  /** By the server's clock. */
  readonly now: Date;
}
