/** What an audit of WAL summaries tells of the pages that they missed. */
import type { Log } from '../../../observe/events/events.ts';
import { formatLsn } from '../../../postgres/wal/lsn.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import type { MissedPage } from '../part/part-task.ts';
import type { PickedParent } from '../parent/pick-parent.ts';

const namedPages = 20;

/** @param missed the first of them, in any order; `count` is that of all */
export function tellMissedPages(
  { id, picked }: { readonly id: string; readonly picked: PickedParent },
  { count, first }: { readonly count: number; readonly first: readonly MissedPage[] },
  log: Log,
): void {
  if (count === 0) return;
  const ordered = first.toSorted((a, b) => (a.path === b.path ? a.page - b.page : a.path < b.path ? -1 : 1));
  for (const { path, page, lsn } of ordered.slice(0, namedPages))
    log.emit({ kind: 'page-not-in-summaries', path, page, lsn: formatLsn(lsn) });
  const doubtful = doubtfulBackups(picked.backups, picked.lineage[0]);
  log.emit({ kind: 'wal-summaries-distrusted', backup: id, missedPages: count, doubtful });
}

/** Those that relied on summaries since the full backup: what was missed now may have been missed then. */
function doubtfulBackups(backups: readonly BackupRecord[], full: BackupRecord | undefined): string[] {
  const sinceMs = full?.startTime.getTime() ?? 0;
  return backups
    .filter(({ changesFrom, startTime }) => changesFrom === 'summaries' && startTime.getTime() >= sinceMs)
    .map(({ id }) => id)
    .sort();
}
