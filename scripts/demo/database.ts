/** The demo's steps in PostgreSQL. */
import { setTimeout as delay } from 'node:timers/promises';
import { runLoad } from '../../test/support/site/load.ts';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { readArchiver } from '../../src/postgres/server/archiver.ts';

export interface Contents {
  readonly entries: number;
  readonly total: number;
}

export async function write(server: PostgresServer, transactions: number): Promise<void> {
  await runLoad(server, { clients: 2, transactions, rowBytes: 1024 });
}

export async function contentsOf(server: PostgresServer): Promise<Contents> {
  const [row] = await server.query<Contents>(
    'select count(*)::int as entries, coalesce(sum(amount), 0)::int as total from ledger',
  );
  return row ?? { entries: 0, total: 0 };
}

/** The server's clock, between the last commit and the next. */
export async function timeNow(server: PostgresServer): Promise<string> {
  await delay(50);
  const [row] = await server.query<{ now: string }>(
    `select to_char(clock_timestamp(), 'YYYY-MM-DD HH24:MI:SS.US') || '+00' as now`,
  );
  await delay(50);
  return row?.now ?? '';
}

/** Closes the segment in use and waits until the archiver has handed it over. */
export async function archiveAll(server: PostgresServer): Promise<void> {
  const [closed] = await server.query<{ name: string }>('select pg_walfile_name(pg_switch_wal()) as name');
  const giveUpAt = performance.now() + 60_000;
  for (;;) {
    const { lastArchivedWal = '', failedCount } = await readArchiver(server);
    if (lastArchivedWal >= (closed?.name ?? '')) return;
    if (performance.now() > giveUpAt)
      throw new Error(`the archiver does not get on (${failedCount} failures):\n${server.logTail()}`);
    await delay(50);
  }
}

/** Until the recovery has reached its target and the server takes writes. */
export async function promoted(server: PostgresServer): Promise<void> {
  const giveUpAt = performance.now() + 60_000;
  for (;;) {
    const [row] = await server.query<{ recovering: boolean }>('select pg_is_in_recovery() as recovering');
    if (row?.recovering === false) return;
    if (performance.now() > giveUpAt) throw new Error(`the recovery does not end:\n${server.logTail()}`);
    await delay(50);
  }
}
