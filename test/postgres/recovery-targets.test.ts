import assert from 'node:assert/strict';
import { copyFileSync, createReadStream, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, test } from 'vitest';
import { WalGeometry } from '../../src/postgres/wal/geometry.ts';
import { startBackup, stopBackup } from '../../src/postgres/server/backup-control.ts';
import { parseBackupLabel } from '../../src/postgres/cluster/backup-label.ts';
import { walkDataDirectory } from '../../src/postgres/cluster/data-directory.ts';
import { writeRecoverySettings, type RecoveryTarget } from '../../src/postgres/cluster/recovery-settings.ts';
import { connectPostgres } from '../../src/postgres/server/connection.ts';
import { formatLsn, parseLsn, type Lsn } from '../../src/postgres/wal/lsn.ts';
import {
  scanForTarget,
  scanSegment,
  type WalScan,
  type WalTarget,
} from '../../src/postgres/wal/segment-scan.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';

const geometry = new WalGeometry(1024 ** 2);
const signal = new AbortController().signal;

/** PostgreSQL is the judge: a copy recovers to each target, and either stops there or fails for want of WAL. */
describe('whether recovery reaches a target', () => {
  let primary: PostgresServer;
  let copy: string;
  let startLsn: Lsn;
  let scan: WalScan;
  let endLsn: Lsn;
  let transactionId: string;

  beforeAll(async () => {
    primary = await startPostgres({
      initdbArgs: ['--wal-segsize=1'],
      conf: { wal_keep_size: '512MB', track_commit_timestamp: 'on' },
    });
    copy = join(temporaryDirectory('copy'), 'data');
    startLsn = await takeCopy(primary, copy);
    await primary.query('create table t (id int)');
    await primary.query('insert into t select generate_series(1, 30000)');
    await primary.query(`select pg_create_restore_point('here')`);
    await primary.query('insert into t values (1)');
    const [row] = await primary.query<{ xid: string }>(
      'insert into t values (2) returning xmin::text as xid',
    );
    transactionId = row?.xid ?? '';
    await primary.stop();
    scan = await scanSegment(wal(), scanOptions());
    endLsn = scan.endLsn;
  });
  afterAll(async () => {
    await primary.stop();
  });

  const scanOptions = () => ({ startLsn: firstSegmentStart(), geometry, fromLsn: startLsn });
  const firstSegmentStart = () => geometry.startLsn(geometry.segmentOf(startLsn));

  async function* wal(): AsyncGenerator<Uint8Array> {
    const last = endLsn === undefined ? undefined : geometry.lastSegmentBefore(endLsn);
    for (let number = geometry.segmentOf(startLsn); number <= (last ?? number); number++) {
      const path = join(primary.dataDirectory, 'pg_wal', geometry.nameOf(1, number));
      yield* createReadStream(path, { highWaterMark: 300_000 }) as AsyncIterable<Buffer>;
    }
  }

  /** What PostgreSQL does with the target, and what the scan says it would do. */
  const recover = async (target: RecoveryTarget, asked: WalTarget) => {
    const directory = join(temporaryDirectory('recovery'), 'data');
    await copyTree(copy, directory);
    const settings = writeRecoverySettings(readFileSync(join(copy, 'postgresql.auto.conf')), {
      mode: 'point-in-time',
      restoreCommand: `cp "${join(primary.dataDirectory, 'pg_wal')}/%f" "%p"`,
      target,
      targetTimeline: '1',
      targetAction: 'shutdown',
      primaryConninfo: undefined,
    });
    writeFileSync(join(directory, 'postgresql.auto.conf'), settings);
    writeFileSync(join(directory, 'recovery.signal'), '');
    giveToUnprivileged(directory);
    const server = await startPostgres({ dataDirectory: directory, start: false });
    await server.start({ until: 'spawned' });
    await server.exited();
    const log = server.log();
    const isReached = /recovery stopping (before|after|at)/.test(log);
    assert.notEqual(isReached, /recovery ended before configured recovery target was reached/.test(log), log);
    const found = await scanForTarget(wal(), scanOptions(), asked);
    return { postgres: isReached, walvault: found.reachedAt !== undefined };
  };

  const timeText = (micros: bigint) => {
    const seconds = new Date(Number(micros / 1000n)).toISOString().slice(0, 19).replace('T', ' ');
    return `${seconds}.${String(micros % 1_000_000n).padStart(6, '0')}+00`;
  };
  const yes = { postgres: true, walvault: true };
  const no = { postgres: false, walvault: false };

  test('a time: the last commit is reached only exclusively, a moment before it also inclusively', async () => {
    const last = scan.lastCommitTimeMicros ?? 0n;
    const at = (timeMicros: bigint, inclusive: boolean) =>
      recover(
        { kind: 'time', value: timeText(timeMicros), inclusive },
        { kind: 'time', timeMicros, inclusive },
      );
    assert.deepEqual(await at(last, true), no);
    assert.deepEqual(await at(last, false), yes);
    assert.deepEqual(await at(last - 1n, true), yes);
    assert.deepEqual(await at(last + 1n, false), no);
  });

  test('a transaction', async () => {
    const at = (xid: number) =>
      recover({ kind: 'xid', value: String(xid) }, { kind: 'xid', transactionId: xid });
    assert.deepEqual(await at(Number(transactionId)), yes);
    assert.deepEqual(await at(Number(transactionId) + 1), no);
  });

  test('a restore point', async () => {
    const at = (name: string) => recover({ kind: 'name', value: name }, { kind: 'name', name });
    assert.deepEqual(await at('here'), yes);
    assert.deepEqual(await at('elsewhere'), no);
  });

  test('an LSN: where the last record starts, but not where it ends', async () => {
    const at = (lsn: Lsn, inclusive: boolean) =>
      recover({ kind: 'lsn', value: formatLsn(lsn), inclusive }, { kind: 'lsn', lsn, inclusive });
    const found = await scanForTarget(wal(), scanOptions(), { kind: 'name', name: 'here' });
    assert.deepEqual(await at(found.reachedAt?.lsn ?? 0n, true), yes);
    assert.deepEqual(await at(endLsn - 8n, true), no);
    assert.deepEqual(await at(endLsn, false), no);
  });
});

async function takeCopy(server: PostgresServer, directory: string): Promise<Lsn> {
  const connection = await connectPostgres({ signal, env: server.env });
  const started = await startBackup(connection, { label: 'copy', fast: true });
  await copyTree(server.dataDirectory, directory);
  const stopped = await stopBackup(connection);
  await connection.close();
  writeFileSync(join(directory, 'backup_label'), stopped.labelFile);
  const label = parseBackupLabel(stopped.labelFile);
  assert.equal(label.startLsn, started.startLsn);
  assert.ok(parseLsn(formatLsn(label.checkpointLsn)) >= label.startLsn);
  return label.startLsn;
}

async function copyTree(from: string, to: string): Promise<void> {
  mkdirSync(to, { mode: 0o700 });
  for await (const entry of walkDataDirectory(from, signal)) {
    const target = join(to, entry.path);
    if (entry.type === 'directory') mkdirSync(target, { mode: entry.mode });
    else if (entry.type === 'symlink') symlinkSync(entry.linkTarget ?? '', target);
    else copyFileSync(entry.absolutePath, target);
  }
  // A backup's own label is not part of what the walk gives.
  if (!isRunning(from)) copyFileSync(join(from, 'backup_label'), join(to, 'backup_label'));
}

function isRunning(directory: string): boolean {
  try {
    readFileSync(join(directory, 'postmaster.pid'));
    return true;
  } catch {
    return false;
  }
}
