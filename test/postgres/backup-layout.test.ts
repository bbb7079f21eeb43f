import assert from 'node:assert/strict';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { collect } from '../../src/base/bytes/streams.ts';
import type { BackupResult } from '../../src/operations/backup/backup.ts';
import { readTar } from '../../src/pipeline/tar/index.ts';
import { backupPrefix, manifestKey, pieceKey, type SystemPath } from '../../src/repository/format/layout.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';
import { comparePaths, readManifest, type ManifestEntry } from '../../src/repository/format/manifest.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { runOk } from '../support/site/run.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import {
  makeRepository,
  recordingLog,
  runBackup,
  signal,
  startArchivingServer,
  startUnpacked,
  switchAndArchive,
  unpackByHand,
} from '../support/site/backup-fixtures.ts';

/** Longer than PostgreSQL's own tar can name. */
const longName = `long-${'x'.repeat(200)}`;
const oddNames = ['with space', 'quote"and\\backslash', 'ümläut', 'base-x', 'new\nline', longName];

describe('a cluster with everything that is unusual', () => {
  let repository: Repository;
  let server: PostgresServer;
  let system: SystemPath;
  let stopArchiving: () => Promise<void>;
  let tablespace: string;
  let outside: string;
  let result: BackupResult;
  let entries: Map<string, ManifestEntry>;
  const log = recordingLog();

  beforeAll(async () => {
    repository = await makeRepository();
    tablespace = temporaryDirectory('tablespace');
    outside = temporaryDirectory('etc');
    ({ server, system, stopArchiving } = await startArchivingServer([repository], {
      ownSystemIdentifier: true,
      conf: { allow_in_place_tablespaces: 'on' },
    }));
    await server.stop();
    movePgWal(server.dataDirectory);
    moveConfiguration(server.dataDirectory, outside);
    addOddFiles(server.dataDirectory);
    await server.start();
    await server.query(`create tablespace far location '${tablespace}'`);
    await server.query(`create tablespace here location ''`);
    await server.query(`
      create table in_far tablespace far as select g, md5(g::text) from generate_series(1, 5000) g;
      create table in_here tablespace here as select g, md5(g::text) from generate_series(1, 5000) g;
      create unlogged table unlogged_far (a int) tablespace far;
      create unlogged table unlogged_table as select g from generate_series(1, 1000) g;
      create table "ev""ents" (at date, note text collate "C" primary key check (note <> '')) partition by hash (note);
      create table events_1 partition of "ev""ents" for values with (modulus 1, remainder 0);
      create sequence orders_seq`);
    await server.query('create database payroll');
    await server.query('revoke connect on database payroll from public');
    await setTrap(server, 'payroll');
    const session = await server.connect();
    await session.query('create temporary table temporary_table as select g from generate_series(1, 1000) g');
    result = await runBackup(server, [repository], { log, partSizeBytes: 1024 ** 2 });
    await session.end();
    await switchAndArchive(server, repository, system);
    entries = await manifestOf(repository, system, result.record.id);
  });
  afterAll(async () => {
    await server.stop();
    await stopArchiving();
  });

  test('the record names tablespaces with a place of their own and configuration files outside', async () => {
    const [far] = await server.query<{ oid: number }>("select oid from pg_tablespace where spcname = 'far'");
    assert.deepEqual(result.record.tablespaces, [{ oid: Number(far?.oid), location: tablespace }]);
    assert.deepEqual(
      result.record.externalFiles,
      [join(outside, 'pg_hba.conf'), join(outside, 'extra.conf')].toSorted(),
    );
    assert.ok(entries.has(`walvault_external${outside}/pg_hba.conf`));
    assert.deepEqual(
      log.events.filter(event => event.level === 'warn').map(event => event.message),
      ['a-link is a symbolic link and not in this backup'],
    );
  });

  test('a role that may not see where they are saves none of the configuration files, and says so', async () => {
    await server.query(`
      create role limited login;
      grant execute on function pg_backup_start(text, boolean), pg_backup_stop(boolean), pg_switch_wal() to limited`);
    const limited = recordingLog();
    const { dataDirectory } = server;
    const { record } = await runBackup(server, [repository], {
      log: limited,
      user: 'limited',
      dataDirectory,
    });
    assert.deepEqual(record.externalFiles, []);
    const warnings = limited.events.filter(event => event.level === 'warn').map(event => event.message);
    assert.ok(
      warnings.some(message => /may not see where the configuration files are/.test(message)),
      warnings.join('\n'),
    );
    assert.ok(
      warnings.some(message => /lacks the relations of 1 database: "payroll" \(.*CONNECT/i.test(message)),
      warnings.join('\n'),
    );
    const payroll = (await namesOf(repository, system, record)).filter(
      line => line['database'] === 'payroll',
    );
    assert.match(String(payroll[0]?.['unread']), /permission denied for database "payroll"/);
  });

  test('the name map tells the relation of every file, and what each database holds', async () => {
    const lines = await namesOf(repository, system, result.record);
    const relations = lines.filter(line => line['relation'] !== undefined);
    assert.deepEqual(lines[0], { format: 1, backup: result.record.id });
    assert.deepEqual(lines.at(-1), { relations: relations.length });
    const named = new Set(relations.map(line => line['path']));
    const template0 = lines.find(line => line['database'] === 'template0');
    assert.equal(template0?.['unread'], 'it allows no connections');
    const relationFile = /^(?:global|base\/\d+|pg_tblspc\/\d+\/[^/]+\/\d+)\/\d+/;
    const nameless = [...entries.keys()]
      .flatMap(path => relationFile.exec(path)?.[0] ?? [])
      .filter(path => !named.has(path) && !path.startsWith(`base/${String(template0?.['oid'])}/`));
    assert.deepEqual(nameless, []);

    const find = (name: string) => relations.find(line => line['relation'] === name);
    const [far] = await server.query<{ path: string; filenode: string }>(
      "select pg_relation_filepath('in_far') as path, pg_relation_filenode('in_far')::text as filenode",
    );
    const inFar = find('in_far');
    assert.deepEqual(
      [inFar?.['schema'], inFar?.['kind'], inFar?.['path'], String(inFar?.['filenode'])],
      ['public', 'table', far?.path, far?.filenode],
    );
    const toast = relations.find(line => line['oid'] === inFar?.['toast']);
    assert.deepEqual([toast?.['kind'], toast?.['schema']], ['toast', 'pg_toast']);
    assert.equal(find('unlogged_table')?.['unlogged'], true);
    assert.equal(find('events_1')?.['partitionOf'], find('ev"ents')?.['oid']);
    assert.equal(find('events_1_pkey')?.['indexOf'], find('events_1')?.['oid']);
    assert.equal(find('pg_database')?.['path'], 'global/1262');
    assert.equal(find('pg_class')?.['filenode'], 1259);
    assert.equal(find('temporary_table'), undefined);
    assert.equal(relations.filter(line => line['path'] === 'global/1262').length, 1);
    assert.ok(lines.some(line => line['tablespace'] === 'far'));
    const postgres = lines.find(line => line['database'] === 'postgres');
    // From PostgreSQL 18 on NOT NULL is among the constraints.
    const [made] = await server.query<{ constraints: number }>(
      'select count(*)::integer as constraints from pg_constraint where oid >= 16384',
    );
    assert.deepEqual(postgres?.['counts'], { tables: 6, indexes: 2, sequences: 1, ...made });
    assert.deepEqual(postgres?.['extensions'], [{ name: 'plpgsql', version: '1.0' }]);
    assert.ok(lines.some(line => line['database'] === 'payroll' && line['unread'] === undefined));
  });

  test('files of no use after a restore are left out, empty directories are kept', async () => {
    const paths = [...entries.keys()];
    const relation = async (table: string) =>
      (await server.query<{ path: string }>(`select pg_relation_filepath('${table}') as path`))[0]?.path ??
      '';
    const unlogged = await relation('unlogged_table');
    assert.ok(!entries.has(unlogged), 'unlogged main fork');
    assert.ok(entries.has(`${unlogged}_init`), 'unlogged init fork');
    assert.ok(!entries.has(await relation('unlogged_far')));
    assert.ok(entries.has(`${await relation('unlogged_far')}_init`));
    assert.ok(entries.has(await relation('in_far')));
    assert.ok(entries.has(await relation('in_here')));
    for (const gone of [
      'postmaster.pid',
      'postmaster.opts',
      'recovery.signal',
      'base/pgsql_tmp/pgsql_tmp99.0',
    ])
      assert.ok(!entries.has(gone), gone);
    assert.deepEqual(
      paths.filter(path => /(^|\/)t\d+_\d+/.test(path)),
      [],
    );
    assert.deepEqual(
      paths.filter(path => path.startsWith('pg_wal/')),
      ['pg_wal/archive_status'],
    );
    for (const kept of ['pg_wal', 'pg_replslot', 'pg_notify', 'empty', 'pg_stat_tmp'])
      assert.equal(entries.get(kept)?.type, 'directory', kept);
    for (const name of oddNames) assert.ok(entries.has(name), name);
    assert.equal(entries.get('with space')?.mode, 0o640);
  });

  test('each file lies in exactly the part the manifest says, pg_control in the last', async () => {
    const found: [string, number][] = [];
    for (const { name, number } of result.record.parts) {
      const key = backupPrefix(system, result.record.id) + name;
      const { body } = await repository.store.get(key, { signal });
      for await (const { entry, content } of readTar(
        repository.codec.decode(key, body, { limitBytes: 1024 ** 3, signal }),
      )) {
        found.push([entry.path, entry.type === 'directory' ? 0 : number]);
        await collect(content, 1024 ** 3);
      }
    }
    const expected = [...entries.values()].map(({ path, part }): [string, number] => [path, part ?? 0]);
    const byPath = ([a]: [string, number], [b]: [string, number]) => comparePaths(a, b);
    assert.deepEqual(found.toSorted(byPath), expected);
    assert.equal(entries.get('global/pg_control')?.part, [...result.record.parts].at(-1)?.number);
  });

  test("PostgreSQL's manifest is written as its own pg_basebackup writes it", async () => {
    renameSync(join(server.dataDirectory, longName), join(outside, longName));
    const reference = join(temporaryDirectory('reference'), 'data');
    await runOk(
      join(server.binDir, 'pg_basebackup'),
      ['-D', reference, '-c', 'fast', '-T', `${tablespace}=${reference}-far`],
      { env: { ...server.env } },
    );
    const ours = readFileSync(
      join(await unpackByHand(repository, system, { id: result.record.id }), 'backup_manifest'),
      'utf8',
    );
    const theirs = readFileSync(join(reference, 'backup_manifest'), 'utf8');
    assert.deepEqual(shapeOfManifest(ours), shapeOfManifest(theirs));
    // A plain pg_basebackup has links instead of the map; signal files are what walvault leaves out on top.
    const apart = new Set(['tablespace_map', 'promote', longName]);
    const pathsOf = (text: string) =>
      (JSON.parse(text) as { Files: { Path: string }[] }).Files.map(file => file.Path)
        .filter(path => !path.startsWith('walvault_external/') && !apart.has(path))
        .toSorted();
    assert.deepEqual(pathsOf(ours), pathsOf(theirs));
  });

  test('unpacked by hand it verifies, and with its tablespaces moved it starts with all rows', async () => {
    const target = await unpackByHand(repository, system, { id: result.record.id });
    await runOk(join(server.binDir, 'pg_verifybackup'), [target]);
    assert.equal(lstatSync(join(target, 'pg_wal')).isDirectory(), true);
    assert.equal(readFileSync(join(target, 'new\nline'), 'utf8'), 'new\nline');
    moveTablespace(target);
    const copy = await startUnpacked(target, server.binDir);
    try {
      for (const table of ['in_far', 'in_here']) {
        const digest = `select count(*), md5(string_agg(t::text, ',' order by g)) from ${table} t`;
        assert.deepEqual(await copy.query(digest), await server.query(digest));
      }
      assert.deepEqual(await copy.query('select count(*) from unlogged_table'), [{ count: '0' }]);
    } finally {
      await copy.stop();
    }
  });
});

/** What the owner of a database can do: functions of his in place of PostgreSQL's, run with the rights of whoever connects. */
async function setTrap(server: PostgresServer, database: string): Promise<void> {
  const session = await server.connect(database);
  await session.query(`alter database ${database} set search_path = public, pg_catalog`);
  for (const name of ['current_setting', 'unnest'])
    await session.query(
      `create function public.${name}(text) returns text language plpgsql as $$ begin raise 'trapped'; end $$`,
    );
  await session.end();
}

function movePgWal(dataDirectory: string): void {
  const elsewhere = join(temporaryDirectory('wal'), 'pg_wal');
  renameAcross(join(dataDirectory, 'pg_wal'), elsewhere);
  symlinkSync(elsewhere, join(dataDirectory, 'pg_wal'));
}

/** One file named by a setting, one included, and a link that is nobody's. */
function moveConfiguration(dataDirectory: string, outside: string): void {
  renameAcross(join(dataDirectory, 'pg_hba.conf'), join(outside, 'pg_hba.conf'));
  writeFileSync(join(outside, 'extra.conf'), 'work_mem = 5MB\n');
  appendFileSync(
    join(dataDirectory, 'postgresql.conf'),
    `hba_file = '${outside}/pg_hba.conf'\ninclude '${outside}/extra.conf'\n`,
  );
  giveToUnprivileged(outside);
  symlinkSync('/nowhere', join(dataDirectory, 'a-link'));
}

function addOddFiles(dataDirectory: string): void {
  const { uid, gid } = statSync(dataDirectory);
  const write = (path: string, text: string) => {
    writeFileSync(join(dataDirectory, path), text);
    chmodSync(join(dataDirectory, path), 0o640);
    chownSync(join(dataDirectory, path), uid, gid);
  };
  for (const name of oddNames) write(name, name);
  mkdirSync(join(dataDirectory, 'empty'));
  mkdirSync(join(dataDirectory, 'base', 'pgsql_tmp'), { recursive: true });
  for (const directory of ['empty', 'base/pgsql_tmp']) chownSync(join(dataDirectory, directory), uid, gid);
  write('promote', '');
}

function renameAcross(from: string, to: string): void {
  renameSync(from, to);
}

/** What a person does who moves a tablespace of an unpacked backup: the map says where the link is to point. */
function moveTablespace(target: string): void {
  const map = readFileSync(join(target, 'tablespace_map'), 'utf8');
  const lines = map.split('\n').filter(line => line !== '');
  const moved = lines.map(line => {
    const oid = line.slice(0, line.indexOf(' '));
    const place = temporaryDirectory('moved');
    const unpacked = join(target, 'pg_tblspc', oid);
    for (const name of readdirSync(unpacked)) renameAcross(join(unpacked, name), join(place, name));
    assert.ok(existsSync(unpacked));
    return `${oid} ${place}\n`;
  });
  for (const line of lines) rmEmpty(join(target, 'pg_tblspc', line.slice(0, line.indexOf(' '))));
  writeFileSync(join(target, 'tablespace_map'), moved.join(''));
}

function rmEmpty(path: string): void {
  renameSync(path, `${temporaryDirectory('empty')}/x`);
}

/** Lines with everything replaced that differs from backup to backup. */
function shapeOfManifest(text: string): string[] {
  const lines = text.split('\n').map(line =>
    line
      .replace(/"Path": "[^"]*(?:\\.[^"]*)*"/, '"Path": P')
      .replace(/"Size": \d+/, '"Size": N')
      .replace(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d GMT/, 'T')
      .replace(/"(?:[0-9a-f]{8}|[0-9a-f]{64})"/, '"H"')
      .replace(/[0-9A-F]+\/[0-9A-F]+", "End-LSN": "[0-9A-F]+\/[0-9A-F]+/, 'L'),
  );
  return [...new Set(lines)];
}

async function namesOf(
  repository: Repository,
  system: SystemPath,
  { id, names }: BackupRecord,
): Promise<Record<string, unknown>[]> {
  assert.ok(names !== undefined);
  const key = pieceKey(system, id, names);
  const { body } = await repository.store.get(key, { signal });
  const decoded = repository.codec.decode(key, body, { limitBytes: 1024 ** 3, signal });
  const text = (await collect(decoded, 1024 ** 3)).toString();
  assert.ok(text.endsWith('\n'));
  return text
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
}

async function manifestOf(
  repository: Repository,
  system: SystemPath,
  id: string,
): Promise<Map<string, ManifestEntry>> {
  const key = manifestKey(system, { id, attempt: 1 }, '.zst');
  const { body } = await repository.store.get(key, { signal });
  const entries = new Map<string, ManifestEntry>();
  for await (const entry of readManifest(
    repository.codec.decode(key, body, { limitBytes: 1024 ** 3, signal }),
    id,
  ))
    entries.set(entry.path, entry);
  return entries;
}
