/** Failovers, forks and copies, with live servers: recovery follows one branch, whole, and nothing is overwritten. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, it } from 'vitest';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { formatLsn } from '../../src/postgres/wal/lsn.ts';
import { agentPlace, type AgentPlace } from '../support/site/agents.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { startPostgres } from '../support/servers/postgres-server.ts';
import { copyDirectory } from '../support/site/copy-directory.ts';
import {
  archiveEverything,
  coldCopy,
  commitRows,
  createSite,
  hasOpenedTimeline,
  isInRecovery,
  outcomeOf,
  rowsOf,
  setting,
  startRecovery,
  until,
  type Site,
} from '../support/site/site.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';

const rows = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

interface Pair {
  readonly site: Site;
  readonly base: string;
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
}

/** A server that archives, with row 1, and what it was then. */
async function startOrigin(
  agents: AgentPlace | undefined,
): Promise<{ readonly site: Site; readonly origin: PostgresServer; readonly base: string }> {
  const site = await createSite({ agents });
  const origin = await site.startOrigin();
  await commitRows(origin, 1, 1);
  await origin.stop();
  const base = coldCopy(origin);
  await origin.start();
  return { site, origin, base };
}

/** A primary with rows 1 to 4 archived and a standby that streams from it and will archive once it is promoted. */
async function startPair(agents: AgentPlace | undefined): Promise<Pair> {
  const { site, origin: primary, base } = await startOrigin(agents);
  const standby = await startRecovery(site, {
    from: base,
    mode: 'standby',
    conf: {
      ...site.archiveConf,
      // Its checkpoints would recycle what it streamed and never archived.
      wal_keep_size: '64MB',
      primary_conninfo: `'host=${primary.socketDirectory} port=${primary.port} user=postgres'`,
    },
  });
  await commitRows(primary, 2, 4);
  await archiveEverything(primary);
  return { site, base, primary, standby };
}

async function promote(standby: PostgresServer): Promise<void> {
  await standby.query('select pg_promote(true, 60)');
  assert.ok(!(await isInRecovery(standby)));
}

async function caughtUp(standby: PostgresServer, last: number): Promise<void> {
  await until(`row ${last} is on the standby`, async () =>
    (await rowsOf(standby).catch((): number[] => [])).includes(last),
  );
}

for (const agents of [undefined, agentPlace()])
  describe(agents === undefined ? 'without agents' : 'with agents', () => {
    defineCases(agents);
    afterAll(async () => {
      if (agents !== undefined) await assertNothingIsLeft(agents);
    });
  });

