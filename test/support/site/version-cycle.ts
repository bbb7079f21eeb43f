/** One life of a cluster of any version: archived, backed up while it is written to, restored by time, and compared. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { readArchiver } from '../../../src/postgres/server/archiver.ts';
import { startPostgres, type PostgresServer } from '../servers/postgres-server.ts';
import type { PostgresTools } from '../servers/postgres-tools.ts';
import { backUp, restoreInto } from './cycle.ts';
import { dumpOf } from './database-contents.ts';
import { archiveEverything, createSite, outcomeOf } from './site.ts';
import { startedCopy } from './started-copy.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';
import { checkTables, verifyRestored } from './verify-restored.ts';

export interface VersionCycle {
  readonly binDir: string;
  readonly segmentSizeMiB: number;
  readonly tools: PostgresTools;
  /** `check` examines the server, and another copy is started by `restore --start`, which pauses at a restore point. */
  readonly isThorough?: boolean;
}

/** @throws AssertionError where something does not come back as it was */
export async function liveThrough({
  binDir,
  segmentSizeMiB,
  tools,
  isThorough,
}: VersionCycle): Promise<void> {
  const site = await createSite();
  const sockets = temporaryDirectory('sockets');
  giveToUnprivileged(sockets);
  await using origin = await site.startOrigin({
    binDir,
    initdbArgs: [`--wal-segsize=${segmentSizeMiB}`],
    conf: { unix_socket_directories: `'${sockets}'` },
  });
  const tablespace = await fillDatabases(origin);
  if (isThorough === true) {
    const checked = await site.walvault(['check'], { env: origin.env });
    assert.equal(checked.exitCode, 0, checked.stdout + checked.stderr);
  }

  const ending = new AbortController();
  const load = writeUntil(ending.signal, origin);
  await backUp(site, origin);
  ending.abort();
  await load;
  await origin.query("insert into parents values (3, 'after the backup')");
  const before = await dumpOf(origin, tools);
  const [moment] = await origin.query<{ time: string }>('select clock_timestamp()::text as time');
  assert.ok(moment);
  await origin.query("select pg_create_restore_point('before the accident')");
  await origin.query('drop table parents cascade');
  await archiveEverything(origin);
  assert.equal((await readArchiver(origin)).failedCount, 0, origin.logTail());

  const space = join(temporaryDirectory('space-restored'), 'space');
  const directory = await restoreInto(site, [
    ...['--target-time', moment.time, '--target-action', 'promote'],
    ...['--tablespace-map', `${tablespace}=${space}`],
  ]);
  await verifyRestored(directory, tools);
  await using copy = await startPostgres({
    binDir,
    dataDirectory: directory,
    start: false,
    env: site.readerEnv,
  });
  await copy.start({ until: 'spawned' });
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.equal((await dumpOf(copy, tools)).replaceAll(space, tablespace), before);
  await checkTables(copy, tools);
  await copy.stop();
  if (isThorough !== true) return;
  const elsewhere = join(temporaryDirectory('space-started'), 'space');
  await using started = await startedCopy(
    site,
    ['--target-name', 'before the accident', '--tablespace-map', `${tablespace}=${elsewhere}`],
    binDir,
  );
  assert.equal(started.server['outcome'], 'paused', started.stderr);
  assert.deepEqual(await started.query('select count(*)::int as count from parents'), [{ count: 3 }]);
}

/** No sequence is used meanwhile: a crash, and every recovery, moves it on by up to 32 values (sequence.c). */
async function writeUntil(signal: AbortSignal, server: PostgresServer): Promise<void> {
  const client = await server.connect();
  while (!signal.aborted) {
    await client.query('insert into ticks values (clock_timestamp())');
    await sleep(5);
  }
  await client.end();
}

/** All kinds of relations that have files, in two databases and a tablespace, whose directory is returned. */
async function fillDatabases(server: PostgresServer): Promise<string> {
  const tablespace = temporaryDirectory('space');
  giveToUnprivileged(tablespace);
  await server.query(`create tablespace roomy location '${tablespace}'`);
  await server.query('create database sales');
  await server.query(`
    create table parents (id int primary key, name text collate "C" unique);
    create table children (id int generated always as identity, parent int references parents, body text, at timestamptz default now())
      partition by range (id);
    create table children_1 partition of children for values from (1) to (5000);
    create table children_2 partition of children default tablespace roomy;
    create index on children (parent);
    create unlogged table notes (id int primary key);
    create materialized view totals as select 1 as one;
    create sequence numbers;
    create table ticks (at timestamptz);
    insert into parents select n, 'parent ' || n from generate_series(1, 2) n;
    insert into children (parent, body) select 1 + n % 2, repeat(md5(n::text), n % 400) from generate_series(1, 6000) n;
    select nextval('numbers')`);
  return tablespace;
}
