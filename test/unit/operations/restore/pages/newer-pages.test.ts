/** A relation file that several backups have in pieces: the newest comes first, the oldest brings all that is left. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { crc32c } from '../../../../../src/base/checksum/crc32c.ts';
import { keepIncremental } from '../../../../../src/operations/restore/pages/keep-incremental.ts';
import { withNewerPages } from '../../../../../src/operations/restore/pages/with-newer-pages.ts';
import { encodeIncrementalHeader } from '../../../../../src/postgres/cluster/incremental/header.ts';
import { sha256Hex } from '../../../../../src/repository/format/json-object.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const layout = { blockSizeBytes: 1024, relationSegmentBlocks: 100 };
const { blockSizeBytes } = layout;
const page = (letter: string) => Buffer.alloc(blockSizeBytes, letter);
const pages = (letters: string) => Buffer.concat(Array.from(letters, page));

interface Changed {
  /** By the numbers of their blocks. */
  readonly pages: Readonly<Record<number, string>>;
  readonly blocks: number;
}

describe('a relation file', () => {
  let directory: string;
  let place: string;
  beforeEach(() => {
    directory = temporaryDirectory('pages');
    place = join(directory, '16384');
  });

  async function keep(changed: Buffer, isNewest: boolean): Promise<void> {
    await using relation = await open(place, isNewest ? 'w+' : 'r+');
    const file = { sizeBytes: changed.length, layout, isNewest };
    await keepIncremental({ place, relation }, inPieces(changed), file);
  }

  /** What becomes of the oldest file and those that changed it, the oldest first; one letter a page. */
  async function restored(oldest: string, ...changes: readonly Changed[]): Promise<string> {
    for (const [index, changed] of changes.toReversed().entries())
      await keep(incrementalFile(changed), index === 0);
    await using relation = await open(place, 'r+');
    const content = pages(oldest);
    const file = { sizeBytes: content.length, sha256: sha256Hex(content), blockSizeBytes };
    let at = 0;
    const made = await withNewerPages({ place, relation }, inPieces(content), file, async bytes => {
      await relation.write(bytes, 0, bytes.length, at);
      at += bytes.length;
    });
    const result = readFileSync(place);
    assert.deepEqual(
      { sha256: sha256Hex(result), crc32c: crc32c(result), ...made },
      { sizeBytes: result.length, sha256: sha256Hex(result), crc32c: crc32c(result) },
    );
    assert.ok(made.sha256 ?? made.crc32c);
    assert.deepEqual(readdirSync(directory), ['16384'], 'nothing waits any more');
    return result.toString().replaceAll(/(.)\1{1023}/g, '$1');
  }

  it('gets each page from the newest backup that has it', async () => {
    assert.equal(await restored('abcde', { pages: { 1: 'X', 2: 'Y', 4: 'Z' }, blocks: 5 }), 'aXYdZ');
    const older = { pages: { 0: 'P', 1: 'Q', 4: 'R' }, blocks: 5 };
    assert.equal(await restored('abcde', older, { pages: { 1: 'X', 2: 'Y' }, blocks: 5 }), 'PXYdR');
    assert.equal(await restored('abcde', older, { pages: {}, blocks: 5 }), 'PQcdR');
    assert.equal(await restored('abcde', { pages: {}, blocks: 5 }, older), 'PQcdR');
    assert.equal(await restored('abcde', { pages: {}, blocks: 5 }), 'abcde');
  });

  it('becomes shorter or longer', async () => {
    const shorter = { pages: { 0: 'X' }, blocks: 2 };
    assert.equal(await restored('abcde', shorter), 'Xb');
    assert.equal(await restored('ab', { pages: { 2: 'c', 3: 'd' }, blocks: 4 }), 'abcd');
    assert.equal(await restored('abcde', { pages: {}, blocks: 1 }), 'a');
    const regrown = { pages: { 1: 'Y', 2: 'Z', 3: 'W' }, blocks: 4 };
    assert.equal(await restored('abcde', shorter, regrown), 'XYZW');
    assert.equal(await restored('', { pages: { 0: 'n' }, blocks: 1 }), 'n');
  });

  it('has no page that no backup has: it would read as zeros', async () => {
    const lacking: [string, ...Changed[]][] = [
      ['ab', { pages: {}, blocks: 4 }],
      ['ab', { pages: { 3: 'X' }, blocks: 4 }],
      ['ab', { pages: { 0: 'X', 2: 'Y' }, blocks: 4 }],
      // It was cut in between: what the oldest one has there is no page of this file.
      ['abcd', { pages: {}, blocks: 2 }, { pages: { 3: 'Y' }, blocks: 4 }],
      ['abcd', { pages: {}, blocks: 2 }, { pages: {}, blocks: 4 }],
    ];
    for (const [oldest, ...changes] of lacking)
      await assert.rejects(restored(oldest, ...changes), /neither its incremental files nor the backup/);
  });

  it('is not made over an oldest file that ends within a page', async () => {
    await keep(incrementalFile({ pages: {}, blocks: 1 }), true);
    await using relation = await open(place, 'r+');
    const file = { sizeBytes: 1000, sha256: '', blockSizeBytes };
    await assert.rejects(
      withNewerPages({ place, relation }, inPieces(Buffer.alloc(1000)), file, async () => undefined),
      /no whole pages/,
    );
  });

  it('has its pages set aside in a file of its own, through no link', async () => {
    const outside = join(temporaryDirectory('outside'), 'file');
    writeFileSync(outside, Buffer.alloc(5000));
    symlinkSync(outside, `${place}.walvault-pages`);
    assert.equal(await restored('ab', { pages: { 0: 'X' }, blocks: 2 }), 'Xb');
    await keep(incrementalFile({ pages: { 0: 'X' }, blocks: 1 }), true);
    unlinkSync(`${place}.walvault-pages`);
    symlinkSync(outside, `${place}.walvault-pages`);
    await assert.rejects(keep(incrementalFile({ pages: { 0: 'Y' }, blocks: 1 }), false), { code: 'ELOOP' });
    assert.deepEqual(readFileSync(outside), Buffer.alloc(5000));
  });

  it('has no pages of a restore that was killed', async () => {
    await keep(incrementalFile({ pages: { 0: 'X' }, blocks: 2 }), true);
    assert.equal(await restored('ab', { pages: { 1: 'Y' }, blocks: 2 }), 'aY');
    await keep(incrementalFile({ pages: { 0: 'X' }, blocks: 2 }), true);
    assert.equal(await restored('ab', { pages: {}, blocks: 2 }), 'ab');
  });

  it('takes nothing of an incremental file of another size than its header says', async () => {
    const file = incrementalFile({ pages: { 1: 'X' }, blocks: 2 });
    for (const bytes of [
      file.subarray(0, blockSizeBytes),
      Buffer.concat([file, page('Y')]),
      Buffer.alloc(12),
    ]) {
      await assert.rejects(keep(bytes, true), { code: 'damaged' });
      assert.deepEqual(readFileSync(place), Buffer.alloc(0));
    }
  });
});

function incrementalFile({ pages: changed, blocks }: Changed): Buffer {
  const numbers = Uint32Array.from(Object.keys(changed), Number);
  const header = encodeIncrementalHeader({ blocks: numbers, truncationBlocks: blocks }, layout);
  return Buffer.concat([header, ...Object.values(changed).map(page)]);
}

/** Pieces that cut pages anywhere. */
async function* inPieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 700) yield bytes.subarray(at, at + 700);
}
