import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { Secret } from '../../src/base/secret.ts';
import type { Log } from '../../src/observe/events/events.ts';
import { checkArchiving } from '../../src/operations/check/check-archiving.ts';
import { Checklist } from '../../src/operations/check/checklist.ts';
import { makeRestorePoint } from '../../src/operations/restore-point/restore-point.ts';
import { connectPostgres } from '../../src/postgres/server/connection.ts';
import { readServerState } from '../../src/postgres/server/state.ts';
import { backupsPrefix, commitRecordsPrefix, type SystemPath } from '../../src/repository/format/layout.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { surveySystem } from '../../src/repository/survey.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { runOk } from '../support/site/run.ts';
import {
  cluster,
  connectionTo,
  listKeys,
  makeRepository,
  makeStandby,
  recordingLog,
  runBackup,
  signal,
  startArchivingServer,
  startUnpacked,
  unpackByHand,
  until,
} from '../support/site/backup-fixtures.ts';

describe('a backup from a standby', () => {
  let repository: Repository;
  let primary: PostgresServer;
  let standby: PostgresServer;
  let system: SystemPath;
  let stopArchiving: () => Promise<void>;

  beforeAll(async () => {
    repository = await makeRepository({ keys: { hostSecret: new Secret('0f'.repeat(32)) } });
    ({
      server: primary,
      system,
      stopArchiving,
    } = await startArchivingServer([repository], {
      ownSystemIdentifier: true,
      conf: { wal_keep_size: "'256MB'" },
    }));
    await primary.query('create table t as select g from generate_series(1, 1000) g');
    await primary.stop();
    standby = await makeStandby(primary);
    await primary.start();
    await standby.start();
  });
  afterAll(async () => {
    await standby.stop();
    await primary.stop();
    await stopArchiving();
  });

  const replayed = async () => {
    const [position] = await primary.query<{ lsn: string }>('select pg_current_wal_lsn()::text as lsn');
    const caughtUp = async () => {
      const [row] = await standby.query<{ done: boolean }>(
        'select pg_last_wal_replay_lsn() >= $1::pg_lsn as done',
        [position?.lsn],
      );
      return row?.done === true;
    };
    await until(caughtUp, 'the standby has replayed everything');
  };

  test('has an idle primary end the segments that it needs, and can be recovered', async () => {
    await primary.query('insert into t select g from generate_series(1001, 2000) g');
    await primary.query('checkpoint');
    await replayed();
    const log = recordingLog();
    const { record } = await runBackup(standby, [repository], { log, primary });
    assert.equal(record.backupFrom, 'standby');
    assert.equal(record.timeline, 1);
    assert.ok(record.stopLsn > record.startLsn);
    assert.deepEqual(
      log.events.filter(({ level }) => level === 'warn'),
      [],
    );

    const target = await unpackByHand(repository, system, { id: record.id });
    await runOk(join(primary.binDir, 'pg_verifybackup'), [target]);
    const copy = await startUnpacked(target, primary.binDir);
    try {
      assert.deepEqual(await copy.query('select count(*) from t'), [{ count: '2000' }]);
    } finally {
      await copy.stop();
    }
  });

  test('is refused before anything is written where its WAL would never arrive', async () => {
    const empty = await makeRepository({ name: 'empty' });
    await assert.rejects(runBackup(standby, [empty]), {
      code: 'wal-missing',
      message: /^repository "empty" has no WAL of cluster "orders", system \d+: .* would never arrive$/,
    });
    await assert.rejects(runBackup(standby, [repository], { primary: standby }), {
      code: 'refused',
      message: 'postgres.primary-connection: the server is a standby itself',
    });
    await assert.rejects(runBackup(standby, [empty], { primary, walTimeoutMs: 500 }), {
      code: 'wal-missing',
      message: /^repository "empty": 0+1[0-9A-F]{16} did not arrive within 500 ms/,
    });
    assert.deepEqual(await listKeys(empty.store, backupsPrefix(system)), []);
  });

  test('no restore point is made on it, and what is made on the primary is noted where the cluster is', async () => {
    const make = (server: PostgresServer, repositories: readonly Repository[]) =>
      makeRestorePoint({
        config: { cluster, postgres: { connection: connectionTo(server), primaryConnection: undefined } },
        ...{ repositories, name: 'here', allowsDuplicate: false, env: {}, signal },
        by: { user: 'alice', host: 'db1' },
      });
    await assert.rejects(make(standby, [repository]), {
      code: 'refused',
      message: 'restore-point: the server is a standby, which writes no WAL',
    });
    const empty = await makeRepository({ name: 'empty' });
    await assert.rejects(make(primary, [empty]), {
      code: 'not-found',
      message: /nothing of cluster "orders"/,
    });
    const { point, notedIn, failures } = await make(primary, [empty, repository]);
    assert.deepEqual([notedIn, failures.map(({ repository: name }) => name)], [[repository.name], ['empty']]);
    assert.ok(Math.abs(Date.now() - point.madeAt.getTime()) < 60_000);
    const [noted] = await surveySystem(repository, system, signal).restorePoints();
    assert.deepEqual([noted?.name, noted?.timeline, noted?.user], ['here', 1, 'alice']);
    await assert.rejects(make(primary, [repository]), { code: 'refused', message: /"here" already/ });
  });

  test('can be foreseen: check has the primary end a segment, which arrives', async () => {
    const connection = await connectPostgres({ connectionString: connectionTo(standby), env: {}, signal });
    try {
      const state = await readServerState(connection);
      const server = { connection, state, dataDirectory: undefined, canArchive: true, canEndSegment: true };
      const checked = async (primaryConnection: Secret | undefined) => {
        const list = new Checklist(() => undefined);
        const config = { cluster, postgres: { connection: undefined, primaryConnection } };
        const options = { config, repositories: [repository], timeoutMs: 20_000, env: {}, signal };
        await checkArchiving(list, { server, reader: undefined, options });
        return list.lines.map(({ status, message }) => `${status} ${message}`).join('\n');
      };
      assert.match(await checked(undefined), /^skip a standby cannot end a segment/);
      assert.match(
        await checked(connectionTo(primary)),
        /^ok the server ended segment \w+\nok \w+ arrived in .*\nok the primary answers on timeline 1$/,
      );
      assert.match(await checked(connectionTo(standby)), /^fail .*the server is a standby itself$/);
    } finally {
      await connection.close();
    }
  });

  test('that is promoted meanwhile does not become one, and the next goes on from its parts', async () => {
    await replayed();
    const before = await listKeys(repository.store, commitRecordsPrefix(system));
    const log: Log = {
      emit({ kind }) {
        if (kind === 'progress') promoted ??= standby.query('select pg_promote()');
      },
    };
    let promoted: Promise<unknown> | undefined;
    await assert.rejects(runBackup(standby, [repository], { log, partSizeBytes: 1024 ** 2 }), {
      code: 'postgres',
      message: /the standby was promoted during online backup/,
    });
    await promoted;
    assert.deepEqual(await listKeys(repository.store, commitRecordsPrefix(system)), before);

    const { record } = await runBackup(standby, [repository], { partSizeBytes: 1024 ** 2 });
    assert.equal(record.timeline, 2);
    assert.equal(record.resumed?.attempt, 2);
    assert.ok((record.resumed?.partCount ?? 0) > 0);
    const copy = await startUnpacked(await unpackByHand(repository, system, record), standby.binDir);
    const [row] = await copy.query<{ count: string }>('select count(*) from t');
    await copy.stop();
    assert.equal(row?.count, '2000');
  });
});
