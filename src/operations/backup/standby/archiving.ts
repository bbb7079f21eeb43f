/**
 * The archiving that a backup from a standby depends on. The standby's own settings prove nothing: its WAL is archived
 * by the primary, and only once the primary has ended the segment. So it is tried before the copy rather than hoped for
 * after it.
 */
import { toPlainError } from '../../../base/errors/plain-error.ts';
import { WalvaultError } from '../../../base/errors/errors.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { Lsn } from '../../../postgres/wal/lsn.ts';
import type { WalRange } from '../../../repository/format/backup-record.ts';
import { walPrefix, type SystemPath } from '../../../repository/format/layout.ts';
import type { Repository } from '../../../repository/repository.ts';
import {
  endCurrentSegment,
  isBeingWritten,
  withPrimary,
  type PrimaryOptions,
} from '../../primary-session.ts';

export interface StandbyArchiving extends PrimaryOptions {
  readonly id: string;
  readonly log: Log;
}

/**
 * Has the primary end a segment, where it can be reached.
 * @returns the segment, which must arrive in each repository; undefined where no primary is configured
 * @throws WalvaultError `postgres`, `refused`
 */
export async function endSegmentBefore(options: StandbyArchiving): Promise<WalRange | undefined> {
  if (options.config.postgres.primaryConnection === undefined) return undefined;
  return withPrimary(options, primary => endCurrentSegment(primary, `walvault backup ${options.id}`));
}

/**
 * Refuses a repository that nothing of this system has ever been archived into.
 * @throws WalvaultError `wal-missing`
 */
export async function requireArchivedWal(
  repository: Repository,
  system: SystemPath,
  signal: AbortSignal,
): Promise<void> {
  for await (const entry of repository.store.list({ prefix: walPrefix(system), signal }))
    if ('key' in entry) return;
  throw new WalvaultError(
    'wal-missing',
    `repository "${repository.name}" has no WAL of cluster "${system.cluster}", system ${system.systemId}: the WAL of this standby's backup would never arrive`,
    {
      hint: 'Archive from the primary into this repository, under the same cluster name, and look with `walvault list wal`. An idle primary archives its first segment after select pg_switch_wal() there.',
    },
  );
}

/**
 * Has the primary end the segment in which the backup stopped, unless it has ended by itself. A failure is a warning: a
 * primary that is at work ends it soon.
 */
export async function endSegmentAfter(stopLsn: Lsn, options: StandbyArchiving): Promise<void> {
  if (options.config.postgres.primaryConnection === undefined) return;
  try {
    await withPrimary(options, async primary => {
      if (await isBeingWritten(primary, stopLsn))
        await endCurrentSegment(primary, `walvault backup ${options.id}`);
    });
  } catch (error) {
    options.signal.throwIfAborted();
    if (!(error instanceof WalvaultError)) throw error;
    options.log.emit({ kind: 'primary-not-told', failure: toPlainError(error) });
  }
}
