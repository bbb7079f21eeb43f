import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { describe, test } from 'vitest';
import { highwayHash64, HighwayKey } from '../../../../src/base/checksum/highway-hash.ts';
import { PageBuffer } from '../../../../src/postgres/cluster/page-buffer.ts';
import {
  changedBlocks,
  fileDigest,
  PageDigester,
  type PageDigests,
} from '../../../../src/postgres/cluster/page-digests.ts';

const blockSizeBytes = 8192;
const key = new HighwayKey(randomBytes(32));
const bufferBytes = 16 * blockSizeBytes;
const buffer = new PageBuffer(bufferBytes);

/** Digested in pieces of `pages`. */
function digestsOf(file: Buffer, pages = 16): PageDigests {
  const digester = new PageDigester({ blockSizeBytes, key });
  for (let at = 0; at < file.length; at += pages * blockSizeBytes) {
    const piece = file.subarray(at, at + pages * blockSizeBytes);
    piece.copy(buffer.bytes);
    digester.add({ buffer, start: 0, end: piece.length });
  }
  return digester.finish();
}

const changedOf = (now: Buffer, earlier: Buffer) => [...changedBlocks(digestsOf(now), digestsOf(earlier))];

describe('the digests of a relation file', () => {
  test('are those of its pages, in whatever pieces it is read', () => {
    // More pages than a list begins with room for.
    const file = randomBytes(1100 * blockSizeBytes + 100);
    const whole = digestsOf(file);
    assert.equal(whole.sizeBytes, file.length);
    assert.equal(whole.digests.length, 1101 * 8);
    for (const pages of [1, 3, 16]) assert.deepEqual(digestsOf(file, pages), whole);
    for (const page of [0, 1, 1023, 1024, 1099, 1100])
      assert.equal(
        Buffer.from(whole.digests).readBigUInt64LE(page * 8),
        highwayHash64(file.subarray(page * blockSizeBytes, (page + 1) * blockSizeBytes), key),
      );
  });

  test('give the digest of the file: SHA-256 over its length and them', () => {
    const file = randomBytes(3 * blockSizeBytes);
    const list = digestsOf(file);
    const length = Buffer.from('0060000000000000', 'hex');
    const expected = createHash('sha256')
      .update(Buffer.concat([length, list.digests]))
      .digest('hex');
    assert.equal(fileDigest(list), expected);
    assert.equal(
      fileDigest(digestsOf(Buffer.alloc(0))),
      createHash('sha256').update(Buffer.alloc(8)).digest('hex'),
    );
    assert.notEqual(fileDigest({ ...list, sizeBytes: list.sizeBytes + 1 }), expected);
  });

  test('cannot go on behind a page that was cut', () => {
    const digester = new PageDigester({ blockSizeBytes, key });
    digester.add({ buffer, start: 0, end: blockSizeBytes + 1 });
    assert.throws(() => digester.add({ buffer, start: 0, end: blockSizeBytes }), RangeError);
  });
});

describe('the blocks that have changed', () => {
  const earlier = randomBytes(6 * blockSizeBytes);
  const changedAt = (...positions: number[]) => {
    const copy = Buffer.from(earlier);
    for (const at of positions) copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };

  test('are those with another digest', () => {
    assert.deepEqual(changedOf(earlier, earlier), []);
    assert.deepEqual(
      changedOf(changedAt(0, 1, 3 * blockSizeBytes - 1, 5 * blockSizeBytes), earlier),
      [0, 2, 5],
    );
  });

  test('are all beyond the earlier end, and none that are gone', () => {
    const longer = Buffer.concat([earlier, Buffer.alloc(2 * blockSizeBytes)]);
    assert.deepEqual(changedOf(longer, earlier), [6, 7]);
    assert.deepEqual(changedOf(earlier, longer), []);
    assert.deepEqual(changedOf(changedAt(8192).subarray(0, 4 * blockSizeBytes), earlier), [1]);
    assert.deepEqual(changedOf(Buffer.alloc(0), earlier), []);
    assert.deepEqual(changedOf(earlier, Buffer.alloc(0)), [0, 1, 2, 3, 4, 5]);
  });

  test('have the last one among them if it was, or is, shorter than a page', () => {
    const cut = earlier.subarray(0, 5 * blockSizeBytes + 4096);
    assert.deepEqual(changedOf(earlier, cut), [5]);
    assert.deepEqual(changedOf(cut, earlier), [5]);
    assert.deepEqual(changedOf(cut, earlier.subarray(0, cut.length - 1)), [5]);
  });

  test('are seen in lists at any place in memory, and a list that is cut is none', () => {
    const now = digestsOf(changedAt(blockSizeBytes));
    const moved = Buffer.alloc(now.digests.length + 1).subarray(1);
    moved.set(now.digests);
    assert.deepEqual([...changedBlocks({ ...now, digests: moved }, digestsOf(earlier))], [1]);
    assert.throws(() => changedBlocks({ ...now, digests: moved.subarray(1) }, now), TypeError);
  });

  test('include one of which either half of its digest differs', () => {
    const { digests, sizeBytes } = digestsOf(earlier);
    for (const byte of [0, 3, 4, 7]) {
      const other = Buffer.from(digests);
      other[8 + byte] = (other[8 + byte] ?? 0) ^ 1;
      assert.deepEqual([...changedBlocks({ digests, sizeBytes }, { digests: other, sizeBytes })], [1]);
    }
  });
});
