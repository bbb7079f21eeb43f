import assert from 'node:assert/strict';
import { test } from 'vitest';
import { collect, streamOf } from '../../../../src/base/bytes/streams.ts';
import { compressZstd } from '../../../../src/pipeline/zstd/streaming.ts';
import { readPiece } from '../../../../src/repository/backup/stored-piece.ts';
import { sha256Hex } from '../../../../src/repository/format/json-object.ts';
import { makeRepository, signal } from '../../../support/site/archive.ts';

test('a piece is read to its end, and a reader that stops before is told that it goes on', async () => {
  const repository = await makeRepository();
  const plain = Buffer.from('a line\n'.repeat(100_000));
  const data = await collect(compressZstd({ level: 1 })(streamOf(plain)), plain.length);
  const key = 'orders/7/backups/x/parts/000001.tar.zst';
  await repository.store.put(key, [data], { ifAbsent: true, objectClass: 'backup', signal });
  const piece = {
    name: 'parts/000001.tar.zst',
    storedSizeBytes: data.length,
    storedSha256: sha256Hex(data),
    plainSizeBytes: plain.length,
  };
  const source = { key, record: { sizeBytes: plain.length, fileCount: 1 }, piece, signal };
  await readPiece(repository, source, async decoded => {
    assert.ok((await collect(decoded, plain.length)).equals(plain));
  });
  for (const read of [0, 1])
    await assert.rejects(
      readPiece(repository, source, async decoded => {
        const chunks = decoded[Symbol.asyncIterator]();
        for (let count = 0; count < read; count++) await chunks.next();
      }),
      { code: 'damaged', message: /000001\.tar\.zst: it goes on after its end/ },
    );
});
