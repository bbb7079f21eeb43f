/** Incremental backups that find what has changed in WAL summaries, and the audits of these. */
import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { fileBounds } from '../../src/base/bounds.ts';
import { readInChunks } from '../../src/base/files/read.ts';
import { blocksPerChunk, blocksWithin } from '../../src/postgres/wal/summaries/block-set.ts';
import { listWalSummaries } from '../../src/postgres/wal/summaries/read-summaries.ts';
import { readWalSummary } from '../../src/postgres/wal/summaries/read-summary.ts';
import { walSummaryName } from '../../src/postgres/wal/summaries/summary-name.ts';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';
import { localTools } from '../support/servers/postgres-tools.ts';
import { restoreInto } from '../support/site/cycle.ts';
import { dumpOf } from '../support/site/database-contents.ts';
import { archiveEverything, createSite, outcomeOf, until, type Site } from '../support/site/site.ts';
import { checkTables, verifyRestored } from '../support/site/verify-restored.ts';
import { makeSummary, type MadeFork } from '../support/wal/summary-writer.ts';

for (const major of [17, 18] as const)
  describe(`with PostgreSQL ${major}`, () => {
    it('a tree of backups comes back exactly, though unchanged pages were never read', async () => {
      const { site, origin } = await start(major);
      await using _origin = origin;
      const tools = await localTools();
      await origin.query(`
        create table kept (id int primary key, body text) with (fillfactor = 50);
        insert into kept select n, repeat(md5(n::text), 8) from generate_series(1, 20000) n;
        create table cut as select n, repeat('x', 500) as body from generate_series(1, 20000) n;
        create table rewritten as select n from generate_series(1, 20000) n;
        create table gone as select n from generate_series(1, 20000) n`);
      const backups = [await taken(site, origin, 'full')];
      await origin.query("update kept set body = 'changed' where id % 500 = 0");
      await origin.query('delete from cut where n > 2000');
      await origin.query('vacuum cut');
      await origin.query('create database copied template template0 strategy file_copy');
      backups.push(await taken(site, origin, 'differential'));
      await origin.query("insert into cut select n, repeat('y', 500) from generate_series(1, 5000) n");
      await origin.query('drop table gone');
      await origin.query('vacuum full rewritten');
      await origin.query("update kept set body = 'again' where id % 700 = 0");
      backups.push(await taken(site, origin, 'incremental'));
      await origin.query('truncate rewritten');
      await archiveEverything(origin);

      assert.deepEqual(
        backups.map(({ record }) => record.changesFrom),
        [undefined, 'summaries', 'summaries'],
      );
      const [full, ...others] = backups;
      for (const { record } of others)
        assert.ok(record.sizeBytes < (full?.record.sizeBytes ?? 0) / 2, JSON.stringify(record.sizeBytes));
      for (const { record, contents } of backups)
        await isRestored(site, { id: record.id, contents, tools }, major);
    });
  });

it('a summary that is missing is told, and everything is read', async () => {
  const { site, origin } = await start(18);
  await using _origin = origin;
  await origin.query('create table kept as select n from generate_series(1, 20000) n');
  await taken(site, origin, 'full');
  await origin.query('update kept set n = n + 1 where n % 200 = 0');
  const [summary] = await summariesAfterCheckpoint(origin);
  rmSync(summary?.path ?? '');
  const { record, contents, stderr } = await taken(site, origin, 'incremental');
  assert.equal(record.changesFrom, 'digests');
  assert.match(stderr, /WAL summaries are not used: there is none from \S+ to \S+ on timeline 1/);
  await archiveEverything(origin);
  await isRestored(site, { id: record.id, contents, tools: await localTools() }, 18);
});

