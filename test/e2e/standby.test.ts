/** Standbys: one built from a backup that lives on the archive and takes over, and backups taken from a standby. */
import assert from 'node:assert/strict';
import { appendFileSync, existsSync, renameSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, it } from 'vitest';
import {
  archivedSegments,
  backUp,
  restoreInto,
  startCopy,
  verifyWithPostgres,
} from '../support/site/cycle.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import type { Environment } from '../support/site/run.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import {
  archiveEverything,
  coldCopy,
  commitRows,
  createSite,
  isInRecovery,
  outcomeOf,
  rowsOf,
  startRecovery,
  until,
  type Site,
} from '../support/site/site.ts';

const rows = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

async function startStandby(
  site: Site,
  args: readonly string[] = [],
  env: Environment = {},
): Promise<PostgresServer> {
  const directory = await restoreInto(site, ['--standby', ...args]);
  return startCopy(site, directory, {}, env);
}

function streamingFrom(primary: PostgresServer): string[] {
  return ['--primary-conninfo', `host=${primary.socketDirectory} port=${primary.port} user=postgres`];
}

async function caughtUp(standby: PostgresServer, last: number): Promise<void> {
  await until(`row ${last} is on the standby`, async () =>
    (await rowsOf(standby).catch((): number[] => [])).includes(last),
  );
}

describe('a standby built from a backup', () => {
  it('follows by restore_command alone, waits out an outage, and archives as the new primary once promoted; another follows it', async () => {
    const site = await createSite();
    await using primary = await site.startOrigin();
    await commitRows(primary, 1, 2);
    await backUp(site, primary);
    await commitRows(primary, 3, 4);
    await using standby = await startStandby(site, ['--archive-mode', 'preserve']);
    await using other = await startStandby(site);
    assert.ok(!existsSync(join(other.dataDirectory, 'recovery.signal')));
    await caughtUp(standby, 4);
    await caughtUp(other, 4);
    await commitRows(primary, 5, 6);
    await caughtUp(standby, 6);
    assert.ok(await isInRecovery(standby));

    const hidden = `${site.repositoryPath}.unmounted`;
    renameSync(site.repositoryPath, hidden);
    await primary.query('insert into committed values (7)');
    await until('fetch complains', () => /^walvault: .*repository/m.test(standby.log()));
    assert.ok(await isInRecovery(standby));
    renameSync(hidden, site.repositoryPath);
    await archiveEverything(primary);
    await caughtUp(standby, 7);
    await primary.stop();

    await standby.query('select pg_promote(true, 60)');
    assert.ok(!(await isInRecovery(standby)));
    await commitRows(standby, 8, 9);
    await archiveEverything(standby);
    await caughtUp(other, 9);
    assert.ok(await isInRecovery(other));
    assert.deepEqual(await rowsOf(other), rows(9));
    const directory = await restoreInto(site, []);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
    assert.deepEqual(await rowsOf(copy), rows(9));

    // Nobody has stopped the old primary for good, and the new one has a quiet moment.
    await primary.start();
    await commitRows(primary, 101, 101);
    const [row] = await primary.query<{ now: string }>('select clock_timestamp()::text as now');
    await commitRows(primary, 102, 103);
    await archiveEverything(primary);
    const target = ['--target-time', row?.now ?? ''];
    const elsewhere = join(temporaryDirectory('split'), 'data');
    const refused = await site.walvault(['restore', ...target, '--dry-run', elsewhere]);
    assert.equal(refused.exitCode, 13, refused.stderr);
    assert.match(refused.stderr, /is on timeline 1, but timeline 2 existed then, too/);
    const chosen = [...target, '--target-timeline', '1', '--dry-run', elsewhere];
    assert.equal((await site.walvault(['restore', ...chosen])).exitCode, 0);
    assert.match(
      (await site.walvault(['list', 'wal'])).stdout,
      /^timeline 1 was archived on after timeline 2/m,
    );
    const checked = await site.walvault(['check'], { env: standby.env });
    assert.match(checked.stdout, /timeline 1 was archived on after timeline 2 left it: a split brain/);
  });
});

describe('a promotion while the store is unreachable', () => {
  it('ends soon, because the fetches of a promotion share what pg_promote waits', async () => {
    const site = await createSite();
    await using primary = await site.startOrigin();
    await commitRows(primary, 1, 2);
    await backUp(site, primary);
    await commitRows(primary, 3, 4);
    const historyWait = { WALVAULT_FETCH_TIMEOUT: '12s' };
    await using standby = await startStandby(site, [], historyWait);
    await caughtUp(standby, 4);
    renameSync(site.repositoryPath, `${site.repositoryPath}.unmounted`);
    await until('fetch complains', () => /^walvault: .*repository/m.test(standby.log()));
    // Once the limit of a history, not twice, and no look for new timelines before it.
    const [row] = await standby.query<{ isPromoted: boolean }>('select pg_promote(true, 22) as "isPromoted"');
    assert.ok(row?.isPromoted, standby.logTail(40));
    await commitRows(standby, 5, 5);
    assert.deepEqual(await rowsOf(standby), rows(5));
  });
});

