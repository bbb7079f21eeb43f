/**
 * Which commit records retention counts. Whoever can write to the repository can plant records; one that counts may
 * push out a real one, so a record that cannot be trusted counts for nothing, and is kept.
 */
import { describeVerdict } from '../../repository/encoding/codec.ts';
import { lastSegmentBefore, segmentNumberOfLsn } from '../../postgres/wal/file-name.ts';
import type { KnownBackup, RetentionLimits, SegmentRun } from './state.ts';

export interface CountingOptions {
  readonly requiresTrust: boolean;
  readonly limits: RetentionLimits;
  /** Whole segments that are archived. */
  readonly segments: readonly SegmentRun[];
}

/** Undefined when the record counts, else why not. */
export function whyNotCounted(backup: KnownBackup, options: CountingOptions): string | undefined {
  const { record, verdict, committedAt, isComplete } = backup;
  const isTrusted = verdict.status === 'good';
  if (verdict.status === 'bad' || (options.requiresTrust && !isTrusted))
    return `its record ${describeVerdict(verdict)}`;
  const delayMs = committedAt.getTime() - record.stopTime.getTime();
  if (delayMs < -options.limits.clockSkewMs)
    return `it claims to have ended ${record.stopTime.toISOString()}, its record was stored ${committedAt.toISOString()}`;
  // A genuine record in a copied repository is younger than its backup; without a signature it may be a planted anchor.
  if (!isTrusted && delayMs > options.limits.commitDelayMs)
    return `its record was stored ${committedAt.toISOString()}, long after it claims to have ended, and is not signed by a trusted signer`;
  if (!isComplete) return 'parts of it are missing or have another size than its record states';
  if (!hasOwnWal(backup, options.segments)) return 'some of the WAL that makes it consistent is not archived';
  return undefined;
}

/** The segment in which a timeline was left is its child's: of the parent's own there may only be a `.partial`. */
function hasOwnWal({ record }: KnownBackup, segments: readonly SegmentRun[]): boolean {
  const { walRanges, segmentSizeBytes } = record;
  return walRanges.every(({ timeline, startLsn, endLsn }, index) => {
    const first = segmentNumberOfLsn(startLsn, segmentSizeBytes);
    const last =
      index === walRanges.length - 1
        ? lastSegmentBefore(endLsn, segmentSizeBytes)
        : segmentNumberOfLsn(endLsn, segmentSizeBytes) - 1n;
    return (
      last < first ||
      segments.some(run => run.timeline === timeline && run.first <= first && last <= run.last)
    );
  });
}

/** True when the record's positions make sense; a record that contradicts itself is treated as unreadable. */
export function hasUsablePositions({ record }: KnownBackup): boolean {
  const [first] = record.walRanges;
  return (
    first !== undefined &&
    first.startLsn === record.startLsn &&
    first.timeline === record.timeline &&
    record.walRanges.at(-1)?.endLsn === record.stopLsn &&
    record.walRanges.every(range => range.startLsn <= range.endLsn)
  );
}

/** Where the backup is consistent: a recovery from it can go on from here. */
export function consistencyPoint({ record }: KnownBackup): { timeline: number; lsn: bigint } {
  return { timeline: record.walRanges.at(-1)?.timeline ?? record.timeline, lsn: record.stopLsn };
}

/**
 * True if `newer` is newer by position and by the store's clock. Neither alone would do: a restored copy has a higher
 * timeline than the server that is really in use, and a clock can be wrong.
 */
export function supersedes(newer: KnownBackup, older: KnownBackup): boolean {
  return comparePositions(newer, older) > 0 && newer.committedAt.getTime() >= older.committedAt.getTime();
}

/** By timeline, then by start; ids only break ties between backups of one position. */
export function comparePositions(a: KnownBackup, b: KnownBackup): number {
  return (
    a.record.timeline - b.record.timeline ||
    compare(a.record.startLsn, b.record.startLsn) ||
    compare(a.record.id, b.record.id)
  );
}

function compare<T extends bigint | string>(a: T, b: T): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
