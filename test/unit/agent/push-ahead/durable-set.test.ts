import assert from 'node:assert/strict';
import { chmodSync, renameSync, utimesSync, writeFileSync } from 'node:fs';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, it } from 'vitest';
import { DurableSet } from '../../../../src/agent/push-ahead/durable-set.ts';
import { fileKey, KeyedFile } from '../../../../src/agent/push-ahead/file-key.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

describe('what is known to be durable', () => {
  it('is known under its path and key, and for ten minutes', () => {
    let now = 0;
    const known = new DurableSet(() => now);
    known.add('/a', { key: 'k', events: [] });
    assert.ok(known.find('/a', 'k'));
    assert.equal(known.find('/b', 'k'), undefined);
    now = 10 * 60_000 - 1;
    assert.ok(known.find('/a', 'k'));
    now += 1;
    assert.equal(known.find('/a', 'k'), undefined);
    assert.deepEqual(known.paths(), []);
  });

  it('is forgotten when the path has become another file', () => {
    const known = new DurableSet();
    known.add('/a', { key: 'old', events: [] });
    assert.equal(known.find('/a', 'new'), undefined);
    assert.equal(known.find('/a', 'old'), undefined);
  });

  it('is bounded', () => {
    const known = new DurableSet();
    for (let number = 0; number < 10_000; number++) known.add(`/${number}`, { key: 'k', events: [] });
    assert.ok(known.paths().length <= 4096);
    assert.ok(known.find('/9999', 'k'));
  });
});

describe('the key of a file', () => {
  const name = '000000010000000000000003';

  async function cluster(): Promise<{ directory: string; path: string }> {
    const directory = temporaryDirectory('key', { keepOwner: true });
    await mkdir(join(directory, 'global'));
    await writeFile(join(directory, 'global/pg_control'), 'SYSTEM-1 and more');
    const path = join(directory, name);
    await writeFile(path, 'x'.repeat(10_000));
    return { directory, path };
  }

  it('stays while nothing happens to the file', async () => {
    const { directory, path } = await cluster();
    assert.equal(await fileKey(path, directory), await fileKey(path, directory));
  });

  it('changes with content, time, name, inode and system', async () => {
    const changes: ((path: string, directory: string) => string | void)[] = [
      path => writeFileSync(path, 'y', { flag: 'r+' }),
      path => utimesSync(path, 1, 1),
      path => chmodSync(path, 0o600),
      (path, directory) => {
        // As PostgreSQL recycles a segment: the same inode and size under another name, and back.
        const other = join(directory, '000000010000000000000009');
        renameSync(path, other);
        return other;
      },
      (path, directory) => {
        const fresh = join(directory, 'fresh');
        writeFileSync(fresh, 'x'.repeat(10_000));
        renameSync(fresh, path);
      },
      (_, directory) => writeFileSync(join(directory, 'global/pg_control'), 'SYSTEM-2 and more'),
    ];
    for (const [index, change] of changes.entries()) {
      const { directory, path } = await cluster();
      const before = await fileKey(path, directory);
      // The clock of the inode's times ticks every few milliseconds.
      await new Promise(resolve => setTimeout(resolve, 20));
      const changed = change(path, directory) ?? path;
      assert.notEqual(await fileKey(changed, directory), before, `change ${index}`);
    }
  });

  it('is that of the open file, whatever its path names meanwhile', async () => {
    const { directory, path } = await cluster();
    const file = await KeyedFile.open(path, directory);
    const before = await file.key();
    await writeFile(`${path}.new`, 'another');
    renameSync(`${path}.new`, path);
    assert.notEqual(await fileKey(path, directory), before);
    await file.close();
  });
});
