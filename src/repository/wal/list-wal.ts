/**
 * The listing of all archived WAL: page after page where it is short, and in parts side by side where it is long. Ten
 * million segments are ten thousand pages, which take minutes one after another.
 *
 * The parts are cut by name (start-after) and not listed by directory: a directory of 256 segments would be a request of
 * its own, a full page has a thousand.
 */
import { mapEach } from '../../base/threads/each.ts';
import { keepYoungHeapSmall } from '../../base/threads/small-young-heap.ts';
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import { entryName, pagesOf } from '../../stores/pages.ts';
import { walLogPrefix, walPrefix, walTimelinePrefix, type SystemPath } from '../format/layout.ts';
import type { Repository } from '../repository.ts';
import { timelinesWithWal, type ArchivedWal } from './listing.ts';
import { keysInPage, planShards, type LogDirectory } from './shards.ts';
import { joinWal, WalFold } from './wal-fold.ts';

/** So much is listed before it is worth a look how much is left. */
const pagesBeforeLook = 4;
/**
 * So many parts at most. A page of S3 takes 8 MiB while it is read, and 8 ms of the processor, which more of them would
 * only wait for.
 */
const mostParts = 8;
/** Anybody may have planted thousands. The others are listed together, as the last part. */
const mostTimelines = 1000;

export interface WalListingOptions {
  /** Parts that somebody may have planted. */
  readonly foreign?: readonly SegmentRange[];
  readonly signal: AbortSignal;
}

/**
 * Lists `wal/`. What is `foreign` is in no run; in a stretch it is there to be removed, and its time counts for nothing.
 * @throws StoreError
 */
export async function listWal(
  repository: Repository,
  system: SystemPath,
  geometry: WalGeometry,
  options: WalListingOptions,
): Promise<ArchivedWal> {
  const listing: Listing = { ...options, repository, system, geometry };
  const { requestsAtOnce = 1 } = repository.store.capabilities;
  const begun = await listPart(listing, {}, requestsAtOnce > 1 ? pagesBeforeLook * keysInPage : Infinity);
  if (begun.stoppedAt === undefined) return begun.wal;
  const logs = await listLogs(listing, begun.stoppedAt, requestsAtOnce);
  const segmentsPerLog = 0x1_0000_0000 / geometry.segmentSizeBytes;
  const atOnce = Math.min(mostParts, requestsAtOnce);
  const starts = planShards(logs, { segmentsPerLog, atOnce }).map(({ timeline, log }) =>
    // Without its slash: before everything in the directory, and after everything in the one before.
    walLogPrefix(system, timeline, log).slice(0, -1),
  );
  const parts = [begun.stoppedAt, ...starts].map((after, index) => ({ after, upTo: starts[index] }));
  return joinWal([begun.wal, ...(await listParts(listing, parts))]);
}

interface Listing extends WalListingOptions {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly geometry: WalGeometry;
}

/** The keys after `after`, up to `upTo`. */
interface Part {
  readonly after?: string;
  readonly upTo?: string | undefined;
}

/** After the first failure the other parts are given up. */
async function listParts(listing: Listing, parts: readonly Part[]): Promise<ArchivedWal[]> {
  using _ = keepYoungHeapSmall();
  const failed = new AbortController();
  const signal = AbortSignal.any([listing.signal, failed.signal]);
  return await mapEach(parts, parts.length, async part => {
    try {
      return (await listPart({ ...listing, signal }, part)).wal;
    } catch (error) {
      failed.abort(error);
      throw error;
    }
  });
}

/** `stoppedAt` is the last key read where there were more than `most` entries; the rest is not listed. */
async function listPart(
  { repository, system, geometry, foreign, signal }: Listing,
  { after, upTo }: Part,
  most = Infinity,
): Promise<{ readonly wal: ArchivedWal; readonly stoppedAt?: string }> {
  const fold = new WalFold(system, geometry, foreign);
  let count = 0;
  for await (const page of pagesOf(repository.store, {
    prefix: walPrefix(system),
    startAfter: after,
    signal,
  })) {
    const last = page.at(-1);
    if (last === undefined) continue;
    const isPastEnd = upTo !== undefined && entryName(last) > upTo;
    fold.take(isPastEnd ? page.filter(entry => entryName(entry) <= upTo) : page);
    if (isPastEnd) break;
    count += page.length;
    if (count >= most) return { wal: fold.result(), stoppedAt: entryName(last) };
  }
  return { wal: fold.result() };
}

/** The directories of logs after the key, in the order of their keys. */
async function listLogs(listing: Listing, after: string, atOnce: number): Promise<LogDirectory[]> {
  const { repository, system, signal } = listing;
  const timelines = [...(await timelinesWithWal(repository, system, signal))].filter(timeline => {
    const prefix = walTimelinePrefix(system, timeline);
    return prefix > after || after.startsWith(prefix);
  });
  const looked = timelines.sort((a, b) => a - b).slice(0, mostTimelines);
  const found = await mapEach(looked, atOnce, timeline => logsOf(listing, timeline, after));
  return found.flat();
}

async function logsOf(
  { repository, system, signal }: Listing,
  timeline: number,
  after: string,
): Promise<LogDirectory[]> {
  const prefix = walTimelinePrefix(system, timeline);
  const logs: LogDirectory[] = [];
  const startAfter = after.startsWith(prefix) ? after : undefined;
  for await (const page of pagesOf(repository.store, { prefix, startAfter, delimiter: '/', signal }))
    for (const entry of page) {
      const [, digits] = /\/([0-9A-F]{8})\/$/.exec(entryName(entry)) ?? [];
      if (digits !== undefined) logs.push({ timeline, log: Number.parseInt(digits, 16) });
    }
  return logs;
}
