/** The notes that pin a backup and unpin it: a pinned backup stays whatever the policy says. */
import type { Note } from './note.ts';

export const pinKind = 'pin';
export const unpinKind = 'unpin';

/**
 * Ids of the pinned backups, from notes of both kinds in the order in which they were written. The last note about a
 * backup counts; an untrusted note can only pin.
 */
export function pinnedBackups(
  notes: readonly Note[],
  isBelieved: (note: Note) => boolean,
): ReadonlySet<string> {
  const pinned = new Set<string>();
  for (const note of notes) {
    if (note.kind === pinKind) pinned.add(note.subject);
    if (note.kind === unpinKind && isBelieved(note)) pinned.delete(note.subject);
  }
  return pinned;
}
