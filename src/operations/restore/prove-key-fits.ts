/** The proof that this host can open what it is about to restore. */
import { WalvaultError } from '../../base/errors/errors.ts';
import { toPlainError } from '../../base/errors/plain-error.ts';
import { proveOpens } from '../../repository/backup/stored-piece.ts';
import type { BackupRecord } from '../../repository/format/backup-record.ts';
import { pieceKey, type SystemPath } from '../../repository/format/layout.ts';
import type { Repository } from '../../repository/repository.ts';
import type { RestoreOptions } from './options.ts';

/**
 * Proves, before anything is written, that a private key or passphrase fits. A dry run on a host without any warns and
 * continues; one that has a key shows that the key is of no use.
 * @returns false where the backup cannot be opened
 */
export async function proveKeyFits(
  { repository, dryRun, log, signal }: RestoreOptions & { readonly repository: Repository },
  system: SystemPath,
  record: BackupRecord,
): Promise<boolean> {
  try {
    const key = pieceKey(system, record.id, record.manifest);
    await proveOpens(repository, { key, record, piece: record.manifest, signal });
    return true;
  } catch (error) {
    const { privateKeys, passphrases } = repository.codec.keyring.settings;
    const hasKey = privateKeys.length + passphrases.length > 0;
    if (!dryRun || hasKey || !(error instanceof WalvaultError) || error.code !== 'key') throw error;
    log.emit({ kind: 'private-key-needed', failure: toPlainError(error) });
    return false;
  }
}
