/** The databases of a stored backup, as its name map has them. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { readPiece } from '../../../repository/backup/stored-piece.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import { pieceKey, type SystemPath } from '../../../repository/format/layout.ts';
import { readNameMapDatabases, type NamedDatabase } from '../../../repository/format/name-map.ts';
import type { Repository } from '../../../repository/repository.ts';

export interface DatabaseSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  readonly record: BackupRecord;
  readonly signal: AbortSignal;
}

/** @throws WalvaultError `not-found` for a backup without a name map; `damaged`, `key` and others */
export async function readDatabases({
  repository,
  system,
  record,
  signal,
}: DatabaseSource): Promise<NamedDatabase[]> {
  const { id, names: piece } = record;
  if (piece === undefined)
    throw new WalvaultError('not-found', `backup ${id} has no name map, so its databases are not known`, {
      hint: 'Restore all of it, or name another backup with --backup; backup.name-map says whether backups get one.',
    });
  const key = pieceKey(system, id, piece);
  const found: NamedDatabase[] = [];
  await readPiece(repository, { key, record, piece, signal }, async decoded => {
    found.push(...(await readNameMapDatabases(decoded, id)));
  });
  return found;
}
