/** The objects that lie in a range of positions, found by listing; what a dry run counts and what removal deletes. */
import { parseWalFileName, segmentName, segmentNumber } from '../../postgres/wal/file-name.ts';
import { parseWalKey, walKey, walTimelinePrefix, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';

export interface PositionRange {
  readonly timeline: number;
  readonly first: bigint;
  readonly last: bigint;
}

export interface WalObjectEntry {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Segments and what belongs to their positions: partials, backup history files, kept conflicts. Never histories. */
export async function* listWalObjects(
  { store }: Repository,
  system: SystemPath,
  range: PositionRange & { readonly segmentSizeBytes: number },
  signal: AbortSignal,
): AsyncGenerator<WalObjectEntry> {
  const { timeline, first, last, segmentSizeBytes } = range;
  const startAfter = keyBelow(system, range);
  for await (const entry of store.list({ prefix: walTimelinePrefix(system, timeline), startAfter, signal })) {
    if ('prefix' in entry) continue;
    const file = parseWalKey(entry.key)?.file;
    if (file === undefined || file.kind === 'history' || file.timeline !== timeline) continue;
    const position = segmentNumber(file, segmentSizeBytes);
    if (position < first) continue;
    if (position > last) return;
    yield { key: entry.key, sizeBytes: entry.sizeBytes };
  }
}

/** Below every key of the first position: its segment's name without the last digit. */
function keyBelow(
  system: SystemPath,
  { timeline, first, segmentSizeBytes }: PositionRange & { segmentSizeBytes: number },
): string {
  const file = parseWalFileName(segmentName(timeline, first, segmentSizeBytes));
  if (file === undefined) throw new RangeError(`no segment ${first} on timeline ${timeline}`);
  return walKey(system, file).slice(0, -1);
}
