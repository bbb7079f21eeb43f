import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { constants, zstdCompressSync } from 'node:zlib';
import { test } from 'vitest';
import { collect } from '../../../../src/base/bytes/streams.ts';
import { WalvaultError } from '../../../../src/base/errors/errors.ts';
import {
  compressZstd,
  compressZstdAtOnce,
  compressZstdFrames,
  decompressZstd,
} from '../../../../src/pipeline/zstd/streaming.ts';
import { runOk } from '../../../support/site/run.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';
import { everything, inChunks, sampleBytes, through, withFlippedBit } from '../../../support/streams.ts';

const damaged = { name: 'WalvaultError', code: 'damaged' };

for (const sizeBytes of [0, 1, 100, 65_536, 65_537, 3_000_000]) {
  test(`zstd: ${sizeBytes} bytes come back`, async () => {
    const data = sampleBytes(sizeBytes);
    const stored = await through(compressZstd({ level: 1 }), data);
    assert.deepEqual(await through(decompressZstd(), stored), data);
  });
}

const ways: Readonly<Record<string, (data: Buffer) => Promise<Buffer>>> = {
  'as a stream': data => through(compressZstd({ level: 3 }), data),
  'at once': data => Promise.resolve(compressZstdAtOnce(data, { level: 3 })),
};
for (const [way, compress] of Object.entries(ways)) {
  test(`zstd: the zstd tool reads what was written ${way}: one frame with a checksum`, async () => {
    const directory = temporaryDirectory('zstd');
    for (const data of [sampleBytes(0), sampleBytes(100), sampleBytes(3_000_000), randomBytes(200_000)]) {
      const path = join(directory, `${data.length}.zst`);
      writeFileSync(path, await compress(data), { mode: 0o644 });
      const { stdoutBytes } = await runOk('zstd', ['-dc', path]);
      assert.deepEqual(stdoutBytes, data);
      const { stdout } = await runOk('zstd', ['-lv', path]);
      assert.match(stdout, /XXH64/);
      assert.match(stdout, /Number of Frames: 1|# Zstandard Frames: 1/);
    }
  });
}

test('zstd: each chunk becomes a frame, while readers take as many; the zstd tool reads them all', async () => {
  const directory = temporaryDirectory('zstd');
  const data = sampleBytes(1_000_000);
  for (const [mostFrames, frames] of [
    [undefined, 10],
    [4, 4],
  ] as const) {
    // As a backup gives them: all in one buffer, which is used again for the next.
    const buffer = Buffer.alloc(100_000);
    async function* pieces() {
      for (let at = 0; at < data.length; at += buffer.length) {
        data.copy(buffer, 0, at, at + buffer.length);
        yield buffer;
        buffer.fill(0xff);
      }
    }
    const stored = await collect(
      compressZstdFrames({ level: 1, ...(mostFrames !== undefined && { mostFrames }) })(pieces()),
      1e7,
    );
    assert.ok(data.equals(await through(decompressZstd(), stored)));
    const path = join(directory, `${frames}.zst`);
    writeFileSync(path, stored, { mode: 0o644 });
    assert.ok(data.equals((await runOk('zstd', ['-dc', path])).stdoutBytes));
    const { stdout } = await runOk('zstd', ['-lv', path]);
    assert.match(stdout, new RegExp(`Number of Frames: ${frames}\\b|# Zstandard Frames: ${frames}\\b`));
  }
});

test('zstd: what the zstd tool writes is read, with a long window up to 128 MiB', async () => {
  const data = sampleBytes(1_000_000);
  for (const args of [['-1'], ['-19'], ['--long=27'], ['--no-check']]) {
    const { stdoutBytes } = await runOk('zstd', [...args, '-c'], { input: data });
    assert.deepEqual(await through(decompressZstd(), stdoutBytes), data, args.join(' '));
  }
  const { stdoutBytes } = await runOk('zstd', ['--long=28', '-c'], { input: data });
  await assert.rejects(through(decompressZstd(), stdoutBytes), { ...damaged, message: /window/ });
  await assert.rejects(through(decompressZstd({ maxWindowLog: 17 }), stdoutBytes), damaged);
});

test('zstd: a single-segment frame that announces 256 MiB is refused before it is decoded', async () => {
  const header = Buffer.alloc(4 + 1 + 4);
  header.writeUInt32LE(0xfd2fb528, 0);
  header.writeUInt8(0xa0, 4);
  header.writeUInt32LE(256 * 1024 * 1024, 5);
  await assert.rejects(through(decompressZstd(), header), { ...damaged, message: /window/ });
});

test('zstd: several frames are decoded, skippable ones passed over', async () => {
  const [a, b] = [sampleBytes(200_000, 1), sampleBytes(300_000, 2)];
  const skippable = Buffer.concat([Buffer.of(0x53, 0x2a, 0x4d, 0x18, 5, 0, 0, 0), randomBytes(5)]);
  const stored = Buffer.concat([
    await through(compressZstd({ level: 1 }), a),
    skippable,
    await through(compressZstd({ level: 1 }), b),
  ]);
  assert.deepEqual(await through(decompressZstd(), stored), Buffer.concat([a, b]));
  assert.deepEqual(await through(decompressZstd(), stored, 997), Buffer.concat([a, b]));
});

test('zstd: a stream cut inside a frame is damaged', async () => {
  const stored = await through(compressZstd({ level: 1 }), sampleBytes(200_000));
  for (const length of [0, 1, 4, 5, 9, 100, stored.length >> 1, stored.length - 4, stored.length - 1])
    await assert.rejects(through(decompressZstd(), stored.subarray(0, length)), damaged, `cut at ${length}`);
});

test('zstd: anything behind the last frame is damaged', async () => {
  const stored = await through(compressZstd({ level: 1 }), sampleBytes(1000));
  for (const garbage of [Buffer.of(0), Buffer.from('garbage'), Buffer.alloc(100_000)])
    await assert.rejects(through(decompressZstd(), Buffer.concat([stored, garbage])), damaged);
});

test('zstd: a flipped bit is damaged', async () => {
  const stored = await through(compressZstd({ level: 1 }), sampleBytes(5000));
  const data = sampleBytes(5000);
  for (let bit = 0; bit < stored.length * 8; bit += 7) {
    const decoded = await through(decompressZstd(), withFlippedBit(stored, bit)).catch(
      (error: unknown) => error,
    );
    if (error(decoded)) continue;
    // Some header bits may change without changing what is decoded, such as the window's size.
    assert.deepEqual(decoded, data, `bit ${bit}`);
  }
  function error(value: unknown): boolean {
    return value instanceof WalvaultError && value.code === 'damaged';
  }
});

test('zstd: how the input is cut does not change the frame', async () => {
  const data = sampleBytes(700_000);
  const stage = compressZstd({ level: 1 });
  const whole = await through(stage, data, 700_000);
  for (const chunkBytes of [70_000, 65_537, 1000])
    assert.deepEqual(await through(stage, data, chunkBytes), whole, `${chunkBytes}`);
});

test('zstd: a level out of range is a configuration error', () => {
  for (const level of [0, 20, 1.5, -1])
    assert.throws(() => compressZstd({ level }), { name: 'WalvaultError', code: 'config' });
});

test('zstd: an error of the source comes out as it is', async () => {
  const failure = new WalvaultError('unreachable', 'the network is gone');
  for (const soon of [true, false]) {
    async function* failing(): AsyncGenerator<Uint8Array> {
      yield zstdCompressSync(sampleBytes(soon ? 10 : 900_000), {
        params: { [constants.ZSTD_c_checksumFlag]: 1 },
      }).subarray(0, -1);
      throw failure;
    }
    await assert.rejects(collect(decompressZstd()(failing()), everything), error => error === failure);
    await assert.rejects(
      collect(compressZstd({ level: 1 })(failing()), everything),
      error => error === failure,
    );
  }
});

test('zstd: a reader that stops early ends the source', async () => {
  for (const stage of [compressZstd({ level: 1 }), decompressZstd()]) {
    let isEnded = false;
    const stored = await through(compressZstd({ level: 1 }), sampleBytes(4_000_000));
    async function* source(): AsyncGenerator<Uint8Array> {
      try {
        yield* inChunks(stored, 100_000);
      } finally {
        isEnded = true;
      }
    }
    for await (const chunk of stage(source())) if (chunk.length > 0) break;
    assert.equal(isEnded, true);
  }
});
