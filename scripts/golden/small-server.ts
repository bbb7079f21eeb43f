/** A server of which little is to be archived: what is in the golden sets is in every clone of the sources. */
import { renameSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { archiveEverything, until, type Site } from '../../test/support/site/site.ts';

/** For the environment of a server whose WAL is to be given up. */
export const limit = { WALVAULT_ARCHIVE_QUEUE_LIMIT: '3MiB' };

/** As little as a cluster can hold. */
export async function shrink(server: PostgresServer): Promise<void> {
  await server.query(`update pg_database set datistemplate = false where datname like 'template%'`);
  await server.query('drop database template0');
  await server.query('drop database template1');
}

/** Commits one numbered row a segment. */
export async function commit(server: PostgresServer, first: number, last: number): Promise<void> {
  await server.query('create table if not exists committed(n int primary key)');
  for (let n = first; n <= last; n++) {
    await server.query('insert into committed values ($1)', [n]);
    await server.query('select pg_switch_wal()');
  }
}

/** The repository is unreachable while the server writes more WAL than the queue limit allows. */
export async function giveUpWal(
  site: Site,
  server: PostgresServer,
  rows: readonly [number, number],
): Promise<void> {
  renameSync(site.repositoryPath, `${site.repositoryPath}-away`);
  await commit(server, ...rows);
  await until('segments were given up', () => server.log().includes('IS GIVEN UP'));
  await delay(2000);
  renameSync(`${site.repositoryPath}-away`, site.repositoryPath);
  await archiveEverything(server);
}

export function rowsUpTo(last: number): number[] {
  return Array.from({ length: last }, (_, index) => index + 1);
}
