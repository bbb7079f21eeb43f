import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { PageCheck } from '../../../../../src/operations/backup/part/page-check.ts';
import {
  openLocalFiles,
  readExactly,
  type ReadableFile,
} from '../../../../../src/operations/backup/part/read-file.ts';
import { pageChecksum } from '../../../../../src/postgres/cluster/page-checksum.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';
import { requireRoot } from '../../../../support/site/unprivileged.ts';

const signal = new AbortController().signal;
const blockSizeBytes = 8192;

/** A file whose content may change between reads, and which reads as short as it likes. */
function fileOf(contents: () => Buffer, longestRead = Infinity): ReadableFile {
  return {
    async read(buffer, offset, length, position) {
      const piece = contents().subarray(position, position + Math.min(length, longestRead));
      buffer.set(piece, offset);
      return { bytesRead: piece.length };
    },
    stat: () => Promise.resolve({ size: contents().length, mode: 0o600, mtimeMs: 0 }),
    close: () => Promise.resolve(),
  };
}

async function readAll(file: ReadableFile, sizeBytes: number, pageCheck?: PageCheck): Promise<Buffer> {
  const chunks: Buffer[] = [];
  const options = {
    path: 'f',
    sizeBytes,
    buffer: Buffer.alloc(2 * blockSizeBytes),
    pageCheck,
    blockSizeBytes,
    signal,
  };
  for await (const chunk of readExactly(file, options)) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

const noise = (sizeBytes: number) =>
  Buffer.from(Array.from({ length: sizeBytes }, (_, index) => 1 + (index % 255)));

test('a file that stays the same comes as it is, also in short reads', async () => {
  const data = noise(50_000);
  assert.deepEqual(
    await readAll(
      fileOf(() => data),
      50_000,
    ),
    data,
  );
  assert.deepEqual(
    await readAll(
      fileOf(() => data, 1000),
      50_000,
    ),
    data,
  );
});

test('a file that grows is cut to its size in the header', async () => {
  let data = noise(20_000);
  const file = fileOf(() => {
    const seen = data;
    data = noise(90_000);
    return seen;
  });
  assert.ok(noise(20_000).equals(await readAll(file, 20_000)));
});

test('a file that shrinks is filled with zeros', async () => {
  let reads = 0;
  const file = fileOf(() => noise(reads++ === 0 ? 50_000 : 20_000));
  const expected = Buffer.concat([noise(20_000), Buffer.alloc(30_000)]);
  assert.ok(expected.equals(await readAll(file, 50_000)));
});

function page(lsn: bigint, blockNumber: number, isGood: boolean): Buffer {
  const data = noise(blockSizeBytes);
  data.writeUInt32LE(Number(lsn >> 32n), 0);
  data.writeUInt32LE(Number(lsn & 0xffff_ffffn), 4);
  data.writeUInt16LE(pageChecksum(data, blockNumber), 8);
  if (!isGood) data[5000] = (data[5000] ?? 0) ^ 1;
  return data;
}

function checkOf(path = 'base/5/16384'): PageCheck {
  const currentLsn = () => Promise.resolve(2000n);
  return new PageCheck({ blockSizeBytes, relationSegmentBlocks: 131_072, startLsn: 1000n, currentLsn }, path);
}

test('a bad page counts by its LSN: before the start and beyond the end, not between', async () => {
  const pages = [
    page(999n, 0, false),
    page(1000n, 1, false),
    page(2000n, 2, false),
    page(2001n, 3, false),
    page(1n, 4, true),
  ];
  const check = checkOf();
  await readAll(
    fileOf(() => Buffer.concat(pages)),
    pages.length * blockSizeBytes,
    check,
  );
  assert.deepEqual(
    check.damaged.map(damaged => damaged.page),
    [0, 3],
  );
});

test('a page seen half written is read again, and the better one is kept', async () => {
  let reads = 0;
  const file = fileOf(() => page(5n, 0, reads++ > 1));
  const check = checkOf();
  assert.deepEqual(await readAll(file, blockSizeBytes, check), page(5n, 0, true));
  assert.deepEqual(check.damaged, []);
});

test('block numbers go on over the files of a relation', async () => {
  const check = checkOf('base/5/16384.2');
  await readAll(
    fileOf(() => page(5n, 2 * 131_072, true)),
    blockSizeBytes,
    check,
  );
  assert.deepEqual(check.damaged, []);
  const wrong = checkOf('base/5/16384.1');
  await readAll(
    fileOf(() => page(5n, 2 * 131_072, true)),
    blockSizeBytes,
    wrong,
  );
  assert.deepEqual(wrong.damaged, [{ path: 'base/5/16384.1', page: 0 }]);
});

test('zeros, a page cut off meanwhile and a rest shorter than a page are no damage', async () => {
  const check = checkOf();
  await readAll(
    fileOf(() => Buffer.alloc(blockSizeBytes)),
    blockSizeBytes,
    check,
  );
  let reads = 0;
  const shrinking = fileOf(() => (reads++ === 0 ? page(5n, 0, false).subarray(0, 8000) : Buffer.alloc(0)));
  await readAll(shrinking, blockSizeBytes, check);
  await readAll(
    fileOf(() => noise(5000)),
    5000,
    check,
  );
  assert.deepEqual(check.damaged, []);
});

test('root reads for a backup only what the user of the server may read', async () => {
  requireRoot('files of several accounts');
  const path = join(temporaryDirectory('read', { keepOwner: true }), 'file');
  writeFileSync(path, 'x');
  const open = openLocalFiles({ uid: 4001, gid: 4002 });
  for (const [uid, gid, mode, isRead] of [
    [0, 0, 0o600, false],
    [0, 0, 0o604, true],
    [0, 4002, 0o640, true],
    [0, 4003, 0o640, false],
    [4001, 0, 0o400, true],
    [4001, 0, 0o004, false],
  ] as const) {
    chownSync(path, uid, gid);
    chmodSync(path, mode);
    if (isRead) await (await open(path))?.close();
    else await assert.rejects(open(path), /user 4001, who owns the data directory, may not read it/);
  }
  assert.equal(await open(`${path}.gone`), undefined);
});
