/** The main job: a busy server archives, a backup is taken meanwhile, and every kind of target comes back row by row. */
import assert from 'node:assert/strict';
import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import {
  createBank,
  readContents,
  startLoad,
  takeMoment,
  type Bank,
  type Moment,
} from '../support/site/bank.ts';
import {
  assertSound,
  backUp,
  restoreInto,
  startCopy,
  verifyWithPostgres,
  type TakenBackup,
} from '../support/site/cycle.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import {
  archiveEverything,
  createSite,
  isInRecovery,
  outcomeOf,
  until,
  type Site,
} from '../support/site/site.ts';
import { startedCopy } from '../support/site/started-copy.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { errorCodes } from '../../src/base/errors/errors.ts';
import { readArchiver } from '../../src/postgres/server/archiver.ts';

/** Hundreds of pushes and fetches one after another, on a machine that does other things, too. */
const patienceMs = 900_000;

describe('a busy server', () => {
  let site: Site;
  let origin: PostgresServer;
  let bank: Bank;
  let taken: TakenBackup;
  const moments: Moment[] = [];
  let end: string;

  beforeAll(async () => {
    site = await createSite();
    origin = await site.startOrigin({ conf: { track_commit_timestamp: 'on', max_wal_size: '64MB' } });
    bank = await createBank(origin);
  });

  afterAll(async () => {
    await origin[Symbol.asyncDispose]();
  });

  it('archives more than 200 segments while it is written to, none missing', async () => {
    const load = startLoad(origin, 200);
    const { archivedCount: before } = await readArchiver(origin);
    for (let segment = 0; segment < 200; segment++) await writeSegment(origin);
    await until(
      '200 segments are archived',
      async () => (await readArchiver(origin)).archivedCount >= before + 200,
      patienceMs,
    );
    await load.stop();
    await archiveEverything(origin, patienceMs);
    const [timeline] = await timelinesIn(site);
    assert.ok(timeline !== undefined && timeline.segmentCount >= 200);
    assert.deepEqual(timeline.holes, []);
    assert.equal((await readArchiver(origin)).failedCount, 0, origin.logTail());
  });

  it('is backed up meanwhile, whatever recovery settings of the past lie in its directory', async () => {
    leaveStaleRecovery(origin);
    const load = startLoad(origin, 100);
    taken = await backUp(site, origin, ['--label', 'under load', '--keep-for', '1w']);
    moments.push(await takeMoment(origin, bank, 'first'));
    await until('more is written', () => hasMore(origin, bank, 100));
    moments.push(await takeMoment(origin, bank, 'second'));
    await until('more is written', () => hasMore(origin, bank, 100));
    await load.stop();
    end = await readContents(origin, bank);
    await archiveEverything(origin, patienceMs);
    const listing = await site.walvault(['list', 'backups', '--json']);
    assert.match(listing.stdout, new RegExp(taken.id));
    assert.match(listing.stdout, /"label": "under load"/);
    assert.equal(Date.parse(taken.keepUntil ?? '') - Date.parse(taken.stopTime), 7 * 86_400_000);
  });

  const targets: readonly {
    what: string;
    args: (moment: Moment) => string[];
    expected: (moment: Moment) => string;
  }[] = [
    { what: 'a time', args: ({ time }) => ['--target-time', time], expected: ({ contents }) => contents },
    {
      what: 'a transaction',
      args: ({ xid }) => ['--target-xid', xid],
      expected: ({ contentsAtXid }) => contentsAtXid,
    },
    {
      what: 'a named restore point',
      args: ({ restorePoint }) => ['--target-name', restorePoint],
      expected: ({ contents }) => contents,
    },
    { what: 'an LSN', args: ({ lsn }) => ['--target-lsn', lsn], expected: ({ contents }) => contents },
  ];

  for (const { what, args, expected } of targets)
    it(`comes back as it was at ${what}`, async () => {
      const moment = moments[what === 'a time' ? 1 : 0];
      assert.ok(moment);
      const directory = await restoreInto(site, [...args(moment), '--target-action', 'promote']);
      await verifyWithPostgres(origin, directory);
      await using copy = await startCopy(site, directory);
      assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
      assert.equal(await readContents(copy, bank), expected(moment));
      assert.notEqual(expected(moment), end);
      await assertSound(copy);
    });

  it('comes back without a transaction that is excluded', async () => {
    const [moment] = moments;
    assert.ok(moment);
    const directory = await restoreInto(site, ['--target-xid', moment.xid, '--exclusive']);
    await using copy = await startCopy(site, directory);
    await until('it pauses', () => isPaused(copy), patienceMs);
    assert.deepEqual(await copy.query('select * from moment'), []);
  });

  it('comes back to the end of the archive, and archives nothing into its origin’s', async () => {
    const directory = await restoreInto(site, []);
    const objects = objectsOf(site);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
    assert.equal(await readContents(copy, bank), end);
    assert.deepEqual(await copy.query('show archive_mode'), [{ archive_mode: 'off' }]);
    await copy.query("insert into moment values ('only in the copy')");
    await copy.query('select pg_switch_wal()');
    await copy.query('checkpoint');
    await assertSound(copy);
    assert.deepEqual(objectsOf(site), objects);
  });

  it('comes back as soon as the backup is consistent, without what lay around in its origin', async () => {
    const directory = await restoreInto(site, ['--target-immediate', '--target-action', 'promote']);
    assert.ok(!readdirSync(directory).includes('standby.signal'));
    const settings = readFileSync(join(directory, 'postgresql.auto.conf'), 'utf8');
    const inForce = settings.split('\n').filter(line => /stale|2001|\/bin\/false/.test(line));
    assert.ok(inForce.length > 0 && inForce.every(line => line.startsWith('#')), settings);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
    assert.deepEqual(await copy.query('select * from moment'), []);
    await assertSound(copy);
  });
});

