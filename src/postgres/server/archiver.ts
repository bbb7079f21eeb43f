/** The server's statistics of its archiver (pgstat_archiver.c), which tell why WAL does not arrive. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

export interface ArchiverStatistics {
  readonly archivedCount: number;
  readonly lastArchivedWal: string | undefined;
  /**
   * Failures of archive_command. A command that the shell does not find (status 127) ends the archiver and is not
   * counted (pgarch.c).
   */
  readonly failedCount: number;
  readonly lastFailure: ArchiverFailure | undefined;
}

export interface ArchiverFailure {
  readonly wal: string;
  /** In the server's own format. */
  readonly time: string;
  /** True: no file has been archived since. */
  readonly isNewest: boolean;
}

/** @throws WalvaultError `postgres` */
export async function readArchiver(connection: Pick<PgConnection, 'query'>): Promise<ArchiverStatistics> {
  const row = await queryOne<ArchiverRow>(
    connection,
    `select archived_count::text as archived, last_archived_wal as last, failed_count::text as failed,
            last_failed_wal as wal, last_failed_time::text as time,
            (last_failed_time > coalesce(last_archived_time, '-infinity'))::text as newest
     from pg_stat_archiver`,
  );
  const { wal, time, newest } = row;
  return {
    archivedCount: Number(row.archived),
    lastArchivedWal: row.last ?? undefined,
    failedCount: Number(row.failed),
    lastFailure: wal === null || time === null ? undefined : { wal, time, isNewest: newest === 'true' },
  };
}

interface ArchiverRow {
  readonly archived: string;
  readonly last: string | null;
  readonly failed: string;
  readonly wal: string | null;
  readonly time: string | null;
  readonly newest: string | null;
}
