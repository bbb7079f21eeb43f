/**
 * The findings of a verification: what is wrong, what can no longer be restored because of it, and what would repair it.
 * `docs/reference/json.md` publishes these shapes, `docs/verify.md` explains each kind.
 */
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import type { ObjectClass } from '../../stores/store.ts';
import type { StoredDigest } from '../copy-object.ts';

/** `damaged` makes a verification fail; a warning does not. */
export type Severity = 'damaged' | 'warning';

export type FindingKind =
  | 'marker-missing' | 'marker-unreadable'
  | 'cluster-record-missing' | 'cluster-record-unreadable' | 'cluster-record-wrong'
  | 'commit-record-unreadable' | 'commit-record-not-believed' | 'commit-record-contradictory' | 'parent-missing'
  | 'part-missing' | 'part-wrong-size' | 'part-bytes-changed' | 'part-undecodable' | 'part-not-as-manifest'
  | 'manifest-missing' | 'manifest-wrong-size' | 'manifest-damaged'
  | 'name-map-missing' | 'name-map-wrong-size' | 'name-map-damaged'
  | 'part-index-damaged' | 'pages-damaged' | 'backup-wal-missing' | 'claim-without-record' | 'removal-unfinished'
  | 'wal-gap' | 'wal-empty' | 'wal-impossible-size' | 'wal-impossible-name' | 'wal-misplaced' | 'wal-not-believed'
  | 'wal-conflict' | 'wal-duplicate-partials'
  | 'wal-wrong-size' | 'wal-bytes-changed' | 'wal-undecodable' | 'wal-mislabelled' | 'wal-signature-bad'
  | 'wal-metadata-missing' | 'wal-extra-damaged'
  | 'history-missing' | 'history-unreadable' | 'history-not-believed' | 'split-brain'
  | 'note-unusable' | 'foreign-object'; // prettier-ignore

/** Recovery reaches nothing of this stretch of a timeline. */
export interface LostWindow {
  readonly timeline: number;
  /** As PostgreSQL writes it. */
  readonly fromLsn: string;
  /** Undefined: up to the newest WAL. From here on recovery is possible again. */
  readonly toLsn: string | undefined;
  /** About: when the WAL before it reached the store, or the backup before it ended. */
  readonly fromTime: Date | undefined;
  readonly toTime: Date | undefined;
}

/** What can no longer be restored. */
export interface Loss {
  /** Ids of backups that cannot be restored. */
  readonly backups: readonly string[];
  readonly windows: readonly LostWindow[];
  /** What else no longer works, as a sentence without its full stop. */
  readonly otherwise?: string | undefined;
}

export const noLoss: Loss = { backups: [], windows: [] };

/** The loss of a backup of which nothing else is known. */
export const lossOfRecord = (id: string): Loss => ({ backups: [id], windows: [] });

/** What would repair it; `remedies.ts` has the words. */
export type Remedy =
  | 'copy' | 'push-missing' | 'new-backup' | 'older-version' | 'acknowledge' | 'remove' | 'remove-and-push'
  | 'init' | 'next-push' | 'next-backup' | 'next-cleanup' | 'trust-signer' | 'stop-server' | 'find-cause'; // prettier-ignore

/** What `--repair` may bring back from another repository. */
export type Repairable =
  | { readonly kind: 'segments'; readonly range: SegmentRange }
  /** Those of its pieces that a listing does not show as its record has them. */
  | { readonly kind: 'pieces'; readonly record: BackupRecord }
  | {
      readonly kind: 'object';
      readonly key: string;
      readonly objectClass: ObjectClass;
      /** What a believed record says of the stored bytes; undefined: the object's own metadata tells. */
      readonly digest: StoredDigest | undefined;
      /** `changed`: the object is there, and its stored bytes are not those that were stored. */
      readonly state: 'missing' | 'changed';
    };

export interface Finding {
  readonly kind: FindingKind;
  readonly severity: Severity;
  /** The key of an object, the id of a backup, or segments. */
  readonly subject: string;
  /** A phrase that follows the subject. */
  readonly problem: string;
  readonly loss: Loss;
  /** The best one first. */
  readonly remedies: readonly Remedy[];
  readonly repairable?: Repairable | undefined;
  /** What `--repair` has come to. */
  readonly repair?: Repair | undefined;
}

export interface Repair {
  /** `locked`: the store refuses to remove the damaged object until then. */
  readonly outcome: 'repaired' | 'partly' | 'failed' | 'locked';
  /** The repository that had it. */
  readonly from: string | undefined;
  readonly problem: string | undefined;
}

export const isDamage = ({ severity, repair }: Finding): boolean =>
  severity === 'damaged' && repair?.outcome !== 'repaired';
