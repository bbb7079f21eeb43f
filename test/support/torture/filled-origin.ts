/** An archiving server with some data in it, so that its backup takes long enough to be disturbed. */
import { readControlFile } from '../../../src/postgres/cluster/control-file.ts';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { archiveEverything, commitRows, type Site } from '../site/site.ts';

export interface FilledOrigin {
  readonly server: PostgresServer;
  readonly systemId: bigint;
}

/** Rows of random text: they compress to about half. */
export async function startFilledOrigin(site: Site, sizeMiB: number): Promise<FilledOrigin> {
  const server = await site.startOrigin({ initdbArgs: ['--wal-segsize=16'] });
  await commitRows(server, 1, 1);
  await server.query(`
    create table filler as
      select g as id, md5(g::text) || md5((g + 1)::text) || md5((g + 2)::text) || md5((g + 3)::text) as text
      from generate_series(1, ${sizeMiB * 6000}) g`);
  await archiveEverything(server);
  const { systemId } = await readControlFile(server.dataDirectory, new AbortController().signal);
  return { server, systemId };
}
