import assert from 'node:assert/strict';
import { test } from 'vitest';
import { streamOf } from '../../../../../src/base/bytes/streams.ts';
import { ChangedBlocks } from '../../../../../src/postgres/wal/summaries/changed-blocks.ts';
import { readWalSummary } from '../../../../../src/postgres/wal/summaries/read-summary.ts';
import {
  namedBlocks,
  segmentChanges,
  type NamedBlocks,
  type SegmentState,
} from '../../../../../src/postgres/wal/summaries/segment-changes.ts';
import { makeSummary, type MadeFork } from '../../../../support/wal/summary-writer.ts';

/** Files of a hundred blocks, so that a relation has several. */
const geometry = { blockSizeBytes: 8192, relationSegmentBlocks: 100 };
const relation = { tablespace: 1663, database: 5, relation: 16_384 };

interface Case extends Partial<Pick<SegmentState, 'fork'>> {
  readonly segment?: number;
  readonly blocks?: number;
  readonly parentBlocks?: number;
  readonly says: readonly MadeFork[];
  readonly expected: string;
}

test.each<[string, Case]>([
  ['nothing is said of it', { says: [], expected: 'of 50: ' }],
  ['blocks were changed', { says: [{ blocks: [3, 1, 99] }], expected: 'of 50: 1 3' }],
  ['the visibility map', { fork: 'vm', says: [], expected: 'whole other-fork' }],
  ['the free space map', { fork: 'fsm', says: [], expected: 'whole other-fork' }],
  ['an init fork', { fork: 'init', says: [], expected: 'whole other-fork' }],
  ['half a block at its end', { blocks: 1.5, says: [], expected: 'whole odd-size' }],
  ['longer than a file can be', { blocks: 101, says: [], expected: 'whole odd-size' }],
  ['an empty file', { blocks: 0, says: [], expected: 'whole empty' }],
  ['its database was made anew', { says: [{ relation: 0, limitBlock: 0 }], expected: 'whole other-database' }],
  ['a database was made, not this one', { says: [{ relation: 0, database: 6, limitBlock: 0 }], expected: 'of 50: ' }],
  ['it was made or dropped', { says: [{ limitBlock: 0, blocks: [1] }], expected: 'whole new-or-truncated' }],
  ['truncated, and not longer since', { says: [{ limitBlock: 50, blocks: [1] }], expected: 'of 50: 1' }],
  ['truncated and grown: what grew is stored, said or not', { says: [{ limitBlock: 46, blocks: [1, 47] }], expected: 'of 50: 1 46 47 48 49' }],
  ['grown by pages of zeros that no WAL names', { parentBlocks: 48, says: [], expected: 'of 50: 48 49' }],
  ['just ninety of a hundred blocks', { blocks: 100, parentBlocks: 10, says: [], expected: `of 100: ${numbers(10, 100)}` }],
  ['more than ninety', { blocks: 100, parentBlocks: 9, says: [], expected: 'whole mostly-changed' }],
  ['a second file', { segment: 1, says: [{ blocks: [99, 100, 149, 150] }], expected: 'of 50: 0 49' }],
  ['truncated to within an earlier file', { segment: 1, says: [{ limitBlock: 60 }], expected: 'whole new-or-truncated' }],
  ['truncated to the boundary before it', { segment: 1, says: [{ limitBlock: 100 }], expected: 'whole new-or-truncated' }],
  ['truncated to a block of it', { segment: 1, says: [{ limitBlock: 148 }], expected: 'of 50: 48 49' }],
  ['truncated to the boundary behind it', { blocks: 100, parentBlocks: 100, says: [{ limitBlock: 100, blocks: [120] }], expected: 'of 100: ' }],
  ['truncated within a later file', { blocks: 100, parentBlocks: 100, says: [{ limitBlock: 120, blocks: [7] }], expected: 'of 100: 7' }],
])('%s', async (_what, { says, expected, blocks = 50, parentBlocks = blocks, segment = 0, fork = 'main' }) => {
  const changed = new ChangedBlocks();
  await readWalSummary(streamOf(makeSummary(says)), 'x', changed.sink({ hasForeignWal: false }));
  const sizes = { sizeBytes: blocks * 8192, parentSizeBytes: parentBlocks * 8192 };
  const named = namedBlocks(changed, { relation, segment }, geometry);
  const changes = segmentChanges({ named, fork, ...sizes }, geometry);
  const text = changes.kind === 'whole' ? `whole ${changes.why}` : `of ${changes.lengthBlocks}: ${changes.blocks.join(' ')}`;
  assert.equal(text, expected);
}); // prettier-ignore

test('a file that the parent does not have', () => {
  const named: NamedBlocks = { isOtherDatabase: false, limitBlocks: undefined, blocks: new Uint32Array() };
  const file = { named, fork: 'main', sizeBytes: 8192, parentSizeBytes: undefined } as const;
  assert.deepEqual(segmentChanges(file, geometry), {
    kind: 'whole',
    why: 'not-in-parent',
  });
});

function numbers(from: number, to: number): string {
  return Array.from({ length: to - from }, (_, index) => from + index).join(' ');
}
