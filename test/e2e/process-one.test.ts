/**
 * PostgreSQL as process 1, as in a container. Every orphan becomes its child there, and a child that ends by a signal, or
 * with a status other than 0 and 1, makes it end all sessions (reaper in postmaster.c).
 */
import assert from 'node:assert/strict';
import { copyFileSync, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, it } from 'vitest';
import { agentPlace, type AgentPlace } from '../support/site/agents.ts';
import { hangDirectory } from '../support/faults/hung-directory.ts';
import { hasHandlers } from '../support/site/caught-signals.ts';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import type { PostgresServer } from '../support/servers/postgres-server.ts';
import { run } from '../support/site/run.ts';
import { archiveEverything, commitRows, createSite, until, type Site } from '../support/site/site.ts';
import { temporaryDirectory } from '../support/site/temp.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { walvaultExecutable } from '../support/site/walvault.ts';
import { isExcused } from '../support/torture/file-systems.ts';
import { startForegroundAgent } from '../support/torture/foreground-agent.ts';
import { pushesOf } from '../support/torture/killer.ts';
import { startAsProcessOne } from '../support/torture/process-one.ts';
import { readArchiver } from '../../src/postgres/server/archiver.ts';

interface Scene {
  readonly site: Site;
  readonly place: AgentPlace;
  readonly server: PostgresServer;
  /** A shell command as a child of the server, through a session of its own. */
  inside(command: string): Promise<void>;
}

function serverOptions(major: 15 | 18, site: Site) {
  const binDir = embeddedBinaries(major);
  requireInstalled(binDir);
  return { binDir, initdbArgs: ['--wal-segsize=1'], conf: site.archiveConf };
}

/** Whatever is done in it, a session that was open before lives on. */
async function withProcessOne(major: 15 | 18, work: (scene: Scene) => Promise<void>): Promise<void> {
  if (isExcused()) return;
  const site = await createSite();
  const place = agentPlace();
  const { server, stop } = await startAsProcessOne({
    ...serverOptions(major, site),
    env: { ...site.readerEnv, ...place.env },
  });
  const inside = async (command: string) => {
    await server.query(`copy (select 1) to program 'cat >/dev/null; ${command.replaceAll("'", "''")}'`);
  };
  const bystander = await server.connect();
  try {
    const { rows } = await bystander.query<{ server_version: string }>('show server_version');
    assert.match(rows[0]?.server_version ?? '', new RegExp(`^${major}\\.`));
    await work({ site, place, server, inside });
    await bystander.query('select 1');
    assert.doesNotMatch(server.log(), harm);
  } finally {
    await bystander.end();
    await stop();
  }
}

const harm =
  /terminating any other active server processes|was terminated by signal|all server processes terminated|archive command failed/;

for (const major of [15, 18] as const) {
  describe(`where PostgreSQL ${major} is process 1`, () => {
    it('no push starts an agent, and one of them says how to do better', async () => {
      await withProcessOne(major, async ({ place, server }) => {
        await commitRows(server, 1, 4);
        await archiveEverything(server);
        assert.deepEqual(place.pids(), []);
        const said = server.log().match(/WARNING: no agent: PostgreSQL is process 1 here/g) ?? [];
        assert.equal(said.length, 1, server.logTail());
      });
    });

    it('an agent that gets there leaves at once, started by whomever, orphan or not', async () => {
      await withProcessOne(major, async ({ site, place, server, inside }) => {
        const notes = join(site.directory, 'notes');
        const aside = (args: string) =>
          `(setsid ${site.command(args)}; echo "status $?") >>${notes} 2>&1 </dev/null &`;
        const orphan = (args: string) => `setsid ${site.command(args)} >>${notes} 2>&1 </dev/null &`;
        const said = (text: string) =>
          (existsSync(notes) ? readFileSync(notes, 'utf8') : '').split(text).length - 1;
        const where = server.dataDirectory;
        for (const args of [`agent --for ${where} --parent $$`, `agent -D ${where}`])
          for (const way of [aside, orphan]) await inside(way(args));
        // One that push would have started says nothing.
        const haveRun = () =>
          said('status ') === 2 && said('PostgreSQL would get this agent for a child') === 2;
        await until('they have run', haveRun, 60_000);
        await until('they have left', () => place.pids().length === 0, 60_000);
        assert.equal(said('status 0') + said('status 1'), 2, readFileSync(notes, 'utf8'));
        assert.deepEqual(place.files(), []);
      });
    });

    it('an agent in a container of its own may end in any way, and pushes go on', async () => {
      await withProcessOne(major, async ({ site, place, server }) => {
        let n = 0;
        for (const end of [...signals, 'stop'] as const) {
          const agent = await startForegroundAgent(site, place, {
            dataDirectory: server.dataDirectory,
            until: 'listening',
          });
          await commitRows(server, ++n, n);
          await archiveEverything(server);
          const status = await site.walvault(['agent', 'status'], { env: place.env });
          assert.match(status.stdout, / [1-9]\d* sent/, 'it has answered');
          if (end === 'stop') await site.walvault(['agent', 'stop'], { env: place.env });
          else agent.child.kill(end);
          const { exitCode, signal } = await agent.ended();
          const isOrderly = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT', 'stop'].includes(end);
          assert.deepEqual([exitCode, signal], isOrderly ? [0, null] : [null, end]);
          await commitRows(server, ++n, n);
          await archiveEverything(server);
        }
        assert.equal((await readArchiver(server)).failedCount, 0, server.logTail());
      });
    });
  });
}

