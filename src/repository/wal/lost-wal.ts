/** Losses (docs/queue-limit.md) held against what is archived and against backups. Pure. */
import { formatCount, formatSize } from '../../base/units.ts';
import { segmentName, segmentStartLsn } from '../../postgres/wal/file-name.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import type { LostWal } from '../format/notes/lost-wal.ts';
import type { NotedRange } from '../format/notes/noted-range.ts';
import type { WalRun } from './listing.ts';

/** The range that a segment is part of. */
export function findRange<T extends NotedRange>(
  ranges: readonly T[],
  timeline: number,
  segment: bigint,
): T | undefined {
  return ranges.find(range => range.timeline === timeline && range.first <= segment && segment <= range.last);
}

/** What of the losses is really missing: a segment that was archived after all is no gap, and none counts twice. */
export function stillMissing(losses: readonly LostWal[], runs: readonly WalRun[]): LostWal[] {
  const taken: { readonly timeline: number; readonly first: bigint; readonly last: bigint }[] = [...runs];
  return losses
    .flatMap(lost => {
      const left = subtract(lost, taken);
      taken.push(lost);
      return left;
    })
    .toSorted((a, b) => a.timeline - b.timeline || (a.first < b.first ? -1 : 1));
}

function subtract(
  lost: LostWal,
  taken: readonly { readonly timeline: number; readonly first: bigint; readonly last: bigint }[],
): LostWal[] {
  let left = [lost];
  for (const { timeline, first, last } of taken) {
    if (timeline !== lost.timeline || last < lost.first || first > lost.last) continue;
    left = left.flatMap(piece => [
      ...(piece.first < first ? [{ ...piece, last: first - 1n < piece.last ? first - 1n : piece.last }] : []),
      ...(piece.last > last ? [{ ...piece, first: last + 1n > piece.first ? last + 1n : piece.first }] : []),
    ]);
  }
  return left;
}

export interface GapBounds<Backup> {
  /** The last backup that is whole before the gap, and the first that begins after it. */
  readonly before: Backup | undefined;
  readonly beyond: Backup | undefined;
}

/**
 * The backups next to a gap. WAL positions only grow along the way to where a server is, whatever its timeline, so
 * they alone tell the order.
 */
export function boundsOf<Backup extends { readonly startLsn: Lsn; readonly stopLsn: Lsn }>(
  { first, last }: Pick<LostWal, 'first' | 'last'>,
  backups: readonly Backup[],
  segmentSizeBytes: number,
): GapBounds<Backup> {
  const beginsAt = segmentStartLsn(first, segmentSizeBytes);
  const endsAt = segmentStartLsn(last + 1n, segmentSizeBytes);
  const ordered = backups.toSorted((a, b) => (a.stopLsn < b.stopLsn ? -1 : 1));
  return {
    before: ordered.findLast(({ stopLsn }) => stopLsn <= beginsAt),
    beyond: ordered.find(({ startLsn }) => startLsn >= endsAt),
  };
}

/** `000000010000000000000007 to 000000010000000000000009 (3 segments)` */
export function describeLostRange({ timeline, first, last }: LostWal, segmentSizeBytes: number): string {
  const name = (segment: bigint) => segmentName(timeline, segment, segmentSizeBytes);
  if (first === last) return name(first);
  return `${name(first)} to ${name(last)} (${formatCount(Number(last - first + 1n), 'segment')})`;
}

/** What follows "it was": when, where and why, in one line. */
export function describeLoss({
  lostFrom,
  lostTo,
  host,
  backlogBytes,
  limitBytes,
  reason,
}: Omit<LostWal, 'timeline' | 'first' | 'last' | 'verdict'>): string {
  const when =
    lostFrom.getTime() === lostTo.getTime()
      ? `at ${lostFrom.toISOString()}`
      : `between ${lostFrom.toISOString()} and ${lostTo.toISOString()}`;
  return `given up ${when} by ${host}: ${formatSize(backlogBytes)} of WAL waited, more than archive.queue-limit (${formatSize(limitBytes)}), and it could not be archived: ${reason}`;
}
