import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { awaitSummaries } from '../../../../../src/operations/backup/changes/await-summaries.ts';
import { walSummaryName } from '../../../../../src/postgres/wal/summaries/summary-name.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';
import { makeSummary, type MadeFork } from '../../../../support/wal/summary-writer.ts';

const relation = { tablespace: 1663, database: 5, relation: 16_384 };
const lsn = (megabytes: number) => BigInt(megabytes) << 20n;

describe('the summaries from 10 to 30 MB', () => {
  let dataDirectory = '';
  let waits = 0;
  beforeEach(() => {
    dataDirectory = temporaryDirectory('summaries');
    mkdirSync(join(dataDirectory, 'pg_wal', 'summaries'), { recursive: true });
    waits = 0;
  });

  function add(start: number, end: number, forks: readonly MadeFork[] = [], timeline = 1): void {
    const name = walSummaryName({ timeline, startLsn: lsn(start), endLsn: lsn(end) });
    writeFileSync(join(dataDirectory, 'pg_wal', 'summaries', name), makeSummary(forks));
  }

  const found = async ({ patienceMs = 300, serverVersion = 180_004, toTimeline = 1 } = {}) =>
    await awaitSummaries(
      {
        from: { timeline: 1, lsn: lsn(10) },
        to: { timeline: toTimeline, lsn: lsn(30) },
        history: toTimeline === 1 ? [] : [{ timeline: 1, switchpoint: lsn(20), reason: 'promoted' }],
      },
      {
        ...{ dataDirectory, patienceMs, signal: AbortSignal.timeout(10_000) },
        server: { serverVersion, summarizesWal: true },
        onWait: () => waits++,
      },
    );

  it('are read without waiting where they are there', async () => {
    add(5, 20, [{ blocks: [7] }]);
    add(20, 40, [{ blocks: [3] }]);
    const changes = await found();
    assert.ok('changed' in changes);
    assert.deepEqual([...(changes.changed.of(relation)?.blocksWithin(0, 10) ?? [])], [3, 7]);
    assert.deepEqual([changes.summaryCount, waits], [2, 0]);
  });

  it('are waited for as long as they come', async () => {
    add(5, 15);
    setTimeout(() => add(15, 25), 200);
    setTimeout(() => add(25, 30), 400);
    assert.ok('changed' in (await found()));
    assert.equal(waits, 1);
  });

  it('are given up where none comes any more', async () => {
    add(5, 15);
    assert.deepEqual(await found(), { reason: 'there is none from 0/F00000 to 0/1E00000 on timeline 1' });
  });

  it('are given up at once where one before others is missing', async () => {
    add(5, 15);
    add(20, 40);
    const changes = await found({ patienceMs: 60_000 });
    assert.deepEqual(changes, { reason: 'there is none from 0/F00000 to 0/1400000 on timeline 1' });
    assert.equal(waits, 0);
  });

  it('are not used where one is damaged, or the server was promoted and is not trusted with that', async () => {
    add(5, 20);
    add(20, 40, [], 2);
    assert.match(JSON.stringify(await found({ toTimeline: 2 })), /was promoted since then/);
    assert.ok('changed' in (await found({ toTimeline: 2, serverVersion: 180_007 })));
    writeFileSync(
      join(
        dataDirectory,
        'pg_wal',
        'summaries',
        walSummaryName({ timeline: 1, startLsn: lsn(5), endLsn: lsn(20) }),
      ),
      'no summary',
    );
    assert.match(JSON.stringify(await found({ toTimeline: 2, serverVersion: 180_007 })), /WAL summary/);
  });
});
