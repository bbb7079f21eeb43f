/** WAL that cleanup removed from a repository: what is missing there is a gap and not the end of the archive. */
import { walSubject, type NewNote, type Note } from './note.ts';
import { encodeRange, rangeOf, type NotedRange } from './noted-range.ts';

export const removedWalKind = 'wal-removed';

/** Written before the first segment goes. `reasons`: codes of the decision (docs/reference/json.md). */
export function removedWalNote(
  range: NotedRange,
  segmentSizeBytes: number,
  reasons: readonly string[],
): NewNote {
  return {
    subject: walSubject(range.timeline),
    kind: removedWalKind,
    body: { ...encodeRange(range, segmentSizeBytes), reasons },
  };
}

/** Undefined for a note that names no range. Any signer is believed, for the reason given in lost-wal.ts. */
export const parseRemovedWal: (note: Note, segmentSizeBytes: number) => NotedRange | undefined = rangeOf;
