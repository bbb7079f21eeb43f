/** An incremental backup that is killed, on a host with public keys only: the next run goes on from what was finished. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'vitest';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { localTools } from '../support/servers/postgres-tools.ts';
import { readControlFile } from '../../src/postgres/cluster/control-file.ts';
import { bareEnvironment } from '../support/site/run.ts';
import { restoreInto } from '../support/site/cycle.ts';
import { dumpOf } from '../support/site/database-contents.ts';
import { archiveEverything, createSite, outcomeOf, until, type Site } from '../support/site/site.ts';
import { checkTables, verifyRestored } from '../support/site/verify-restored.ts';
import { runWalvault } from '../support/site/walvault.ts';

interface Shown {
  readonly record: {
    readonly id: string;
    readonly parent?: string;
    readonly changesFrom?: string;
    readonly parts: readonly { readonly name: string }[];
    readonly resumed?: { readonly attempt: number; readonly partCount: number };
  };
}

for (const changesFrom of ['digests', 'summaries'] as const)
  it(`changes found by ${changesFrom}: what is unchanged since the first attempt is not stored again`, async () => {
    const binDir = changesFrom === 'digests' ? undefined : embeddedBinaries(18);
    if (changesFrom === 'summaries') requireInstalled(binDir);
    const tools = await localTools();
    const site = await createSite();
    await using server = await site.startOrigin({
      ...(binDir !== undefined && { binDir }),
      ...(changesFrom === 'summaries' && { conf: { summarize_wal: 'on' } }),
    });
    for (let table = 1; table <= 12; table++)
      await server.query(
        `create table filler_${table} with (autovacuum_enabled = off) as
           select g as id, repeat(md5(g::text) || md5((g + ${table})::text), 5) as text from generate_series(1, 5000) g`,
      );
    await server.query('vacuum freeze');
    const full = await backup(site, server, 'full');
    for (let table = 1; table <= 12; table++)
      await server.query(`update filler_${table} set text = reverse(text) where id < 1500`);
    // So that a later reader, such as the dump, changes no page.
    await server.query('vacuum');

    const { systemId } = await readControlFile(server.dataDirectory);
    const backups = join(site.repositoryPath, 'orders', String(systemId), 'backups');
    const killed = await killAfterParts(4, backups, onStart => run(site, server, 'differential', onStart));
    await server.query("update filler_7 set text = 'changed' where id = 4000");
    const contents = await dumpOf(server, tools);
    const { record, stderr } = await backup(site, server, 'differential');
    assert.deepEqual([record.id, record.parent], [killed, full.record.id]);
    assert.equal(record.changesFrom, changesFrom);
    assert.match(stderr, new RegExp(`attempt 2 of backup ${killed} goes on from \\d+ finished parts`));
    assert.ok((record.resumed?.partCount ?? 0) >= 3, JSON.stringify(record.resumed));
    const old = record.parts.filter(({ name }) => name < 'parts/1');
    assert.equal(old.length, record.resumed?.partCount);
    assert.ok(record.parts.length > old.length, 'what has changed is written again');

    await server.query("update filler_1 set text = 'again' where id = 4000");
    const after = await dumpOf(server, tools);
    const next = await backup(site, server, 'incremental');
    assert.equal(next.record.parent, killed);
    await archiveEverything(server);
    for (const [id, expected] of [
      [killed, contents],
      [next.record.id, after],
    ] as const) {
      const ending = ['--target-immediate', '--target-action', 'promote'];
      const directory = await restoreInto(site, ['--backup', id, ...ending]);
      await verifyRestored(directory, tools);
      await using copy = await startPostgres({
        ...(binDir !== undefined && { binDir }),
        ...{ dataDirectory: directory, start: false, env: site.readerEnv },
      });
      await copy.start({ until: 'spawned' });
      assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
      assert.ok((await dumpOf(copy, tools)) === expected, id);
      await checkTables(copy, tools);
    }
  });

type OnStart = (child: { kill(signal: NodeJS.Signals): void }) => void;

async function run(site: Site, server: PostgresServer, type: string, onStart?: OnStart) {
  return await runWalvault(['backup', '--fast', '--jobs', '2', '--json', '--type', type], {
    config: site.configPath,
    env: {
      ...{ ...bareEnvironment, ...server.env, WALVAULT_BACKUP_PART_SIZE: '1MiB' },
      ...{ WALVAULT_BACKUP_AUDIT_EVERY: '1d', WALVAULT_BACKUP_LIMIT_RATE: onStart && '4MiB' },
    },
    timeoutMs: 180_000,
    ...(onStart && { onStart }),
  });
}

async function backup(site: Site, server: PostgresServer, type: string): Promise<Shown & { stderr: string }> {
  const { exitCode, stdout, stderr } = await run(site, server, type);
  assert.equal(exitCode, 0, stderr);
  return { ...(JSON.parse(stdout) as Shown), stderr };
}

/** Kills the incremental backup when so many parts are finished, and gives its id. */
async function killAfterParts(
  count: number,
  backups: string,
  start: (onStart: OnStart) => Promise<{ readonly signal?: string | null | undefined }>,
): Promise<string> {
  let kill: () => void = () => undefined;
  let id = '';
  const running = start(child => (kill = () => child.kill('SIGKILL')));
  await until(`${count} parts are finished`, () => {
    id = readdirSync(backups).find(name => name.includes('-incr-')) ?? '';
    const indexes = join(backups, id, 'index');
    return (
      id !== '' &&
      existsSync(indexes) &&
      readdirSync(indexes).filter(name => name.endsWith('.sealed')).length >= count
    );
  });
  kill();
  assert.equal((await running).signal, 'SIGKILL');
  return id;
}
