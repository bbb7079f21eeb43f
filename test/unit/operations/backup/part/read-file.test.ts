import assert from 'node:assert/strict';
import { chmodSync, chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { collect } from '../../../../../src/base/bytes/streams.ts';
import { damagedAmong } from '../../../../../src/operations/damaged-pages.ts';
import type { PageCheckSettings } from '../../../../../src/operations/backup/part/page-check.ts';
import { emptyContent } from '../../../../../src/operations/backup/part/part-options.ts';
import { streamPart } from '../../../../../src/operations/backup/part/part-stream.ts';
import { openLocalFiles, type ReadableFile } from '../../../../../src/operations/backup/part/read-file.ts';
import { TarBuffer } from '../../../../../src/operations/backup/part/tar-buffer.ts';
import { readTar } from '../../../../../src/pipeline/tar/index.ts';
import { PageBuffer } from '../../../../../src/postgres/cluster/page-buffer.ts';
import { pageChecksum } from '../../../../../src/postgres/cluster/page-checksum.ts';
import { silentLog } from '../../../../support/logs.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';
import { requireRoot } from '../../../../support/site/unprivileged.ts';

const usualBlockSizeBytes = 8192;

/** A file whose content may change between reads, and which reads as short as it likes. */
function fileOf(
  contents: () => Buffer,
  { longestRead = Infinity, sizeBytes = contents().length } = {},
): ReadableFile {
  return {
    read(buffer, offset, length, position) {
      const piece = contents().subarray(position, position + Math.min(length, longestRead));
      buffer.set(piece, offset);
      return piece.length;
    },
    stat: () => ({ size: sizeBytes, mode: 0o600, mtimeMs: 0 }),
    close: () => undefined,
  };
}

/** Writes a part with this file alone, in pieces of three pages, and reads it back from the tar. */
async function copy(file: ReadableFile, path = 'base/5/16384', blockSizeBytes = usualBlockSizeBytes) {
  const pages: PageCheckSettings = { blockSizeBytes, relationSegmentBlocks: 1024 ** 3 / blockSizeBytes };
  const content = emptyContent();
  const member = { path, type: 'file', sizeBytes: 0, mode: 0, mtimeMs: 0, sourcePath: path } as const;
  const options = {
    open: () => file,
    buffer: new TarBuffer(new PageBuffer(3 * blockSizeBytes)),
    blockSizeBytes,
    pages,
    withCrc32c: false,
    relationSegmentBlocks: 131072,
    digestKey: undefined,
    owner: { uid: 0, gid: 0 },
    mayRead: () => undefined,
    log: silentLog,
    signal: new AbortController().signal,
  };
  async function* copied() {
    for await (const piece of streamPart([member], options, content)) yield Buffer.from(piece);
  }
  const data: Buffer[] = [];
  for await (const tarMember of readTar(copied())) data.push(await collect(tarMember.content, 1e9));
  const damaged = damagedAmong(content.suspects, { startLsn: 1000n, currentLsn: 2000n });
  return { data: Buffer.concat(data), damaged };
}

const noise = (sizeBytes: number) =>
  Buffer.from(Array.from({ length: sizeBytes }, (_, index) => 1 + (index % 255)));

test('a file that stays the same comes as it is, also in short reads', async () => {
  const data = noise(50_000);
  for (const longestRead of [Infinity, 1000])
    assert.ok(
      data.equals(
        (
          await copy(
            fileOf(() => data, { longestRead }),
            'pg_xact/0000',
          )
        ).data,
      ),
    );
});

test('a file that grows is cut to its size in the header', async () => {
  const grown = fileOf(() => noise(90_000), { sizeBytes: 20_000 });
  assert.ok(noise(20_000).equals((await copy(grown, 'f')).data));
});

test('a file that shrinks is filled with zeros', async () => {
  let reads = 0;
  const file = fileOf(() => noise(reads++ === 0 ? 50_000 : 20_000), { sizeBytes: 50_000 });
  const expected = Buffer.concat([noise(20_000), Buffer.alloc(30_000)]);
  assert.ok(expected.equals((await copy(file, 'f')).data));
});

function page(
  lsn: bigint,
  blockNumber: number,
  isGood: boolean,
  blockSizeBytes = usualBlockSizeBytes,
): Buffer {
  const data = noise(blockSizeBytes);
  data.writeUInt32LE(Number(lsn >> 32n), 0);
  data.writeUInt32LE(Number(lsn & 0xffff_ffffn), 4);
  data.writeUInt16LE(pageChecksum(data, blockNumber), 8);
  if (!isGood) data[500] = (data[500] ?? 0) ^ 1;
  return data;
}

test.each([1024, usualBlockSizeBytes, 32_768])(
  'a bad page of %d bytes counts by its LSN: before the start and beyond the end, not between',
  async blockSizeBytes => {
    const data = Buffer.concat([
      page(999n, 0, false, blockSizeBytes),
      page(1000n, 1, false, blockSizeBytes),
      page(2000n, 2, false, blockSizeBytes),
      page(2001n, 3, false, blockSizeBytes),
      page(1n, 4, true, blockSizeBytes),
    ]);
    const copied = await copy(
      fileOf(() => data),
      'base/5/16384',
      blockSizeBytes,
    );
    assert.deepEqual(
      copied.damaged.map(damaged => damaged.page),
      [0, 3],
    );
    assert.ok(data.equals(copied.data), 'the backup has them as they are');
  },
);

test('a page seen half written is read again, and the better one is kept', async () => {
  let reads = 0;
  const file = fileOf(() => page(5n, 0, reads++ > 1), { sizeBytes: usualBlockSizeBytes });
  const { data, damaged } = await copy(file);
  assert.ok(page(5n, 0, true).equals(data));
  assert.deepEqual(damaged, []);
});

test('block numbers go on over the files of a relation', async () => {
  const file = () => fileOf(() => page(5n, 2 * 131_072, true));
  assert.deepEqual((await copy(file(), 'base/5/16384.2')).damaged, []);
  assert.deepEqual((await copy(file(), 'base/5/16384.1')).damaged, [{ path: 'base/5/16384.1', page: 0 }]);
});

test('zeros, a page cut off meanwhile and a rest shorter than a page are no damage', async () => {
  assert.deepEqual((await copy(fileOf(() => Buffer.alloc(usualBlockSizeBytes)))).damaged, []);
  let reads = 0;
  const shrinking = fileOf(() => (reads++ === 0 ? page(5n, 0, false).subarray(0, 8000) : Buffer.alloc(0)), {
    sizeBytes: usualBlockSizeBytes,
  });
  assert.deepEqual((await copy(shrinking)).damaged, []);
  assert.deepEqual((await copy(fileOf(() => noise(5000)))).damaged, []);
});

test('root reads for a backup only what the user of the server may read', () => {
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
    if (isRead) open(path)?.close();
    else assert.throws(() => open(path), /user 4001, who owns the data directory, may not read it/);
  }
  assert.equal(open(`${path}.gone`), undefined);
});
