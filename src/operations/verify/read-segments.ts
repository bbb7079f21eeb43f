/** The reading of some consecutive segments, each to its end. */
import { join, oneSegment, type SegmentRange } from '../../postgres/wal/segment-range.ts';
import { WalGeometry } from '../../postgres/wal/geometry.ts';
import { walKey, type SystemPath } from '../../repository/format/layout.ts';
import type { ReadDepth } from '../../repository/format/notes/verified.ts';
import type { Repository } from '../../repository/repository.ts';
import { readWal, type WalFaultKind } from './read-wal.ts';

/** Plain data, for other threads. */
export interface SegmentsToRead {
  readonly system: SystemPath;
  readonly segmentSizeBytes: number;
  readonly range: SegmentRange;
  readonly depth: ReadDepth;
}

export interface SoundRange extends SegmentRange {
  readonly depth: ReadDepth;
}

export interface FaultySegment {
  readonly timeline: number;
  readonly segment: bigint;
  readonly kind: WalFaultKind;
  readonly problem: string;
}

export interface SegmentsResult {
  readonly sound: readonly SoundRange[];
  readonly faulty: readonly FaultySegment[];
  /** They must be thawed before they can be read. */
  readonly coldCount: number;
  readonly storedBytes: number;
}

/** @throws StoreError when the store fails, which says nothing about a segment */
export async function readSegments(
  repository: Repository,
  { system, segmentSizeBytes, range, depth }: SegmentsToRead,
  { signal }: { readonly signal: AbortSignal },
): Promise<SegmentsResult> {
  const geometry = new WalGeometry(segmentSizeBytes);
  const { timeline } = range;
  const sound: SoundRange[] = [];
  const faulty: FaultySegment[] = [];
  let coldCount = 0;
  let storedBytes = 0;
  for (let segment = range.first; segment <= range.last; segment++) {
    signal.throwIfAborted();
    const file = geometry.fileOf(timeline, segment);
    const wal = { system, geometry, key: walKey(system, file), file, depth, signal };
    const found = await readWal(repository, wal);
    if (found.outcome === 'cold') coldCount++;
    else if (found.outcome === 'faulty') {
      const { kind, problem } = found;
      faulty.push({ timeline, segment, kind, problem });
    } else if (found.outcome === 'sound') {
      storedBytes += found.storedBytes;
      const one = { ...oneSegment({ timeline, segment }), depth: found.depth };
      join(sound, one, before => (before.depth === one.depth ? before : undefined));
    }
  }
  return { sound, faulty, coldCount, storedBytes };
}
