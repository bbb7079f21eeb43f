/**
 * The notes of `verify` that say nothing more: newer ones replace them, or what they are about is gone. Pure.
 *
 * Whichever of them are removed, and be it only some, readers get the same answers about what is there: each depends on
 * newer notes alone, and those that stay say at least as much.
 */
import { clip, subtract, type SegmentRange } from '../../../postgres/wal/segment-range.ts';
import { isAsDeep, type ReadParts, type ReadRange, type VerifiedRun } from './verified.ts';

/** One note on what was read, all of one subject: WAL of one timeline, or parts of one backup. */
export interface NotedReading {
  readonly key: string;
  readonly depth: ReadRange['depth'];
  readonly verifiedAt: Date;
  /** Segments; of a backup, the numbers of parts in their place. */
  readonly ranges: readonly SegmentRange[];
}

/** @param there what still is there of the subject */
export function outdatedReadings(
  notes: readonly NotedReading[],
  there: readonly SegmentRange[],
): NotedReading[] {
  return notes.filter(note => {
    const newer = notes.filter(one => one.verifiedAt > note.verifiedAt && replaces(one, note));
    const alone = note.ranges.flatMap(range =>
      subtract(
        range,
        newer.flatMap(({ ranges }) => ranges),
      ),
    );
    if (overlap(alone, there)) return false;
    // It takes back what older ones say, and what is gone can come back by a repair.
    const isNeeded = (older: NotedReading) =>
      older.verifiedAt < note.verifiedAt && overlap(alone, older.ranges);
    return note.depth !== 'damaged' || !notes.some(isNeeded);
  });
}

/** All parts that a backup can have. */
export const allParts: SegmentRange = { timeline: 0, first: 0n, last: BigInt(Number.MAX_SAFE_INTEGER) };

/** The numbers of the parts as ranges, for the arithmetic of ranges. */
export function rangesOfReadParts({ parts }: ReadParts): SegmentRange[] {
  return parts.map(([first, last]) => ({ timeline: 0, first: BigInt(first), last: BigInt(last) }));
}

/** True if `one` tells all about an object that `other` does. What is damaged is taken back whatever its depth was. */
function replaces(one: NotedReading, other: NotedReading): boolean {
  if (one.depth === 'damaged') return true;
  // Less than `decoded` would bring older notes back to life.
  return isAsDeep(one.depth, other.depth === 'stored' ? 'stored' : 'decoded');
}

function overlap(some: readonly SegmentRange[], others: readonly SegmentRange[]): boolean {
  return some.some(({ timeline, ...range }) =>
    clip(others, range).some(other => other.timeline === timeline),
  );
}

/** The runs that are neither the last one nor the last sound one. @param runs the newest first */
export function outdatedRuns<T extends { readonly run: VerifiedRun }>(runs: readonly T[]): T[] {
  const sound = runs.findIndex(({ run }) => run.damaged === 0);
  return runs.filter((_, index) => index > 0 && index !== sound);
}
