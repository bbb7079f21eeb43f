/** Failovers, forks and copies, with live servers: recovery follows one branch, whole, and nothing is overwritten. */
import assert from 'node:assert/strict';
import { cpSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { agentPlace, type AgentPlace } from '../harness/agents.ts';
import type { PostgresServer } from '../harness/postgres-server.ts';
import { startPostgres } from '../harness/postgres-server.ts';
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
} from '../harness/site.ts';
import { giveToUnprivileged } from '../harness/unprivileged.ts';
import { temporaryDirectory } from '../harness/temp.ts';
import { assertNothingIsLeft } from '../soak/kill-agent.ts';

const rows = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => first + index);

interface Pair {
  readonly site: Site;
  readonly base: string;
  readonly primary: PostgresServer;
  readonly standby: PostgresServer;
}

/** A primary with rows 1 to 4 archived and a standby that streams from it and will archive once it is promoted. */
async function startPair(agents: AgentPlace | undefined): Promise<Pair> {
  const site = await createSite({ agents });
  const primary = await site.startOrigin();
  await commitRows(primary, 1, 1);
  await primary.stop();
  const base = coldCopy(primary);
  await primary.start();
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
    after(async () => {
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
  });

  describe('promotion during an outage', () => {
    it('does not happen in a point-in-time recovery until the archive answers', async () => {
      const site = await createSite({ agents });
      await using origin = await site.startOrigin();
      await commitRows(origin, 1, 1);
      await origin.stop();
      const base = coldCopy(origin);
      await origin.start();
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
      cpSync(origin.dataDirectory, cloned, { recursive: true, preserveTimestamps: true });
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
