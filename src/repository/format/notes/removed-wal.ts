/**
 * The note on WAL that cleanup removed from a repository: the missing range is a gap and not the end of the archive.
 */
import type { WalGeometry } from '../../../postgres/wal/geometry.ts';
import type { SegmentRange } from '../../../postgres/wal/segment-range.ts';
import { walSubject, type NewNote, type Note } from './note.ts';
import { encodeRange, rangeOf } from './noted-range.ts';

export const removedWalKind = 'wal-removed';

/**
 * Makes the note, which is written before the first segment is removed. `reasons` are codes of the decision
 * (docs/reference/json.md).
 */
export function removedWalNote(
  range: SegmentRange,
  geometry: WalGeometry,
  reasons: readonly string[],
): NewNote {
  return {
    subject: walSubject(range.timeline),
    kind: removedWalKind,
    body: { ...encodeRange(range, geometry), reasons },
  };
}

/** Parses the note; undefined if it names no range. What is said of signatures in lost-wal.ts holds here. */
export const parseRemovedWal: (note: Note, geometry: WalGeometry) => SegmentRange | undefined = rangeOf;
