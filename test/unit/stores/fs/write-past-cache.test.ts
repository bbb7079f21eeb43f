import assert from 'node:assert/strict';
import { randomFillSync } from 'node:crypto';
import { constants, readFileSync } from 'node:fs';
import fsPromises from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { afterEach, describe, it } from 'vitest';
import { pagedBuffer } from '../../../../src/base/bytes/aligned-buffer.ts';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { put, rejectsAs } from '../../../contract/contract-driver.ts';
import { stopRecording } from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const original = { ...fsPromises };
const oddBytes = 300_001;

afterEach(stopRecording);

/** What is in its memory behind the content must not reach the disk. */
function pagedContent(): Buffer {
  return randomFillSync(pagedBuffer(2 * oddBytes)).subarray(0, oddBytes);
}

/** Does something else than the system where a file is opened to be written past the cache. @returns how often it was */
function replacePastCache(open?: () => never, write?: () => never): () => number {
  let opened = 0;
  fsPromises.open = async (...args: Parameters<typeof original.open>) => {
    const isPastCache = (Number(args[1]) & constants.O_DIRECT) !== 0;
    if (isPastCache) opened++;
    if (isPastCache) open?.();
    const handle = await original.open(...args);
    if (isPastCache && write !== undefined) handle.write = async () => write();
    return handle;
  };
  syncBuiltinESMExports();
  return () => opened;
}

function fails(code: string): () => never {
  return () => {
    throw Object.assign(new Error(code), { code });
  };
}

describe('a put of whole pages', () => {
  for (const [how, open, write] of [
    ['as this file system takes it', undefined, undefined],
    ['where the file system has only a cache', fails('EINVAL'), undefined],
    ['where the blocks are larger than pages', undefined, fails('EINVAL')],
  ] as const)
    it(`has the content and not a byte more, ${how}`, async () => {
      const root = temporaryDirectory('fs', { keepOwner: true });
      const opened = replacePastCache(open, write);
      const content = pagedContent();
      const expected = Buffer.from(content);
      await put(createFsStore({ root }), 'a/b', [content]);
      assert.ok(readFileSync(join(root, 'a/b')).equals(expected));
      assert.equal(opened(), 1);
    });

  it('is not written past the cache when it is small or not of whole pages', async () => {
    const store = createFsStore({ root: temporaryDirectory('fs', { keepOwner: true }) });
    const opened = replacePastCache();
    await put(store, 'small', [pagedContent().subarray(0, 1000)]);
    await put(store, 'within', [pagedContent().subarray(1)]);
    await put(store, 'other', [Buffer.alloc(oddBytes)]);
    await put(store, 'pieces', [pagedContent(), pagedContent()]);
    assert.equal(opened(), 0);
  });

  it('is refused and leaves nothing when it is not what was announced', async () => {
    const root = temporaryDirectory('fs', { keepOwner: true });
    await rejectsAs('invalid', put(createFsStore({ root }), 'a/b', [pagedContent()], { sizeBytes: 1 }));
    assert.deepEqual(await original.readdir(root), []);
  });
});
