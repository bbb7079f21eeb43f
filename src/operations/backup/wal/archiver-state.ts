/** What the server says of its archiver: the reason why WAL does not arrive. */
import type { PgConnection } from '../../../postgres/server/connection.ts';

/** A sentence about the last failure, or undefined when there is none newer than the last success, or no answer. */
export async function describeArchiver(connection: PgConnection): Promise<string | undefined> {
  try {
    const [failed] = await connection.query<{ name: string; count: string; time: string }>(
      `select last_failed_wal as name, failed_count as count, last_failed_time as time from pg_stat_archiver
       where last_failed_time > coalesce(last_archived_time, '-infinity')`,
    );
    if (failed === undefined) return undefined;
    return `PostgreSQL's archiver has failed ${failed.count} times, last with ${failed.name} at ${failed.time}.`;
  } catch {
    // The session may have ended with the server; the backup has failed anyway, this was only to say more about it.
    return undefined;
  }
}
