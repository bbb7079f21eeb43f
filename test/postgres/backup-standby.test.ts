import assert from 'node:assert/strict';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import type { Log } from '../../src/observe/events/events.ts';
import type { SystemPath } from '../../src/repository/format/layout.ts';
import type { Repository } from '../../src/repository/repository.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { runOk } from '../support/site/run.ts';
import {
  makeRepository,
  makeStandby,
  recordingLog,
  runBackup,
  startArchivingServer,
  startUnpacked,
  switchAndArchive,
  switchNowAndThen,
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
    repository = await makeRepository();
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

  test('waits until the primary has archived its last segment, and can be recovered', async () => {
    await primary.query('insert into t select g from generate_series(1001, 2000) g');
    await primary.query('checkpoint');
    await replayed();
    const log = recordingLog();
    const running = runBackup(standby, [repository], { log });
    const stop = new AbortController();
    const switching = switchNowAndThen(primary, stop.signal);
    const { record } = await running.finally(() => stop.abort());
    await switching;
    assert.equal(record.backupFrom, 'standby');
    assert.equal(record.timeline, 1);
    assert.ok(record.stopLsn > record.startLsn);
    await switchAndArchive(primary, repository, system);

    const target = await unpackByHand(repository, system, { id: record.id });
    await runOk(join(primary.binDir, 'pg_verifybackup'), [target]);
    const copy = await startUnpacked(target, primary.binDir);
    try {
      assert.deepEqual(await copy.query('select count(*) from t'), [{ count: '2000' }]);
    } finally {
      await copy.stop();
    }
  });

  test('that is promoted meanwhile does not become one', async () => {
    await replayed();
    const log: Log = {
      emit({ kind }) {
        if (kind === 'progress') promoted ??= standby.query('select pg_promote()');
      },
    };
    let promoted: Promise<unknown> | undefined;
    await assert.rejects(runBackup(standby, [repository], { log, partSizeBytes: 1024 ** 2 }), {
      code: 'postgres',
    });
    await promoted;
  });
});
