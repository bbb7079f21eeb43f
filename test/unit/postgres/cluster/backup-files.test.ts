import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'vitest';
import { parseBackupLabel, withoutIncrementalLines } from '../../../../src/postgres/cluster/backup-label.ts';
import {
  classifyBackupPath,
  type EntryDecision,
  type EntryType,
} from '../../../../src/postgres/cluster/backup-selection.ts';
import {
  isTemporaryRelation,
  parseRelationFile,
  unloggedRelations,
} from '../../../../src/postgres/cluster/relation-file.ts';
import { recoveryModeOf } from '../../../../src/postgres/cluster/signal-files.ts';
import { parseLsn } from '../../../../src/postgres/wal/lsn.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const label = `START WAL LOCATION: 0/2000028 (file 000000010000000000000002)
CHECKPOINT LOCATION: 0/2000060
BACKUP METHOD: streamed
BACKUP FROM: standby
START TIME: 2026-11-22 02:00:00 UTC
LABEL: nightly: with a colon
START TIMELINE: 1
INCREMENTAL FROM LSN: 0/1000028
INCREMENTAL FROM TLI: 1
`;

describe('backup_label', () => {
  test('is read', () => {
    assert.deepEqual(parseBackupLabel(label), {
      startLsn: parseLsn('0/2000028'),
      startTimeline: 1,
      startSegment: '000000010000000000000002',
      checkpointLsn: parseLsn('0/2000060'),
      startTime: '2026-11-22 02:00:00 UTC',
      label: 'nightly: with a colon',
      backupFrom: 'standby',
      incrementalFromLsn: parseLsn('0/1000028'),
      incrementalFromTimeline: 1,
    });
    const full = parseBackupLabel(withoutIncrementalLines(label));
    assert.equal(full.incrementalFromLsn, undefined);
    assert.equal(full.startLsn, parseLsn('0/2000028'));
  });
  for (const line of ['START WAL LOCATION', 'CHECKPOINT LOCATION'])
    test(`without ${line} it is damaged`, () => {
      const text = label
        .split('\n')
        .filter(text => !text.startsWith(line))
        .join('\n');
      assert.throws(() => parseBackupLabel(text), { code: 'damaged', message: new RegExp(line) });
    });
});

describe('what a backup takes', () => {
  const cases: readonly (readonly [string, EntryType, EntryDecision])[] = [
    ['PG_VERSION', 'file', 'include'],
    ['base', 'directory', 'include'],
    ['base/16384/16385', 'file', 'include'],
    ['base/16384/t3_16386', 'file', 'skip'],
    ['base/16384/t12_16386_fsm.1', 'file', 'skip'],
    ['log/t3_16386', 'file', 'include'],
    ['pg_tblspc/16400/PG_15_202209061/16384/t3_16386', 'file', 'skip'],
    ['pg_tblspc/16400', 'symlink', 'include'],
    ['base/pgsql_tmp', 'directory', 'skip'],
    ['pg_tblspc/16400/PG_15_202209061/pgsql_tmp', 'directory', 'skip'],
    ['global/pg_internal.init', 'file', 'skip'],
    ['base/16384/pg_internal.init.4711', 'file', 'skip'],
    ['global/pg_control', 'file', 'include'],
    ['pg_wal', 'directory', 'include'],
    ['pg_wal/archive_status', 'directory', 'empty-directory'],
    ['pg_wal/summaries', 'directory', 'empty-directory'],
    ['pg_wal/000000010000000000000001', 'file', 'skip'],
    ['pg_wal/archive_status/000000010000000000000001.ready', 'file', 'skip'],
    ['pg_replslot', 'directory', 'empty-directory'],
    ['pg_replslot/one', 'directory', 'skip'],
    ['pg_stat_tmp', 'directory', 'empty-directory'],
    ['pg_stat', 'directory', 'include'],
    ['pg_xact/0000', 'file', 'include'],
    ['postgresql.auto.conf', 'file', 'include'],
    ['postgresql.auto.conf.tmp', 'file', 'skip'],
    ['.postgresql.auto.conf.0123456789ab.tmp', 'file', 'skip'],
    ['postmaster.pid', 'file', 'skip'],
    ['postmaster.opts', 'file', 'skip'],
    ['backup_label', 'file', 'skip'],
    ['backup_label.old', 'file', 'include'],
    ['tablespace_map', 'file', 'skip'],
    ['backup_manifest', 'file', 'skip'],
    ['standby.signal', 'file', 'skip'],
    ['walvault.delta-restore', 'file', 'skip'],
    ['pg_wal.before-restore-20261122T100000Z', 'directory', 'skip'],
    ['pg_wal.before-restore-20261122T100000Z', 'symlink', 'skip'],
    ['recovery.signal', 'file', 'skip'],
    ['promote', 'file', 'skip'],
    ['conf.d/promote', 'file', 'include'],
    ['.s.PGSQL.5432.lock', 'file', 'skip'],
  ];
  for (const [path, type, decision] of cases)
    test(`${path}: ${decision}`, () => {
      assert.equal(classifyBackupPath(path, type), decision);
    });
});

describe('relation files', () => {
  test('their names', () => {
    assert.deepEqual(parseRelationFile('16384'), { relfilenode: 16384, fork: 'main', segment: 0 });
    assert.deepEqual(parseRelationFile('16384.12'), { relfilenode: 16384, fork: 'main', segment: 12 });
    assert.deepEqual(parseRelationFile('16384_vm.1'), { relfilenode: 16384, fork: 'vm', segment: 1 });
    assert.equal(parseRelationFile('16384_init')?.fork, 'init');
    for (const name of [
      '016384',
      '16384_',
      '16384_main',
      '16384.',
      '16384.0',
      't3_16384',
      '4294967296',
      'PG_VERSION',
      '',
    ])
      assert.equal(parseRelationFile(name), undefined, name);
  });
  test('temporary and unlogged ones', () => {
    for (const name of ['t3_16384', 't3_16384_vm', 't3_16384.1']) assert.ok(isTemporaryRelation(name));
    for (const name of ['t3_', 't_1', '16384', 't3_1x', 't3_1_main'])
      assert.ok(!isTemporaryRelation(name), name);
    assert.deepEqual(unloggedRelations(['1', '1_init', '2', '2_vm', '3_init.1', 'x_init']), new Set([1, 3]));
  });
});

test('standby.signal wins over recovery.signal', () => {
  const directory = temporaryDirectory('signals', { keepOwner: true });
  assert.equal(recoveryModeOf(directory), 'none');
  assert.equal(recoveryModeOf(join(directory, 'gone')), 'none');
  writeFileSync(join(directory, 'recovery.signal'), '');
  assert.equal(recoveryModeOf(directory), 'point-in-time');
  writeFileSync(join(directory, 'standby.signal'), '');
  assert.equal(recoveryModeOf(directory), 'standby');
});
