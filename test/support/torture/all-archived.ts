/** The wait until a server has archived all its WAL. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { until } from '../site/site.ts';

/**
 * Switches the segment and waits until nothing is left to archive. It keeps connecting meanwhile: an archiver that died
 * within ten seconds of its start is started again only when something wakes the postmaster (PgArchCanRestart, and
 * ServerLoop in postmaster.c, which otherwise sleeps for a minute).
 */
export async function allArchived(server: PostgresServer, timeoutMs: number): Promise<void> {
  await server.query('select pg_switch_wal()');
  await until(
    'all segments are archived',
    async () => {
      await server.query('select 1');
      return readyCount(server) === 0;
    },
    timeoutMs,
  );
}

/** The number of files that wait to be archived. */
export function readyCount(server: PostgresServer): number {
  const names = readdirSync(join(server.dataDirectory, 'pg_wal', 'archive_status'));
  return names.filter(name => name.endsWith('.ready')).length;
}
