/** Ranges of consecutive segments of one timeline, and their arithmetic. Pure. */
import { formatCount } from '../../base/units.ts';

/** A segment of one timeline. Segments are numbered from 0 at LSN 0; PostgreSQL never uses number 0. */
export interface SegmentPosition {
  readonly timeline: number;
  readonly segment: bigint;
}

/** Both ends are included. Types with more facts about the segments extend this one. */
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

/** The number of segments in all ranges together; a segment in two ranges counts twice. */
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

/** Orders ranges by timeline, then by position. */
export function compareRanges(a: SegmentRange, b: SegmentRange): number {
  return a.timeline - b.timeline || compare(a.first, b.first) || compare(a.last, b.last);
}

/**
 * Adds `next`, which does not begin before the last range, and joins both where they touch or overlap. `merge` combines
 * the other facts of two ranges; undefined keeps the two apart.
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

/** All segments of the ranges, each once, in order, in the fewest possible ranges. */
export function union(ranges: readonly SegmentRange[]): SegmentRange[] {
  const joined: SegmentRange[] = [];
  for (const { timeline, first, last } of ranges.toSorted(compareRanges))
    join(joined, { timeline, first, last }, before => before);
  return joined;
}

/** The parts of `range` that lie in none of `taken`, in order; all facts but the ends are the range's. */
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

/** Parts of the range, each wholly inside or wholly outside of each of `others`. */
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

/** The parts of the ranges from `first` to `last`, both included, on any timeline. */
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

/** Every segment of the ranges, in order. */
export function* segmentsIn(ranges: Iterable<SegmentRange>): Generator<SegmentPosition> {
  for (const { timeline, first, last } of ranges)
    for (let segment = first; segment <= last; segment++) yield { timeline, segment };
}

/** A range as reports show it. */
export interface NamedRange {
  readonly firstSegment: string;
  readonly lastSegment: string;
  readonly segmentCount: number;
}

/** A maker of names, which depend on the segment size: see `WalGeometry`. */
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

/** A text such as `000000010000000000000007 to 000000010000000000000009 (3 segments)`. */
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
