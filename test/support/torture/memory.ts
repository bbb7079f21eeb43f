/** The peak memory of each verb: bounded by settings, not by the size of its input (P9). */
import assert from 'node:assert/strict';
import { appendFileSync } from 'node:fs';
import { join } from 'node:path';
import { verifyWithPostgres } from '../site/cycle.ts';
import { run } from '../site/run.ts';
import { archiveEverything, type Site } from '../site/site.ts';
import { temporaryDirectory } from '../site/temp.ts';
import { createPusher } from './pusher.ts';

const mebibyte = 1024 ** 2;

/** Upper bounds of resident memory. */
export const memoryLimits = {
  pushBytes: 160 * mebibyte,
  backupBytes: 300 * mebibyte,
  restoreBytes: 300 * mebibyte,
  /** Of each verb, however many files there are. */
  largeClusterBytes: 400 * mebibyte,
  /** Of each verb that looks at a whole archive, however many segments there are. */
  largeArchiveBytes: 200 * mebibyte,
} as const;

/** The highest of several pushes of random segments, which are the hardest to compress. */
export async function memoryOfPush(site: Site, segmentSizeMiB: number): Promise<number> {
  const pusher = await createPusher(site, { segmentSizeMiB });
  let maxBytes = 0;
  for (let number = 1; number <= 3; number++) {
    const result = await pusher.push(pusher.writeSegment(number));
    assert.equal(result.exitCode, 0, result.stderr);
    maxBytes = Math.max(maxBytes, result.maxResidentBytes);
  }
  return maxBytes;
}

export interface MemoryFigures {
  readonly clusterBytes: number;
  readonly backupBytes: number;
  readonly backupMs: number;
  readonly restoreBytes: number;
  readonly restoreMs: number;
}

/** Backup and restore of a cluster of at least `sizeMiB`, the restored files checked by PostgreSQL's own tool. */
export async function memoryOfBackup(site: Site, sizeMiB: number): Promise<MemoryFigures> {
  // Without archiving at first: at wal_level=minimal a new table's rows are not logged.
  await using server = await site.startOrigin({
    initdbArgs: ['--wal-segsize=16'],
    conf: { archive_mode: 'off', wal_level: 'minimal', max_wal_senders: '0', shared_buffers: '128MB' },
  });
  const tables = 4;
  for (let table = 0; table < tables; table++)
    await server.query(`
      create table filler${table} as
      select g, md5(g::text) || md5((g * 7)::text) || md5((g * 13)::text) as t
      from generate_series(1, ${Math.ceil((sizeMiB / tables) * 8000)}) g`);
  await server.stop();
  appendFileSync(
    join(server.dataDirectory, 'postgresql.conf'),
    'archive_mode = on\nwal_level = replica\nmax_wal_senders = 5\n',
  );
  await server.start();
  const [size] = await server.query<{ bytes: string }>(
    'select sum(pg_database_size(oid)) as bytes from pg_database',
  );
  const clusterBytes = Number(size?.bytes ?? 0);
  assert.ok(clusterBytes >= sizeMiB * mebibyte, `the cluster has only ${clusterBytes} bytes`);

  const taken = await site.walvault(['backup', '--fast'], { env: server.env, timeoutMs: 600_000 });
  assert.equal(taken.exitCode, 0, taken.stderr);
  await archiveEverything(server);
  await server.stop();
  const directory = join(temporaryDirectory('restored'), 'data');
  const restored = await site.walvault(['restore', directory], { timeoutMs: 600_000 });
  assert.equal(restored.exitCode, 0, restored.stderr);
  await verifyWithPostgres(server, directory);
  await run('rm', ['-rf', directory]);
  return {
    clusterBytes,
    backupBytes: taken.maxResidentBytes,
    backupMs: taken.elapsedMs,
    restoreBytes: restored.maxResidentBytes,
    restoreMs: restored.elapsedMs,
  };
}