it('an audit finds a page that the summaries do not name, has it, and ends the trust in them until the next full backup', async () => {
  const { site, origin } = await start(18);
  await using _origin = origin;
  await origin.query(`create table kept as select n, repeat('x', 100) as body from generate_series(1, 20000) n;
    create sequence numbers; create table words (body text); create index on words using spgist (body)`);
  await origin.query('vacuum freeze kept');
  await taken(site, origin, 'full');
  await origin.query('update kept set n = -n where n = 10000');
  await origin.query(`select nextval('numbers'), nextval('numbers');
    insert into words select md5(n::text) from generate_series(1, 2000) n`);
  await origin.query('vacuum words');
  const honest = await taken(site, origin, 'incremental', ['--audit']);
  assert.deepEqual([honest.record.changesFrom, honest.record.audited], ['digests', { missedPages: 0 }]);

  await origin.query('update kept set n = -n where n = 11000');
  // Else a later reader prunes the pages, or sets hint bits, and so WAL names them again.
  await origin.query('vacuum kept');
  const [{ relation } = { relation: 0 }] = await origin.query<{ relation: number }>(
    `select pg_relation_filenode('kept')::int as relation`,
  );
  for (const { path } of await summariesAfterCheckpoint(origin)) await forget(path, relation);
  const relying = await taken(site, origin, 'differential');
  assert.equal(relying.record.changesFrom, 'summaries');
  const audited = await taken(site, origin, 'differential', ['--audit']);
  const { missedPages = 0 } = audited.record.audited ?? {};
  assert.ok(missedPages >= 1 && missedPages <= 4, audited.stderr);
  assert.match(
    audited.stderr,
    new RegExp(`base/\\d+/${relation}, page \\d+ has changed .* no WAL summary names it`),
  );
  assert.match(audited.stderr, new RegExp(`${relying.record.id} relied on the summaries`));
  const distrusting = await taken(site, origin, 'incremental');
  assert.equal(distrusting.record.changesFrom, 'digests');
  assert.match(
    distrusting.stderr,
    new RegExp(`not used: backup ${audited.record.id} found .* next full backup`),
  );
  const full = await taken(site, origin, 'full');
  const trusting = await taken(site, origin, 'incremental');
  assert.deepEqual([trusting.record.parent, trusting.record.changesFrom], [full.record.id, 'summaries']);
  await archiveEverything(origin);
  const tools = await localTools();
  for (const { record, contents } of [audited, distrusting, trusting])
    await isRestored(site, { id: record.id, contents, tools }, 18);

  const { stdout } = await site.walvault(['list']);
  assert.match(
    stdout,
    new RegExp(`^ *${audited.record.id}.* audit: ${missedPages} pages? missed by WAL summaries`, 'm'),
  );
});

interface Taken {
  readonly id: string;
  readonly parent?: string;
  readonly sizeBytes: number;
  readonly changesFrom?: string;
  readonly audited?: { readonly missedPages: number };
}

async function start(major: 17 | 18): Promise<{ site: Site; origin: PostgresServer }> {
  const binDir = embeddedBinaries(major);
  requireInstalled(binDir);
  const site = await createSite();
  return { site, origin: await site.startOrigin({ binDir, conf: { summarize_wal: 'on' } }) };
}

/** `--audit`: this backup audits the summaries; no other does. */
async function taken(site: Site, origin: PostgresServer, type: string, [audit]: readonly '--audit'[] = []) {
  const contents = await dumpOf(origin, await localTools());
  const done = await site.walvault(['backup', '--fast', '--json', '--type', type], {
    env: { ...origin.env, WALVAULT_BACKUP_AUDIT_EVERY: audit === undefined ? '1d' : '0s' },
    timeoutMs: 180_000,
  });
  assert.equal(done.exitCode, 0, done.stderr);
  const { record } = JSON.parse(done.stdout) as { record: Taken };
  return { record, contents, stderr: done.stderr };
}

async function isRestored(
  site: Site,
  { id, contents, tools }: { id: string; contents: string; tools: Awaited<ReturnType<typeof localTools>> },
  major: 17 | 18,
): Promise<void> {
  const binDir = embeddedBinaries(major);
  requireInstalled(binDir);
  const ending = ['--target-immediate', '--target-action', 'promote'];
  const directory = await restoreInto(site, ['--backup', id, ...ending]);
  await verifyRestored(directory, tools);
  await using copy = await startPostgres({
    ...{ binDir, dataDirectory: directory, start: false, env: site.readerEnv },
  });
  await copy.start({ until: 'spawned' });
  assert.equal(await outcomeOf(copy), 'promoted', copy.logTail());
  assert.ok((await dumpOf(copy, tools)) === contents, id);
  await checkTables(copy, tools);
}

/** The summaries that the last changes are in: those that were not there before a checkpoint. */
async function summariesAfterCheckpoint(server: PostgresServer) {
  const walDirectory = join(server.dataDirectory, 'pg_wal');
  const before = new Set((await listWalSummaries(walDirectory)).map(walSummaryName));
  const changes = async () =>
    (await listWalSummaries(walDirectory)).map(walSummaryName).filter(name => !before.has(name));
  await server.query('checkpoint');
  await until('a summary is made', async () => (await changes()).length > 0);
  return (await changes()).map(name => ({ path: join(walDirectory, 'summaries', name) }));
}

/** Writes the summary anew without the changes of a relation. */
async function forget(path: string, relation: number): Promise<void> {
  const forks: (MadeFork & { blocks: number[] })[] = [];
  const signal = AbortSignal.timeout(60_000);
  await readWalSummary(readInChunks(path, fileBounds.walSummary.limitBytes, signal), path, {
    takeFork: (fork, limitBlock) => forks.push({ ...fork, limitBlock, blocks: [] }),
    takeBlocks(_fork, chunk, blocks) {
      for (const block of blocksWithin(blocks, 0, blocksPerChunk))
        forks.at(-1)?.blocks.push(chunk * blocksPerChunk + block);
    },
  });
  writeFileSync(path, makeSummary(forks.filter(fork => fork.relation !== relation)));
}
