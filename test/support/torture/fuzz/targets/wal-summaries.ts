/** WAL summaries, from `pg_wal/summaries`. */
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ChangedBlocks } from '../../../../../src/postgres/wal/summaries/changed-blocks.ts';
import { readWalSummaries } from '../../../../../src/postgres/wal/summaries/read-summaries.ts';
import { readWalSummary } from '../../../../../src/postgres/wal/summaries/read-summary.ts';
import { namedBlocks, segmentChanges } from '../../../../../src/postgres/wal/summaries/segment-changes.ts';
import {
  parseWalSummaryName,
  walSummaryName,
} from '../../../../../src/postgres/wal/summaries/summary-name.ts';
import { makeSummary, withCrc } from '../../../wal/summary-writer.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

const geometry = { blockSizeBytes: 8192, relationSegmentBlocks: 131_072 };
const gibibyte = 1024 ** 3;

export const walSummary: FuzzTarget = {
  name: 'wal-summary',
  reads: 'a summary of WAL, from the data directory',
  parsers: [
    'postgres/wal/summaries/read-summary.ts#readWalSummary',
    'postgres/wal/summaries/read-summaries.ts#readWalSummaries',
    'postgres/wal/summaries/summary-name.ts#parseWalSummaryName',
    'base/files/read.ts#readInChunks',
  ],
  open: () =>
    Promise.resolve({
      form: 'bytes',
      corpus: [
        makeSummary([]),
        makeSummary([
          { tablespace: 1664, database: 0, relation: 1262, blocks: [0] },
          { relation: 0, limitBlock: 0 },
          { limitBlock: 7, blocks: [9, 3, 131_073] },
          { fork: 2, limitBlock: 1 },
        ]),
        makeSummary([{ blocks: Array.from({ length: 5000 }, (_, index) => index * 13) }]),
      ],
      repair: input => withCrc(input.subarray(0, Math.max(0, input.length - 4))),
      async parse(input, { random, directory }) {
        parseWalSummaryName(input.toString('latin1', 0, 48));
        const changed = new ChangedBlocks();
        const hasForeignWal = random.onceIn(3);
        await readWalSummary(inRandomChunks(input, random), 'x', changed.sink({ hasForeignWal }));
        for (const segment of [0, 1, 32_767]) {
          const relation = { tablespace: 1663, database: 5, relation: 16_384 };
          const sizes = { sizeBytes: gibibyte, parentSizeBytes: gibibyte };
          const named = namedBlocks(changed, { relation, segment }, geometry);
          const changes = segmentChanges({ named, fork: 'main', ...sizes }, geometry);
          if (changes.kind === 'blocks' && (changes.blocks.at(-1) ?? 0) >= changes.lengthBlocks)
            throw new Error('a block behind the end of its file');
        }
        const summary = { timeline: 1, startLsn: 1n, endLsn: 2n };
        const summaries = join(directory, 'summaries');
        mkdirSync(summaries);
        try {
          writeFileSync(join(summaries, walSummaryName(summary)), input);
          await readWalSummaries(directory, [{ summary, hasForeignWal }], AbortSignal.timeout(60_000));
        } finally {
          rmSync(summaries, { recursive: true });
        }
      },
    }),
};
