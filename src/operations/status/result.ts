/**
 * What `walvault status` found: every output is made from this alone. docs/reference/status.schema.json publishes its
 * shape. Undefined means: not known, or there is none; a finding says which where it matters.
 */
import type { NamedRange } from '../../postgres/wal/segment-range.ts';
import type { DescribedAnomaly } from '../../repository/format/notes/anomaly.ts';
import type { AgentFacts, DiskFacts } from './facts.ts';
import type { Growth } from './growth.ts';
import type { Finding, Level } from './level.ts';
import type { RecoverableWindow } from './recoverable.ts';

export interface Status {
  readonly cluster: string;
  readonly at: Date;
  readonly level: Level;
  /** The most urgent first. */
  readonly findings: readonly Finding[];
  readonly limits: { readonly maxLagMs: number; readonly backupIntervalMs: number | undefined };
  readonly repositories: readonly RepositoryStatus[];
  readonly server: ServerStatus | undefined;
  readonly walDirectory: WalDirectoryStatus;
  readonly agent: AgentFacts | undefined;
}

export interface RepositoryStatus {
  readonly name: string;
  readonly url: string;
  readonly required: boolean;
  readonly level: Level;
  readonly isReadable: boolean;
  /** The system that this is about: the server's, else the one that archived last. Undefined: nothing is archived. */
  readonly systemId: bigint | undefined;
  readonly otherSystems: readonly bigint[];
  readonly timeline: number | undefined;
  /** Other branches that a restore may follow. */
  readonly otherTimelines: readonly number[];
  readonly newest: RecoverablePoint | undefined;
  readonly oldest: RecoverablePoint | undefined;
  readonly lag: Lag;
  /** The newest, at most a thousand; oldest first. */
  readonly windows: readonly WindowStatus[];
  readonly windowCount: number;
  readonly gaps: readonly GapStatus[];
  readonly backups: BackupsStatus;
  readonly stored: { readonly walBytes: number; readonly backupBytes: number } | undefined;
  readonly growth: Growth | undefined;
  readonly pricePerGib: number | undefined;
  readonly costPerMonth: number | undefined;
  readonly disk: (DiskFacts & { readonly fullAt: Date | undefined }) | undefined;
  readonly passedOver: number;
  /** Restores that hold a backup and its WAL against cleanups, the oldest first, at most a hundred. */
  readonly restores: readonly RestoreStatus[];
  readonly verified: {
    readonly last: VerificationStatus | undefined;
    /** The last one that found no damage. */
    readonly lastSound: VerificationStatus | undefined;
  };
}

export interface RestoreStatus {
  readonly backup: string;
  /** `thawing`, `unpacking`, `replaying`. */
  readonly stage: string;
  readonly host: string;
  readonly user: string;
  readonly directory: string;
  /** The recovery target in words. */
  readonly target: string;
  readonly startTime: Date;
  readonly doneBytes: number;
  /** 0: not known. */
  readonly totalBytes: number;
  readonly heldUntil: Date;
}

export interface VerificationStatus {
  readonly at: Date;
  /** `continuity`, `stored`, `decoded`. */
  readonly depth: string;
  readonly damaged: number;
}

/** A recoverable window, with LSNs in PostgreSQL's notation. */
export interface WindowStatus extends Omit<RecoverableWindow, 'fromLsn' | 'toLsn'> {
  readonly fromLsn: string;
  readonly toLsn: string;
}

export interface RecoverablePoint {
  readonly timeline: number;
  /** In PostgreSQL's notation, and as bytes since the beginning of all WAL. */
  readonly lsn: string;
  readonly positionBytes: number;
  /** Of the oldest point: when its backup ended. Of the newest: when its last segment reached the store. */
  readonly time: Date | undefined;
}

export interface Lag {
  /** What the server has written and the archive has not; undefined: the server was not asked. */
  readonly bytes: number | undefined;
  /** How old that may be at most; 0 if there is none. Without the server: how long ago the last segment arrived. */
  readonly ms: number | undefined;
}

export interface GapStatus extends NamedRange {
  readonly timeline: number;
  /** What shows that the WAL existed. */
  readonly shownBy: string;
  readonly isAcknowledged: boolean;
  /** The first backup from which recovery is possible again. */
  readonly beyond: string | undefined;
}

export interface BackupsStatus {
  readonly count: number;
  readonly restorableCount: number;
  readonly newest: NewestBackup | undefined;
  /** When the next one is due, by `status.backup-interval`. */
  readonly dueAt: Date | undefined;
  readonly isOverdue: boolean;
  readonly unfinished: readonly { readonly id: string; readonly lastSignAt: Date }[];
}

export interface NewestBackup {
  readonly id: string;
  readonly startTime: Date;
  readonly stopTime: Date;
  readonly sizeBytes: number;
  readonly storedBytes: number;
  readonly damagedPages: number;
  readonly isRestorable: boolean;
  readonly anomalies: readonly DescribedAnomaly[];
}

export interface ServerStatus {
  readonly systemId: bigint;
  readonly isStandby: boolean;
  readonly timeline: number;
  readonly lsn: string;
  readonly positionBytes: number;
  readonly archiveMode: string;
  readonly archivedCount: number;
  readonly failedCount: number;
  readonly lastArchivedWal: string | undefined;
  readonly lastArchivedAt: Date | undefined;
  readonly lastFailedWal: string | undefined;
  readonly lastFailedAt: Date | undefined;
  /** True: nothing was archived since the last failure. */
  readonly isFailing: boolean;
}

export interface WalDirectoryStatus {
  /** Segments that wait to be archived. */
  readonly readySegments: number | undefined;
  readonly readyBytes: number | undefined;
  readonly disk: DiskFacts | undefined;
  /** Plain bytes of WAL on a day, at the pace of yesterday and today. */
  readonly bytesPerDay: number | undefined;
  /** When it would be full, if nothing were archived from now on. */
  readonly fullAt: Date | undefined;
}
