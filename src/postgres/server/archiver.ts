/** The server's statistics of its archiver (pgstat_archiver.c), which tell why WAL does not arrive. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

export interface ArchiverStatistics {
  readonly archivedCount: number;
  readonly lastArchivedWal: string | undefined;
  /** By the server's clock. */
  readonly lastArchivedAt: Date | undefined;
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
  readonly at: Date;
  /** True: no file has been archived since. */
  readonly isNewest: boolean;
}

/** @throws WalvaultError `postgres` */
export async function readArchiver(connection: Pick<PgConnection, 'query'>): Promise<ArchiverStatistics> {
  const row = await queryOne<ArchiverRow>(
    connection,
    `select archived_count::text as archived, last_archived_wal as last, failed_count::text as failed,
            (extract(epoch from last_archived_time) * 1000)::bigint::text as last_ms,
            last_failed_wal as wal, last_failed_time::text as time,
            (extract(epoch from last_failed_time) * 1000)::bigint::text as time_ms,
            (last_failed_time > coalesce(last_archived_time, '-infinity'))::text as newest
     from pg_stat_archiver`,
  );
  const { wal, time, time_ms: timeMs, newest } = row;
  return {
    archivedCount: Number(row.archived),
    lastArchivedWal: row.last ?? undefined,
    failedCount: Number(row.failed),
    lastArchivedAt: row.last_ms === null ? undefined : new Date(Number(row.last_ms)),
    lastFailure:
      wal === null || time === null
        ? undefined
        : { wal, time, at: new Date(Number(timeMs)), isNewest: newest === 'true' },
  };
}

interface ArchiverRow {
  readonly archived: string;
  readonly last: string | null;
  readonly last_ms: string | null;
  readonly failed: string;
  readonly wal: string | null;
  readonly time: string | null;
  readonly time_ms: string | null;
  readonly newest: string | null;
}
