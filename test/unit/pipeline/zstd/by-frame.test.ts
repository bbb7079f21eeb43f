import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { constants, zstdCompressSync } from 'node:zlib';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { decompressZstdByFrame } from '../../../../src/pipeline/zstd/by-frame.ts';
import { compressZstd, compressZstdAtOnce, decompressZstd } from '../../../../src/pipeline/zstd/streaming.ts';
import type { ByteTransform } from '../../../../src/base/bytes/streams.ts';
import { inChunks, sampleBytes, through, withFlippedBit } from '../../../support/streams.ts';

const damaged = { name: 'WalvaultError', code: 'damaged' };
const framed = (data: Buffer) => compressZstdAtOnce(data, { level: 1 });
const streamed = (data: Buffer) => through(compressZstd({ level: 1 }), data);
const skippable = Buffer.concat([Buffer.of(0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0), randomBytes(5)]);
const unchecked = (data: Buffer) =>
  zstdCompressSync(data, { params: { [constants.ZSTD_c_contentSizeFlag]: 0 } });

/** As `through`, for chunks that are gone when the next one is asked for; so are those of the source. */
async function decoded(stage: ByteTransform, stored: Uint8Array, chunkBytes = 65_536): Promise<Buffer> {
  async function* source(): AsyncGenerator<Uint8Array> {
    for await (const chunk of inChunks(stored, chunkBytes)) {
      const own = Buffer.from(chunk);
      yield own;
      own.fill(0xff);
    }
  }
  const chunks: Buffer[] = [];
  for await (const chunk of stage(source())) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

test('frames of any kind come back, however they are cut', async () => {
  const small = sampleBytes(70_000, 1);
  const large = sampleBytes(9 * 1024 ** 2, 2);
  const pieces: readonly (readonly [stored: Buffer, plain: Buffer])[] = [
    [framed(small), small],
    [framed(Buffer.alloc(0)), Buffer.alloc(0)],
    [skippable, Buffer.alloc(0)],
    [unchecked(small), small],
    [await streamed(small), small],
    [framed(large), large],
  ];
  const choice = fc.array(fc.nat(pieces.length - 1), { minLength: 1, maxLength: 6 });
  await fc.assert(
    fc.asyncProperty(choice, fc.integer({ min: 500, max: 2_000_000 }), async (chosen, chunkBytes) => {
      const all = [framed(small), ...chosen.map(index => pieces[index]?.[0] ?? small)];
      const plain = [small, ...chosen.map(index => pieces[index]?.[1] ?? small)];
      const found = await decoded(decompressZstdByFrame(), Buffer.concat(all), chunkBytes);
      assert.ok(found.equals(Buffer.concat(plain)));
    }),
    { numRuns: 10 },
  );
});

test('what the stream refuses is refused', async () => {
  const stored = Buffer.concat([framed(sampleBytes(3000, 1)), framed(sampleBytes(3000, 2))]);
  const outcomeOf = async (reading: Promise<Buffer>) =>
    await reading.catch((error: unknown) => {
      assert.ok(error instanceof WalvaultError);
      return error.code;
    });
  const cuts = Array.from({ length: stored.length }, (_, length) => stored.subarray(0, length));
  const flips = Array.from({ length: stored.length }, (_, byte) =>
    withFlippedBit(stored, byte * 8 + (byte % 8)),
  );
  const behind = [Buffer.of(0), Buffer.from('garbage')].map(junk => Buffer.concat([stored, junk]));
  for (const data of [...cuts, ...flips, ...behind])
    assert.deepEqual(
      await outcomeOf(decoded(decompressZstdByFrame(), data)),
      await outcomeOf(through(decompressZstd(), data)),
    );
});

test('a frame that holds more than it says, and too many frames, are damaged', async () => {
  const lying = framed(sampleBytes(70_000));
  lying.writeUInt32LE(1000, 5);
  await assert.rejects(decoded(decompressZstdByFrame(), lying), damaged);
  const many = Buffer.concat(Array.from({ length: 4097 }, () => skippable));
  await assert.rejects(decoded(decompressZstdByFrame(), many), { ...damaged, message: /4096 frames/ });
});

test('a reader that stops early ends the source', async () => {
  for (const stored of [framed(sampleBytes(300_000)), framed(sampleBytes(9 * 1024 ** 2))]) {
    let isEnded = false;
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* inChunks(Buffer.concat([stored, stored]), 10_000);
      } finally {
        isEnded = true;
      }
    }
    for await (const chunk of decompressZstdByFrame()(source())) if (chunk.length > 0) break;
    assert.equal(isEnded, true);
  }
});
