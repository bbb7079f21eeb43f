/**
 * What segments an archive holds. Listings are read page by page and folded into runs: memory grows with the number
 * of holes, not of segments (P9).
 */
import { segmentName, segmentNumber, parseWalFileName } from '../../postgres/wal/file-name.ts';
import { parseWalKey, walKey, walPrefix, walTimelinePrefix, type SystemPath } from '../format/layout.ts';
import type { Repository } from '../repository.ts';
import type { ListEntry } from '../../stores/store.ts';
import { withTierOf, type TierCounts } from '../cold-objects.ts';

/** Consecutive whole segments of one timeline, both ends included. */
export interface WalRun {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
  readonly storedBytes: number;
  /** When its last segment reached the store. */
  readonly lastModified: Date;
  /** Segments in archive tiers; whether some of them were thawed a listing does not tell. */
  readonly cold?: TierCounts | undefined;
}

export interface WalPosition {
  readonly timeline: number;
  readonly segment: bigint;
  readonly segmentSizeBytes: number;
}

/** Consecutive positions that hold any object: segments, partials, backup history files and kept conflicts all count. */
export interface WalStretch {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
  /** When the newest of its objects reached the store. */
  readonly lastModified: Date;
}

/** All of `wal/`, each by timeline, then by position. */
export interface ArchivedWal {
  readonly runs: readonly WalRun[];
  readonly stretches: readonly WalStretch[];
}

export async function listWal(
  repository: Repository,
  system: SystemPath,
  segmentSizeBytes: number,
  signal: AbortSignal,
): Promise<ArchivedWal> {
  const runs: WalRun[] = [];
  const stretches: WalStretch[] = [];
  for await (const entry of repository.store.list({ prefix: walPrefix(system), signal })) {
    const parsed = 'key' in entry ? parseWalKey(entry.key) : undefined;
    if (parsed === undefined || 'prefix' in entry || parsed.file.kind === 'history') continue;
    const position = segmentNumber(parsed.file, segmentSizeBytes);
    const one = {
      timeline: parsed.file.timeline,
      first: position,
      last: position,
      lastModified: entry.modified,
    };
    extend(stretches, one, ({ lastModified: before }, { lastModified }) => ({
      lastModified: lastModified > before ? lastModified : before,
    }));
    if (parsed.kind !== 'file' || parsed.file.kind !== 'segment') continue;
    const run = { ...one, storedBytes: entry.sizeBytes, cold: withTierOf(undefined, entry) };
    extend(runs, run, ({ storedBytes, cold }) => ({
      storedBytes: storedBytes + entry.sizeBytes,
      lastModified: entry.modified,
      cold: withTierOf(cold, entry),
    }));
  }
  return { runs, stretches };
}

/** Joins `next` to the last range where it follows or is the same position; `merge` says what becomes of the rest. */
function extend<T extends { readonly timeline: number; readonly first: bigint; readonly last: bigint }>(
  ranges: T[],
  next: T,
  merge: (before: T, next: T) => Partial<T>,
): void {
  const before = ranges.at(-1);
  const isJoined =
    before?.timeline === next.timeline && (next.first === before.last || next.first === before.last + 1n);
  if (before === undefined || !isJoined) ranges.push(next);
  else ranges[ranges.length - 1] = { ...before, ...merge(before, next), last: next.last };
}

/** The segments of `first..last` (inclusive) that are not archived on `timeline`, at most `limit` of them. */
export async function findMissingSegments(
  repository: Repository,
  system: SystemPath,
  range: {
    readonly timeline: number;
    readonly first: bigint;
    readonly last: bigint;
    readonly segmentSizeBytes: number;
    readonly limit?: number;
  },
  signal: AbortSignal,
): Promise<string[]> {
  const { timeline, first, last, segmentSizeBytes, limit = 1000 } = range;
  const missing: string[] = [];
  let expected = first;
  const missUntil = (end: bigint) => {
    for (; expected < end && missing.length < limit; expected++)
      missing.push(segmentName(timeline, expected, segmentSizeBytes));
    expected = end;
  };
  for await (const entry of repository.store.list({
    prefix: walTimelinePrefix(system, timeline),
    startAfter: keyBefore(system, range),
    signal,
  })) {
    const found = segmentOf(entry);
    if (found === undefined) continue;
    const number = segmentNumber(found, segmentSizeBytes);
    if (number < expected) continue;
    if (number > last) break;
    missUntil(number);
    expected = number + 1n;
    if (missing.length >= limit) return missing;
  }
  missUntil(last + 1n);
  return missing;
}

/** True if the timeline has a segment, or a `.partial`, of a later position. */
export async function hasLaterSegment(
  repository: Repository,
  system: SystemPath,
  position: WalPosition,
  signal: AbortSignal,
): Promise<boolean> {
  // `~` sorts after everything that can follow the segment's own name: `.partial.…`, `.….backup`, `.conflict.…`.
  const startAfter = `${segmentKey(system, position)}~`;
  for await (const entry of repository.store.list({
    prefix: walTimelinePrefix(system, position.timeline),
    startAfter,
    signal,
  })) {
    if ('prefix' in entry) continue;
    const parsed = parseWalKey(entry.key);
    if (parsed !== undefined && parsed.file.kind !== 'history') return true;
  }
  return false;
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

function segmentOf(entry: ListEntry): { timeline: number; log: number; seg: number } | undefined {
  if ('prefix' in entry) return undefined;
  const parsed = parseWalKey(entry.key);
  return parsed?.kind === 'file' && parsed.file.kind === 'segment' ? parsed.file : undefined;
}

function segmentKey(system: SystemPath, position: WalPosition): string {
  const file = parseWalFileName(segmentName(position.timeline, position.segment, position.segmentSizeBytes));
  if (file === undefined)
    throw new RangeError(`no segment ${position.segment} on timeline ${position.timeline}`);
  return walKey(system, file);
}

/** A key below the range's first segment and above all that ends more than 16 segments earlier. */
function keyBefore(
  system: SystemPath,
  range: { timeline: number; first: bigint; segmentSizeBytes: number },
): string {
  return segmentKey(system, {
    timeline: range.timeline,
    segment: range.first,
    segmentSizeBytes: range.segmentSizeBytes,
  }).slice(0, -1);
}
