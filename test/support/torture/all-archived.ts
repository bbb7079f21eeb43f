/** The wait until a server has archived its WAL: all of it, or what waits now. */
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
  await untilArchived(
    server,
    'all segments are archived',
    async () => {
      await server.query('select 1');
      return readyCount(server) === 0;
    },
    timeoutMs,
  );
}

/** Waits until each file that waits now is archived, whatever is written meanwhile. */
export async function waitingArchived(server: PostgresServer, timeoutMs: number): Promise<void> {
  const waiting = readyFiles(server);
  await untilArchived(
    server,
    `the ${waiting.length} segments that waited are archived`,
    () => {
      const left = new Set(readyFiles(server));
      return !waiting.some(name => left.has(name));
    },
    timeoutMs,
  );
}

/** Its failure shows the log of the server, in which the archiver says what it met. */
async function untilArchived(
  server: PostgresServer,
  what: string,
  isTrue: () => boolean | Promise<boolean>,
  timeoutMs: number,
): Promise<void> {
  try {
    await until(what, isTrue, timeoutMs);
  } catch (error) {
    throw new Error(`${String(error)}; the log of the server ends:\n${server.logTail()}`, { cause: error });
  }
}

/** The number of files that wait to be archived. */
export function readyCount(server: PostgresServer): number {
  return readyFiles(server).length;
}

function readyFiles(server: PostgresServer): string[] {
  const names = readdirSync(join(server.dataDirectory, 'pg_wal', 'archive_status'));
  return names.filter(name => name.endsWith('.ready'));
}
