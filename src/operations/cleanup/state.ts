/** What retention decides about: everything one repository holds of one PostgreSQL system, as it was listed. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { SignaturePolicy } from '../../repository/encoding/signature-policy.ts';
import type { UnreadableEntry } from '../../repository/format/catalog.ts';
import type { ParentClaim } from '../../repository/format/claim.ts';
import type { StoredBackup } from '../../repository/trust.ts';
import type { WalStretch } from '../../repository/wal/listing.ts';
import type { TimelineTree } from '../../repository/wal/timelines.ts';

export interface SystemState {
  readonly systemId: bigint;
  /** Undefined when neither `cluster.json` nor a backup says it: then names are not positions and no WAL is touched. */
  readonly geometry: WalGeometry | undefined;
  readonly backups: readonly KnownBackup[];
  readonly unreadable: readonly (UnreadableEntry & Claimed & Stored)[];
  /** Backup directories without a commit record. */
  readonly unfinished: readonly UnfinishedBackup[];
  readonly tree: TimelineTree;
  /** When each history file reached the store. */
  readonly historyTimes: ReadonlyMap<number, Date>;
  /** Consecutive positions that hold any WAL object, by timeline, then by position. */
  readonly wal: readonly WalStretch[];
  /** Consecutive whole segments, in the same order. */
  readonly segments: readonly SegmentRange[];
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
  /** When the newest of its objects reached the store: a backup at work keeps this fresh. */
  readonly lastModified: Date;
  /** When the oldest did: the claim comes first. */
  readonly firstModified: Date;
}

export interface RetentionPolicy {
  readonly keepLast: number | undefined;
  readonly keepWithinMs: number | undefined;
  readonly minimumBackups: number;
}

export interface PlanInput {
  readonly state: SystemState;
  readonly policy: RetentionPolicy;
  readonly now: Date;
  /** Whose records count. */
  readonly trust: SignaturePolicy;
  /** Remove a system that is no longer in use, its last backup included. Pins and backups in progress stay. */
  readonly isRetired?: boolean;
  readonly limits?: Partial<RetentionLimits>;
}

export interface RetentionLimits {
  /** A claim without a commit record protects its backup, its parent and its WAL for so long after its last object. */
  readonly inProgressMs: number;
  /** A timeline that received WAL so recently, past where it was left, is in use. */
  readonly liveTimelineMs: number;
  /** By how much the clocks of the database server, this host and the store may differ. */
  readonly clockSkewMs: number;
  /** The longest time between a backup's end and its commit for an unsigned record: it waits for its WAL in between. */
  readonly commitDelayMs: number;
}

const hourMs = 3_600_000;

export const defaultLimits: RetentionLimits = {
  inProgressMs: 7 * 24 * hourMs,
  liveTimelineMs: 7 * 24 * hourMs,
  clockSkewMs: hourMs,
  commitDelayMs: 24 * hourMs,
};
