/** INCREMENTAL files come back however the stream is cut, and nothing else is taken for one. */
import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { describe, test } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import {
  encodeIncrementalHeader,
  incrementalFileBytes,
  incrementalHeaderBytes,
  parseIncrementalHeader,
  type IncrementalHeader,
} from '../../../../src/postgres/cluster/incremental/header.ts';
import { readIncrementalFile } from '../../../../src/postgres/cluster/incremental/read.ts';
import { writeIncrementalFile } from '../../../../src/postgres/cluster/incremental/write.ts';
import { everything, inChunks } from '../../../support/streams.ts';

const layout = { blockSizeBytes: 1024, relationSegmentBlocks: 600 };
const { blockSizeBytes } = layout;
const headers: fc.Arbitrary<IncrementalHeader> = fc
  .tuple(fc.uniqueArray(fc.nat(599), { maxLength: 30 }), fc.nat(600), fc.integer({ min: 0, max: 400 }))
  .map(([some, more, row]) => {
    const numbers = new Set([...some, ...Array.from({ length: row > 300 ? row : 0 }, (_, index) => index)]);
    const blocks = Uint32Array.from(numbers).toSorted();
    return { truncationBlocks: Math.min(600, Math.max(1, more, (blocks.at(-1) ?? 0) + 1)), blocks };
  });

/** A block is told by its content from all others. */
function contentOf(block: number): Buffer {
  const content = Buffer.alloc(blockSizeBytes, block % 251);
  content.writeUInt32LE(block, 0);
  return content;
}

async function fileOf(header: IncrementalHeader): Promise<Buffer> {
  const stream = writeIncrementalFile(header, layout, ({ firstBlock, count }) =>
    streamOf(...Array.from({ length: count }, (_, index) => contentOf(firstBlock + index))),
  );
  return await collect(stream, everything);
}

async function read(source: AsyncIterable<Uint8Array>, sizeBytes: number) {
  let header: IncrementalHeader | undefined;
  const blocks: number[] = [];
  for await (const piece of readIncrementalFile(source, { sizeBytes, layout }))
    if (piece.kind === 'header') {
      assert.equal(header, undefined);
      ({ header } = piece);
    } else {
      assert.ok(header !== undefined && piece.bytes.length > 0);
      for (let at = 0; at < piece.bytes.length; at += blockSizeBytes) {
        const block = piece.firstBlock + at / blockSizeBytes;
        assert.ok(contentOf(block).equals(piece.bytes.subarray(at, at + blockSizeBytes)));
        blocks.push(block);
      }
    }
  return { header, blocks };
}

describe('an INCREMENTAL file', () => {
  test('comes back, wherever the stream is cut', async () => {
    await fc.assert(
      fc.asyncProperty(headers, fc.array(fc.nat(), { maxLength: 8 }), async (header, cuts) => {
        const file = await fileOf(header);
        assert.equal(file.length, incrementalFileBytes(header.blocks.length, layout));
        const ends = [0, ...cuts.map(at => at % (file.length + 1)), file.length].toSorted((a, b) => a - b);
        const pieces = ends.slice(1).map((end, index) => file.subarray(ends[index], end));
        assert.deepEqual(await read(streamOf(...pieces), file.length), {
          header,
          blocks: [...header.blocks],
        });
      }),
    );
  });

  test('comes back, cut at each byte in two, and in chunks of each small size', async () => {
    const header = { truncationBlocks: 9, blocks: Uint32Array.of(2, 3, 7) };
    const file = await fileOf(header);
    const expected = { header, blocks: [2, 3, 7] };
    for (let at = 0; at <= file.length; at++)
      assert.deepEqual(await read(streamOf(file.subarray(0, at), file.subarray(at)), file.length), expected);
    for (const sizeBytes of [1, 2, 3, 5, 11, 13, 1023, 1025])
      assert.deepEqual(await read(inChunks(file, sizeBytes), file.length), expected);
    const none = { truncationBlocks: 9, blocks: new Uint32Array() };
    assert.deepEqual(await read(inChunks(await fileOf(none), 1), 12), { header: none, blocks: [] });
  });

  test('is never taken for whole when it was cut, or goes on', async () => {
    await fc.assert(
      fc.asyncProperty(headers, fc.nat(), async (header, at) => {
        const file = await fileOf(header);
        const cut = file.subarray(0, at % file.length);
        await assert.rejects(read(streamOf(cut), file.length), { code: 'damaged' });
        await assert.rejects(read(streamOf(cut), cut.length), { code: 'damaged' });
        await assert.rejects(read(streamOf(file, Buffer.of(0)), file.length), { code: 'damaged' });
        await assert.rejects(read(streamOf(file, Buffer.of(0)), file.length + 1), { code: 'damaged' });
      }),
    );
  });

  /** The numbers of blocks have no checksum: a change that leaves them possible is seen by the digest of the file alone. */
  test('with any byte of its header changed is refused, or is exactly what a writer makes of what was read', () => {
    const header = { truncationBlocks: 500, blocks: Uint32Array.of(0, 3, 4, 270, 499) };
    const bytes = encodeIncrementalHeader(header, layout);
    const sizeBytes = incrementalFileBytes(5, layout);
    const numbersAt = 8;
    let taken = 0;
    for (let at = 0; at < bytes.length; at++)
      for (let difference = 1; difference < 256; difference++) {
        const changed = Buffer.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ difference;
        try {
          const parsed = parseIncrementalHeader(changed, sizeBytes, layout);
          assert.ok(at >= numbersAt && at < 12 + 5 * 4, `byte ${at} means something`);
          assert.ok(encodeIncrementalHeader(parsed, layout).equals(changed));
          taken++;
        } catch (error) {
          if (!(error instanceof WalvaultError)) throw error;
          assert.equal(error.code, 'damaged');
        }
      }
    assert.ok(taken > 0);
  });

  test('is not written from a source of another length', async () => {
    const header = { truncationBlocks: 9, blocks: Uint32Array.of(2, 3) };
    for (const sizeBytes of [0, 2047, 2049, 4096]) {
      const stream = writeIncrementalFile(header, layout, () => streamOf(Buffer.alloc(sizeBytes)));
      await assert.rejects(collect(stream, everything), RangeError);
    }
  });

  test('asks its source for runs of neighbours, a mebibyte at most', async () => {
    const large = { blockSizeBytes: 8192, relationSegmentBlocks: 131_072 };
    const blocks = Uint32Array.from([0, 7, ...Array.from({ length: 200 }, (_, index) => 10 + index)]);
    const runs: (readonly [number, number])[] = [];
    const stream = writeIncrementalFile({ truncationBlocks: 300, blocks }, large, ({ firstBlock, count }) => {
      runs.push([firstBlock, count]);
      return streamOf(Buffer.alloc(count * 8192));
    });
    const file = await collect(stream, everything);
    assert.equal(file.length, incrementalHeaderBytes(202, large) + 202 * 8192);
    assert.deepEqual(runs, [[0, 1], [7, 1], [10, 128], [138, 72]]); // prettier-ignore
  });
});