describe('a copy that goes on as the database', () => {
  it('archives its own timeline, and the next restore follows it', async () => {
    const site = await createSite();
    const sockets = temporaryDirectory('sockets');
    giveToUnprivileged(sockets);
    await using origin = await site.startOrigin({ conf: { unix_socket_directories: `'${sockets}'` } });
    await origin.query('create table done(n int)');
    await backUp(site, origin);
    await origin.query('insert into done values (1)');
    const name = 'before the accident';
    const made = await site.walvault(['restore-point', name], { env: origin.env });
    assert.equal(made.exitCode, 0, made.stderr);
    const again = await site.walvault(['restore-point', name], { env: origin.env });
    assert.equal(again.exitCode, errorCodes.refused);
    assert.match(again.stderr, /there is a restore point "before the accident" already/);
    await origin.query('delete from done');
    await archiveEverything(origin);
    await origin.stop();
    const listed = await site.walvault(['list', 'restore-points']);
    assert.match(listed.stdout, /^before the accident +\d.* on \S+ +yes, from backup \w+-full-\w+$/m);

    const first = await restoreInto(site, [
      ...['--target-name', 'before the accident', '--target-action', 'promote'],
      ...['--archive-mode', 'preserve'],
    ]);
    await using copy = await startCopy(site, first);
    assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
    await copy.query('insert into done values (2)');
    await archiveEverything(copy);
    assert.deepEqual(
      (await timelinesIn(site)).map(({ timeline, holes }) => ({ timeline, holes })),
      [
        { timeline: 1, holes: [] },
        { timeline: 2, holes: [] },
      ],
    );

    const second = await restoreInto(site, []);
    await using next = await startCopy(site, second);
    assert.equal(await outcomeOf(next), 'promoted', next.logTail());
    assert.deepEqual(await next.query('select n from done order by n'), [{ n: 1 }, { n: 2 }]);

    // Once the origin goes on, too, there are two databases to choose from.
    await origin.start();
    await origin.query('insert into done values (1000)');
    await archiveEverything(origin);
    await origin.stop();
    const undecided = await site.walvault(['restore', join(site.directory, 'undecided')]);
    assert.equal(undecided.exitCode, 13, undecided.stderr);
    assert.match(undecided.stderr, /^HINT: .*--target-timeline 1 or --target-timeline 2/m);
    await using older = await startedCopy(site, ['--target-timeline', 'current']);
    assert.equal(older.server['outcome'], 'promoted', older.stderr);
    assert.ok(Number(older.server['timeline']) > 2);
    assert.deepEqual(await older.query('select n from done order by n'), [{ n: 1000 }]);
    assert.deepEqual(await older.query('show archive_mode'), [{ archive_mode: 'off' }]);

    await using looked = await startedCopy(site, ['--target-name', 'before the accident']);
    const { outcome, lsn, timeline } = looked.server;
    assert.deepEqual({ outcome, timeline }, { outcome: 'paused', timeline: 1 }, looked.stderr);
    assert.deepEqual(await looked.query('select n from done order by n'), [{ n: 1 }]);
    assert.deepEqual(await looked.query('select pg_last_wal_replay_lsn()::text as lsn'), [{ lsn }]);

    const taken = await site.walvault([
      ...['restore', join(site.directory, 'taken'), '--target-name', 'before the accident', '--start'],
      ...['--pg-bin', origin.binDir, '--port', String(looked.server['port'])],
    ]);
    assert.equal(taken.exitCode, 11, taken.stderr);
    assert.match(taken.stderr, /^walvault: WARNING: the restored server said: .*FATAL: /m);
    assert.match(taken.stderr, /^walvault: the restored server ended before it had reached restore point/m);
    assert.match(taken.stdout, /^Restored into .*\n[^]*pg_ctl/m);

    // From a backup of the new timeline there is one way.
    await backUp(site, copy);
    await copy.query('insert into done values (3)');
    await archiveEverything(copy);
    const third = await restoreInto(site, ['--target-timeline', 'latest']);
    await using last = await startCopy(site, third);
    assert.equal(await outcomeOf(last), 'promoted', last.logTail());
    assert.deepEqual(await last.query('select n from done order by n'), [{ n: 1 }, { n: 2 }, { n: 3 }]);
  });
});

