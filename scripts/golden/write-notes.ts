/** Writes the notes that no command writes yet, because a golden set holds every kind of note. */
import { walSubject, writeNote, type NewNote } from '../../src/repository/format/notes/note.ts';
import type { Site } from '../../test/support/site/site.ts';
import { giveToUnprivileged } from '../../test/support/site/unprivileged.ts';
import { withRepository } from './noted.ts';

/** @param ids the backups of the repository, oldest first; the first one stays pinned, the second no longer is */
export async function writeNotes(site: Site, ids: readonly string[]): Promise<void> {
  await withRepository(site.configPath, async (repository, system) => {
    for (const note of notesOf(ids)) await writeNote(repository, system, note, new AbortController().signal);
  });
  giveToUnprivileged(site.repositoryPath);
}

function notesOf([first = '', second = '']: readonly string[]): NewNote[] {
  return [
    {
      subject: first,
      kind: 'pin',
      body: { until: '2099-12-31T00:00:00.000Z', text: 'kept for the auditors' },
    },
    { subject: second, kind: 'pin', body: {} },
    { subject: second, kind: 'unpin', body: {} },
    { subject: second, kind: 'note', body: { text: 'before the migration' } },
    { subject: first, kind: 'verified', body: { objectCount: 1 } },
    { subject: walSubject(1), kind: 'gap-acknowledged', body: { text: 'the store was away' } },
  ];
}
