import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'vitest';
import { highwayHash64, HighwayKey } from '../../../../src/base/checksum/highway-hash.ts';
import { PageBuffer } from '../../../../src/postgres/cluster/page-buffer.ts';
import { pageChecksum } from '../../../../src/postgres/cluster/page-checksum.ts';

const unable = () => {
  throw new Error('no vectors');
};
const kinds = { vectors: () => new PageBuffer(1024 ** 2), tables: () => new PageBuffer(1024 ** 2, unable) };

describe.each(Object.entries(kinds))('a buffer of pages with %s', (_, makeBuffer) => {
  test.each([1024, 4096, 8192, 32_768])('finds wrong pages of %d bytes where they lie', blockSizeBytes => {
    const buffer = makeBuffer();
    const firstBlock = 0xffff_fff0;
    const start = 512;
    const end = start + 9 * blockSizeBytes + 100;
    randomBytes(end).copy(buffer.bytes);
    const at = (page: number) => start + page * blockSizeBytes;
    for (let page = 0; page < 9; page++) {
      const bytes = buffer.bytes.subarray(at(page), at(page + 1));
      bytes.writeUInt16LE(pageChecksum(bytes, firstBlock + page), 8);
    }
    const wrong = () => buffer.wrongPages(start, end, { firstBlock, blockSizeBytes });
    assert.deepEqual(wrong(), []);
    buffer.bytes[at(2) + 8] = (buffer.bytes[at(2) + 8] ?? 0) ^ 1;
    buffer.bytes[at(5) - 1] = (buffer.bytes[at(5) - 1] ?? 0) ^ 0x80;
    buffer.bytes.fill(0, at(7), at(8));
    assert.deepEqual(wrong(), [at(2), at(4)], 'a page of zeros is new');
    assert.equal(buffer.wrongPages(start, end, { firstBlock: 1, blockSizeBytes }).length, 8);
    assert.deepEqual(
      buffer.wrongPages(start, start + blockSizeBytes - 1, { firstBlock, blockSizeBytes }),
      [],
    );
  });

  test.each([1024, 4096, 8192, 32_768])('digests pages of %d bytes where they lie', blockSizeBytes => {
    const buffer = makeBuffer();
    randomBytes(buffer.bytes.length).copy(buffer.bytes);
    const key = new HighwayKey(randomBytes(32));
    const before = Buffer.from(buffer.bytes);
    const start = 512;
    for (const restBytes of [0, 1, 17, 32, 1000]) {
      const end = start + 5 * blockSizeBytes + restBytes;
      const pages = restBytes === 0 ? 5 : 6;
      const out = Buffer.alloc(pages * 8 + 8, 0xee);
      assert.equal(buffer.digestPages(start, end, { blockSizeBytes, key, out }), pages);
      for (let page = 0; page < pages; page++) {
        const at = start + page * blockSizeBytes;
        const bytes = buffer.bytes.subarray(at, Math.min(end, at + blockSizeBytes));
        assert.equal(out.readBigUInt64LE(page * 8), highwayHash64(bytes, key), `page ${page}`);
      }
      assert.equal(out.readBigUInt64LE(pages * 8), 0xeeee_eeee_eeee_eeeen, 'nothing behind them');
    }
    assert.deepEqual(buffer.bytes, before, 'the pages are as they were');
    const nothing = { blockSizeBytes, key, out: Buffer.alloc(0) };
    assert.equal(buffer.digestPages(start, start, nothing), 0);
    assert.throws(() => buffer.digestPages(0, buffer.bytes.length + 1, nothing), RangeError);
  });

  test('digests as many pages as fit into it, beside its wrong ones', () => {
    const buffer = makeBuffer();
    const { length } = buffer.bytes;
    randomBytes(length).copy(buffer.bytes);
    const key = new HighwayKey(randomBytes(32));
    const out = Buffer.alloc((length / 1024) * 8);
    for (let round = 0; round < 2; round++) {
      out.fill(0);
      assert.equal(buffer.digestPages(0, length, { blockSizeBytes: 1024, key, out }), length / 1024);
      assert.equal(out.readBigUInt64LE(out.length - 8), highwayHash64(buffer.bytes.subarray(-1024), key));
      assert.ok(buffer.wrongPages(0, length, { firstBlock: 0, blockSizeBytes: 1024 }).length > 1000);
    }
  });
});