describe('an archive that feeds one standby', () => {
  it('loses what the standby has passed by archive_cleanup_command, which never stops the standby', async () => {
    const site = await createSite();
    appendFileSync(site.configPath, '\nstandby-only = "on"\n');
    // Only the checkpoints that are asked for.
    await using primary = await site.startOrigin({ conf: { max_wal_size: '1GB' } });
    await commitRows(primary, 1, 2);
    await primary.stop();
    const from = coldCopy(primary);
    await primary.start();
    await using standby = await startRecovery(site, {
      from,
      mode: 'standby',
      conf: { archive_cleanup_command: `'${site.command('cleanup --standby %r')}'` },
    });
    await commitRows(primary, 3, 80);
    await primary.query('checkpoint');
    await commitRows(primary, 81, 82);
    await caughtUp(standby, 82);
    const archived = archivedSegments(site).map(path => basename(path));

    const hidden = `${site.repositoryPath}.unmounted`;
    renameSync(site.repositoryPath, hidden);
    await standby.query('checkpoint');
    await until('PostgreSQL says that the command failed', () =>
      /WARNING: .*archive_cleanup_command.*exit(ed with exit)? code \d/.test(standby.log()),
    );
    renameSync(hidden, site.repositoryPath);
    assert.deepEqual(
      archivedSegments(site).map(path => basename(path)),
      archived,
    );
    await primary.query('checkpoint');
    await commitRows(primary, 83, 84);
    await caughtUp(standby, 84);
    const all = archivedSegments(site).map(path => basename(path));

    await standby.query('checkpoint');
    const [restart] = await standby.query<{ name: string }>(
      'select redo_wal_file as name from pg_control_checkpoint()',
    );
    const needed = all.filter(name => name >= (restart?.name ?? ''));
    assert.ok(all.length - needed.length > 64 && needed.length > 1, standby.logTail());
    await until('what the standby has passed is gone', () => archivedSegments(site).length <= needed.length);
    assert.deepEqual(
      archivedSegments(site).map(path => basename(path)),
      needed,
    );
    await commitRows(primary, 85, 86);
    await caughtUp(standby, 86);
    assert.ok(await isInRecovery(standby));

    // What is left is enough: it replays again from where it restarts.
    await standby.stop('immediate');
    await standby.start();
    await caughtUp(standby, 86);
    assert.deepEqual(await rowsOf(standby), rows(86));
  });
});

describe('a backup of a standby', () => {
  it('restores like any other, to the end and to a target behind it', async () => {
    const site = await createSite();
    await using primary = await site.startOrigin();
    await commitRows(primary, 1, 2);
    await backUp(site, primary);
    await using standby = await startStandby(site, streamingFrom(primary));
    await commitRows(primary, 3, 4);
    await caughtUp(standby, 4);
    await primary.query('checkpoint');
    await commitRows(primary, 5, 5);
    await caughtUp(standby, 5);
    const [streaming] = await primary.query<{ n: number }>(
      'select count(*)::int as n from pg_stat_replication',
    );
    assert.equal(streaming?.n, 1);

    const load = { isOver: false };
    const switching = keepSwitching(primary, load);
    const taken = await backUp(site, standby).finally(() => {
      load.isOver = true;
    });
    await switching;
    assert.equal(taken.backupFrom, 'standby');
    await commitRows(primary, 6, 7);
    const [row] = await primary.query<{ now: string }>('select clock_timestamp()::text as now');
    await commitRows(primary, 8, 9);
    await archiveEverything(primary);
    await primary.stop();

    for (const { args, last } of [
      { args: [], last: 9 },
      { args: ['--target-time', row?.now ?? '', '--target-action', 'promote'], last: 7 },
    ]) {
      const directory = await restoreInto(site, ['--backup', taken.id, ...args]);
      await verifyWithPostgres(primary, directory);
      await using copy = await startCopy(site, directory);
      assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
      assert.deepEqual(await rowsOf(copy), rows(last));
    }
  });

  it('says that the primary must end a segment, when nobody does', async () => {
    const site = await createSite();
    await using primary = await site.startOrigin();
    await commitRows(primary, 1, 1);
    await backUp(site, primary);
    await using standby = await startStandby(site, streamingFrom(primary));
    await primary.query('insert into committed values (2)');
    await caughtUp(standby, 2);
    const { exitCode, stderr } = await site.walvault(['backup', '--fast'], {
      env: { ...standby.env, WALVAULT_BACKUP_WAL_TIMEOUT: '1s' },
    });
    assert.equal(exitCode, 12, stderr);
    assert.match(stderr, /^HINT: .*pg_switch_wal/m);
    const { stdout } = await site.walvault(['list', 'backups', '--json']);
    assert.equal(stdout.match(/"id"/g)?.length, 1, 'a backup without its WAL does not exist');
  });
});

/** A primary in use: its segments end now and then. */
async function keepSwitching(server: PostgresServer, load: { readonly isOver: boolean }): Promise<void> {
  await server.query('create table noise(t text)');
  while (!load.isOver) {
    await server.query("insert into noise values ('x')");
    await server.query('select pg_switch_wal()');
    await new Promise(resolve => setTimeout(resolve, 300));
  }
}
