/**
 * The life of a cluster that leaves a note of each kind: by the commands that write them, and directly where only damage or a
 * long history would.
 */
import { archivedSegments, backUp, restoreInto } from '../../test/support/site/cycle.ts';
import { giveToUnprivileged } from '../../test/support/site/unprivileged.ts';
import { archiveEverything, type Site } from '../../test/support/site/site.ts';
import { anomalyNote } from '../../src/repository/format/notes/anomaly.ts';
import { writeNote, walSubject, type NewNote } from '../../src/repository/format/notes/note.ts';
import type { ExpectedRestore } from './expected.ts';
import { withRepository } from './noted.ts';
import { commit, giveUpWal, limit, rowsUpTo, shrink } from './small-server.ts';

export async function liveOnNotes(site: Site): Promise<ExpectedRestore[]> {
  await using server = await site.startOrigin({ env: { ...limit }, conf: { wal_keep_size: '64MB' } });
  await shrink(server);
  await commit(server, 1, 2);
  // Removed by the cleanup below.
  await backUp(site, server);
  await commit(server, 3, 4);
  const first = await backUp(site, server);
  await commit(server, 5, 5);
  const [moment] = await server.query<{ now: string }>('select clock_timestamp()::text as now');
  await commit(server, 6, 6);
  await archiveEverything(server);
  await giveUpWal(site, server, [7, 14]);
  const second = await backUp(site, server);
  await command(site, ['restore-point', 'before-migration-42'], server.env);
  await commit(server, 15, 16);
  await archiveEverything(server);
  const newest = archivedSegments(site).at(-1)?.slice(-24) ?? '';
  await server.stop();

  await command(site, ['cleanup', '--keep-last', '2']);
  await command(site, ['pin', first.id, '--until', '2099-12-31', '--note', 'kept for the auditors']);
  await command(site, ['pin', second.id]);
  await command(site, ['unpin', second.id]);
  await command(site, ['gap', 'ack', '--timeline', '1', '--reason', 'the store was away']);
  await writeNotes(site, [
    { subject: second.id, kind: 'note', body: { text: 'before the migration' } },
    anomalyNote(second.id, [
      { measure: 'ratio', value: 1020, usual: 4100, lowest: 3280, highest: 5125, comparedWith: 12 },
    ]),
    // What the runs below take back.
    { subject: walSubject(1), kind: 'verified', body: { depth: 'damaged', ranges: `${newest}-${newest}` } },
    { subject: second.id, kind: 'verified', body: { depth: 'damaged', parts: '1-1' } },
  ]);
  await command(site, ['verify', '--read-data']);
  await command(site, ['verify']);
  await restoreInto(site, ['--backup', second.id]);
  return [
    { backup: first.id, args: ['--target-time', moment?.now ?? ''], rows: rowsUpTo(5) },
    { backup: second.id, args: ['--target-name', 'before-migration-42'], rows: rowsUpTo(14) },
  ];
}

async function command(site: Site, args: readonly string[], env = {}): Promise<void> {
  const { exitCode, stdout, stderr } = await site.walvault(args, { env });
  if (exitCode !== 0) throw new Error(`${args.join(' ')}: ${exitCode}\n${stdout}${stderr}`);
}

async function writeNotes(site: Site, notes: readonly NewNote[]): Promise<void> {
  await withRepository(site.configPath, async (repository, system) => {
    for (const note of notes) await writeNote(repository, system, note, new AbortController().signal);
  });
  giveToUnprivileged(site.repositoryPath);
}
