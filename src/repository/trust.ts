/**
 * The decision about which commit records count for a restore and for retention. Pure.
 *
 * Anybody who can write to the repository can plant records, and a record that counts may push out a real one. So an
 * untrusted record does not count, and its backup is kept.
 */
import { covers, type SegmentRange } from '../postgres/wal/segment-range.ts';
import { describeVerdict, isBelieved, type SignaturePolicy } from './encoding/signature-policy.ts';
import { lineageOf } from './backup/lineage.ts';
import { comparePositions, type BackupRecord } from './format/backup-record.ts';
import type { CatalogEntry } from './format/catalog.ts';
import { neededSegments } from './wal/needed.ts';

/** The reason why a record must not be used for a restore; undefined when it may be used. */
export function whyNotUsed({ verdict }: CatalogEntry, policy: SignaturePolicy): string | undefined {
  return isBelieved(verdict, policy) ? undefined : `its commit record ${describeVerdict(verdict)}`;
}

/** The backups that have all they build on among them. */
export function withLineage(backups: readonly BackupRecord[]): BackupRecord[] {
  const byId = new Map(backups.map(record => [record.id, record]));
  return backups.filter(record => lineageOf(record, id => byId.get(id)) !== undefined);
}

/** A record together with the check that the store has its parts. */
export interface StoredBackup extends CatalogEntry {
  /** True if the store lists every part and the manifest with the recorded sizes. */
  readonly isComplete: boolean;
}

export interface CountingOptions {
  readonly policy: SignaturePolicy;
  /** The largest difference allowed between the clocks of the database server, this host and the store. */
  readonly clockSkewMs: number;
  /** The longest time between a backup's end and its commit for a record that no trusted signer signed. */
  readonly commitDelayMs: number;
  /** The archived whole segments. */
  readonly segments: readonly SegmentRange[];
}

/** The reason why a record does not count for retention; undefined when it counts. */
export function whyNotCounted(backup: StoredBackup, options: CountingOptions): string | undefined {
  const { record, verdict, committedAt, isComplete } = backup;
  if (!hasUsablePositions(backup)) return 'its positions contradict each other';
  if (!isBelieved(verdict, options.policy)) return `its record ${describeVerdict(verdict)}`;
  const delayMs = committedAt.getTime() - record.stopTime.getTime();
  if (delayMs < -options.clockSkewMs)
    return `it claims to have ended ${record.stopTime.toISOString()}, its record was stored ${committedAt.toISOString()}`;
  // In a copied repository, a genuine record reached the store long after its backup; without a signature it may be
  // planted.
  if (verdict.status !== 'good' && delayMs > options.commitDelayMs)
    return `its record was stored ${committedAt.toISOString()}, long after it claims to have ended, and is not signed by a trusted signer`;
  if (!isComplete) return 'parts of it are missing or have another size than its record states';
  if (!neededSegments(record).every(range => options.segments.some(run => covers(run, range))))
    return 'some of the WAL that makes it consistent is not archived';
  return undefined;
}

/** True if the record's positions make sense; a record that contradicts itself is treated as unreadable. */
export function hasUsablePositions({ record }: CatalogEntry): boolean {
  const [first] = record.walRanges;
  return (
    first !== undefined &&
    first.startLsn === record.startLsn &&
    first.timeline === record.timeline &&
    record.walRanges.at(-1)?.endLsn === record.stopLsn &&
    record.walRanges.every(range => range.startLsn <= range.endLsn)
  );
}

/**
 * True if `newer` is newer by position and by the store's clock. Both are needed: a restored copy has a higher
 * timeline than the server in use, and a clock can be wrong.
 */
export function supersedes(newer: CatalogEntry, older: CatalogEntry): boolean {
  return (
    comparePositions(newer.record, older.record) > 0 &&
    newer.committedAt.getTime() >= older.committedAt.getTime()
  );
}
