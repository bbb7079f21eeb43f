/** The segments that an archive holds, and what else listings of WAL tell. All of it is listed by `list-wal.ts`. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentPosition, SegmentRange } from '../../postgres/wal/segment-range.ts';
import {
  historyKey,
  parseWalKey,
  timelinesPrefix,
  walKey,
  walPrefix,
  walTimelinePrefix,
  type SystemPath,
} from '../format/layout.ts';
import type { Repository } from '../repository.ts';
import { holdsBelievedWal } from './believed-wal.ts';
import { pagesOf } from '../../stores/pages.ts';
import type { ListEntry, ListOptions } from '../../stores/store.ts';
import type { TierCounts } from '../cold-objects.ts';
import type { WalDays } from './wal-days.ts';

/** A run of consecutive whole segments. */
export interface WalRun extends SegmentRange {
  readonly storedBytes: number;
  /** When the last segment reached the store. */
  readonly lastModified: Date;
  /** The number of segments in archive tiers; a listing does not tell whether some of them are thawed. */
  readonly cold?: TierCounts | undefined;
}

/** Consecutive positions with any object: segments, partials, backup history files and kept conflicts all count. */
export interface WalStretch extends SegmentRange {
  /** When the newest object reached the store. */
  readonly lastModified: Date;
}

/** The content of `wal/`, by timeline, then by position. */
export interface ArchivedWal {
  readonly runs: readonly WalRun[];
  readonly stretches: readonly WalStretch[];
  /** The segments of the runs by the day on which they reached the store. */
  readonly days: WalDays;
}

/** The parts of the range that the listing does not show, in order. */
export async function* findMissing(
  repository: Repository,
  system: SystemPath,
  range: SegmentRange,
  { geometry, signal }: { readonly geometry: WalGeometry; readonly signal: AbortSignal },
): AsyncGenerator<SegmentRange> {
  const { timeline, first, last } = range;
  let expected = first;
  const pages = pagesOf(repository.store, {
    prefix: walTimelinePrefix(system, timeline),
    startAfter: keyBelow(system, range, geometry),
    signal,
  });
  pages: for await (const page of pages)
    for (const entry of page) {
      const segment = positionOf(entry, geometry)?.segment;
      if (segment === undefined || segment < expected) continue;
      if (segment > last) break pages;
      if (segment > expected) yield { timeline, first: expected, last: segment - 1n };
      expected = segment + 1n;
    }
  if (expected <= last) yield { timeline, first: expected, last };
}

/** True if the timeline has a believed segment, or `.partial`, of a later position. @throws StoreError */
export async function hasLaterSegment(
  repository: Repository,
  system: SystemPath,
  { timeline, segment }: SegmentPosition,
  { geometry, signal }: { readonly geometry: WalGeometry; readonly signal: AbortSignal },
): Promise<boolean> {
  // `~` sorts after everything that can follow the segment's own name: `.partial.…`, `.….backup`, `.conflict.…`.
  const startAfter = `${walKey(system, geometry.fileOf(timeline, segment))}~`;
  const listing = repository.store.list({ prefix: walTimelinePrefix(system, timeline), startAfter, signal });
  return await holdsBelievedWal(repository, listing, signal);
}

/** The timelines under which anything lies in `wal/`. @throws StoreError */
export async function timelinesWithWal(
  { store }: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<ReadonlySet<number>> {
  const prefix = walPrefix(system);
  const timelines = new Set<number>();
  for await (const entry of store.list({ prefix, delimiter: '/', signal })) {
    if (!('prefix' in entry)) continue;
    const [, digits] = /([0-9A-F]{8})\/$/.exec(entry.prefix) ?? [];
    if (digits !== undefined) timelines.add(Number.parseInt(digits, 16));
  }
  return timelines;
}

/** The lowest timeline, from `timeline` on, that has WAL. Reads one page. @throws StoreError */
export async function firstWalFrom(
  repository: Repository,
  system: SystemPath,
  timeline: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const startAfter = walTimelinePrefix(system, timeline).slice(0, -1);
  return await firstTimeline(repository, { prefix: walPrefix(system), startAfter, signal });
}

/** The lowest timeline above `timeline` that has a history, whether it can be read or not. @throws StoreError */
export async function firstHistoryAfter(
  repository: Repository,
  system: SystemPath,
  timeline: number,
  signal: AbortSignal,
): Promise<number | undefined> {
  const startAfter = historyKey(system, timeline);
  return await firstTimeline(repository, { prefix: timelinesPrefix(system), startAfter, signal });
}

async function firstTimeline(
  { store }: Repository,
  options: ListOptions & { readonly startAfter: string },
): Promise<number | undefined> {
  for await (const entry of store.list(options)) {
    const parsed = 'key' in entry ? parseWalKey(entry.key) : undefined;
    if (parsed !== undefined && !isEmpty(entry)) return parsed.file.timeline;
  }
  return undefined;
}

/** Keys of `.partial` objects of one segment. */
export async function listPartials(
  repository: Repository,
  prefix: string,
  signal: AbortSignal,
): Promise<{ key: string; modified: Date }[]> {
  const found: { key: string; modified: Date }[] = [];
  for await (const entry of repository.store.list({ prefix, signal })) {
    if (!('prefix' in entry) && parseWalKey(entry.key)?.kind === 'partial')
      found.push({ key: entry.key, modified: entry.modified });
  }
  return found;
}

/** An empty object is no archived segment, whatever its key. */
function isEmpty(entry: ListEntry): boolean {
  return 'key' in entry && entry.sizeBytes === 0;
}

function positionOf(entry: ListEntry, geometry: WalGeometry): SegmentPosition | undefined {
  if ('prefix' in entry || isEmpty(entry)) return undefined;
  const parsed = parseWalKey(entry.key);
  return parsed?.kind === 'file' && parsed.file.kind === 'segment'
    ? geometry.positionOf(parsed.file)
    : undefined;
}

/** A key below every key of the range's first segment, and above all keys more than 16 segments before it. */
export function keyBelow(
  system: SystemPath,
  { timeline, first }: SegmentRange,
  geometry: WalGeometry,
): string {
  return walKey(system, geometry.fileOf(timeline, first)).slice(0, -1);
}
