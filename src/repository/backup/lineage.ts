/** A backup with those that it builds on. Pure. */
import type { BackupRecord } from '../format/backup-record.ts';

/** walvault makes three at most; more would be a hostile catalogue. */
const mostGenerations = 8;

/** The full backup first, this one last; undefined where one of them is not among these. */
export function lineageOf(
  record: BackupRecord,
  find: (id: string) => BackupRecord | undefined,
): BackupRecord[] | undefined {
  const lineage = [record];
  for (let oldest = record; oldest.type === 'incremental'; lineage.unshift(oldest)) {
    const parent = oldest.parent === undefined ? undefined : find(oldest.parent);
    if (parent === undefined || parent.systemId !== record.systemId || lineage.length === mostGenerations)
      return undefined;
    oldest = parent;
  }
  return lineage;
}
