/** The result of `walvault list`. `docs/reference/json.md` publishes these shapes. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { NamedRange } from '../../postgres/wal/segment-range.ts';
import type { TierCounts } from '../../repository/cold-objects.ts';
import type { CatalogEntry, UnreadableEntry } from '../../repository/format/catalog.ts';
import type { DescribedAnomaly } from '../../repository/format/notes/anomaly.ts';
import type { Pin } from '../../repository/format/notes/pin.ts';
import type { NotedRestorePoint } from '../../repository/format/notes/restore-point.ts';
import type { PassedOver } from '../../repository/passed-over.ts';
import type { MissingPieces } from '../../repository/stored-backups.ts';
import type { WalRun } from '../../repository/wal/listing.ts';
import type { Restorable } from '../restore/restorable.ts';
import type { TimelineListing } from './timelines.ts';
import type { VerifiedBackup } from './verified.ts';

export interface RepositoryListing {
  readonly name: string;
  readonly url: string;
  readonly required: boolean;
  /** What a best-effort repository lacks. Undefined for a required repository, or if no comparison is possible. */
  readonly backlog: Backlog | undefined;
  readonly systems: readonly SystemListing[];
  /** Systems that went on archiving beside a later one: two servers have one configuration. */
  readonly sideBySide: readonly bigint[];
  /** The same in words. */
  readonly sideBySideProblem: string | undefined;
  /** Why the repository could not be read; then `systems` may be incomplete. */
  readonly problem: Error | undefined;
}

export interface SystemListing {
  readonly systemId: bigint;
  readonly postgresMajor: number | undefined;
  /** When its first object was written; undefined if that was not noted. */
  readonly firstSeen: Date | undefined;
  readonly geometry: WalGeometry | undefined;
  /** The objects that decide nothing: they cannot be read, or no trusted signer signed them. */
  readonly passedOver: { readonly count: number; readonly first: readonly PassedOver[] };
  /** Undefined if only WAL is listed. */
  readonly backups: readonly ListedBackup[] | undefined;
  readonly unreadable: UnreadableRecords | undefined;
  /** WAL is archived and a backup is overdue, in words; undefined also if only backups or only WAL are listed. */
  readonly overdue: string | undefined;
  /** Undefined if only backups or restore points are listed. */
  readonly timelines: readonly TimelineListing[] | undefined;
  readonly runs: readonly WalRun[] | undefined;
  /** Undefined unless they were asked for. */
  readonly restorePoints: readonly ListedRestorePoint[] | undefined;
}

export interface ListedRestorePoint extends Omit<NotedRestorePoint, 'lsn'> {
  /** In PostgreSQL's notation. */
  readonly lsn: string;
  readonly restorable: Restorable;
  /** How many restore points of the system have this name: recovery stops at the first one that it meets. */
  readonly sameNameCount: number;
}

/** Commit records that cannot be used. */
export interface UnreadableRecords {
  readonly count: number;
  /** No more than a hundred. */
  readonly first: readonly UnreadableEntry[];
}

export interface ListedBackup extends CatalogEntry {
  /** In PostgreSQL's notation: `0/16B3740`. */
  readonly startLsn: string;
  readonly stopLsn: string;
  /** The first and last of the segments that make the backup consistent. */
  readonly startSegment: string;
  readonly stopSegment: string;
  readonly storedBytes: number;
  /** Plain bytes for each stored one; undefined where nothing is stored. */
  readonly ratio: number | undefined;
  readonly durationMs: number;
  /** The pins that count now. */
  readonly pins: readonly Pin[];
  /** What falls out of the history of its cluster. */
  /** What `verify` has read of it and found sound; undefined: nothing. */
  readonly verified: VerifiedBackup | undefined;
  readonly anomalies: readonly DescribedAnomaly[];
  readonly isEncrypted: boolean;
  /** Its parts and its manifest that are not there as recorded. */
  readonly missingObjects: MissingPieces;
  /** The first of them in words. */
  readonly whyNotWhole: string | undefined;
  /** The WAL that makes it consistent and is not archived. */
  readonly missingWal: readonly NamedRange[];
  /** The number of its objects in archive tiers, by tier. */
  readonly cold: TierCounts;
}

export interface Backlog {
  /** Names of the required repositories in the comparison. */
  readonly comparedWith: readonly string[];
  /** Only the systems that lack an object. */
  readonly systems: readonly SystemBacklog[];
}

export interface SystemBacklog {
  readonly systemId: bigint;
  /** Ids of committed backups. */
  readonly backups: readonly string[];
  readonly wal: readonly NamedRange[];
  /** The timelines whose history is missing. */
  readonly histories: readonly number[];
}
