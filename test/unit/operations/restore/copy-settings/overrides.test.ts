import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, test } from 'vitest';
import { jobLibraries } from '../../../../../src/operations/restore/copy-settings/acting-settings.ts';
import {
  isReadDuringReplay,
  overridableNames,
  overridesFor,
  type ConfiguredSettings,
  type CopyChoices,
  type CopyFacts,
} from '../../../../../src/operations/restore/copy-settings/overrides.ts';

const choices: CopyChoices = {
  mode: 'point-in-time',
  targetAction: 'promote',
  archiveMode: 'off',
  keepsSubscriptions: false,
  primaryConninfo: undefined,
  keptSettings: [],
};
const minimums = {
  max_connections: 300,
  max_worker_processes: 8,
  max_wal_senders: 10,
  max_prepared_transactions: 0,
  max_locks_per_transaction: 64,
};

function configured(values: Readonly<Record<string, string>>, isInForce = true): ConfiguredSettings {
  return { values: new Map(Object.entries(values)), isInForce };
}

function overrides(changes: Partial<CopyChoices> = {}, facts: Partial<CopyFacts> = {}) {
  const list = overridesFor(
    { ...choices, ...changes },
    { postgresMajor: 15, configured: configured({}), minimums, ...facts },
  );
  return new Map(list.map(override => [override.name, override]));
}

const valueOf = (name: string, changes: Partial<CopyChoices> = {}, facts: Partial<CopyFacts> = {}) =>
  overrides(changes, facts).get(name)?.value;

test('the page about restored copies has every setting and library', () => {
  const page = readFileSync(resolve(import.meta.dirname, '../../../../../docs/restored-copies.md'), 'utf8');
  const names = [...overridableNames, ...jobLibraries.map(({ name }) => name)];
  assert.deepEqual(
    names.filter(name => !page.includes(`\`${name}\``)),
    [],
  );
});

