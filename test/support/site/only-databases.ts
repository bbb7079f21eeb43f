/**
 * One database out of many, restored from a cluster whose WAL goes on to change the others in every way: what comes back, what the others
 * have become, and that they harm nobody.
 */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { PostgresServer } from '../servers/postgres-server.ts';
import { backUp } from './cycle.ts';
import { contentsOfDatabase, majorOf } from './database-contents.ts';
import { archiveEverything, createSite, type Site } from './site.ts';
import { startedCopy, type StartedCopy } from './started-copy.ts';
import { temporaryDirectory } from './temp.ts';
import { giveToUnprivileged } from './unprivileged.ts';

export interface OnlyDatabasesCycle {
  readonly binDir: string;
  readonly fullPageWrites: 'on' | 'off';
  /** The last one is restored. */
  readonly backups: readonly ('full' | 'differential' | 'incremental')[];
}

const copyByFiles = (major: number) => (major >= 15 ? 'strategy file_copy' : '');

/** @throws AssertionError where something does not come back as it was, or a placeholder does harm */
export async function restoreOnlyDatabases({
  binDir,
  fullPageWrites,
  backups,
}: OnlyDatabasesCycle): Promise<void> {
  const site = await createSite();
  const sockets = temporaryDirectory('sockets');
  giveToUnprivileged(sockets);
  await using origin = await site.startOrigin({
    binDir,
    initdbArgs: ['--wal-segsize=16'],
    conf: {
      unix_socket_directories: `'${sockets}'`,
      full_page_writes: fullPageWrites,
      max_prepared_transactions: '5',
      autovacuum: 'on',
      autovacuum_naptime: '1s',
      autovacuum_vacuum_threshold: '1',
      // The copy must say all the same what its replay meets.
      log_min_messages: 'panic',
      lc_messages: "'C'",
    },
  });
  const tablespace = await fill(origin);
  for (const [index, type] of backups.entries()) {
    if (index > 0) await change(origin, `before backup ${index}`);
    await backUp(site, origin, ['--type', type]);
  }
  await changeEverything(origin);
  const contents = await contentsOfDatabase(origin, 'kept');
  const dump = dumpOfKept(origin);
  await archiveEverything(origin);

  await using copy = await startedCopy(
    site,
    [
      ...['--database', 'kept', '--target-time', await timeOf(origin)],
      ...['--tablespace-map', `${tablespace}=${join(temporaryDirectory('roomy'), 'space')}`],
    ],
    binDir,
  );
  assert.equal(copy.server['outcome'], 'promoted');
  assert.deepEqual(namesIn(copy, 'restored'), ['kept', 'postgres', 'template0', 'template1']);
  assert.deepEqual(namesIn(copy, 'placeholders'), ['copied by files', 'gone', 'model', 'moved', 'renamed']);
  assert.match(copy.stderr, /5 placeholders closed/);
  assert.match(copy.stderr, /1 prepared transaction taken back, 1 subscription removed/);
  if (fullPageWrites === 'off') assert.match(copy.stderr, /WAL named \d+ pages that they lack/);
  assert.deepEqual(await contentsOfDatabase(copy, 'kept'), contents);
  assert.ok(dumpOfKept(origin, copy) === dump, 'the dumps differ');
  assertWithoutTraces(copy.directory);

  await assertClosed(copy, site, origin);
}

/** Nobody gets in, and the server does not mind. */
async function assertClosed(copy: StartedCopy, site: Site, origin: PostgresServer): Promise<void> {
  const names = namesIn(copy, 'placeholders');
  for (const name of names) {
    await assert.rejects(copy.connect(name), /invalid database|not currently accepting connections/);
    await assert.rejects(copy.query(`create database another template "${name}"`));
  }
  // A few turns of autovacuum.
  await sleep(3000);
  assert.deepEqual(
    await copy.query("select datname as name from pg_stat_activity where datname = 'gone'"),
    [],
  );
  const log = readFileSync(join(copy.directory, 'walvault_start.log'), 'latin1');
  assert.doesNotMatch(log, /PANIC|terminated by signal|could not read file/);
  for (const name of names) await copy.query(`drop database "${name}"`);
  const client = await copy.connect('kept');
  await client.query('insert into facts select -1');
  await client.query('vacuum freeze');
  await client.query("select pg_create_restore_point('checked')");
  await client.query('checkpoint');
  await client.end();
  assert.deepEqual(
    await copy.query('select datname as name from pg_database where datconnlimit = -2 or not datallowconn'),
    [{ name: 'template0' }],
  );
  if ((await majorOf(origin)) >= 15) {
    // WAL had all of it, because the server copied it page by page.
    const whole = await copy.connect('copied by WAL');
    assert.deepEqual((await whole.query('select count(*)::int as count from big')).rows, [{ count: 5000 }]);
    await whole.end();
  }
  assert.ok(site.directory !== copy.directory);
}

