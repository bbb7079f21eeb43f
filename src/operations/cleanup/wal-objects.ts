/** The WAL objects in a range of positions, found by listing: a dry run counts them, a real run deletes them. */
import type { WalGeometry } from '../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../postgres/wal/segment-range.ts';
import { parseWalKey, walTimelinePrefix, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import { keyBelow } from '../../repository/wal/listing.ts';

export interface WalObjectEntry {
  readonly key: string;
  readonly sizeBytes: number;
}

/** Lists segments, and the partials, backup history files and kept conflicts at their positions. Never histories. */
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
