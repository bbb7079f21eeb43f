import assert from 'node:assert/strict';
import { describe, test } from 'vitest';
import { pieceBounds } from '../../../../../src/base/bounds.ts';
import {
  encodeIncrementalHeader,
  headerBytesIn,
  incrementalFileBytes,
  incrementalHeaderBytes,
  parseIncrementalHeader,
} from '../../../../../src/postgres/cluster/incremental/header.ts';

const layout = { blockSizeBytes: 8192, relationSegmentBlocks: 131_072 };
const header = (truncationBlocks: number, ...blocks: readonly number[]) => ({
  truncationBlocks,
  blocks: Uint32Array.from(blocks),
});

/** A header of these words, with zeros up to a whole block. */
function made(...words: readonly number[]): Buffer {
  const bytes = Buffer.alloc(incrementalHeaderBytes(words.length - 3, layout));
  words.forEach((word, index) => bytes.writeUInt32LE(word, index * 4));
  return bytes;
}
const parse = (bytes: Buffer, sizeBytes = incrementalFileBytes(bytes.readUInt32LE(4), layout)) =>
  parseIncrementalHeader(bytes, sizeBytes, layout);
const magic = 0xd3ae_1f0d;

describe('the header of an INCREMENTAL file', () => {
  test('is what PostgreSQL writes', () => {
    assert.equal(
      encodeIncrementalHeader(header(7), layout).toString('hex'),
      '0d1faed30000000007000000',
      'without blocks it is not padded',
    );
    const two = encodeIncrementalHeader(header(300, 5, 257), layout);
    assert.equal(two.length, 8192);
    assert.equal(two.toString('hex', 0, 24), '0d1faed3020000002c010000050000000101000000000000');
    assert.equal(incrementalFileBytes(2, layout), 3 * 8192);
    // 3 + 2045 words fill a block exactly.
    assert.equal(incrementalHeaderBytes(2045, layout), 8192);
    assert.equal(incrementalHeaderBytes(2046, layout), 16_384);
    assert.equal(incrementalFileBytes(0, layout), 12);
  });

  test('comes back, up to the largest file', () => {
    for (const one of [header(1), header(1, 0), header(131_072, 0, 131_071)])
      assert.deepEqual(parse(encodeIncrementalHeader(one, layout)), one);
  });

  test.each([
    ['another magic number', made(0xd3ae_1f0c, 1, 9, 4), /magic number/],
    ['a block twice', made(magic, 2, 9, 4, 4), /block 4 not in its order/],
    ['blocks out of order', made(magic, 2, 9, 4, 3), /block 3 not in its order/],
    ['a block beyond the end', made(magic, 1, 9, 9), /block 9 beyond the end of 9/],
    ['a block beyond the largest file', made(magic, 1, 131_072, 131_072), /beyond the end/],
    ['a truncation length of 0', made(magic, 0, 0), /truncation length of 0/],
    ['a truncation length beyond the largest file', made(magic, 0, 131_073), /truncation length of 131073/],
    ['more blocks than the largest file has', made(magic, 131_073, 9), /has 131073 blocks/],
    ['a byte in its padding', made(magic, 1, 9, 4).fill(1, 8191), /other bytes than zeros/],
    ['a byte just behind its numbers', made(magic, 1, 9, 4).fill(1, 16, 17), /other bytes than zeros/],
  ])('with %s is refused', (_, bytes, message) => {
    assert.throws(() => parse(bytes), { code: 'damaged', message });
  });

  test('is refused in a file of any other length', () => {
    const bytes = made(magic, 2, 9, 3, 4);
    for (const sizeBytes of [0, 12, 8192, 3 * 8192 - 1, 3 * 8192 + 1, 4 * 8192, Number.NaN])
      assert.throws(() => parse(bytes, sizeBytes), { code: 'damaged', message: /it would have 24576/ });
    for (const end of [0, 11, 12, 20, 8191])
      assert.throws(() => parseIncrementalHeader(bytes.subarray(0, end), 3 * 8192, layout), {
        code: 'damaged',
        message: /ends within its header/,
      });
  });

  test('a header that is too long is neither read nor made', () => {
    const large = { blockSizeBytes: 8192, relationSegmentBlocks: 0xffff_ffff };
    const count = pieceBounds.incrementalHeader.limitBytes / 4 - 2;
    const start = made(magic, count, count);
    const sizeBytes = incrementalFileBytes(count, large);
    assert.throws(() => headerBytesIn(start, sizeBytes, large), { code: 'damaged', message: /more than/ });
    const blocks = Uint32Array.from({ length: count }, (_, index) => index);
    assert.throws(() => encodeIncrementalHeader({ truncationBlocks: count, blocks }, large), TypeError);
    start.writeUInt32LE(count - 1, 4);
    assert.equal(
      headerBytesIn(start, incrementalFileBytes(count - 1, large), large),
      pieceBounds.incrementalHeader.limitBytes,
    );
  });

  test('is not made of numbers that no reader would take', () => {
    for (const one of [header(0), header(131_073), header(5, 5), header(5, 2, 2), header(5, 3, 2)])
      assert.throws(() => encodeIncrementalHeader(one, layout), TypeError);
  });
});
