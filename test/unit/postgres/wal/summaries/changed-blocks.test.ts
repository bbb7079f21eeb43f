import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { streamOf } from '../../../../../src/base/bytes/streams.ts';
import { ChangedBlocks } from '../../../../../src/postgres/wal/summaries/changed-blocks.ts';
import { readWalSummary } from '../../../../../src/postgres/wal/summaries/read-summary.ts';
import { makeSummary, type MadeFork } from '../../../../support/wal/summary-writer.ts';

const relation = { tablespace: 1663, database: 5, relation: 16_384 };
const allBlocks = 300_000;

async function merged(summaries: readonly (readonly MadeFork[])[], foreign: readonly number[] = []) {
  const changed = new ChangedBlocks();
  for (const [index, forks] of summaries.entries())
    await readWalSummary(
      streamOf(makeSummary(forks)),
      'x',
      changed.sink({ hasForeignWal: foreign.includes(index) }),
    );
  return changed;
}

async function said(summaries: readonly (readonly MadeFork[])[], foreign: readonly number[] = []) {
  const changes = (await merged(summaries, foreign)).of(relation);
  return changes && [changes.limitBlock, ...changes.blocksWithin(0, allBlocks)];
}

test('blocks of several summaries come together', async () => {
  assert.deepEqual(await said([[{ blocks: [1, 70_000] }], [{ blocks: [1, 5] }]]), [undefined, 1, 5, 70_000]);
});

test('a truncation forgets the earlier blocks behind it, and keeps later ones', async () => {
  const summaries = [[{ blocks: [3, 8, 70_000] }], [{ limitBlock: 8, blocks: [9] }], [{ blocks: [70_001] }]];
  assert.deepEqual(await said(summaries), [8, 3, 9, 70_001]);
});

test('a later, longer length changes nothing', async () => {
  assert.deepEqual(await said([[{ limitBlock: 4, blocks: [6] }], [{ limitBlock: 5 }]]), [4, 6]);
});

test('a truncation among WAL that may not be in this history counts as one to nothing', async () => {
  assert.deepEqual(await said([[{ blocks: [3] }], [{ limitBlock: 8 }]], [1]), [0]);
  assert.deepEqual(await said([[{ blocks: [3] }], [{ blocks: [4] }]], [1]), [undefined, 3, 4]);
});

test('forks that are backed up whole are not kept', async () => {
  const changed = await merged([[1, 2, 3].map(fork => ({ fork, blocks: [1], limitBlock: 0 }))]);
  assert.equal(changed.of(relation), undefined);
});

test('a database that was made or dropped is known by its tablespace', async () => {
  const changed = await merged([[{ relation: 0, limitBlock: 0 }]]);
  assert.equal(changed.isOtherDatabase(relation), true);
  assert.equal(changed.isOtherDatabase({ tablespace: 1664, database: 5 }), false);
  assert.equal(changed.of(relation), undefined);
});

test('more changes than memory should hold are refused', async () => {
  const changed = new ChangedBlocks({ limitBytes: 20_000 });
  const sinkOne = async (forks: readonly MadeFork[]) =>
    await readWalSummary(streamOf(makeSummary(forks)), 'x', changed.sink({ hasForeignWal: false }));
  // What is forgotten counts no more.
  for (let round = 0; round < 100; round++) await sinkOne([{ limitBlock: 100 - round, blocks: [200_000] }]);
  const many = Array.from({ length: 60 }, (_, index) => ({ relation: 20_000 + index, blocks: [0] }));
  await assert.rejects(sinkOne(many), { code: 'refused' });
});

test('any summaries say what a plain set by the rules of blkreftable.c says', async () => {
  const block = fc.oneof(
    fc.nat({ max: 40 }),
    fc.nat({ max: allBlocks - 1 }),
    fc.constantFrom(65_535, 65_536),
  );
  const fork = fc.record({
    limitBlock: fc.oneof(fc.constant(0xffff_ffff), block),
    blocks: fc.oneof(
      fc.uniqueArray(block, { maxLength: 20 }),
      fc
        .tuple(fc.nat({ max: 60_000 }), fc.integer({ min: 4090, max: 5000 }))
        .map(([first, count]) => Array.from({ length: count }, (_, index) => first + index)),
    ),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(fork, { minLength: 1, maxLength: 5 }), async forks => {
      let limit = 0xffff_ffff;
      let blocks = new Set<number>();
      for (const { limitBlock, blocks: changed } of forks) {
        if (limitBlock < limit) {
          limit = limitBlock;
          blocks = new Set([...blocks].filter(number => number < limitBlock));
        }
        for (const number of changed) blocks.add(number);
      }
      const expected = [limit === 0xffff_ffff ? undefined : limit, ...[...blocks].sort((a, b) => a - b)];
      assert.deepEqual(await said(forks.map(one => [one])), expected);
    }),
    { numRuns: 60 },
  );
});

test('a range of blocks has its ends on any side of a chunk', async () => {
  const changes = (await merged([[{ blocks: [65_534, 65_535, 65_536, 131_072] }]])).of(relation);
  assert.deepEqual([...(changes?.blocksWithin(65_535, 65_537) ?? [])], [65_535, 65_536]);
  assert.deepEqual([...(changes?.blocksWithin(65_536, 131_072) ?? [])], [65_536]);
});
