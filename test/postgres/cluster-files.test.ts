import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { walkDataDirectory, type DataDirectoryEntry } from '../../src/postgres/cluster/data-directory.ts';
import {
  pageChecksum,
  pageLsn,
  storedPageChecksum,
  verifyPages,
} from '../../src/postgres/cluster/page-checksum.ts';
import { formatLsn } from '../../src/postgres/wal/lsn.ts';
import { parseLongPageHeader, postgresMajorOfPageMagic } from '../../src/postgres/wal/page-header.ts';
import { WalvaultError } from '../../src/base/errors/errors.ts';
import { requireReadable } from '../../src/postgres/cluster/readable.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { unprivilegedAccount } from '../support/site/unprivileged.ts';
import { withoutPrivileges } from '../support/site/without-privileges.ts';

const blockSizeBytes = 8192;

describe('the files of a real cluster', () => {
  let server: PostgresServer;
  let tablespace: string;
  const relationPath = async (name: string): Promise<string> => {
    const [row] = await server.query<{ path: string }>(
      'select pg_relation_filepath($1::text::regclass) as path',
      [name],
    );
    return row?.path ?? '';
  };

  beforeAll(async () => {
    server = await startPostgres({ initdbArgs: ['--wal-segsize=4'] });
    tablespace = temporaryDirectory('tablespace');
    await server.query(`create tablespace elsewhere location '${tablespace}'`);
    await server.query('create table kept (id int, body text)');
    await server.query(`insert into kept select i, repeat('x', 500) from generate_series(1, 5000) i`);
    await server.query('create table moved (id int) tablespace elsewhere');
    await server.query('insert into moved values (1)');
    await server.query('create unlogged table volatile (id int primary key)');
    await server.query('insert into volatile values (1)');
    await server.query('checkpoint');
  });
  afterAll(async () => {
    await server.stop();
  });

  test('pg_control says what the server says', async () => {
    const control = await readControlFile(server.dataDirectory);
    const [row] = await server.query<Record<string, string>>(
      `select s.system_identifier::text, s.pg_control_version::text, s.catalog_version_no::text,
         c.checkpoint_lsn::text, c.redo_lsn::text, c.timeline_id::text,
         i.database_block_size::text, i.wal_block_size::text, i.bytes_per_wal_segment::text,
         i.blocks_per_segment::text, i.data_page_checksum_version::text,
         (current_setting('server_version_num')::int / 10000)::text as major
       from pg_control_system() s, pg_control_checkpoint() c, pg_control_init() i`,
    );
    assert.deepEqual(
      {
        system_identifier: String(BigInt.asIntN(64, control.systemId)),
        pg_control_version: String(control.controlVersion),
        catalog_version_no: String(control.catalogVersion),
        checkpoint_lsn: formatLsn(control.checkpointLsn),
        redo_lsn: formatLsn(control.redoLsn),
        timeline_id: String(control.timeline),
        database_block_size: String(control.blockSizeBytes),
        wal_block_size: String(control.walBlockSizeBytes),
        bytes_per_wal_segment: String(control.geometry.segmentSizeBytes),
        blocks_per_segment: String(control.relationSegmentBlocks),
        data_page_checksum_version: control.dataChecksums === 'on' ? '1' : '0',
        major: String(control.postgresMajor),
      },
      row,
    );
    assert.equal(control.state, 'in-production');
  });

  test('the first page of a segment names the system and the version', async () => {
    const control = await readControlFile(server.dataDirectory);
    const [row] = await server.query<{ name: string }>(
      'select pg_walfile_name(pg_current_wal_lsn()) as name',
    );
    const header = parseLongPageHeader(readFileSync(join(server.dataDirectory, 'pg_wal', row?.name ?? '')));
    assert.equal(header?.systemId, control.systemId);
    assert.equal(header.segmentSizeBytes, 4 * 1024 ** 2);
    assert.equal(header.blockSizeBytes, blockSizeBytes);
    assert.equal(postgresMajorOfPageMagic(header.magic), control.postgresMajor);
  });

  test('every page of a table has the checksum PostgreSQL gave it, and a changed one has not', async () => {
    const data = readFileSync(join(server.dataDirectory, await relationPath('kept')));
    assert.ok(data.length > 100 * blockSizeBytes);
    assert.deepEqual(verifyPages(data, { firstBlock: 0, blockSizeBytes }), []);
    assert.equal(verifyPages(data, { firstBlock: 1, blockSizeBytes }).length, data.length / blockSizeBytes);
    const control = await readControlFile(server.dataDirectory);
    assert.ok(pageLsn(data) > 0n && pageLsn(data) <= control.checkpointLsn);
    for (const at of [0, 9, 3 * blockSizeBytes, 3 * blockSizeBytes + 20, 4 * blockSizeBytes - 1]) {
      const changed = Buffer.from(data);
      changed[at] = (changed[at] ?? 0) ^ 0x10;
      assert.deepEqual(verifyPages(changed, { firstBlock: 0, blockSizeBytes }), [
        Math.floor(at / blockSizeBytes),
      ]);
    }
    const page = data.subarray(5 * blockSizeBytes, 6 * blockSizeBytes);
    assert.equal(pageChecksum(page, 5), storedPageChecksum(page));
  });

  test('new pages are fine; a page of zeros with a checksum or some content is not', () => {
    const pages = Buffer.alloc(3 * blockSizeBytes);
    pages[blockSizeBytes + 8] = 1;
    pages[3 * blockSizeBytes - 1] = 1;
    assert.deepEqual(verifyPages(pages, { firstBlock: 7, blockSizeBytes }), [1, 2]);
  });

  test('a walk gives what a backup takes, in order, tablespaces included', async () => {
    const data = server.dataDirectory;
    const session = await server.connect();
    await session.query('create temporary table of_a_session (id int)');
    await session.query('insert into of_a_session values (1)');
    const volatilePath = await relationPath('volatile');
    for (const name of [
      'standby.signal',
      'backup_manifest',
      'my.conf',
      '.walvault-x',
      'postgresql.auto.conf.tmp',
    ])
      writeFileSync(join(data, name), '');
    mkdirSync(join(data, 'base', 'pgsql_tmp'), { recursive: true });
    writeFileSync(join(data, 'base', 'pgsql_tmp', 'pgsql_tmp1.0'), 'x');
    mkdirSync(join(data, 'pg_stat_tmp'), { recursive: true });
    writeFileSync(join(data, 'pg_stat_tmp', 'x.stat'), 'x');
    const entries = await walk(data);
    await session.end();
    const paths = entries.map(entry => entry.path);
    const sorted = paths.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
    assert.deepEqual(paths, sorted);
    const has = (path: string) => paths.includes(path);
    for (const path of [
      'PG_VERSION',
      'global/pg_control',
      'my.conf',
      'pg_wal',
      'pg_wal/archive_status',
      'pg_replslot',
    ])
      assert.ok(has(path), `${path} is missing`);
    for (const name of [
      'standby.signal',
      'backup_manifest',
      '.walvault-x',
      'postgresql.auto.conf.tmp',
      'postmaster.pid',
    ])
      assert.ok(!has(name), `${name} must not be there`);
    assert.ok(has(await relationPath('kept')));
    assert.ok(has(await relationPath('moved')));
    assert.ok(has(`${volatilePath}_init`) && !has(volatilePath));
    assert.deepEqual(
      paths.filter(path => /pgsql_tmp|pg_internal|pg_stat_tmp\/|pg_wal\/0|\/t\d+_/.test(path)),
      [],
    );
    const link = entries.find(entry => entry.type === 'symlink');
    assert.equal(link?.linkTarget, tablespace);
    const kept = entries.find(entry => entry.path === 'PG_VERSION');
    assert.equal(kept?.sizeBytes, readFileSync(join(data, 'PG_VERSION')).length);
    assert.equal(kept?.mode, 0o600);
    for (const entry of entries) assert.ok(existsSync(entry.absolutePath), entry.path);
  });

  test('a pg_wal elsewhere comes as a directory, a missing tablespace is an error', async () => {
    await server.stop();
    const data = server.dataDirectory;
    const walElsewhere = join(temporaryDirectory('wal'), 'wal');
    renameSync(join(data, 'pg_wal'), walElsewhere);
    symlinkSync(walElsewhere, join(data, 'pg_wal'));
    const entries = await walk(data);
    assert.equal(entries.find(entry => entry.path === 'pg_wal')?.type, 'directory');
    assert.equal(entries.find(entry => entry.path === 'pg_wal/archive_status')?.type, 'directory');
    assert.ok(!entries.some(entry => entry.path.startsWith('pg_wal/0')));
    renameSync(tablespace, `${tablespace}.unmounted`);
    await assert.rejects(walk(data), {
      code: 'local-io',
      message: /tablespace pg_tblspc\/\d+: its directory .* is not there/,
    });
    renameSync(`${tablespace}.unmounted`, tablespace);
  });

  test('a database, a table and a directory behind links are data; a link of data that leads nowhere is an error', async () => {
    const data = server.dataDirectory;
    const elsewhere = temporaryDirectory('elsewhere');
    const move = (path: string) => {
      const target = join(elsewhere, path.replaceAll('/', '-'));
      renameSync(join(data, path), target);
      symlinkSync(target, join(data, path));
      return target;
    };
    const before = (await walk(data)).map(({ path }) => path);
    const table = await walkedTable(data);
    const moved = [table, 'base/1', 'pg_xact'];
    const targets = moved.map(move);
    symlinkSync('/nowhere', join(data, 'log'));
    const entries = await walk(data);
    assert.deepEqual(
      entries.filter(({ type }) => type !== 'symlink').map(({ path }) => path),
      before.filter(path => !/^pg_tblspc\/\d+$/.test(path)),
    );
    const found = moved.map(path => entries.find(entry => entry.path === path));
    assert.deepEqual(
      found.map(entry => [entry?.type, entry?.linkTarget]),
      [
        ['file', targets[0]],
        ['directory', targets[1]],
        ['directory', targets[2]],
      ],
    );
    assert.equal(entries.find(({ path }) => path === 'log')?.type, 'symlink');
    for (const target of targets) {
      renameSync(target, `${target}.unmounted`);
      await assert.rejects(walk(data), { code: 'local-io', message: /is a symbolic link to .*not there/ });
      renameSync(`${target}.unmounted`, target);
    }
  });

  test('a tablespace inside the data directory is taken once, by its link', async () => {
    const data = server.dataDirectory;
    const version = (await readdir(tablespace))[0] ?? '';
    mkdirSync(join(data, 'spaces', 'near', version, '5'), { recursive: true });
    writeFileSync(join(data, 'spaces', 'near', version, '5', '1234'), 'x');
    symlinkSync(join(data, 'spaces', 'near'), join(data, 'pg_tblspc', '77777'));
    const entries = await walk(data);
    const link = entries.find(({ path }) => path === 'pg_tblspc/77777');
    assert.equal(link?.insidePath, 'spaces/near');
    assert.deepEqual(
      entries.filter(({ path }) => /1234$|^spaces/.test(path)).map(({ path }) => path),
      [`pg_tblspc/77777/${version}/5/1234`, 'spaces', 'spaces/near'],
    );
  });

  test('what a backup cannot read is named with its owner and the fix', async () => {
    const data = server.dataDirectory;
    const reader = unprivilegedAccount();
    const unreadable = join(data, 'base', 'core.4711');
    const signal = new AbortController().signal;
    const readable = () => withoutPrivileges(async () => void (await requireReadable(data, signal)));
    await readable();
    writeFileSync(unreadable, 'x', { mode: reader === undefined ? 0o000 : 0o600 });
    await assert.rejects(readable(), (error: unknown) => {
      assert.ok(error instanceof WalvaultError && error.code === 'local-io');
      const owner = reader === undefined ? '\\w+ \\(mode 0000\\)' : 'root \\(mode 0600\\)';
      assert.match(error.message, new RegExp(`^${unreadable} belongs to ${owner} and cannot be read by`));
      assert.match(error.hint ?? '', new RegExp(`chown \\S+ '${unreadable}'`));
      return true;
    });
    rmSync(unreadable);
    mkdirSync(unreadable, { mode: reader === undefined ? 0o000 : 0o700 });
    await assert.rejects(readable(), { message: new RegExp(unreadable) });
    // Nothing reads it: as an ordinary user nobody could.
    rmdirSync(unreadable);
  });
});

async function walkedTable(data: string): Promise<string> {
  const found = (await walk(data)).find(
    ({ path, sizeBytes }) => /^base\/(?!1\/)\d+\/\d+$/.test(path) && sizeBytes > 0,
  );
  return found?.path ?? assert.fail('no table');
}

async function walk(dataDirectory: string): Promise<DataDirectoryEntry[]> {
  return Array.fromAsync(walkDataDirectory(dataDirectory, new AbortController().signal));
}