/** What let the first server recover is in none of the files, so every later start is an ordinary one. */
function assertWithoutTraces(directory: string): void {
  const { stdout } = spawnSync('grep', ['-rl', 'ignore_invalid_pages', directory], { encoding: 'utf8' });
  assert.equal(stdout, '');
}

function namesIn({ summary }: StartedCopy, which: 'restored' | 'placeholders'): string[] {
  const { databases } = summary as { databases: Record<string, { name: string }[]> };
  return (databases[which] ?? []).map(({ name }) => name).toSorted();
}

/** Undefined without pg_dump: npm's PostgreSQL has none. */
function dumpOfKept(origin: PostgresServer, copy?: StartedCopy): string | undefined {
  if (!readdirSync(origin.binDir).includes('pg_dump')) return undefined;
  const host = copy === undefined ? origin.socketDirectory : String(copy.server['socketDirectory']);
  const port = copy === undefined ? origin.port : Number(copy.server['port']);
  const dump = execFileSync(
    join(origin.binDir, 'pg_dump'),
    ['-h', host, '-p', String(port), '-U', 'postgres', 'kept'],
    { encoding: 'utf8', maxBuffer: 1024 ** 3 },
  );
  return dump.replaceAll(/^\\(?:un)?restrict .*\n/gm, '');
}

async function timeOf(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ time: string }>('select clock_timestamp()::text as time');
  await server.query('create table if not exists after_it (n int)');
  await archiveEverything(server);
  return row?.time ?? '';
}

async function inDatabase(server: PostgresServer, database: string, statements: readonly string[]) {
  const client = await server.connect(database);
  try {
    for (const sql of statements) await client.query(sql);
  } finally {
    await client.end();
  }
}

/** @returns the directory of a tablespace, where parts of databases are */
async function fill(server: PostgresServer): Promise<string> {
  const tablespace = temporaryDirectory('roomy');
  giveToUnprivileged(tablespace);
  await server.query(`create tablespace roomy location '${tablespace}'`);
  await server.query('create database kept');
  await server.query('create database gone tablespace roomy');
  await server.query('create database moved');
  await server.query('create database "to be renamed"');
  await server.query('create database "to be dropped"');
  await server.query('create database model is_template true');
  for (const database of ['kept', 'gone', 'moved', 'to be renamed', 'to be dropped'])
    await inDatabase(server, database, [
      "create table facts as select n, repeat('f', 100) as body from generate_series(1, 2000) n",
      'create index on facts (n)',
      "create table big as select n, repeat('b', 400) as body from generate_series(1, 5000) n",
      'create table elsewhere (n int, body text) tablespace roomy',
      'insert into elsewhere select n, md5(n::text) from generate_series(1, 2000) n',
      'create table short as select n from generate_series(1, 2000) n',
      'create table doomed as select n from generate_series(1, 2000) n',
      'create sequence numbers',
      'create unlogged table notes (n int primary key)',
      'vacuum',
    ]);
  return tablespace;
}

async function change(
  server: PostgresServer,
  body: string,
  databases = ['kept', 'gone', 'moved', 'to be renamed'],
): Promise<void> {
  for (const database of databases)
    await inDatabase(server, database, [
      `update facts set body = '${body}' where n % 97 = 0`,
      `update big set body = '${body}' where n % 1000 = 0`,
      `insert into elsewhere select n, '${body}' from generate_series(1, 500) n`,
    ]);
}

/** A checkpoint between: with full_page_writes, what follows has images; without, nothing has. */
async function changeEverything(server: PostgresServer): Promise<void> {
  await change(server, 'after the backup');
  await server.query('checkpoint');
  for (const database of ['kept', 'gone', 'moved', 'to be renamed'])
    await inDatabase(server, database, [
      'delete from facts where n % 3 = 0',
      'vacuum facts',
      'drop table doomed',
      'truncate short',
      'insert into short values (1)',
      'create table made as select n from generate_series(1, 2000) n',
      'alter table elsewhere set tablespace pg_default',
      "select setval('numbers', 100)",
      'vacuum full pg_class',
      'reindex table facts',
    ]);
  await server.query('alter database "to be renamed" rename to renamed');
  await server.query('alter database moved set tablespace roomy');
  await server.query('drop database "to be dropped"');
  const major = await majorOf(server);
  await server.query(`create database "copied by files" template gone ${copyByFiles(major)}`);
  if (major >= 15) await server.query('create database "copied by WAL" template gone strategy wal_log');
  await inDatabase(server, 'copied by files', ['insert into facts select 1', 'vacuum full pg_class']);
  await inDatabase(server, 'gone', [
    'begin',
    'insert into facts select 1',
    "prepare transaction 'left open'",
    "create subscription feed connection 'dbname=nowhere' publication news with (connect = false)",
    "update big set body = 'the last page' where n = 5000",
  ]);
  await change(server, 'at the end', ['kept', 'gone', 'moved', 'renamed']);
}
