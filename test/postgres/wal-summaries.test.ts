/** What walvault reads in WAL summaries is what the server itself reads in them (`pg_wal_summary_contents`). */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, test } from 'vitest';
import { fileBounds } from '../../src/base/bounds.ts';
import { readInChunks } from '../../src/base/files/read.ts';
import { parseLsn, formatLsn } from '../../src/postgres/wal/lsn.ts';
import { blocksPerChunk, blocksWithin } from '../../src/postgres/wal/summaries/block-set.ts';
import { listWalSummaries, readWalSummaries } from '../../src/postgres/wal/summaries/read-summaries.ts';
import { noLimit, readWalSummary } from '../../src/postgres/wal/summaries/read-summary.ts';
import { selectSummaries } from '../../src/postgres/wal/summaries/select-summaries.ts';
import { namedBlocks, segmentChanges } from '../../src/postgres/wal/summaries/segment-changes.ts';
import { walSummaryName, type WalSummary } from '../../src/postgres/wal/summaries/summary-name.ts';
import { embeddedBinaries, requireInstalled } from '../support/servers/postgres-binaries.ts';
import { startPostgres, type PostgresServer } from '../support/servers/postgres-server.ts';

const signal = AbortSignal.timeout(120_000);
const geometry = { blockSizeBytes: 8192, relationSegmentBlocks: 131_072 };

for (const major of [17, 18] as const)
  describe(`the summaries of PostgreSQL ${major}`, () => {
    test('say what the server says, and which blocks of a file have changed', async () => {
      const binDir = embeddedBinaries(major);
      requireInstalled(binDir);
      await using server = await startPostgres({ binDir, conf: { summarize_wal: 'on' } });
      await server.query(`create table kept as select i, repeat('x', 400) as t from generate_series(1, 20000) i;
        create table cut as table kept; create table gone as table kept`);
      // Its hint bits are WAL-logged now: the cluster has checksums.
      await server.query('vacuum freeze kept');
      const from = await checkpoint(server);
      const { node: goneNode } = await one<{ node: number }>(
        server,
        `select pg_relation_filenode('gone')::int as node`,
      );
      await makeChanges(server);
      const to = await checkpoint(server);

      const walDirectory = join(server.dataDirectory, 'pg_wal');
      const available = await listWalSummaries(walDirectory);
      assert.ok(available.length >= 2, `${available.length} summaries`);
      for (const summary of available)
        assert.deepEqual(await contentsRead(walDirectory, summary), await contentsSaid(server, summary));

      const selection = selectSummaries(available, {
        from: { timeline: 1, lsn: parseLsn(from) },
        to: { timeline: 1, lsn: parseLsn(to) },
        history: [],
      });
      assert.ok(selection.kind === 'complete');
      assert.ok(selection.summaries.every(({ hasForeignWal }) => !hasForeignWal));
      const changed = await readWalSummaries(walDirectory, selection.summaries, signal);
      const { oid: database } = await one<{ oid: number }>(
        server,
        `select oid::int from pg_database where datname = 'postgres'`,
      );
      const changesOf = async (table: string) => {
        const { node, size } = await one<{ node: number; size: string }>(
          server,
          `select pg_relation_filenode('${table}')::int as node, pg_relation_size('${table}')::text as size`,
        );
        const sizeBytes = Number(size);
        const relation = { tablespace: 1663, database, relation: node };
        const named = namedBlocks(changed, { relation, segment: 0 }, geometry);
        return segmentChanges({ named, fork: 'main', sizeBytes, parentSizeBytes: sizeBytes }, geometry);
      };
      const { block } = await one<{ block: number }>(
        server,
        `select (ctid::text::point)[0]::int as block from kept where i = 20001`,
      );
      const kept = await changesOf('kept');
      assert.ok(kept.kind === 'blocks');
      assert.ok(kept.blocks.includes(block) && kept.blocks.length < 10, kept.blocks.join(' '));
      const cut = await changesOf('cut');
      assert.equal(cut.kind === 'whole' ? cut.why : [...cut.blocks], 'new-or-truncated');
      assert.equal(changed.of({ tablespace: 1663, database, relation: goneNode })?.limitBlock, 0);
      const { oid: copied } = await one<{ oid: number }>(
        server,
        `select oid::int from pg_database where datname = 'copied'`,
      );
      assert.equal(changed.isOtherDatabase({ tablespace: 1663, database: copied }), true);
      assert.equal(changed.isOtherDatabase({ tablespace: 1663, database }), false);
    });
  });

async function makeChanges(server: PostgresServer): Promise<void> {
  await server.query(`insert into kept values (20001, 'y'); update kept set t = 'z' where i = 10000`);
  await server.query('truncate cut; insert into cut select * from kept limit 10');
  await server.query('drop table gone');
  await server.query('create database copied strategy file_copy');
  await server.query(`create table grown as select repeat('x', 400) as t from generate_series(1, 20000)`);
  // The end of the table is cut off, and bits of its visibility map are set.
  await server.query(`delete from grown where ctid >= '(500,0)'`);
  await server.query('vacuum grown');
}

/** The start of a checkpoint, once the summaries reach it. */
async function checkpoint(server: PostgresServer): Promise<string> {
  await server.query('checkpoint');
  const { redo } = await one<{ redo: string }>(
    server,
    'select redo_lsn::text as redo from pg_control_checkpoint()',
  );
  for (const giveUpAt = performance.now() + 30_000; ;) {
    const { reached } = await one<{ reached: boolean }>(
      server,
      `select summarized_lsn >= '${redo}' as reached from pg_get_wal_summarizer_state()`,
    );
    if (reached) return redo;
    assert.ok(performance.now() < giveUpAt, `no summary reaches ${redo}`);
    await delay(100);
    // The summarizer sleeps longer the less WAL there is.
    await server.query('select pg_switch_wal()');
  }
}

async function contentsRead(walDirectory: string, summary: WalSummary): Promise<string[]> {
  const lines: string[] = [];
  const path = join(walDirectory, 'summaries', walSummaryName(summary));
  await readWalSummary(readInChunks(path, fileBounds.walSummary.limitBytes, signal), path, {
    takeFork(fork, limitBlock) {
      if (limitBlock !== noLimit) lines.push([...Object.values(fork), limitBlock, true].join(' '));
    },
    takeBlocks(fork, chunk, blocks) {
      for (const block of blocksWithin(blocks, 0, blocksPerChunk))
        lines.push([...Object.values(fork), chunk * blocksPerChunk + block, false].join(' '));
    },
  });
  return lines.sort();
}

async function contentsSaid(
  server: PostgresServer,
  { timeline, startLsn, endLsn }: WalSummary,
): Promise<string[]> {
  const rows = await server.query<{ line: string }>(
    `select concat_ws(' ', reltablespace, reldatabase, relfilenode, relforknumber, relblocknumber,
       is_limit_block::text) as line from pg_wal_summary_contents($1, $2, $3)`,
    [timeline, formatLsn(startLsn), formatLsn(endLsn)],
  );
  return rows.map(({ line }) => line).sort();
}

async function one<Row extends object>(server: PostgresServer, sql: string): Promise<Row> {
  const [row] = await server.query<Row>(sql);
  assert.ok(row !== undefined);
  return row;
}