function defineCases(agents: AgentPlace | undefined): void {
  describe('after a failover', () => {
    it('whose old primary died with segments unarchived, the hole before the fork ends no recovery, and push --missing closes it', async () => {
      const { site, base, primary, standby } = await startPair(agents);
      await using _standby = standby;
      await using _primary = primary;
      setting(primary, 'archive_command', "'/bin/false'");
      await primary.query('select pg_reload_conf()');
      await commitRows(primary, 5, 6);
      await caughtUp(standby, 6);
      await primary.stop('kill');
      await promote(standby);
      await commitRows(standby, 7, 9);
      await archiveEverything(standby);

      await using stopped = await startRecovery(site, { from: base, mode: 'point-in-time' });
      assert.equal(await outcomeOf(stopped), 'exited', stopped.logTail());
      assert.match(stopped.log(), /left timeline 1 in a later segment|is missing and is not the end/);
      assert.ok(!hasOpenedTimeline(stopped, 3));

      const sent = await site.walvault(['push', '--missing'], { cwd: standby.dataDirectory });
      assert.equal(sent.exitCode, 0, sent.stderr);
      assert.match(sent.stdout, /^[1-9]\d* sent/);
      await using complete = await startRecovery(site, { from: base, mode: 'point-in-time' });
      assert.equal(await outcomeOf(complete), 'promoted', complete.logTail());
      assert.deepEqual(await rowsOf(complete), rows(1, 9));
    });

    it("the old primary's later segments are never replayed into the new timeline", async () => {
      const { site, base, primary, standby } = await startPair(agents);
      await using _standby = standby;
      await using _primary = primary;
      await caughtUp(standby, 4);
      await promote(standby);
      await commitRows(standby, 5, 6);
      await archiveEverything(standby);
      await commitRows(primary, 101, 106);
      await archiveEverything(primary);

      for (const fetchArgs of ['', '--timeline 2']) {
        await using server = await startRecovery(site, { from: base, mode: 'point-in-time', fetchArgs });
        assert.equal(await outcomeOf(server), 'promoted', server.logTail());
        assert.deepEqual(await rowsOf(server), rows(1, 6), fetchArgs);
      }
      await using old = await startRecovery(site, {
        from: base,
        mode: 'point-in-time',
        fetchArgs: '--timeline 1',
        conf: { recovery_target_timeline: "'1'" },
      });
      assert.equal(await outcomeOf(old), 'promoted', old.logTail());
      assert.deepEqual(await rowsOf(old), [...rows(1, 4), ...rows(101, 106)]);
    });

    it("a standby takes nothing of the old primary's last segment, whatever restore_command still says", async () => {
      const { site, base, primary, standby } = await startPair(agents);
      await using _standby = standby;
      await using _primary = primary;
      // A restore has left this behind.
      await using other = await startRecovery(site, {
        from: base,
        mode: 'standby',
        fetchArgs: '--timeline 1',
      });
      await caughtUp(other, 4);
      await primary.query('insert into committed values (5)');
      await caughtUp(standby, 5);
      await promote(standby);
      await until('the standby turns to timeline 2', () => other.log().includes('new target timeline is 2'));
      await commitRows(primary, 6, 7);
      await archiveEverything(primary);
      await until('it is refused what the old primary has written', () =>
        /holds the end of timeline 1 and more/.test(other.log()),
      );
      await commitRows(standby, 200, 201);
      await archiveEverything(standby);
      await caughtUp(other, 201);
      assert.deepEqual(await rowsOf(other), [...rows(1, 5), 200, 201]);
      assert.deepEqual(await rowsOf(standby), [...rows(1, 5), 200, 201]);
    });

    it("no recovery reads the old primary's last segment in pg_wal past the switchpoint", async () => {
      const { site, base, primary, standby } = await startPair(agents);
      await using _standby = standby;
      await using _primary = primary;
      setting(primary, 'archive_command', "'/bin/false'");
      await primary.query('select pg_reload_conf()');
      await primary.query('insert into committed values (5)');
      const last = await currentSegment(primary);
      await caughtUp(standby, 5);
      await promote(standby);
      await until('the history is archived', () => archivedTimeline2(site).size > 0);
      await commitRows(primary, 6, 7);
      await primary.stop();
      const salvaged = withLocalWal(base, primary, name => name === last);
      for (const fetchArgs of ['', '--timeline 2', '--timeline 2 --target-set']) {
        await using server = await startRecovery(site, { from: salvaged, mode: 'point-in-time', fetchArgs });
        assert.equal(await outcomeOf(server), 'exited', server.logTail());
        assert.match(server.log(), /lies in pg_wal, and PostgreSQL would replay it past/);
        assert.ok(!hasOpenedTimeline(server, 3));
      }
    });

    it('a hole before a fork that only pg_wal knows ends no recovery', async () => {
      const { site, base, primary, standby } = await startPair(agents);
      await using _standby = standby;
      await using _primary = primary;
      for (const server of [primary, standby]) {
        setting(server, 'archive_command', "'/bin/false'");
        await server.query('select pg_reload_conf()');
      }
      await commitRows(primary, 5, 6);
      await caughtUp(standby, 6);
      await primary.stop('kill');
      await promote(standby);
      await commitRows(standby, 7, 9);
      await standby.query('checkpoint');
      const salvaged = withLocalWal(base, standby, name => name.startsWith('00000002'));
      for (const fetchArgs of ['', '--timeline 2']) {
        await using server = await startRecovery(site, { from: salvaged, mode: 'point-in-time', fetchArgs });
        assert.equal(await outcomeOf(server), 'exited', server.logTail());
        assert.match(server.log(), /timeline 2 left timeline 1 in a later segment/);
        assert.ok(!hasOpenedTimeline(server, 3));
      }
    });
  });

  describe('a copy that was promoted at an earlier point and archives beside its origin', () => {
    it('holds up nobody who follows the origin', async () => {
      const { site, origin, base } = await startOrigin(agents);
      await using _origin = origin;
      await commitRows(origin, 2, 2);
      await origin.query("select pg_create_restore_point('fork')");
      await commitRows(origin, 3, 5);
      await archiveEverything(origin);
      await using standby = await startRecovery(site, { from: base, mode: 'standby' });
      await caughtUp(standby, 5);
      await using copy = await startRecovery(site, {
        from: base,
        mode: 'point-in-time',
        fetchArgs: '--target-set',
        conf: {
          ...site.archiveConf,
          recovery_target_name: "'fork'",
          recovery_target_action: "'promote'",
        },
      });
      assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
      await commitRows(copy, 901, 902);
      await archiveEverything(copy);
      await until('the standby refuses the new timeline', () =>
        standby.log().includes('new timeline 2 forked off'),
      );
      assert.ok(hasOpenedTimeline(standby, 2), 'and keeps its history all the same');
      await commitRows(origin, 6, 9);
      await archiveEverything(origin);
      await caughtUp(standby, 9);
      assert.deepEqual(await minRecoveryPointOf(standby), await minRecoveryPointSaid(standby));
      await standby.stop();

      await commitRows(origin, 10, 12);
      await archiveEverything(origin);
      const stopped = coldCopy(standby, { withWal: true });
      rmSync(join(stopped, 'standby.signal'));
      await using server = await startRecovery(site, {
        from: stopped,
        mode: 'point-in-time',
        conf: { recovery_target_timeline: "'1'" },
      });
      assert.equal(await outcomeOf(server), 'promoted', server.logTail());
      assert.deepEqual(await rowsOf(server), rows(1, 12));
    });
  });

  describe('promotion during an outage', () => {
    it('does not happen in a point-in-time recovery until the archive answers', async () => {
      const { site, origin, base } = await startOrigin(agents);
      await using _origin = origin;
      await commitRows(origin, 2, 3);
      await origin.query("select pg_create_restore_point('here')");
      await commitRows(origin, 4, 5);
      await archiveEverything(origin);
      const hidden = `${site.repositoryPath}.unmounted`;
      const armed = join(site.directory, 'armed');
      // PostgreSQL asks for the next history when recovery starts and again when it ends: the outage begins at the second.
      const outage = `case %f in *.history) if [ -e ${armed} ]; then rm ${armed}; mv ${site.repositoryPath} ${hidden}; fi;; esac`;
      await using server = await startRecovery(site, {
        from: base,
        mode: 'point-in-time',
        restoreCommand: `${outage}; ${site.command('fetch --target-set %f "%p"')}`,
        conf: { recovery_target_name: "'here'", recovery_target_action: "'pause'" },
      });
      const isPaused = async () => {
        const [row] = await server
          .query<{ state: string }>('select pg_get_wal_replay_pause_state() as state')
          .catch(() => []);
        return row?.state === 'paused';
      };
      await until('the recovery pauses at its target', isPaused);
      writeFileSync(armed, '');
      await server.query('select pg_wal_replay_resume()');
      assert.equal(await outcomeOf(server), 'exited', server.logTail());
      assert.match(server.log(), /could not restore file "00000002\.history" from archive/);
      assert.ok(!hasOpenedTimeline(server, 2));

      renameSync(hidden, site.repositoryPath);
      await server.start({ until: 'spawned' });
      await until('the recovery pauses again', isPaused);
      await server.query('select pg_wal_replay_resume()');
      assert.equal(await outcomeOf(server), 'promoted', server.logTail());
      assert.deepEqual(await rowsOf(server), rows(1, 3));
    });

    it('of a standby cannot be stopped, but never replaces what took the same timeline before', async () => {
      const { site, base, primary, standby } = await startPair(agents);
      await using _standby = standby;
      await using _primary = primary;
      await caughtUp(standby, 4);
      await promote(standby);
      await commitRows(standby, 5, 6);
      await archiveEverything(standby);
      const genuine = archivedTimeline2(site);

      await using second = await startRecovery(site, {
        from: base,
        mode: 'standby',
        conf: { ...site.archiveConf, recovery_target_timeline: "'1'" },
      });
      await caughtUp(second, 4);
      const hidden = `${site.repositoryPath}.unmounted`;
      renameSync(site.repositoryPath, hidden);
      await promote(second);
      renameSync(hidden, site.repositoryPath);
      await commitRows(second, 301, 303);
      await until('its archiver is refused', () => second.log().includes('is archived with other content'));
      assert.deepEqual(archivedTimeline2(site), genuine);
      assert.notEqual(second.pid, undefined, 'a refusal must not stop the server');
    });
  });

  describe('a copy started beside its origin', () => {
    it('cannot put its segments in place of the origin’s', async () => {
      const site = await createSite({ agents });
      await using origin = await site.startOrigin();
      await commitRows(origin, 1, 1);
      await origin.stop();
      const base = coldCopy(origin);
      const cloned = join(temporaryDirectory('clone'), 'data');
      copyDirectory(origin.dataDirectory, cloned);
      giveToUnprivileged(cloned);
      await origin.start();
      await commitRows(origin, 2, 4);
      await archiveEverything(origin);

      await using clone = await startPostgres({
        dataDirectory: cloned,
        conf: site.archiveConf,
        env: site.readerEnv,
      });
      await commitRows(clone, 201, 203);
      await until('the archiver of the clone is refused', () =>
        clone.log().includes('is archived with other content'),
      );
      assert.match(clone.log(), /HINT: .*restored copy/);
      await commitRows(origin, 5, 6);
      await archiveEverything(origin);
      await using server = await startRecovery(site, { from: base, mode: 'point-in-time' });
      assert.equal(await outcomeOf(server), 'promoted', server.logTail());
      assert.deepEqual(await rowsOf(server), rows(1, 6));
    });
  });
}

