/** Events of `backup`. Paths count from the data directory. */
import type { PlainError } from '../../base/errors/plain-error.ts';

export type BackupEvent =
  | {
      readonly kind: 'checkpoint-awaited';
      readonly backup: string;
      readonly isFast: boolean;
      /** How long PostgreSQL spreads the checkpoint. */
      readonly mayTakeMs: number;
    }
  | {
      readonly kind: 'wal-awaited';
      readonly repository: string;
      readonly file: string;
      readonly condition: string;
    }
  /** The primary of the standby could not be told to end the segment in which the backup stopped. */
  | { readonly kind: 'primary-not-told'; readonly failure: PlainError }
  | { readonly kind: 'file-vanished'; readonly path: string }
  | { readonly kind: 'link-left-out'; readonly path: string }
  /** The link leads to data of PostgreSQL's, which the backup has. */
  | { readonly kind: 'link-followed'; readonly path: string; readonly location: string }
  | { readonly kind: 'configuration-file-left-out'; readonly path: string; readonly problem: string }
  /** The user may not see where they are. */
  | { readonly kind: 'configuration-files-unknown' }
  | { readonly kind: 'page-damaged'; readonly path: string; readonly page: number }
  /** No further damaged page has an event. */
  | { readonly kind: 'damaged-pages-only-counted'; readonly namedCount: number }
  /** They are in the name map without their relations. */
  | {
      readonly kind: 'databases-not-named';
      readonly count: number;
      /** The first of them. */
      readonly databases: readonly { readonly database: string; readonly problem: string }[];
    }
  /** Another type was asked for, or the settings leave the choice to walvault. */
  | { readonly kind: 'full-backup-chosen'; readonly reason: string }
  | { readonly kind: 'incremental-backup-chosen'; readonly parent: string; readonly reason: string }
  /** The backup reads everything, and compares digests. */
  | { readonly kind: 'wal-summaries-not-used'; readonly backup: string; readonly reason: string }
  | { readonly kind: 'wal-summaries-awaited'; readonly backup: string }
  | {
      readonly kind: 'wal-summaries-used';
      readonly backup: string;
      readonly summaryCount: number;
      /** Everything is read, too, and compared with them. */
      readonly isAudit: boolean;
    }
  /** Changed, and not named by the WAL summaries that cover its LSN. The backup has it. */
  | {
      readonly kind: 'page-not-in-summaries';
      readonly path: string;
      readonly page: number;
      readonly lsn: string;
    }
  | {
      readonly kind: 'wal-summaries-distrusted';
      readonly backup: string;
      readonly missedPages: number;
      /** The backups since the full one that relied on summaries. */
      readonly doubtful: readonly string[];
    }
  /** A full backup is taken in place of an incremental one. */
  | { readonly kind: 'parent-not-readable'; readonly parent: string; readonly failure: PlainError }
  | { readonly kind: 'piece-made-again'; readonly failure: PlainError }
  | { readonly kind: 'repository-left-out'; readonly repository: string; readonly failure: PlainError }
  | {
      readonly kind: 'wal-lost-since-backup';
      readonly repository: string;
      readonly firstSegment: string;
      readonly lastSegment: string;
      readonly segmentCount: number;
      /** The last backup before the gap; undefined: there is none. */
      readonly previousBackup: string | undefined;
      readonly description: string;
    }
  | { readonly kind: 'wal-losses-unknown'; readonly failure: PlainError }
  /** The backup exists, and something of it falls out of the history of its cluster. */
  | {
      readonly kind: 'backup-anomaly';
      readonly backup: string;
      readonly descriptions: readonly string[];
      readonly hint: string;
    }
  | { readonly kind: 'anomalies-not-noted'; readonly backup: string; readonly failure: PlainError }
  | { readonly kind: 'backup-not-completed'; readonly backup: string }
  /** Its finished parts stay, for the next run to go on from. */
  | {
      readonly kind: 'backup-interrupted';
      readonly backup: string;
      readonly partCount: number;
      readonly storedSizeBytes: number;
    }
  /** It goes on with an interrupted one. */
  | {
      readonly kind: 'backup-resumed';
      readonly backup: string;
      readonly attempt: number;
      readonly partCount: number;
      readonly storedSizeBytes: number;
    }
  | {
      readonly kind: 'interrupted-backup-passed-over';
      readonly backup: string;
      readonly reason: string;
    }
  | { readonly kind: 'interrupted-backups-unknown'; readonly failure: PlainError }
  | { readonly kind: 'host-secret-missing' }
  | { readonly kind: 'host-secret-unusable'; readonly failure: PlainError }
  | { readonly kind: 'part-index-not-stored'; readonly failure: PlainError }
  /** It failed while its commit records were being written. */
  | {
      readonly kind: 'backup-half-committed';
      readonly backup: string;
      readonly repositories: readonly string[];
    }
  | {
      readonly kind: 'backup-pieces-left';
      readonly repository: string;
      readonly backup: string;
      readonly failure: PlainError;
    };
