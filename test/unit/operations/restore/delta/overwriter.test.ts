import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { array, assert as assertProperty, asyncProperty, integer, nat, record } from 'fast-check';
import { describe, it } from 'vitest';
import {
  differingRanges,
  openExisting,
  Overwriter,
} from '../../../../../src/operations/restore/delta/overwriter.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const pageBytes = 8192;

async function overwrite(path: string, chunks: readonly Uint8Array[], mode = 0o600): Promise<boolean> {
  const handle = await openExisting(path, mode, open);
  if (handle === undefined) return false;
  await using writer = new Overwriter(handle);
  for (const chunk of chunks) await writer.write(chunk);
  await writer.end();
  await handle.close();
  return true;
}

describe('what differs', () => {
  it('is in whole pieces, adjacent ones together', () => {
    const there = Buffer.alloc(5 * pageBytes, 1);
    const wanted = Buffer.alloc(6 * pageBytes, 1);
    wanted[pageBytes + 7] = 2;
    wanted[2 * pageBytes] = 2;
    assert.deepEqual(
      [...differingRanges(wanted, there)],
      [
        { start: pageBytes, end: 3 * pageBytes },
        { start: 5 * pageBytes, end: 6 * pageBytes },
      ],
    );
    assert.deepEqual([...differingRanges(there, there)], []);
    assert.deepEqual([...differingRanges(there, wanted.subarray(0, 0))], [{ start: 0, end: there.length }]);
  });
});

describe('the writing over a file', () => {
  it('gives it the new content, whatever was there and however that comes', async () => {
    const directory = temporaryDirectory('over', { keepOwner: true });
    const content = array(record({ pages: nat(3), fill: nat(2), odd: nat(100) }), {
      maxLength: 4,
    });
    const bytesOf = (runs: readonly { pages: number; fill: number; odd: number }[]) =>
      Buffer.concat(runs.map(({ pages, fill, odd }) => Buffer.alloc(pages * pageBytes + odd, fill)));
    let number = 0;
    await assertProperty(
      asyncProperty(content, content, integer({ min: 700, max: 40_000 }), async (before, after, step) => {
        const path = join(directory, String(number++));
        writeFileSync(path, bytesOf(before));
        const wanted = bytesOf(after);
        const chunks = [];
        for (let at = 0; at < wanted.length; at += step) chunks.push(wanted.subarray(at, at + step));
        assert.ok(await overwrite(path, chunks));
        assert.ok(readFileSync(path).equals(wanted));
      }),
      { numRuns: 60 },
    );
  });

  it('writes nothing that is there', async () => {
    const path = join(temporaryDirectory('over', { keepOwner: true }), 'file');
    const content = Buffer.alloc(3 * pageBytes + 5, 7);
    writeFileSync(path, content);
    const before = statSync(path);
    await overwrite(path, [content], before.mode & 0o777);
    assert.deepEqual([statSync(path).mtimeMs, statSync(path).ctimeMs], [before.mtimeMs, before.ctimeMs]);
  });

  it('never goes through a link, and opens no pipe: the thing itself is removed', async () => {
    const directory = temporaryDirectory('over', { keepOwner: true });
    const outside = join(directory, 'outside');
    writeFileSync(outside, 'outside');
    const path = (name: string) => join(directory, name);
    symlinkSync(outside, path('link'));
    linkSync(outside, path('second name'));
    execFileSync('mkfifo', [path('pipe')]);
    mkdirSync(join(path('directory'), 'deep'), { recursive: true });
    symlinkSync(directory, join(path('directory'), 'deep', 'link'));
    for (const name of ['link', 'second name', 'pipe', 'directory', 'nothing']) {
      assert.equal(await openExisting(path(name), 0o600, open), undefined, name);
      assert.equal(lstatSync(path(name), { throwIfNoEntry: false }), undefined, name);
    }
    assert.equal(readFileSync(outside, 'utf8'), 'outside');
    assert.ok(existsSync(directory));
  });

  it('gives it its mode, also if nobody may read it', async () => {
    const path = join(temporaryDirectory('over', { keepOwner: true }), 'file');
    writeFileSync(path, 'a');
    chmodSync(path, 0);
    assert.ok(await overwrite(path, [Buffer.from('b')], 0o640));
    assert.equal(statSync(path).mode & 0o777, 0o640);
    assert.equal(readFileSync(path, 'utf8'), 'b');
  });
});
