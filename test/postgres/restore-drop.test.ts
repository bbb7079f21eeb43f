/** Targets within a DROP, with PostgreSQL as the judge: what was dropped can be used afterwards. */
import assert from 'node:assert/strict';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { WalvaultError } from '../../src/base/errors/errors.ts';
import { until } from '../support/site/backup-fixtures.ts';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import {
  newDirectory,
  restoreFrom,
  takeBackup,
  type RestoreChoice,
} from '../support/site/restore-fixtures.ts';
import { archiveEverything, createSite, outcomeOf, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

// Both layouts of these records: 15 changed them.
for (const major of [13, 18] as const) {
  describe(`a target within a DROP, PostgreSQL ${major}`, () => {
    const binDir = embeddedBinaries(major);
    let site: Site;
    let origin: PostgresServer;
    /** A moment before each DROP, and one amid another, after and before commits of others. */
    const before = { database: '', tablespace: '' };
    let amid = '';
    const space = { oid: '' };

    beforeAll(async () => {
      requireInstalled(binDir);
      site = await createSite();
      const location = temporaryDirectory('space');
      giveToUnprivileged(location);
      origin = await site.startOrigin({ binDir });
      await origin.query('create table ticks (at timestamptz)');
      for (const database of ['sales', 'busy']) await fill(origin, database);
      await origin.query(`create tablespace roomy location '${location}'`);
      const [row] = await origin.query<{ oid: string }>(
        "select oid::text as oid from pg_tablespace where spcname = 'roomy'",
      );
      space.oid = row?.oid ?? '';
      await takeBackup(site, origin);
      for (const name of ['database', 'tablespace'] as const) {
        await origin.query("insert into ticks values ('2000-01-01')");
        before[name] = await now(origin);
        await origin.query(name === 'database' ? 'drop database sales' : 'drop tablespace roomy');
      }
      if (major >= 15) amid = await dropAmidCommits(origin);
      await origin.query("insert into ticks values ('2000-01-01')");
      await archiveEverything(origin);
    });
    afterAll(async () => {
      await origin.stop();
    });

    const withCopy = async (choice: RestoreChoice, work: (copy: PostgresServer) => Promise<void>) => {
      const directory = newDirectory();
      const { plan } = await restoreFrom(site, {
        ...choice,
        directory,
        overrides: {
          targetAction: 'promote',
          tablespaceMap: [`${space.oid}=${newDirectory()}`],
        },
      });
      const start = { dataDirectory: directory, binDir: origin.binDir, start: false, env: site.readerEnv };
      await using copy = await startPostgres(start);
      await copy.start({ until: 'spawned' });
      assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
      await work(copy);
      return plan;
    };

    test('a dropped database can be connected to, and has its rows', async () => {
      const plan = await withCopy({ targetTime: before.database }, async copy => {
        assert.equal(await countIn(copy, 'sales'), rowCount);
        assert.equal(await countIn(copy, 'busy'), rowCount);
      });
      assert.equal(plan.spared?.name, 'sales');
    });

    test('a dropped tablespace can be used', async () => {
      const plan = await withCopy({ targetTime: before.tablespace }, async copy => {
        await copy.query('create table in_it tablespace roomy as select 1 as n');
      });
      assert.equal(plan.spared?.kind, 'tablespace');
    });

    if (major < 15) return;
    test('commits amid the drop are not given up unasked: the message has the position that brings it back', async () => {
      const refused = await restoreFrom(site, { targetTime: amid }).catch((error: unknown) => error);
      assert.ok(refused instanceof WalvaultError && refused.code === 'target', String(refused));
      assert.match(refused.message, /within the DROP DATABASE of database "busy"/);
      const targetLsn = /^--target-lsn (\S+) --exclusive .* gives up 1 later commit/.exec(
        refused.hint ?? '',
      )?.[1];
      const plan = await withCopy({ targetLsn: targetLsn ?? '', exclusive: true }, async copy => {
        assert.equal(await countIn(copy, 'busy'), rowCount);
      });
      assert.equal(plan.spared, undefined);
    });
  });
}

const rowCount = 2000;

async function fill(server: PostgresServer, database: string): Promise<void> {
  await server.query(`create database ${database}`);
  const session = await server.connect(database);
  await session.query(`create table t as select g, repeat('x', 500) from generate_series(1, ${rowCount}) g`);
  await session.end();
}

async function countIn(server: PostgresServer, database: string): Promise<number> {
  const session = await server.connect(database);
  try {
    const { rows } = await session.query('select count(*)::int as count from t');
    return (rows as { count: number }[])[0]?.count ?? 0;
  } finally {
    await session.end();
  }
}

async function now(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ now: string }>('select clock_timestamp()::text as now');
  return row?.now ?? '';
}

/**
 * Drops a database while others commit, and gives a moment amid it. A stopped session holds it up: since 15 the drop waits
 * until each session has let go of its files.
 */
async function dropAmidCommits(server: PostgresServer): Promise<string> {
  const session = await server.connect();
  const { rows } = await session.query<{ pid: number }>('select pg_backend_pid() as pid');
  const pid = rows[0]?.pid ?? 0;
  process.kill(pid, 'SIGSTOP');
  const dropped = server.query('drop database busy');
  try {
    await until(async () => {
      const waiting = "select 1 from pg_stat_activity where wait_event = 'ProcSignalBarrier'";
      return (await server.query(waiting)).length > 0;
    }, 'the drop waits');
    await server.query("insert into ticks values ('2000-01-01')");
    const amid = await now(server);
    await server.query("insert into ticks values ('2000-01-01')");
    return amid;
  } finally {
    process.kill(pid, 'SIGCONT');
    await dropped;
    await session.end();
  }
}
