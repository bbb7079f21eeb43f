/** Clusters with archived WAL, each with an earlier copy from which a recovery can start. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { agentPlace } from '../../test/support/site/agents.ts';
import type { PostgresServer } from '../../test/support/servers/postgres-server.ts';
import { coldCopy, createSite, type Site } from '../../test/support/site/site.ts';
import { allArchived } from '../../test/support/torture/all-archived.ts';
import { pgbenchOf } from './pgbench.ts';

export interface ArchivedWal {
  readonly site: Site;
  /** The cluster as it was before. */
  readonly base: string;
  /** Where all the segments lie in plain, too. */
  readonly walDirectory: string;
  readonly names: readonly string[];
}

/** Prepares a server, and then writes WAL until it is told that there is enough. */
export interface WalKind {
  prepare(server: PostgresServer): Promise<void>;
  write(server: PostgresServer, isEnough: () => boolean): Promise<void>;
}

/** Costs more than 100 ms a segment to replay. */
export const pgbenchWal: WalKind = {
  prepare: server => pgbenchOf(server)('--initialize', '--quiet', '--scale=20'),
  async write(server, isEnough) {
    while (!isEnough()) await pgbenchOf(server)('--no-vacuum', '--client=4', '--time=5');
  },
};

/**
 * Messages for logical decoding, which replay reads and does nothing about. Eight texts of 256 KiB take turns, so that
 * none comes back within zstd's window; half of each is random digits.
 */
export const messageWal: WalKind = {
  async prepare(server) {
    await server.query(`create table filler(id int, content text);
      insert into filler select id, string_agg(md5(random()::text) || repeat('walvault', 4), '')
      from generate_series(1, 8) id, generate_series(1, 4096) group by id`);
  },
  async write(server, isEnough) {
    while (!isEnough())
      await server.query(`do $$ begin for turn in 1..40 loop
        perform pg_logical_emit_message(false, 'bench', content) from (select content from filler order by id) as turns;
      end loop; end $$`);
  },
};

export async function archiveWal(kind: WalKind, segments: number): Promise<ArchivedWal> {
  const site = await createSite();
  const origin = await site.startOrigin({
    initdbArgs: ['--wal-segsize=16'],
    conf: {
      max_wal_size: '1GB',
      wal_keep_size: '64GB',
      shared_buffers: '128MB',
      checkpoint_timeout: '60s',
    },
    env: agentPlace({ WALVAULT_ARCHIVE_BATCH: 'on' }).env,
  });
  await kind.prepare(origin);
  await allArchived(origin, 120_000);
  await origin.stop();
  const base = coldCopy(origin);
  const walDirectory = join(origin.dataDirectory, 'pg_wal');
  const finished = () =>
    readdirSync(join(walDirectory, 'archive_status')).filter(name =>
      /^[0-9A-F]{24}\.(ready|done)$/.test(name),
    );
  const before = new Set(finished().map(nameIn));
  const written = () =>
    finished()
      .map(nameIn)
      .filter(name => !before.has(name))
      .toSorted();
  await origin.start();
  await kind.write(origin, () => written().length >= segments);
  await allArchived(origin, 600_000);
  await origin.stop();
  return { site, base, walDirectory, names: written() };
}

function nameIn(statusFile: string): string {
  return statusFile.slice(0, 24);
}
