import assert from 'node:assert/strict';
import * as fc from 'fast-check';
import { test } from 'vitest';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import { compressZstd, decompressZstd } from '../../../../src/pipeline/zstd/streaming.ts';
import { sampleBytes, through, withFlippedBit } from '../../../support/streams.ts';

const stage = { compress: compressZstd({ level: 1 }), decompress: decompressZstd() };
const runs = { numRuns: 60 };
/** Small and past the size from which frames are streamed; any compressible or random bytes. */
const data = fc.oneof(
  fc.uint8Array({ maxLength: 2000 }),
  fc
    .tuple(fc.integer({ min: 60_000, max: 400_000 }), fc.nat())
    .map(([size, seed]) => sampleBytes(size, seed)),
);
const chunkBytes = fc.oneof(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 300_000 }));

async function failureOf(reading: Promise<unknown>): Promise<unknown> {
  return await reading.then(
    () => undefined,
    (error: unknown) => error,
  );
}

function isDamaged(error: unknown): boolean {
  return error instanceof WalvaultError && error.code === 'damaged';
}

test('zstd: round trip of any frames in any chunks', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(data, { minLength: 1, maxLength: 3 }), chunkBytes, async (parts, size) => {
      const frames: Buffer[] = [];
      for (const part of parts) frames.push(await through(stage.compress, part, Math.max(size, 500)));
      const stored = Buffer.concat(frames);
      const chunk = Math.max(size, stored.length / 1000);
      assert.deepEqual(await through(stage.decompress, stored, Math.ceil(chunk)), Buffer.concat(parts));
    }),
    runs,
  );
});

test('zstd: cut anywhere, a frame is damaged', async () => {
  await fc.assert(
    fc.asyncProperty(data, fc.nat(), async (part, seed) => {
      const stored = await through(stage.compress, part);
      const cut = stored.subarray(0, seed % stored.length);
      assert.ok(isDamaged(await failureOf(through(stage.decompress, cut))));
    }),
    runs,
  );
});

test('zstd: a flipped bit never gives different data', async () => {
  await fc.assert(
    fc.asyncProperty(data, fc.nat(), async (part, seed) => {
      const stored = await through(stage.compress, part);
      const flipped = withFlippedBit(stored, seed % (stored.length * 8));
      const failure = await failureOf(
        through(stage.decompress, flipped).then(decoded => assert.deepEqual(decoded, Buffer.from(part))),
      );
      assert.ok(failure === undefined || isDamaged(failure));
    }),
    runs,
  );
});

test('zstd: arbitrary bytes are damaged or decode, and nothing else happens', async () => {
  const magic = Buffer.of(0x28, 0xb5, 0x2f, 0xfd);
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 200 }), fc.boolean(), async (bytes, hasMagic) => {
      const stored = hasMagic ? Buffer.concat([magic, bytes]) : bytes;
      const failure = await failureOf(through(stage.decompress, stored));
      assert.ok(failure === undefined || isDamaged(failure));
    }),
    { numRuns: 500 },
  );
});
