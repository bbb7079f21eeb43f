import assert from 'node:assert/strict';
import { readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, describe, it } from 'vitest';
import { streamOf } from '../../../../src/base/bytes/streams.ts';
import { applyIncremental, digestOf } from '../../../../src/operations/restore/apply-incremental.ts';
import { encodeIncrementalHeader } from '../../../../src/postgres/cluster/incremental/header.ts';
import { sha256Hex } from '../../../../src/repository/format/json-object.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

const layout = { blockSizeBytes: 1024, relationSegmentBlocks: 100 };
const page = (letter: string) => Buffer.alloc(layout.blockSizeBytes, letter);
const pages = (letters: string) => Buffer.concat(Array.from(letters, page));

describe('the pages of an incremental file', () => {
  let path: string;
  beforeEach(() => {
    path = join(temporaryDirectory('apply'), '16384');
  });

  /** The relation file after an incremental file of this length, with these pages. */
  async function apply(changed: Readonly<Record<number, string>>, truncationBlocks: number): Promise<string> {
    const blocks = Uint32Array.from(Object.keys(changed), Number);
    const header = encodeIncrementalHeader({ blocks, truncationBlocks }, layout);
    const bytes = Buffer.concat([header, ...Object.values(changed).map(page)]);
    const handle = await applyIncremental(path, streamOf(bytes), { sizeBytes: bytes.length, layout });
    const { sizeBytes, sha256 } = await digestOf(handle);
    await handle.close();
    const file = readFileSync(path);
    assert.deepEqual([sizeBytes, sha256], [file.length, sha256Hex(file)]);
    return file.toString().replaceAll(/(.)\1{1023}/g, '$1');
  }

  it('take the place of older ones, and all else stays', async () => {
    writeFileSync(path, pages('abcde'));
    assert.equal(await apply({ 1: 'X', 2: 'Y', 4: 'Z' }, 5), 'aXYdZ');
    assert.equal(await apply({}, 5), 'aXYdZ');
  });

  it('make the file shorter or longer', async () => {
    writeFileSync(path, pages('abcde'));
    assert.equal(await apply({ 0: 'X' }, 2), 'Xb');
    assert.equal(await apply({ 2: 'c', 3: 'd' }, 4), 'Xbcd');
    assert.equal(await apply({}, 1), 'X');
  });

  it('must be all that the file gains: nobody would write the others', async () => {
    writeFileSync(path, pages('ab'));
    for (const changed of [{}, { 3: 'X' }, { 0: 'X', 2: 'Y' }])
      await assert.rejects(apply(changed, 4), /neither its incremental file nor the backup before/);
    assert.deepEqual(readFileSync(path), pages('ab'));
  });

  it('go into no file that the backups before have not', async () => {
    await assert.rejects(apply({ 0: 'X' }, 1), { code: 'damaged', message: /is in no backup before/ });
  });

  it('go through no link', async () => {
    const outside = join(temporaryDirectory('outside'), 'file');
    writeFileSync(outside, pages('ab'));
    symlinkSync(outside, path);
    await assert.rejects(apply({ 0: 'X' }, 2), { code: 'ELOOP' });
    assert.deepEqual(readFileSync(outside), pages('ab'));
  });

  it('are refused where the file is another size than its header says, before anything is written', async () => {
    writeFileSync(path, pages('ab'));
    const header = encodeIncrementalHeader({ blocks: Uint32Array.of(1), truncationBlocks: 2 }, layout);
    for (const bytes of [header, Buffer.concat([header, page('X'), page('Y')]), Buffer.alloc(12)])
      await assert.rejects(applyIncremental(path, streamOf(bytes), { sizeBytes: bytes.length, layout }), {
        code: 'damaged',
      });
    assert.deepEqual(readFileSync(path), pages('ab'));
  });
});
