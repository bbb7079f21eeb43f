/** A backup of a standby that followed a promotion meanwhile is as good as any other, and `walvault copy` knows it. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import type { BackupRecord } from '../../src/repository/format/backup-record.ts';
import { partialPrefix, walKey, type SystemPath } from '../../src/repository/format/layout.ts';
import type { Repository } from '../../src/repository/repository.ts';
import { createFsStore } from '../../src/stores/fs/store.ts';
import type { Store } from '../../src/stores/store.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { overrideStore } from '../support/site/archive.ts';
import {
  cluster,
  listKeys,
  makeRepository,
  makeStandby,
  runBackup,
  signal,
  startArchivingServer,
  startUnpacked,
  switchNowAndThen,
  unpackByHand,
  until,
} from '../support/site/backup-fixtures.ts';
import { runOk } from '../support/site/run.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { runWalvault } from '../support/site/walvault.ts';

async function lsnOf(server: PostgresServer, position: string): Promise<bigint> {
  const [row] = await server.query<{ bytes: string }>(`select (${position} - '0/0')::text as bytes`);
  return BigInt(row?.bytes ?? 0);
}

async function caughtUp(standby: PostgresServer, primary: PostgresServer): Promise<void> {
  const written = await lsnOf(primary, 'pg_current_wal_lsn()');
  const hasReplayed = async () => (await lsnOf(standby, 'pg_last_wal_replay_lsn()')) >= written;
  await until(hasReplayed, 'the standby has replayed everything');
}

/** The store, before the first part of a backup reaches it. */
function pausedBeforeParts(store: Store, pause: () => Promise<void>): Store {
  let pausing: Promise<void> | undefined;
  return overrideStore(store, {
    put: async (key, body, options) => {
      if (key.includes('/parts/')) await (pausing ??= pause());
      return store.put(key, body, options);
    },
  });
}

interface Site {
  readonly main: Repository;
  readonly primary: PostgresServer;
  readonly system: SystemPath;
  readonly stop: AbortController;
}

/** While the backup runs, the server that its standby streams from is promoted, and the standby follows. */
async function backUpAcrossPromotion({ main, primary, system, stop }: Site): Promise<BackupRecord> {
  await primary.query('create table t as select g from generate_series(1, 1000) g');
  await primary.stop();
  const successor = await makeStandby(primary);
  const standby = await makeStandby(primary, successor);
  let switching = Promise.resolve();
  try {
    for (const server of [primary, successor, standby]) await server.start();
    await primary.query('insert into t select g from generate_series(1001, 2000) g; checkpoint');
    await caughtUp(successor, primary);
    await caughtUp(standby, primary);
    const promote = async () => {
      await successor.query('select pg_promote(true, 60)');
      await successor.query('insert into t select g from generate_series(2001, 3000) g');
      await successor.query('checkpoint');
      await caughtUp(standby, successor);
      // Its restart point moves the backup's end to the new timeline.
      await standby.query('checkpoint');
      switching = switchNowAndThen(successor, stop.signal);
    };
    const paused = { ...main, store: pausedBeforeParts(main.store, promote) };
    const { record } = await runBackup(standby, [paused]);
    const partial = { ...parentCopyOf(record), kind: 'partial' as const };
    const isArchived = async () => (await listKeys(main.store, partialPrefix(system, partial))).length > 0;
    await until(isArchived, 'the partial segment of the parent is archived');
    return record;
  } finally {
    stop.abort();
    await switching;
    for (const server of [standby, successor]) await server.stop();
  }
}

/** The parent's own copy of the segment in which it was left. */
function parentCopyOf({ walRanges: [parent], geometry }: BackupRecord) {
  assert.ok(parent !== undefined);
  return geometry.fileOf(parent.timeline, geometry.segmentOf(parent.endLsn));
}

test('copy does not hold it back for the segment in which the parent timeline was left', async () => {
  const roots = { main: temporaryDirectory('main'), offsite: temporaryDirectory('offsite') };
  const main = await makeRepository({ store: createFsStore({ root: roots.main }) });
  const offsite = await makeRepository({ name: 'offsite', store: createFsStore({ root: roots.offsite }) });
  const {
    server: primary,
    system,
    stopArchiving,
  } = await startArchivingServer([main], { ownSystemIdentifier: true });
  let record: BackupRecord;
  try {
    record = await backUpAcrossPromotion({ main, primary, system, stop: new AbortController() });
  } finally {
    await primary.stop('immediate');
    await stopArchiving();
  }
  assert.deepEqual(
    record.walRanges.map(({ timeline }) => timeline),
    [1, 2],
  );
  assert.equal(await main.store.head(walKey(system, parentCopyOf(record)), { signal }), undefined);

  const config = join(temporaryDirectory('config'), 'walvault.toml');
  const repositories = Object.entries(roots).map(
    ([name, root]) => `[[repository]]\nname = "${name}"\nurl = "file://${root}"\n`,
  );
  writeFileSync(config, `cluster = "${cluster}"\n[encryption]\nmode = "none"\n${repositories.join('')}`);
  for (const path of [join(config, '..'), roots.main, roots.offsite]) giveToUnprivileged(path);
  const copied = await runWalvault(['copy', '--from', 'main', '--to', 'offsite', '--backup', record.id], {
    config,
  });
  assert.equal(copied.exitCode, 0, copied.stderr + copied.stdout);

  const target = await unpackByHand(offsite, system, { id: record.id });
  // pg_waldump, which it would ask, does not look for the segment on the child's timeline; the recovery below does.
  await runOk(join(primary.binDir, 'pg_verifybackup'), ['--no-parse-wal', target]);
  await using copy = await startUnpacked(target, primary.binDir);
  assert.deepEqual(await copy.query('select count(*) from t'), [{ count: '3000' }]);
});
