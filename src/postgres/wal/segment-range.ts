/** Consecutive segments of one timeline, and the arithmetic with them. Pure. */
import { formatCount } from '../../base/units.ts';

/** A segment of one timeline. Segments are numbered from 0 at LSN 0; PostgreSQL never uses number 0. */
export interface SegmentPosition {
  readonly timeline: number;
  readonly segment: bigint;
}

/** Both ends are included. What is known of such segments besides extends this type. */
export interface SegmentRange {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

/** The `last` of a range without end: above every segment, since an LSN has 64 bits. */
export const withoutEnd = 1n << 64n;

export function oneSegment({ timeline, segment }: SegmentPosition): SegmentRange {
  return { timeline, first: segment, last: segment };
}

/** The number of segments in all of the ranges together; those that overlap count twice. */
export function count(...ranges: readonly SegmentRange[]): number {
  return Number(ranges.reduce((sum, { first, last }) => sum + last - first + 1n, 0n));
}

export function contains(range: SegmentRange, { timeline, segment }: SegmentPosition): boolean {
  return range.timeline === timeline && range.first <= segment && segment <= range.last;
}

/** True if all of `inner` lies in `outer`. */
export function covers(outer: SegmentRange, inner: SegmentRange): boolean {
  return outer.timeline === inner.timeline && outer.first <= inner.first && inner.last <= outer.last;
}

/** By timeline, then by position. */
export function compareRanges(a: SegmentRange, b: SegmentRange): number {
  return a.timeline - b.timeline || compare(a.first, b.first) || compare(a.last, b.last);
}

/**
 * Adds `next`, which does not begin before the last of the ranges, and joins it to that one where they touch or
 * overlap. `merge` says what becomes of all that a range carries besides its ends; undefined keeps the two apart.
 */
export function join<T extends SegmentRange>(
  ranges: T[],
  next: T,
  merge: (before: T, next: T) => T | undefined,
): void {
  const before = ranges.at(-1);
  const isTouching = before?.timeline === next.timeline && next.first <= before.last + 1n;
  const merged = isTouching ? merge(before, next) : undefined;
  if (before === undefined || merged === undefined) ranges.push(next);
  else ranges[ranges.length - 1] = { ...merged, first: before.first, last: greater(before.last, next.last) };
}

/** All segments of any of the ranges, each once, in as few ranges as there can be, in order. */
export function union(ranges: readonly SegmentRange[]): SegmentRange[] {
  const joined: SegmentRange[] = [];
  for (const { timeline, first, last } of ranges.toSorted(compareRanges))
    join(joined, { timeline, first, last }, before => before);
  return joined;
}

/** What of `range` lies in none of `taken`, in order; each piece is what `range` is but for its ends. */
export function subtract<T extends SegmentRange>(range: T, taken: readonly SegmentRange[]): T[] {
  const left: T[] = [];
  let next = range.first;
  const here = taken.filter(
    one => one.timeline === range.timeline && one.last >= next && one.first <= range.last,
  );
  for (const { first, last } of here.toSorted(compareRanges)) {
    if (last < next) continue;
    if (first > next) left.push({ ...range, first: next, last: first - 1n });
    next = last + 1n;
  }
  if (next <= range.last) left.push({ ...range, first: next });
  return left;
}

/** The range in pieces, so that each lies either wholly in or wholly outside of each of `others`. */
export function cut<T extends SegmentRange>(range: T, others: readonly SegmentRange[]): T[] {
  const starts = others
    .filter(({ timeline }) => timeline === range.timeline)
    .flatMap(({ first, last }) => [first, last + 1n])
    .filter(start => start > range.first && start <= range.last);
  const ordered = [...new Set([range.first, ...starts])].toSorted(compare);
  return ordered.map((first, index) => ({
    ...range,
    first,
    last: (ordered[index + 1] ?? range.last + 1n) - 1n,
  }));
}

/** What of the ranges lies from `first` to `last`, both included, whatever the timeline. */
export function clip<T extends SegmentRange>(
  ranges: readonly T[],
  { first, last }: { readonly first: bigint; readonly last: bigint },
): T[] {
  return ranges
    .map(range => ({
      ...range,
      first: greater(range.first, first),
      last: range.last < last ? range.last : last,
    }))
    .filter(range => range.first <= range.last);
}

/** Every segment of the ranges, one after the other. */
export function* segmentsIn(ranges: Iterable<SegmentRange>): Generator<SegmentPosition> {
  for (const { timeline, first, last } of ranges)
    for (let segment = first; segment <= last; segment++) yield { timeline, segment };
}

/** A range as reports have it. */
export interface NamedRange {
  readonly firstSegment: string;
  readonly lastSegment: string;
  readonly segmentCount: number;
}

/** Names depend on the segment size: a WalGeometry gives them. */
interface SegmentNames {
  nameOf(timeline: number, segment: bigint): string;
}

export function nameRange(range: SegmentRange, names: SegmentNames): NamedRange {
  return {
    firstSegment: names.nameOf(range.timeline, range.first),
    lastSegment: names.nameOf(range.timeline, range.last),
    segmentCount: count(range),
  };
}

/** `000000010000000000000007 to 000000010000000000000009 (3 segments)` */
export function describe(range: SegmentRange, names: SegmentNames): string {
  const { firstSegment, lastSegment, segmentCount } = nameRange(range, names);
  if (segmentCount === 1) return firstSegment;
  return `${firstSegment} to ${lastSegment} (${formatCount(segmentCount, 'segment')})`;
}

function compare(a: bigint, b: bigint): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

function greater(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}
