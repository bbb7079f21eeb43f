/** P12: a restored copy of an origin whose configuration acts recovers, opens, and touches nothing of the origin's. */
import assert from 'node:assert/strict';
import { chmodSync, existsSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, it } from 'vitest';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { backUp, restoreInto, startCopy, verifyWithPostgres } from '../support/site/cycle.ts';
import {
  archiveEverything,
  commitRows,
  createSite,
  outcomeOf,
  rowsOf,
  setting,
  until,
  type Site,
} from '../support/site/site.ts';
import { bareEnvironment, runOk } from '../support/site/run.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { walvaultExecutable } from '../support/site/walvault.ts';

const patienceMs = 60_000;

/** What a copy has in place of what acts. */
const harmless = {
  archive_mode: 'off',
  recovery_min_apply_delay: '0',
  recovery_end_command: '',
  archive_cleanup_command: '',
  external_pid_file: '.walvault.pid',
  synchronous_standby_names: '',
  max_logical_replication_workers: '0',
};

describe('a copy of an origin whose configuration acts', () => {
  let site: Site;
  let origin: PostgresServer;
  let targetLsn: string;
  const place = temporaryDirectory('origin-files');
  const pidFile = join(place, 'origin.pid');

  beforeAll(async () => {
    chmodSync(place, 0o777);
    site = await createSite({ isEncrypted: false });
    const acting = {
      recovery_min_apply_delay: "'1h'",
      recovery_end_command: `'touch ${place}/recovery-ended'`,
      archive_cleanup_command: `'touch ${place}/archive-cleaned'`,
      external_pid_file: `'${pidFile}'`,
      synchronous_standby_names: "'elsewhere'",
      synchronous_commit: 'local',
      wal_level: 'logical',
      max_connections: '25',
    };
    origin = await site.startOrigin({ conf: acting });
    setting(origin, 'data_directory', `'${origin.dataDirectory}'`);
    await origin.query("select pg_create_logical_replication_slot('taken', 'pgoutput')");
    await origin.query('create database subscriber');
    const subscriber = await origin.connect('subscriber');
    await subscriber.query(
      `create subscription taken connection 'host=${origin.socketDirectory} port=${origin.port} user=postgres dbname=postgres'
         publication everything with (create_slot = false, slot_name = taken, connect = false)`,
    );
    await subscriber.end();
    await commitRows(origin, 1, 2);
    await backUp(site, origin);
    await origin.stop();
    setting(origin, 'max_connections', '60');
    setting(origin, 'max_prepared_transactions', '5');
    await origin.start();
    await commitRows(origin, 3, 3);
    const [row] = await origin.query<{ lsn: string }>('select pg_current_wal_insert_lsn()::text as lsn');
    targetLsn = row?.lsn ?? '';
    await origin.query('begin; insert into committed values (100); prepare transaction $$open$$');
    await commitRows(origin, 4, 4);
    await archiveEverything(origin);
  });
  afterAll(async () => {
    await origin.stop('immediate');
  });

  function assertOriginUntouched(): void {
    assert.equal(readFileSync(pidFile, 'utf8').trim(), String(origin.pid), "the origin's pid file");
    assert.ok(!existsSync(join(place, 'recovery-ended')), 'recovery_end_command ran');
    assert.ok(!existsSync(join(place, 'archive-cleaned')), 'archive_cleanup_command ran');
  }

  it('recovers to the end, promotes, commits at once, and runs no subscription', async () => {
    const directory = await restoreInto(site, []);
    await verifyWithPostgres(origin, directory);
    // Without these values the steps below would wait for an hour, or for ever.
    assert.deepEqual(await inForce(origin, directory, Object.keys(harmless)), harmless);
    await using copy = await startCopy(site, directory);
    assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
    assert.deepEqual(await rowsOf(copy), [1, 2, 3, 4]);
    assert.equal(await show(copy, 'data_directory'), directory);
    await copy.query('set synchronous_commit = on; insert into committed values (5)');
    await copy.query("commit prepared 'open'");
    assert.deepEqual(await rowsOf(copy), [1, 2, 3, 4, 5, 100]);
    assert.deepEqual(await logicalProcesses(copy), []);
    await copy.stop();
    assert.doesNotMatch(copy.log(), /external PID file/);
    assertOriginUntouched();
  });

  it('pauses at a target behind the change of max_connections, as a server that has its values', async () => {
    const directory = await restoreInto(site, ['--target-lsn', targetLsn, '--keep-subscriptions']);
    const needed = { recovery_min_apply_delay: '0', max_connections: '60', max_prepared_transactions: '5' };
    assert.deepEqual(await inForce(origin, directory, Object.keys(needed)), needed);
    await using copy = await startCopy(site, directory);
    await until('recovery pauses', async () => (await pauseState(copy)) === 'paused', patienceMs);
    assert.deepEqual(await rowsOf(copy), [1, 2, 3]);
    await copy.query('select pg_wal_replay_resume()');
    assert.equal(await outcomeOf(copy, patienceMs), 'promoted', copy.logTail());
    await until(
      'the launcher runs where it was asked for',
      async () => (await logicalProcesses(copy)).length > 0,
      patienceMs,
    );
    await copy.stop();
    assertOriginUntouched();
  });

  it('says what it overrides and why, before and after', async () => {
    const { stdout } = await site.walvault(['restore', join(place, 'nowhere'), '--dry-run', '--json']);
    const { overrides } = JSON.parse(stdout) as {
      overrides: { name: string; value: string | null; why: string }[];
    };
    const byName = new Map(overrides.map(override => [override.name, override]));
    assert.equal(byName.get('recovery_min_apply_delay')?.value, '0');
    assert.equal(byName.get('max_connections')?.value, null);
    const text = await site.walvault(['restore', join(place, 'nowhere'), '--dry-run']);
    assert.match(text.stdout, /^ {2}recovery_end_command = '': it runs a command/m);
    assert.match(text.stderr, /^walvault: .*WALVAULT_FETCH_TIMEOUT/m, "what the server's environment needs");
    assert.match(text.stdout, /command line \(containers, Patroni, pg_ctl\.conf\) beat/);
  });

  it('names walvault in restore_command by the link that was called, which an upgrade may change', async () => {
    const link = join(place, 'walvault');
    symlinkSync(walvaultExecutable(), link);
    const args = ['restore', join(place, 'nowhere'), '--dry-run', '--config', site.configPath];
    const byPath = await runOk(link, args, { env: bareEnvironment });
    assert.match(byPath.stdout, new RegExp(`exec ${link} fetch`));
    const env = { ...bareEnvironment, PATH: `${place}:${bareEnvironment.PATH}` };
    const byName = await runOk('sh', ['-c', `walvault ${args.join(' ')}`], { env });
    assert.match(byName.stdout, new RegExp(`exec ${link} fetch`));
  });

  it('refuses what contradicts itself', async () => {
    for (const [args, says] of [
      [['--standby', '--target-immediate'], /a standby has no target/],
      [['--primary-conninfo', 'host=db1'], /--primary-conninfo is for a standby/],
      [['--keep-setting', 'work_mem'], /restore does not change this setting/],
    ] as const) {
      const { exitCode, stderr } = await site.walvault(['restore', join(place, 'nowhere'), ...args]);
      assert.equal(exitCode, 2, stderr);
      assert.match(stderr, says);
    }
  });
});

/** What a server that starts on the directory would take, as PostgreSQL itself says. */
async function inForce(
  { binDir }: PostgresServer,
  directory: string,
  names: readonly string[],
): Promise<Record<string, string>> {
  const values: Record<string, string> = {};
  for (const name of names) {
    const { stdout } = await runOk(join(binDir, 'postgres'), ['-D', directory, '-C', name]);
    values[name] = stdout.trimEnd();
  }
  return values;
}

async function show(server: PostgresServer, name: string): Promise<string> {
  const [row] = await server.query<{ value: string }>(`select current_setting('${name}') as value`);
  return row?.value ?? '';
}

async function logicalProcesses(server: PostgresServer): Promise<string[]> {
  const rows = await server.query<{ backend_type: string }>(
    "select backend_type from pg_stat_activity where backend_type like 'logical replication%'",
  );
  return rows.map(({ backend_type: type }) => type);
}

async function pauseState(server: PostgresServer): Promise<string> {
  if (server.pid === undefined) throw new Error(`PostgreSQL ended: ${server.logTail()}`);
  try {
    const [row] = await server.query<{ state: string }>('select pg_get_wal_replay_pause_state() as state');
    return row?.state ?? '';
  } catch {
    return 'not connected';
  }
}
