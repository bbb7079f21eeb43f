import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { describe, test } from 'vitest';
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
});
