/** What a restore of some databases means for the planned backup. */
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { Repository } from '../../../repository/repository.ts';
import type { RestoreOptions } from '../options.ts';
import { chooseDatabases, type ChosenDatabases } from './choose-databases.ts';
import { readDatabases } from './read-databases.ts';

/** Undefined where all are restored. @throws WalvaultError `not-found` for a name that the backup does not have; `key`, `damaged` */
export async function databasesOf(
  { repository, databaseNames, signal }: RestoreOptions & { readonly repository: Repository },
  system: SystemPath,
  record: BackupRecord,
): Promise<ChosenDatabases | undefined> {
  if (databaseNames === undefined) return undefined;
  const known = await readDatabases({ repository, system, record, signal });
  return chooseDatabases(databaseNames, { backup: record.id, known });
}
