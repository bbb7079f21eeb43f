/** Members of an incremental backup that hold blocks of a file: whoever wrote the backup wrote them. */
import {
  encodeIncrementalHeader,
  incrementalFileBytes,
} from '../../../../../src/postgres/cluster/incremental/header.ts';
import { readIncrementalFile } from '../../../../../src/postgres/cluster/incremental/read.ts';
import type { Random } from '../random.ts';
import { inRandomChunks, type FuzzTarget } from '../target.ts';

const layout = { blockSizeBytes: 1024, relationSegmentBlocks: 1024 };

export const incrementalFile: FuzzTarget = {
  name: 'incremental-file',
  reads: 'an INCREMENTAL file',
  parsers: [
    'postgres/cluster/incremental/header.ts#parseIncrementalHeader',
    'postgres/cluster/incremental/read.ts#readIncrementalFile',
  ],
  open: () =>
    Promise.resolve({
      form: 'bytes',
      corpus: [
        madeFile(1),
        madeFile(9, 0, 1, 2, 8),
        madeFile(1024, 1023),
        madeFile(700, ...Array.from({ length: 300 }, (_, index) => index * 2)),
      ],
      repair: withFittingLength,
      async parse(input, { random }) {
        const sizeBytes = random.pick([input.length, input.length, input.length + 1, 0]);
        let truncationBlocks: number | undefined;
        let last = -1;
        for await (const piece of readIncrementalFile(inRandomChunks(input, random), { sizeBytes, layout })) {
          if (piece.kind === 'header') {
            ({ truncationBlocks } = piece.header);
            continue;
          }
          const count = piece.bytes.length / layout.blockSizeBytes;
          if (!Number.isInteger(count) || count === 0) throw new Error('not whole blocks');
          if (piece.firstBlock <= last) throw new Error('a block twice, or out of order');
          last = piece.firstBlock + count - 1;
          if (truncationBlocks === undefined || last >= truncationBlocks)
            throw new Error('a block beyond the end');
        }
        if (truncationBlocks === undefined) throw new Error('a file without a header');
      },
    }),
};

function madeFile(truncationBlocks: number, ...blocks: readonly number[]): Buffer {
  const header = encodeIncrementalHeader({ truncationBlocks, blocks: Uint32Array.from(blocks) }, layout);
  return Buffer.concat([header, Buffer.alloc(blocks.length * layout.blockSizeBytes, 0x41)]);
}

/** Makes the file as long as its number of blocks says; else most inputs would be refused for that alone. */
function withFittingLength(input: Buffer, random: Random): Uint8Array {
  const count = input.length < 8 ? 0 : input.readUInt32LE(4);
  if (count > layout.relationSegmentBlocks || random.below(8) === 0) return input;
  const fitting = Buffer.alloc(incrementalFileBytes(count, layout));
  input.copy(fitting);
  return fitting;
}
