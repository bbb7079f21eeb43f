/**
 * A cluster with a backlog of real WAL that waits to be archived. Different archivers drain it again and again: no
 * segment is ever removed, and its status files are reset.
 */
import { readdirSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { startPostgres, type PostgresServer } from '../../test/support/servers/postgres-server.ts';
import type { Environment } from '../../test/support/site/run.ts';
import { readyCount } from '../../test/support/torture/all-archived.ts';
import { pgbenchOf } from './pgbench.ts';

export interface Backlog {
  readonly dataDirectory: string;
  readonly walDirectory: string;
  /** Of the segments, about half of them by pgbench and half of random rows. */
  readonly names: readonly string[];
  /** Starts the server, with exactly these segments ready and no archive_command yet. */
  serve(env: Environment): Promise<PostgresServer>;
}

const conf = {
  archive_mode: 'on',
  archive_command: "''",
  wal_keep_size: '64GB',
  max_wal_size: '64GB',
  shared_buffers: '128MB',
  checkpoint_timeout: '1h',
};

export async function makeBacklog(segments: number): Promise<Backlog> {
  const server = await startPostgres({ conf, ownSystemIdentifier: true });
  await writeMixedWal(server, segments);
  await server.stop();
  const { dataDirectory } = server;
  const walDirectory = join(dataDirectory, 'pg_wal');
  const statusDirectory = join(walDirectory, 'archive_status');
  const names = readdirSync(statusDirectory)
    .filter(name => /^[0-9A-F]{24}\.ready$/.test(name))
    .map(name => name.replace('.ready', ''))
    .toSorted()
    .slice(0, segments);
  return {
    dataDirectory,
    walDirectory,
    names,
    serve(env) {
      for (const file of readdirSync(statusDirectory)) {
        const [name = ''] = file.split('.');
        renameSync(
          join(statusDirectory, file),
          join(statusDirectory, `${name}.${names.includes(name) ? 'ready' : 'done'}`),
        );
      }
      return startPostgres({ dataDirectory, conf, env });
    },
  };
}

async function writeMixedWal(server: PostgresServer, segments: number): Promise<void> {
  const pgbench = pgbenchOf(server);
  await pgbench('--initialize', '--quiet', '--scale=10');
  await server.query('create table bulk(filler text)');
  while (readyCount(server) < segments) {
    await pgbench('--no-vacuum', '--client=2', '--transactions=2000');
    await server.query(`insert into bulk select md5(random()::text) || md5(random()::text)
      from generate_series(1, 500000)`);
    await server.query('truncate bulk');
  }
}
