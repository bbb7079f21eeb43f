/** The losses that a repository knows of. */
import type { SystemPath } from '../format/layout.ts';
import { readNotesOfKind } from '../format/notes/note.ts';
import type { Repository } from '../repository.ts';
import { parseLostWal, type LostWal } from '../format/notes/lost-wal.ts';

/** As they were noted, those included that were archived after all: see `stillMissing`. */
export async function readLostWal(
  repository: Repository,
  system: SystemPath,
  segmentSizeBytes: number,
  signal: AbortSignal,
): Promise<LostWal[]> {
  const notes = await readNotesOfKind(repository, system, 'wal-lost', signal);
  return notes.flatMap(note => parseLostWal(note, segmentSizeBytes) ?? []);
}
