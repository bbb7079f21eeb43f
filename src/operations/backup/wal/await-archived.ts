/** The wait until WAL that a backup depends on is archived in each of its repositories. */
import type { WalRange } from '../../../repository/format/backup-record.ts';
import type { SystemPath } from '../../../repository/format/layout.ts';
import type { PartSet } from '../../../repository/sets/part-set.ts';
import type { Config } from '../../../config/index.ts';
import type { Log } from '../../../observe/events/events.ts';
import type { PgConnection } from '../../../postgres/server/connection.ts';
import type { BackupServerFacts } from '../server-facts.ts';
import { withPrimary, type PrimaryOptions } from '../../primary-session.ts';
import { describeArchiver } from './archiver-state.ts';
import { whyLost } from './lost-wal.ts';
import { waitForWal, type WalWait } from './wait-for-wal.ts';

export interface ArchivedWait extends PrimaryOptions {
  readonly config: Pick<Config, 'postgres' | 'backup'>;
  readonly system: SystemPath;
  readonly set: Pick<PartSet, 'destinations'>;
  readonly connection: PgConnection;
  readonly facts: BackupServerFacts;
  readonly log: Log;
}

/** @throws WalvaultError `wal-missing` naming the first file that did not arrive in time */
export async function awaitArchived(walRanges: readonly WalRange[], wait: ArchivedWait): Promise<void> {
  const { config, set, facts, system, log, signal } = wait;
  const { dataDirectory, controlFile } = facts;
  const { geometry } = controlFile;
  await set.destinations.inEach(repository =>
    waitForWal(repository, {
      system,
      walRanges,
      geometry,
      timeoutMs: config.backup.walTimeoutMs,
      endedBy: endedBy(wait),
      describeArchiver: () => describeOwnArchiver(wait),
      whyLost: name => whyLost(repository, name, { system, dataDirectory, geometry, log, signal }),
      log,
      signal,
    }),
  );
}

function endedBy({ config, facts }: ArchivedWait): WalWait['endedBy'] {
  if (!facts.isStandby) return 'server';
  return config.postgres.primaryConnection === undefined ? 'primary' : 'primary-when-told';
}

/** The archiver that the WAL comes from: on a standby, the primary's. */
async function describeOwnArchiver(wait: ArchivedWait): Promise<string | undefined> {
  if (endedBy(wait) !== 'primary-when-told') return describeArchiver(wait.connection);
  try {
    return await withPrimary(wait, ({ connection }) => describeArchiver(connection));
  } catch {
    // The backup has failed already, and this sentence would only say more about it.
    return undefined;
  }
}
