/** The input of retention: all objects that one repository holds of one PostgreSQL system, as listed. */
import type { RetentionPolicy } from '../../config/index.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { SignaturePolicy } from '../../repository/encoding/signature-policy.ts';
import type { UnreadableEntry } from '../../repository/format/catalog.ts';
import type { ParentClaim } from '../../repository/format/claim.ts';
import type { RestoreInProgress } from '../../repository/restores-in-progress.ts';
import { backupInProgressMs } from '../../repository/stored-backups.ts';
import type { StoredBackup } from '../../repository/trust.ts';
import type { WalStretch } from '../../repository/wal/listing.ts';
import type { TimelineTree } from '../../repository/wal/timelines.ts';

export interface SystemState {
  readonly systemId: bigint;
  /** Undefined if neither `cluster.json` nor a backup has it: then names have no positions, and no WAL is removed. */
  readonly geometry: WalGeometry | undefined;
  readonly backups: readonly KnownBackup[];
  readonly unreadable: readonly (UnreadableEntry & Claimed & Stored)[];
  /** The backup directories without a commit record. */
  readonly unfinished: readonly UnfinishedBackup[];
  readonly tree: TimelineTree;
  /** When each history file reached the store. */
  readonly historyTimes: ReadonlyMap<number, Date>;
  /** The timelines whose archived history cannot be read, each with what is wrong with it. */
  readonly unusable: ReadonlyMap<number, string>;
  /** Ranges of positions that hold any WAL object, in the order of timeline and position. */
  readonly wal: readonly WalStretch[];
  /** Ranges of whole segments, in the same order. */
  readonly segments: readonly SegmentRange[];
  /** Keys of notes that say nothing more: those that newer ones replace, and claims of restores of long ago. */
  readonly outdatedNotes: readonly string[];
  /** The restores that hold their backup and its WAL. */
  readonly restores: readonly RestoreInProgress[];
  /** Ids of backups that a pin note protects. */
  readonly pinned: ReadonlySet<string>;
  /** Ids of backups whose removal an earlier cleanup announced. */
  readonly expiring: ReadonlySet<string>;
}

export interface Stored {
  readonly objectCount: number;
  readonly storedBytes: number;
}

export interface Claimed {
  readonly claim: ParentClaim;
}

export interface KnownBackup extends StoredBackup, Stored {}

export interface UnfinishedBackup extends Claimed, Stored {
  readonly id: string;
  /** When its newest object reached the store: a backup in progress keeps this time recent. */
  readonly lastModified: Date;
  /** When its oldest object, the claim, reached the store. */
  readonly firstModified: Date;
}

export interface PlanInput {
  readonly state: SystemState;
  readonly policy: RetentionPolicy;
  readonly now: Date;
  /** The rule for the signatures of records that count. */
  readonly trust: SignaturePolicy;
  /** Remove a system that is no longer in use, with its last backup. Pinned backups and backups in progress stay. */
  readonly isRetired?: boolean;
  readonly limits?: Partial<RetentionLimits>;
}

export interface RetentionLimits {
  /** A claim without a commit record protects its backup, parent and WAL for this long after the last object. */
  readonly inProgressMs: number;
  /** A timeline that received WAL past its last switchpoint within this time is in use. */
  readonly liveTimelineMs: number;
  /** The largest difference between the clocks of the database server, this host and the store. */
  readonly clockSkewMs: number;
  /** The longest time between a backup's end and its commit for an unsigned record: the backup waits for its WAL. */
  readonly commitDelayMs: number;
}

const hourMs = 3_600_000;

export const defaultLimits: RetentionLimits = {
  inProgressMs: backupInProgressMs,
  liveTimelineMs: 7 * 24 * hourMs,
  clockSkewMs: hourMs,
  commitDelayMs: 24 * hourMs,
};
