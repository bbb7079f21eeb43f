/** Listings of so many directories that threads read them ahead. */
import assert from 'node:assert/strict';
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { createFsStore } from '../../../../src/stores/fs/store.ts';
import { names, signal } from '../../../contract/contract-driver.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const hex = (number: number) => number.toString(16).toUpperCase().padStart(8, '0');

/** 60 directories of 20 files with sidecars; one is empty, and one has a directory among its files. */
function plant() {
  const root = temporaryDirectory('long-listing', { keepOwner: true });
  const keys: string[] = [];
  const put = (key: string, size: number) => {
    mkdirSync(join(root, key, '..'), { recursive: true });
    writeFileSync(join(root, key), 'x'.repeat(size));
    keys.push(key);
  };
  for (let log = 0; log < 60; log++)
    for (let seg = 0; seg < 20; seg++) {
      put(`wal/00000001/${hex(log)}/${hex(seg)}`, seg);
      writeFileSync(join(root, `wal/00000001/${hex(log)}/${hex(seg)}.0123456789abcdef.meta`), '{}');
    }
  put(`wal/00000001/${hex(40)}/${hex(7)}.d/below`, 1);
  mkdirSync(join(root, `wal/00000001/${hex(60)}`));
  writeFileSync(join(root, `wal/00000001/${hex(50)}/.0123456789abcdef.walvault-tmp`), '');
  return { root, store: createFsStore({ root }), keys: keys.sort() };
}

describe('a long listing of a directory', () => {
  it('has every file once, in the order of keys, with its size and time', async () => {
    const { store, keys } = plant();
    const entries = await Array.fromAsync(store.list({ prefix: 'wal/', signal }));
    assert.deepEqual(
      entries.map(entry => 'key' in entry && entry.key),
      keys,
    );
    for (const entry of entries) {
      assert.ok('key' in entry);
      const size = entry.key.endsWith('below') ? 1 : Number.parseInt(entry.key.slice(-8), 16);
      assert.equal(entry.sizeBytes, size);
      assert.ok(Math.abs(entry.modified.getTime() - Date.now()) < 600_000);
    }
    const startAfter = `wal/00000001/${hex(30)}/${hex(10)}`;
    assert.deepEqual(
      await names(store, { prefix: 'wal/', startAfter }),
      keys.filter(key => key > startAfter),
    );
  });

  it('ends at a link, wherever it lies', async () => {
    const { root, store } = plant();
    const link = join(root, `wal/00000001/${hex(55)}/${hex(3)}`);
    rmSync(link);
    symlinkSync('/etc/passwd', link);
    await assert.rejects(names(store, { prefix: 'wal/' }), /is a link/);
  });

  it('can be left at any entry', async () => {
    const { store, keys } = plant();
    let count = 0;
    for await (const entry of store.list({ prefix: 'wal/', signal })) {
      assert.ok('key' in entry && entry.key === keys[count]);
      if (++count === 700) break;
    }
    assert.equal(count, 700);
  });
});
