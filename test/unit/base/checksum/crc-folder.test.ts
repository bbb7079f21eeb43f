/** Folding against the tables that fold nothing: zlib's own, and Castagnoli's taken in pieces too short to be folded. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { crc32 as zlibCrc32 } from 'node:zlib';
import { describe, it } from 'vitest';
import { crc32 } from '../../../../src/base/checksum/crc32.ts';
import { crc32c, finishCrc32c, startCrc32c, updateCrc32c } from '../../../../src/base/checksum/crc32c.ts';
import { CrcFolder } from '../../../../src/base/checksum/crc-folder.ts';

/** Long enough that the folder is surely made, and several steps of it are needed. */
const longBytes = 5 * 1024 * 1024;

/** Around the least length, a step, two steps, and with every remainder of a block. */
const lengths = [
  ...Array.from({ length: 18 }, (_, index) => CrcFolder.leastBytes - 1 + index),
  ...[-33, -1, 0, 1, 15, 17].flatMap(difference =>
    [200_000, 262_144, 524_288].map(size => size + difference),
  ),
  longBytes,
];

describe('crc32', () => {
  it('is that of zlib at every length, begun or continued', () => {
    crc32(randomBytes(longBytes));
    for (const length of lengths) {
      const data = randomBytes(length);
      const before = zlibCrc32(data.subarray(0, 5));
      assert.equal(crc32(data), zlibCrc32(data), `${length} bytes`);
      assert.equal(crc32(data, before), zlibCrc32(data, before), `${length} bytes, continued`);
    }
  });
});

describe('crc32c of long buffers', () => {
  it('is that of short pieces at every length, begun or continued', () => {
    for (const length of lengths) {
      const data = randomBytes(length);
      assert.equal(crc32c(data), inPieces(data), `${length} bytes`);
      const first = updateCrc32c(startCrc32c, data, 0, 5);
      assert.equal(
        finishCrc32c(updateCrc32c(first, data, 5, length)),
        inPieces(data),
        `${length}, continued`,
      );
    }
  });

  it('sees a single bit wherever it is', () => {
    const data = randomBytes(300_000);
    const right = crc32c(data);
    for (let at = 0; at < data.length; at += 4999) {
      data.writeUInt8(data.readUInt8(at) ^ 0x10, at);
      assert.notEqual(crc32c(data), right, `bit at ${at}`);
      data.writeUInt8(data.readUInt8(at) ^ 0x10, at);
    }
  });
});

function inPieces(data: Uint8Array): number {
  let crc = startCrc32c;
  for (let at = 0; at < data.length; at += 10_007)
    crc = updateCrc32c(crc, data, at, Math.min(at + 10_007, data.length));
  return finishCrc32c(crc);
}
