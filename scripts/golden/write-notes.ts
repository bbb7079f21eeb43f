/** Writes the notes that no command writes yet, because a golden set holds every kind of note. */
import { silentLog } from '../../test/support/logs.ts';
import { openRepositories } from '../../src/compose/open-repositories.ts';
import { loadConfig } from '../../src/config/index.ts';
import { listSystemIds } from '../../src/repository/format/cluster-record.ts';
import { walSubject, writeNote, type NewNote } from '../../src/repository/format/notes/note.ts';
import type { Site } from '../../test/support/site/site.ts';
import { giveToUnprivileged } from '../../test/support/site/unprivileged.ts';

/** @param ids the backups of the repository, oldest first; the first one stays pinned, the second no longer is */
export async function writeNotes(site: Site, ids: readonly string[]): Promise<void> {
  const { signal } = new AbortController();
  const { config } = await loadConfig({ path: site.configPath, env: {} });
  await using opened = await openRepositories(config, silentLog);
  const [repository] = opened.repositories;
  if (repository === undefined) throw new Error('no repository is configured');
  const [systemId] = await listSystemIds(repository.store, config.cluster, signal);
  if (systemId === undefined) throw new Error('the repository holds no system');
  for (const note of notesOf(ids))
    await writeNote(repository, { cluster: config.cluster, systemId }, note, signal);
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