for (const major of [15, 18] as const)
  for (const [victim, start, timeout] of [
    // PostgreSQL ends its archiver, and with it the push, by SIGQUIT.
    ['client backend', '', '10min'],
    // Of one that is gone already the push hears nothing: it runs into its own limit.
    ['archiver', '', '3s'],
    ['archiver', ' from a shell', '3s'],
  ] as const)
    it(`a killed ${victim} of PostgreSQL ${major} ends all sessions once, whatever becomes of the push in flight${start}`, async () => {
      if (isExcused()) return;
      const site = await createSite();
      const { conf, ...options } = serverOptions(major, site);
      const shell = { archive_command: `'${site.command('push %p')}; exit $?'` };
      const { server, killChild, stop } = await startAsProcessOne({
        ...options,
        conf: { ...conf, ...(start !== '' && shell) },
        env: { WALVAULT_ARCHIVE_TIMEOUT: timeout, WALVAULT_AGENT_MODE: 'off' },
      });
      const bystander = await server.connect();
      try {
        hangDirectory(site.repositoryPath);
        await commitRows(server, 1, 1);
        await until('a push is in flight', () => pushesOf(site).some(pid => hasHandlers(pid)), 60_000);
        const orphans = pushesOf(site);
        const find = `select pid from pg_stat_activity where backend_type = '${victim}' and pid <> pg_backend_pid() limit 1`;
        const [row] = await server.query<{ pid: number }>(find);
        killChild(row?.pid ?? 0);
        await until('the push has ended', () => !pushesOf(site).some(pid => orphans.includes(pid)), 60_000);
        // What PostgreSQL makes of its status it does at once.
        await delay(1000);
        await until('PostgreSQL is back', () => isAnswering(server), 60_000);
        assert.equal(server.log().split('terminated; reinitializing').length - 1, 1, server.log());
      } finally {
        await bystander.end().catch(() => undefined);
        await stop();
      }
    });

async function isAnswering(server: PostgresServer): Promise<boolean> {
  return await server.query('select 1').then(
    () => true,
    () => false,
  );
}

const signals = [
  'SIGKILL',
  'SIGTERM',
  'SIGINT',
  'SIGHUP',
  'SIGQUIT',
  'SIGABRT',
  'SIGSEGV',
  'SIGUSR2',
] as const;

describe('what all this is about', () => {
  it('a stranger that PostgreSQL gets for a child and that is killed costs every session', async () => {
    if (isExcused()) return;
    const { server, stop } = await startAsProcessOne({});
    const bystander = await server.connect();
    try {
      await server.query(`copy (select 1) to program 'cat >/dev/null; setsid sh -c "kill -9 \\$\\$" &'`);
      await until('the sessions are ended', () => harm.test(server.log()), 60_000);
    } finally {
      await bystander.end().catch(() => undefined);
      await stop();
    }
  });
});

it('a child of a process by the name of the server is no agent for long', async () => {
  const directory = temporaryDirectory('comm');
  copyFileSync('/bin/sh', join(directory, 'postgres'));
  giveToUnprivileged(directory);
  const site = await createSite();
  const place = agentPlace();
  assert.ok(existsSync(walvaultExecutable()));
  const command = `${site.command(`agent --for ${directory} --parent 1`)}; echo "status $?"`;
  const { stdout, stderr } = await run(join(directory, 'postgres'), ['-c', command], {
    env: { ...place.env, PATH: '/usr/bin:/bin' },
  });
  assert.deepEqual([stdout, stderr], ['status 0\n', '']);
  assert.deepEqual(place.files(), []);
});