/** As much WAL as a segment of 1 MiB, without the minutes of transactions that would write it. */
async function writeSegment(server: PostgresServer): Promise<void> {
  await server.query(
    `select pg_logical_emit_message(false, 'filler', string_agg(md5(random()::text), ''))
     from generate_series(1, 32 * 1024)`,
  );
}

interface ListedTimeline {
  readonly timeline: number;
  readonly segmentCount: number;
  readonly holes: readonly unknown[];
}

async function timelinesIn(site: Site): Promise<readonly ListedTimeline[]> {
  const { stdout, stderr, exitCode } = await site.walvault(['list', 'wal', '--json']);
  assert.equal(exitCode, 0, stderr);
  const [repository] = JSON.parse(stdout) as { systems: { timelines: ListedTimeline[] }[] }[];
  return repository?.systems[0]?.timelines ?? [];
}

/** What an operator's earlier recoveries leave behind: a running primary takes no notice of any of it. */
function leaveStaleRecovery({ dataDirectory }: PostgresServer): void {
  appendFileSync(
    join(dataDirectory, 'postgresql.auto.conf'),
    [
      `restore_command = '/bin/false'`,
      `recovery_target_name = 'stale'`,
      `recovery_target_time = '2001-01-01 00:00:00+00'`,
      `recovery_target_timeline = '7'`,
      `recovery_end_command = 'echo stale'`,
      '',
    ].join('\n'),
  );
  for (const name of ['standby.signal', 'recovery.signal', 'promote'])
    writeFileSync(join(dataDirectory, name), '');
  giveToUnprivileged(dataDirectory);
}

async function hasMore(server: PostgresServer, bank: Bank, rows: number): Promise<boolean> {
  const [row] = await server.query<{ count: string }>(
    `select count(*) from ${bank.history} where xmin::text::bigint >= (select max(xmin::text::bigint) from moment)`,
  );
  return Number(row?.count ?? 0) >= rows;
}

async function isPaused(server: PostgresServer): Promise<boolean> {
  if (!(await isInRecovery(server))) return false;
  const [row] = await server
    .query<{ state: string }>('select pg_get_wal_replay_pause_state() as state')
    .catch(() => []);
  return row?.state === 'paused';
}

function objectsOf(site: Site): string[] {
  const entries = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' });
  return entries.toSorted();
}
