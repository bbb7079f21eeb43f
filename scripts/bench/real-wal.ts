/** Real segments of PostgreSQL, in the `pg_wal` of a stopped cluster. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { pgbenchOf } from './pgbench.ts';

export interface RealWal {
  /** Where push and fetch run. */
  readonly dataDirectory: string;
  /** Of pgbench, which compresses some nine times. */
  readonly easy: string;
  /** Of rows with random digits, which compresses some two times. */
  readonly hard: string;
}

/** @throws Error where PostgreSQL came without pgbench */
export async function makeRealWal(): Promise<RealWal> {
  const server = await startPostgres({
    conf: { max_wal_size: '4GB', wal_keep_size: '4GB', checkpoint_timeout: '1h', archive_mode: 'off' },
  });
  const pgbench = pgbenchOf(server);
  await pgbench('--initialize', '--scale=10', '--quiet');
  await server.query('checkpoint');
  const easy = await middleOf(server, () => pgbench('--client=2', '--transactions=25000', '--no-vacuum'));
  await server.query('create table hard(filler text)');
  const hard = await middleOf(server, () =>
    server.query(`insert into hard select md5(random()::text) || md5(random()::text) || md5(random()::text)
      from generate_series(1, 500000)`),
  );
  await server.stop();
  return { dataDirectory: server.dataDirectory, easy, hard };
}

/** A segment that nothing but `work` has written. */
async function middleOf(server: PostgresServer, work: () => Promise<unknown>): Promise<string> {
  await server.query('select pg_switch_wal()');
  const first = await current(server);
  await work();
  const last = await current(server);
  const names = readdirSync(join(server.dataDirectory, 'pg_wal'))
    .filter(name => /^[0-9A-F]{24}$/.test(name) && name > first && name < last)
    .toSorted();
  const middle = names[names.length >> 1];
  if (middle === undefined) throw new Error(`too little WAL was written between ${first} and ${last}`);
  return middle;
}

async function current(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ name: string }>('select pg_walfile_name(pg_current_wal_lsn()) as name');
  return row?.name ?? '';
}