describe('the settings that a copy gets in place of its origin’s', () => {
  test('archiving, commands, delays, foreign files, subscriptions and jobs are off, each with a reason', () => {
    const all = overrides();
    for (const [name, value] of Object.entries({
      archive_mode: 'off',
      archive_cleanup_command: '',
      recovery_end_command: '',
      recovery_min_apply_delay: '0',
      synchronous_standby_names: '',
      primary_slot_name: '',
      promote_trigger_file: '',
      max_logical_replication_workers: '0',
      bonjour: 'off',
      'cron.launch_active_jobs': 'off',
      'cron.max_running_jobs': '0',
      'timescaledb.max_background_workers': '0',
      'citus.recover_2pc_interval': '-1',
      'citus.distributed_deadlock_detection_factor': '-1',
      'citus.background_task_queue_interval': '-1',
      'citus.defer_shard_delete_interval': '-1',
    }))
      assert.equal(all.get(name)?.value, value, name);
    for (const { why } of all.values()) assert.match(why, /^[a-z].{8}/);
  });

  test('only settings that the version has: it would not start with others', () => {
    const names = (postgresMajor: number) => [
      ...overrides({}, { postgresMajor, configured: undefined }).keys(),
    ];
    assert.ok(names(14).includes('stats_temp_directory') && !names(15).includes('stats_temp_directory'));
    assert.ok(names(15).includes('promote_trigger_file') && !names(16).includes('promote_trigger_file'));
    assert.ok(
      !names(16).includes('synchronized_standby_slots') && names(17).includes('synchronized_standby_slots'),
    );
  });

  test('what was asked for stays', () => {
    assert.equal(valueOf('archive_mode', { archiveMode: 'preserve' }), undefined);
    assert.equal(valueOf('max_logical_replication_workers', { keepsSubscriptions: true }), undefined);
    assert.equal(valueOf('external_pid_file', { keptSettings: ['external_pid_file'] }), undefined);
    const streams = { mode: 'standby', primaryConninfo: 'host=db1' } as const;
    assert.equal(valueOf('sync_replication_slots', streams, { postgresMajor: 17 }), undefined);
    assert.equal(valueOf('sync_replication_slots', { mode: 'standby' }, { postgresMajor: 17 }), 'off');
  });

  test('a path that leads into the copy itself stays, an absolute or unknown one does not', () => {
    const at = (value: string) =>
      valueOf('log_directory', {}, { configured: configured({ log_directory: value }) });
    assert.equal(at('/var/log/postgresql'), 'log');
    assert.equal(at('pg_log'), undefined);
    assert.equal(valueOf('log_directory'), undefined);
    assert.equal(valueOf('external_pid_file'), undefined);
    const pidFile = { external_pid_file: '/run/postgresql/15-main.pid' };
    assert.equal(valueOf('external_pid_file', {}, { configured: configured(pidFile) }), '.walvault.pid');
    assert.equal(valueOf('log_directory', {}, { configured: undefined }), 'log');
    assert.equal(valueOf('log_directory', {}, { configured: configured({}, false) }), 'log');
  });

  test('huge_pages = on becomes try, other values stay', () => {
    const at = (value: string) =>
      valueOf('huge_pages', {}, { configured: configured({ huge_pages: value }) });
    assert.equal(at('on'), 'try');
    assert.equal(at('off'), undefined);
    assert.equal(valueOf('huge_pages'), undefined);
  });

  test('libraries that only run jobs are not preloaded; all others, which replay may need, are', () => {
    const loaded = {
      shared_preload_libraries: 'pg_stat_statements, "$libdir/pg_partman_bgw.so",my_rmgr,pglogical',
    };
    const at = (changes: Partial<CopyChoices>) =>
      valueOf('shared_preload_libraries', changes, { configured: configured(loaded) });
    assert.equal(at({}), 'pg_stat_statements, my_rmgr');
    assert.equal(at({ keepsSubscriptions: true }), 'pg_stat_statements, my_rmgr, pglogical');
    assert.equal(
      valueOf(
        'shared_preload_libraries',
        {},
        { configured: configured({ shared_preload_libraries: 'pg_cron' }) },
      ),
      undefined,
    );
  });

  test('hot standby is on for a pause, off where nobody reads during replay, untouched on a standby', () => {
    assert.equal(valueOf('hot_standby', { targetAction: 'pause' }), 'on');
    assert.equal(valueOf('hot_standby', { targetAction: 'promote' }), 'off');
    assert.equal(valueOf('hot_standby', { targetAction: 'shutdown' }), 'off');
    assert.equal(valueOf('hot_standby', { mode: 'standby' }), undefined);
    const kept = { keptSettings: ['hot_standby'] };
    assert.equal(valueOf('hot_standby', kept), undefined);
    assert.equal(isReadDuringReplay({ ...choices, ...kept }), true);
    assert.equal(isReadDuringReplay(choices), false);
  });

  test('a value that replay needs is raised, never lowered', () => {
    const at = (max_connections: string) =>
      valueOf('max_connections', { targetAction: 'pause' }, { configured: configured({ max_connections }) });
    assert.equal(at('200'), '300');
    assert.equal(at('300'), undefined);
    assert.equal(at('1000'), undefined);
    assert.equal(valueOf('max_connections'), '300', 'the default is 100');
    const elsewhere = configured({ max_connections: '1000' }, false);
    assert.equal(
      valueOf('max_connections', {}, { configured: elsewhere }),
      '300',
      'the copy may start with other files',
    );
  });

  test('without a reading of the WAL there are slots for prepared transactions', () => {
    assert.equal(valueOf('max_prepared_transactions', { targetAction: 'promote' }), '256');
    assert.equal(valueOf('max_prepared_transactions', { targetAction: 'pause' }), undefined);
  });

  test('before the backup is unpacked, values that only it knows are null', () => {
    const planned = overrides({}, { configured: undefined, minimums: undefined });
    assert.equal(planned.get('max_connections')?.value, null);
    assert.equal(planned.get('archive_mode')?.isSetByOrigin, null);
    const set = overrides({}, { configured: configured({ archive_mode: 'on' }) });
    assert.equal(set.get('archive_mode')?.isSetByOrigin, true);
    assert.equal(set.get('recovery_end_command')?.isSetByOrigin, false);
  });
});
