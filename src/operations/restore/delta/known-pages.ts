/** The digests of all pages that a backup restores to: those of an incremental backup are patched over those that it builds on. */
import { WalvaultError } from '../../../base/errors/errors.ts';
import { toPlainError } from '../../../base/errors/plain-error.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { BackupRecord } from '../../../repository/format/backup-record.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { Repository } from '../../../repository/repository.ts';
import { StoreError } from '../../../stores/store.ts';
import { ParentState } from '../../backup/parent/parent-state.ts';

export interface KnownPagesSource {
  readonly repository: Repository;
  readonly system: SystemPath;
  /** The full backup first. */
  readonly lineage: readonly BackupRecord[];
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * Undefined on a host without the secret that sealed them: there files are compared by the manifest's digests, and one that several backups make
 * counts as different. Why is told where this host has a secret.
 */
export async function readKnownPages(source: KnownPagesSource): Promise<ParentState | undefined> {
  const { repository, log, signal } = source;
  const secret = await repository.codec.keyring.hostSecret();
  if (secret === undefined) return undefined;
  try {
    return await ParentState.read({ ...source, secret });
  } catch (error) {
    const isOfDigests =
      error instanceof StoreError || (error instanceof WalvaultError && error.code === 'damaged');
    if (signal.aborted || !isOfDigests) throw error;
    log.emit({ kind: 'page-digests-passed-over', failure: toPlainError(error) });
    return undefined;
  }
}