async function currentSegment(server: PostgresServer): Promise<string> {
  const [row] = await server.query<{ name: string }>('select pg_walfile_name(pg_current_wal_lsn()) as name');
  return row?.name ?? '';
}

async function minRecoveryPointOf({ dataDirectory }: PostgresServer): Promise<string> {
  const { minRecoveryPoint } = await readControlFile(dataDirectory);
  return minRecoveryPoint === undefined
    ? 'none'
    : `${formatLsn(minRecoveryPoint.lsn + 1n)} ${minRecoveryPoint.timeline}`;
}

async function minRecoveryPointSaid(standby: PostgresServer): Promise<string> {
  const [row] = await standby.query<{ place: string }>(
    `select min_recovery_end_lsn || ' ' || min_recovery_end_timeline as place from pg_control_recovery()`,
  );
  return row?.place ?? '';
}

/** The base with some files of another server's pg_wal, as an administrator salvages them. */
function withLocalWal(base: string, from: PostgresServer, isWanted: (name: string) => boolean): string {
  const copy = join(temporaryDirectory('salvaged'), 'data');
  copyDirectory(base, copy);
  const walDirectory = join(from.dataDirectory, 'pg_wal');
  for (const name of readdirSync(walDirectory).filter(isWanted))
    cpSync(join(walDirectory, name), join(copy, 'pg_wal', name), { preserveTimestamps: true });
  giveToUnprivileged(copy);
  return copy;
}

/** Every object of timeline 2 with its bytes. */
function archivedTimeline2(site: Site): Map<string, string> {
  const names = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8', withFileTypes: true });
  const files = names.filter(
    entry => entry.isFile() && entry.name.startsWith('00000002') && !entry.name.endsWith('.meta'),
  );
  return new Map(
    files.map(entry => [entry.name, readFileSync(join(entry.parentPath, entry.name), 'base64')]),
  );
}
