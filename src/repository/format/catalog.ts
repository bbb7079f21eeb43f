/** The committed backups of a system: its commit records, each with who signed it and when it reached the store. */
import { WalvaultError } from '../../base/errors/errors.ts';
import type { SignatureVerdict } from '../../pipeline/openpgp/index.ts';
import type { Repository } from '../repository.ts';
import { decodeBackupRecord, encodeBackupRecord } from './backup-record-json.ts';
import { comparePositions, type BackupRecord } from './backup-record.ts';
import { readSmallObject, readVerdict, writeSignedObject } from './json-object.ts';
import { commitRecordKey, commitRecordsPrefix, type SystemPath } from './layout.ts';

const limitBytes = 256 * 1024 ** 2;

export interface CatalogEntry {
  readonly record: BackupRecord;
  readonly verdict: SignatureVerdict;
  /** When the record reached the store, by the store's clock. */
  readonly committedAt: Date;
}

/** An existing record that cannot be used; retention keeps all objects it might name. */
export interface UnreadableEntry {
  readonly id: string;
  readonly problem: string;
}

export interface Catalog {
  /** The backups ordered by timeline, then by start LSN, never by clocks or ids. */
  readonly backups: readonly CatalogEntry[];
  readonly unreadable: readonly UnreadableEntry[];
}

/** Commits the backup. Everything the record names must be durable before the call. */
export async function writeBackupRecord(
  repository: Repository,
  system: SystemPath,
  record: BackupRecord,
  signal: AbortSignal,
): Promise<void> {
  await writeSignedObject(repository, commitRecordKey(system, record.id), encodeBackupRecord(record), signal);
}

export async function readCatalog(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<Catalog> {
  const backups: CatalogEntry[] = [];
  const unreadable: UnreadableEntry[] = [];
  const prefix = commitRecordsPrefix(system);
  for await (const entry of repository.store.list({ prefix, signal })) {
    if ('prefix' in entry || !entry.key.endsWith('.json')) continue;
    const id = entry.key.slice(prefix.length, -'.json'.length);
    try {
      const data = await readSmallObject(repository.store, entry.key, { limitBytes, signal });
      if (data === undefined) continue;
      const record = decodeBackupRecord(data, `${repository.store.url}: ${entry.key}`);
      if (record.id !== id || record.systemId !== system.systemId) {
        throw new WalvaultError(
          'damaged',
          `${repository.store.url}: ${entry.key} is the record of another backup`,
        );
      }
      backups.push({
        record,
        verdict: await readVerdict(repository, entry.key, data, signal),
        committedAt: entry.modified,
      });
    } catch (error) {
      if (!(error instanceof WalvaultError) || error.code !== 'damaged') throw error;
      unreadable.push({ id, problem: error.message });
    }
  }
  backups.sort((a, b) => comparePositions(a.record, b.record));
  return { backups, unreadable };
}
