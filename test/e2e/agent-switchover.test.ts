/** Servers that change roles while an agent works for each of them. */
import assert from 'node:assert/strict';
import { readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { agentPlace, agentsFor, servedBy } from '../support/site/agents.ts';
import { hasTool, restoreInto, backUp } from '../support/site/cycle.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { bareEnvironment, runOk } from '../support/site/run.ts';
import {
  archiveEverything,
  coldCopy,
  commitRows,
  createSite,
  isInRecovery,
  rowsOf,
  setting,
  startRecovery,
  until,
  type Site,
} from '../support/site/site.ts';
import { giveToUnprivileged } from '../support/site/unprivileged.ts';
import { assertNothingIsLeft } from '../support/torture/kill-agent.ts';

const rows = (last: number) => Array.from({ length: last }, (_, index) => index + 1);

it('a switchover and a failover back: histories go first, standbys follow, and every row arrives everywhere', async () => {
  const agents = agentPlace();
  const site = await createSite({ agents });
  const conf = {
    ...site.archiveConf,
    restore_command: `'${site.command('fetch %f "%p"')}'`,
    wal_keep_size: '64MB',
  };
  await using first = await site.startOrigin({ conf });
  await commitRows(first, 1, 1);
  await first.stop();
  const base = coldCopy(first);
  await first.start();
  const standby = { from: base, mode: 'standby' } as const;
  await using second = await startRecovery(site, { ...standby, conf: { ...conf, ...streamFrom(first) } });
  // This one has the archive alone.
  await using third = await startRecovery(site, standby);
  await commitRows(first, 2, 4);
  await archiveEverything(first);
  for (const each of [second, third]) await caughtUp(each, 4);

  // A fast shutdown sends everything to a standby that streams before it ends, its own checkpoint included. The rows alone may have
  // come from the archive.
  await until('the standby streams', () => hasStreamingStandby(first), 60_000);
  await first.stop();
  await promote(second);
  await commitRows(second, 5, 8);
  await archiveEverything(second);
  assertHistoryCameFirst(site, 2);
  await followAsStandby(first, second);
  await backUp(site, second);
  await commitRows(second, 9, 10);
  await archiveEverything(second);
  for (const each of [first, third]) await caughtUp(each, 10);

  // Back, and the hard way.
  await second.stop('kill');
  await promote(first);
  await commitRows(first, 11, 16);
  await archiveEverything(first);
  assertHistoryCameFirst(site, 3);
  await using again = await rebuilt(site, second, first);
  // What was rewound is consistent no sooner than all is archived that its source had written by then.
  await commitRows(first, 17, 18);
  await archiveEverything(first);
  for (const each of [third, again]) {
    await caughtUp(each, 18);
    assert.deepEqual(await rowsOf(each), rows(18));
  }
  assert.match(third.log(), /new target timeline is 2[^]*new target timeline is 3/);
  assert.ok((await servedBy(site, third)) > 0, third.logTail());
  for (const { dataDirectory } of [first, third, again]) assert.equal(agentsFor(dataDirectory).length, 1);
  for (const each of [first, second, again])
    assert.doesNotMatch(each.log(), /could not rename|archive command failed|is archived with other content/);
  for (const each of [third, again, first]) await each.stop();
  await assertNothingIsLeft(agents);
});

function streamFrom(primary: PostgresServer): Readonly<Record<string, string>> {
  return {
    primary_conninfo: `'host=${primary.socketDirectory} port=${primary.port} user=postgres'`,
  };
}

async function hasStreamingStandby(primary: PostgresServer): Promise<boolean> {
  return (await primary.query("select 1 from pg_stat_replication where state = 'streaming'")).length > 0;
}

async function promote(standby: PostgresServer): Promise<void> {
  await pgCtl(standby, 'promote', '-w');
  assert.ok(!(await isInRecovery(standby)));
}

async function pgCtl(server: PostgresServer, ...args: readonly string[]): Promise<void> {
  const [verb = '', ...rest] = args;
  await runOk(join(server.binDir, 'pg_ctl'), [verb, '-D', server.dataDirectory, ...rest], {
    env: bareEnvironment,
  });
}

/** Of a server that was shut down in order: it has nothing that the other one has not. */
async function followAsStandby(server: PostgresServer, primary: PostgresServer): Promise<void> {
  writeFileSync(join(server.dataDirectory, 'standby.signal'), '');
  for (const [name, value] of Object.entries(streamFrom(primary))) setting(server, name, value);
  giveToUnprivileged(server.dataDirectory);
  await server.start();
}

/** As a standby of the new primary: rewound where PostgreSQL's own tool is there, else from the last backup. */
async function rebuilt(site: Site, old: PostgresServer, primary: PostgresServer): Promise<PostgresServer> {
  const source = `host=${primary.socketDirectory} port=${primary.port} user=postgres dbname=postgres`;
  const hasRewind = hasTool(old, 'pg_rewind');
  const dataDirectory = hasRewind
    ? old.dataDirectory
    : await restoreInto(site, ['--archive-mode', 'preserve']);
  if (hasRewind) {
    const args = ['-D', dataDirectory, '--source-server', source, '--no-sync'];
    await runOk(join(old.binDir, 'pg_rewind'), args, { env: { ...bareEnvironment, ...site.readerEnv } });
  }
  rmSync(join(dataDirectory, 'recovery.signal'), { force: true });
  writeFileSync(join(dataDirectory, 'standby.signal'), '');
  giveToUnprivileged(dataDirectory);
  const server = await startPostgres({
    dataDirectory,
    start: false,
    env: site.readerEnv,
    conf: { hot_standby: 'on', primary_conninfo: "''" },
  });
  await server.start({ until: 'spawned' });
  return server;
}

async function caughtUp(standby: PostgresServer, last: number): Promise<void> {
  await until(
    `row ${last} is there`,
    async () => (await rowsOf(standby).catch((): number[] => [])).includes(last),
    60_000,
  ).catch((error: unknown) => {
    throw new Error(standby.logTail(100), { cause: error });
  });
  assert.ok(await isInRecovery(standby));
}

function assertHistoryCameFirst(site: Site, timeline: number): void {
  const names = readdirSync(site.repositoryPath, { recursive: true, encoding: 'utf8' });
  const prefix = `0000000${timeline}`;
  const changedAt = (name: string) => statSync(join(site.repositoryPath, name)).ctimeMs;
  const history = names.find(name => name.endsWith(`/${prefix}.history`)) ?? '';
  const segments = names.filter(name => new RegExp(`/${prefix}[0-9A-F]{16}$`).test(name));
  assert.ok(segments.length >= 3, names.join('\n'));
  for (const segment of segments) assert.ok(changedAt(history) <= changedAt(segment), segment);
}
