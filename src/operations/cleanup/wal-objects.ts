/** The objects that lie in a range of positions, found by listing; what a dry run counts and what removal deletes. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import { parseWalKey, walTimelinePrefix, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { keyBelow } from '../../repository/wal/listing.ts';

export interface WalObjectEntry {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Segments and what belongs to their positions: partials, backup history files, kept conflicts. Never histories. */
export async function* listWalObjects(
  { store }: Repository,
  system: SystemPath,
  range: SegmentRange,
  { geometry, signal }: { readonly geometry: WalGeometry; readonly signal: AbortSignal },
): AsyncGenerator<WalObjectEntry> {
  const { timeline, first, last } = range;
  const startAfter = keyBelow(system, range, geometry);
  for await (const entry of store.list({ prefix: walTimelinePrefix(system, timeline), startAfter, signal })) {
    if ('prefix' in entry) continue;
    const file = parseWalKey(entry.key)?.file;
    if (file === undefined || file.kind === 'history' || file.timeline !== timeline) continue;
    const { segment } = geometry.positionOf(file);
    if (segment < first) continue;
    if (segment > last) return;
    yield { key: entry.key, sizeBytes: entry.sizeBytes };
  }
}
