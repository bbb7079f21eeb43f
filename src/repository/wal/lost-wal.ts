/** The comparison of losses (docs/queue-limit.md) with the archive and with backups. Pure. */
import { formatSize } from '../../base/units.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { Lsn } from '../../postgres/wal/lsn.ts';
import { compareRanges, subtract, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import type { LostWal } from '../format/notes/lost-wal.ts';

/**
 * The part of the losses that is really missing: a segment that was archived later is no gap, and no segment counts
 * twice.
 */
export function stillMissing(losses: readonly LostWal[], archived: readonly SegmentRange[]): LostWal[] {
  const taken = [...archived];
  const missing = losses.flatMap(lost => {
    const left = subtract(lost, taken);
    taken.push(lost);
    return left;
  });
  return missing.toSorted(compareRanges);
}

export interface GapBounds<Backup> {
  /** The last backup that ends before the gap, and the first backup that begins after it. */
  readonly before: Backup | undefined;
  readonly beyond: Backup | undefined;
}

/**
 * The backups next to a gap. WAL positions only grow in a server's history, on whatever timeline, so positions alone
 * tell the order.
 */
export function boundsOf<Backup extends { readonly startLsn: Lsn; readonly stopLsn: Lsn }>(
  gap: SegmentRange,
  backups: readonly Backup[],
  geometry: WalGeometry,
): GapBounds<Backup> {
  const beginsAt = geometry.startLsn(gap.first);
  const endsAt = geometry.endLsn(gap.last);
  const ordered = backups.toSorted((a, b) => (a.stopLsn < b.stopLsn ? -1 : 1));
  return {
    before: ordered.findLast(({ stopLsn }) => stopLsn <= beginsAt),
    beyond: ordered.find(({ startLsn }) => startLsn >= endsAt),
  };
}

/** The gaps that a recovery can meet, each with the backups next to it: none leads to a gap before the oldest backup. */
export function metByRecovery<
  Gap extends SegmentRange,
  Backup extends { readonly startLsn: Lsn; readonly stopLsn: Lsn },
>(
  gaps: readonly Gap[],
  backups: readonly Backup[],
  geometry: WalGeometry,
): (GapBounds<Backup> & { readonly gap: Gap })[] {
  return gaps.flatMap(gap => {
    const bounds = boundsOf(gap, backups, geometry);
    return bounds.before === undefined && bounds.beyond !== undefined ? [] : [{ gap, ...bounds }];
  });
}

/** The words after "it was": when, where and why, in one line. */
export function describeLoss({
  lostFrom,
  lostTo,
  host,
  backlogBytes,
  limitBytes,
  reason,
}: Omit<LostWal, keyof SegmentRange | 'verdict'>): string {
  const when =
    lostFrom.getTime() === lostTo.getTime()
      ? `at ${lostFrom.toISOString()}`
      : `between ${lostFrom.toISOString()} and ${lostTo.toISOString()}`;
  return `given up ${when} by ${host}: ${formatSize(backlogBytes)} of WAL waited, more than archive.queue-limit (${formatSize(limitBytes)}), and it could not be archived: ${reason}`;
}
