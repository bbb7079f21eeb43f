import assert from 'node:assert/strict';
import { existsSync, lstatSync, readFileSync, readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { WalvaultError } from '../../src/base/errors/errors.ts';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import {
  archiveEverything,
  commitRows,
  createSite,
  isInRecovery,
  outcomeOf,
  rowsOf,
  until,
  type Site,
} from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import {
  makeServerDirectory,
  newDirectory,
  recover,
  restoreFrom,
  takeBackup,
  type RestoreChoice,
} from '../support/site/restore-fixtures.ts';
import { verifyWithPostgres } from '../support/site/cycle.ts';

/** Rows 1–3 before the first backup, 4–6 between the two, 7–9 after. */
describe('restore from an encrypted archive', () => {
  let site: Site;
  let origin: PostgresServer;
  let first: BackupRecord;
  let second: BackupRecord;
  const marks = { time: '', xid: '', lsn: '', early: '' };
  const spaces = temporaryDirectory('spaces');

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin();
    const fast = makeServerDirectory(join(spaces, 'fast'));
    await origin.query(`create tablespace fast location '${fast}'`);
    await origin.query('create table spaced(n int) tablespace fast');
    await origin.query('insert into spaced select generate_series(1, 1000)');
    await origin.query('create unlogged table unlogged(n int)');
    await origin.query("alter system set recovery_target_name = 'stale'");
    await commitRows(origin, 1, 3);
    first = await takeBackup(site, origin);
    await commitRows(origin, 4, 5);
    marks.early = await scalar(origin, 'select clock_timestamp()::text');
    await commitRows(origin, 6, 6);
    second = await takeBackup(site, origin);
    await commitRows(origin, 7, 7);
    marks.time = await scalar(origin, 'select clock_timestamp()::text');
    const client = await origin.connect();
    await client.query('begin');
    await client.query('insert into committed values (8)');
    marks.xid = String((await client.query('select txid_current() as id')).rows[0]?.['id']);
    await client.query('commit');
    await client.end();
    await origin.query("select pg_create_restore_point('before the accident')");
    marks.lsn = await scalar(origin, 'select pg_current_wal_insert_lsn()::text');
    await commitRows(origin, 9, 9);
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin.stop('immediate');
  });

  async function recovered(choice: RestoreChoice): Promise<{ server: PostgresServer; directory: string }> {
    const directory = choice.directory ?? newDirectory();
    await restoreFrom(site, {
      ...choice,
      directory,
      overrides: {
        tablespaceMap: [`${second.tablespaces[0]?.oid}=${join(directory, '..', 'fast')}`],
        ...choice.overrides,
      },
    });
    assert.match(await verifyWithPostgres(origin, directory), /backup successfully verified/);
    return { server: await recover(site, directory), directory };
  }

  test('to the end of the archive: opens for writing with every row, archives nothing, keeps its tablespace', async () => {
    const { server, directory } = await recovered({});
    try {
      assert.equal(await outcomeOf(server), 'promoted', server.logTail());
      assert.deepEqual(await rowsOf(server), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
      assert.equal(await scalar(server, 'select count(*) from spaced'), '1000');
      assert.equal(await scalar(server, 'select count(*) from unlogged'), '0');
      assert.equal(await scalar(server, 'show archive_mode'), 'off');
      const link = join(directory, 'pg_tblspc', String(second.tablespaces[0]?.oid));
      assert.equal(readlinkSync(link), join(directory, '..', 'fast'));
      assert.ok(readdirSync(join(spaces, 'fast')).length > 0, 'the origin has its tablespace still');
    } finally {
      await server.stop('immediate');
    }
  });

  for (const [name, choice, rows] of [
    ['to a time', () => ({ targetTime: marks.time }), [1, 2, 3, 4, 5, 6, 7]],
    ['to a time between the backups', () => ({ targetTime: marks.early }), [1, 2, 3, 4, 5]],
    ['to a transaction', () => ({ targetXid: marks.xid }), [1, 2, 3, 4, 5, 6, 7, 8]],
    ['just before a transaction', () => ({ targetXid: marks.xid, exclusive: true }), [1, 2, 3, 4, 5, 6, 7]],
    ['to a restore point', () => ({ targetName: 'before the accident' }), [1, 2, 3, 4, 5, 6, 7, 8]],
    ['to an LSN', () => ({ targetLsn: marks.lsn, exclusive: true }), [1, 2, 3, 4, 5, 6, 7, 8]],
    ['to the end of a backup', () => ({ targetImmediate: true }), [1, 2, 3, 4, 5, 6]],
    ['to the end of the older backup', () => ({ targetImmediate: true, backup: first.id }), [1, 2, 3]],
  ] as const)
    test(`${name}: pauses there, read-only, with exactly the rows committed before`, async () => {
      const { server } = await recovered(choice());
      try {
        await until('recovery pauses', async () => (await pauseState(server)) === 'paused');
        assert.deepEqual(await rowsOf(server), rows);
        assert.equal(await isInRecovery(server), true);
      } finally {
        await server.stop('immediate');
      }
    });

  test('--target-action promote opens at the target, on a new timeline', async () => {
    const { server } = await recovered({
      targetTime: marks.time,
      overrides: { targetAction: 'promote', tablespaceMap: mapTo(second) },
    });
    try {
      assert.equal(await outcomeOf(server), 'promoted', server.logTail());
      assert.deepEqual(await rowsOf(server), [1, 2, 3, 4, 5, 6, 7]);
    } finally {
      await server.stop('immediate');
    }
  });

  test('what is written for PostgreSQL: stale settings commented out, one target, a numeric timeline', async () => {
    const directory = newDirectory();
    await restoreFrom(site, {
      directory,
      targetTime: marks.time,
      overrides: { tablespaceMap: mapTo(second) },
    });
    const text = readFileSync(join(directory, 'postgresql.auto.conf'), 'utf8');
    assert.match(text, /^# before the restore: recovery_target_name = 'stale'$/m);
    assert.match(text, /^recovery_target_timeline = '1'$/m);
    assert.match(text, /^archive_mode = 'off' # it archives/m);
    assert.match(text, /fetch --config .* --timeline 1 --target-set %f "%p"'$/m);
    assert.ok(existsSync(join(directory, 'recovery.signal')));
    assert.ok(!existsSync(join(directory, 'global/pg_control.walvault-restore')));
    assert.equal(lstatSync(directory).mode & 0o777, 0o700);
  });

  test('a dry run writes nothing and needs no agreement, but sees what is in the way', async () => {
    const directory = newDirectory();
    const overrides = { dryRun: true, tablespaceMap: mapTo(second) };
    const { plan, finished } = await restoreFrom(site, { directory, overrides });
    assert.equal(plan.backup.id, second.id);
    assert.equal(finished, undefined);
    assert.ok(!existsSync(directory));
    await assert.rejects(restoreFrom(site, { overrides: { dryRun: true } }), /fast is not empty/);
  });

  for (const [name, choice, code, says] of [
    [
      'a time after the last commit',
      { targetTime: '2099-01-01 00:00:00+00' },
      'target',
      /last commit in the archive, 20/,
    ],
    ['a time before the oldest backup', { targetTime: '2001-01-01 00:00:00+00' }, 'target', /oldest backup/],
    ['an LSN beyond the archive', { targetLsn: 'FF/0' }, 'target', /beyond the archived WAL/],
    [
      'a transaction that never was',
      { targetXid: '4000000000' },
      'target',
      /is not between .* segments read/,
    ],
    [
      'a restore point that never was',
      { targetName: 'nowhere' },
      'target',
      /restore point "nowhere" is not between/,
    ],
    ['a timeline that never was', { timeline: 9 }, 'target', /timeline 9 is not in the archive/],
    ['a tablespace nobody agreed to', {}, 'refused', /tablespaces would be written outside/],
  ] as const)
    test(`refuses ${name}, and writes nothing`, async () => {
      const directory = newDirectory();
      await assert.rejects(restoreFrom(site, { ...choice, directory }), (error: WalvaultError) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, says);
        return true;
      });
      assert.ok(!existsSync(directory));
    });

  test('refuses the running origin, and any directory with something in it', async () => {
    await assert.rejects(restoreFrom(site, { directory: origin.dataDirectory }), /postmaster\.pid/);
    await assert.rejects(restoreFrom(site, { directory: spaces }), /is not empty \(fast is in it\)/);
  });
});

function mapTo(record: BackupRecord): string[] {
  const directory = temporaryDirectory('space');
  return record.tablespaces.map(({ oid }) => `${oid}=${join(directory, String(oid))}`);
}

async function scalar(server: PostgresServer, sql: string): Promise<string> {
  const [row] = await server.query(sql);
  return String(Object.values(row ?? {})[0]);
}

async function pauseState(server: PostgresServer): Promise<string> {
  try {
    return await scalar(server, 'select pg_get_wal_replay_pause_state()');
  } catch {
    if (server.pid === undefined) throw new Error(`PostgreSQL ended: ${server.logTail()}`);
    return 'not connected';
  }
}
