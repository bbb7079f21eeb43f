/** The segments that wait to be archived, counted by the server: its files may be on another host. */
import type { PgConnection } from './connection.ts';
import { queryOne } from './query.ts';

/**
 * Counts the `.ready` files of whole segments. Undefined where the role may not look: pg_ls_archive_statusdir() is for
 * members of pg_monitor (system_functions.sql).
 * @throws WalvaultError `postgres`
 */
export async function countReadySegments(
  connection: Pick<PgConnection, 'query'>,
): Promise<number | undefined> {
  const { allowed } = await queryOne<{ allowed: string }>(
    connection,
    `select has_function_privilege('pg_ls_archive_statusdir()', 'execute')::text as allowed`,
  );
  if (allowed !== 'true') return undefined;
  const { waiting } = await queryOne<{ waiting: string }>(
    connection,
    `select count(*)::text as waiting from pg_ls_archive_statusdir() where name ~ '^[0-9A-F]{24}\\.ready$'`,
  );
  return Number(waiting);
}
