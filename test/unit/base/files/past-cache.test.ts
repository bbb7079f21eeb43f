import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import fsPromises, { type FileHandle } from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { open } from '../../../../src/base/files/calls.ts';
import { SequentialWriter } from '../../../../src/base/files/past-cache.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const original = { ...fsPromises };
const mebibyte = 1024 ** 2;

afterEach(() => {
  Object.assign(fsPromises, original);
  syncBuiltinESMExports();
});

/** Has descriptors past the cache open or write in another way. @returns how many pieces they have written */
function replacePastCache(change: (handle: FileHandle) => void = () => undefined): () => number {
  let written = 0;
  fsPromises.open = async (...args: Parameters<typeof original.open>) => {
    const [path, flags = 'r', mode] = args;
    if ((Number(flags) & constants.O_DIRECT) === 0) return await original.open(path, flags, mode);
    // The file system of the tests may have only a cache.
    const handle = await original.open(path, Number(flags) & ~constants.O_DIRECT, mode);
    const write = handle.write.bind(handle) as (...args: unknown[]) => Promise<{ bytesWritten: number }>;
    const counted = async (...args: unknown[]) => {
      const result = await write(...args);
      written++;
      return result;
    };
    Object.assign(handle, { write: counted });
    change(handle);
    return handle;
  };
  syncBuiltinESMExports();
  return () => written;
}

function fail(code: string): never {
  throw Object.assign(new Error(code), { code });
}

async function written(content: Uint8Array, chunkBytes: number): Promise<Buffer> {
  const path = join(temporaryDirectory('past-cache'), 'file');
  await using file = await open(path, 'wx', 0o600);
  await using writer = new SequentialWriter(file);
  for (let at = 0; at < content.length; at += chunkBytes)
    await writer.write(content.subarray(at, at + chunkBytes));
  await writer.end();
  return readFileSync(path);
}

const large = randomFillSync(Buffer.alloc(5 * mebibyte + 12_345));

describe('a file written from its beginning to its end', () => {
  for (const sizeBytes of [0, 1, 8192, mebibyte - 1, mebibyte, mebibyte + 1, large.length])
    for (const chunkBytes of [100_000, 4 * mebibyte])
      it(`has all ${sizeBytes} bytes, in chunks of ${chunkBytes}`, async () => {
        const content = large.subarray(0, sizeBytes);
        assert.ok((await written(content, chunkBytes)).equals(content));
      });

  it('goes past the cache but for its last piece', async () => {
    const pieces = replacePastCache();
    assert.ok((await written(large, mebibyte)).equals(large));
    assert.equal(pieces(), 5);
  });

  it('goes through the cache where the file system has nothing else', async () => {
    replacePastCache(() => fail('EINVAL'));
    assert.ok((await written(large, mebibyte)).equals(large));
  });

  it('goes on through the cache where a write past it is refused or cut short', async () => {
    for (const write of [() => fail('EINVAL'), () => Promise.resolve({ bytesWritten: 0 })]) {
      replacePastCache(handle => Object.assign(handle, { write }));
      assert.ok((await written(large, mebibyte)).equals(large));
    }
  });

  it('fails if a piece could not be written, whoever is told of it', async () => {
    replacePastCache(handle => Object.assign(handle, { write: () => fail('EIO') }));
    const path = join(temporaryDirectory('past-cache'), 'file');
    await using file = await open(path, 'wx', 0o600);
    Object.assign(file, { write: () => fail('ENOSPC') });
    for (const next of ['write', 'end', 'keepUp'] as const) {
      await using writer = new SequentialWriter(file);
      await writer.write(large.subarray(0, mebibyte));
      const told = next === 'write' ? writer.write(large) : writer[next]();
      await assert.rejects(told, { code: 'ENOSPC' });
    }
  });
});
