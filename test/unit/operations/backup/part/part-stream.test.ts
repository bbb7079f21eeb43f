import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { crc32c } from '../../../../../src/base/checksum/crc32c.ts';
import { silentLog } from '../../../../support/logs.ts';
import type { BackupEntry } from '../../../../../src/operations/backup/part/backup-entry.ts';
import {
  emptyContent,
  type PartContent,
  type PartOptions,
} from '../../../../../src/operations/backup/part/part-options.ts';
import { streamPart } from '../../../../../src/operations/backup/part/part-stream.ts';
import { openLocalFiles } from '../../../../../src/operations/backup/part/read-file.ts';
import { TarBuffer } from '../../../../../src/operations/backup/part/tar-buffer.ts';
import { PageBuffer } from '../../../../../src/postgres/cluster/page-buffer.ts';
import { runOk } from '../../../../support/site/run.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const options: PartOptions = {
  open: openLocalFiles({ uid: 0, gid: 0 }),
  buffer: new TarBuffer(new PageBuffer(1024 ** 2)),
  blockSizeBytes: 8192,
  pages: undefined,
  withCrc32c: true,
  relationSegmentBlocks: 131072,
  digestKey: undefined,
  owner: { uid: 0, gid: 0 },
  mayRead: () => undefined,
  log: silentLog,
  signal: new AbortController().signal,
};

/** The pieces one after another, each copied while it is valid. */
async function write(
  members: readonly BackupEntry[],
): Promise<{ readonly archive: Buffer; readonly content: PartContent; readonly pieces: number[] }> {
  const content = emptyContent();
  const pieces: Buffer[] = [];
  for await (const piece of streamPart(members, options, content)) pieces.push(Buffer.from(piece));
  return { archive: Buffer.concat(pieces), content, pieces: pieces.map(({ length }) => length) };
}

function memberOf(directory: string, path: string, type: 'file' | 'directory' = 'file'): BackupEntry {
  return { path, type, sizeBytes: 0, mode: 0o700, mtimeMs: 0, sourcePath: join(directory, path) };
}

test('tar unpacks a part to the files it was made of, and each is in the manifest with its digest', async () => {
  const source = temporaryDirectory('source');
  mkdirSync(join(source, 'd'));
  const contents = new Map([
    ['a', Buffer.from('hello')],
    ['d/empty', Buffer.alloc(0)],
    ['d/large', Buffer.alloc(3_500_001, 'walvault ')],
    [`d/${'n'.repeat(180)}`, Buffer.from('long name')],
  ]);
  for (const [path, data] of contents) writeFileSync(join(source, path), data, { mode: 0o640 });
  const members = [memberOf(source, 'a'), memberOf(source, 'd', 'directory')];
  members.push(
    ...[...contents.keys()].slice(1).map(path => memberOf(source, path)),
    memberOf(source, 'vanished'),
  );

  const { archive, content, pieces } = await write(members);
  assert.ok(
    pieces.every(sizeBytes => sizeBytes <= 1024 ** 2),
    pieces.join(),
  );
  assert.equal(pieces.length, 4, 'the buffer is used whole');
  const target = temporaryDirectory('target');
  await runOk('tar', ['xf', '-', '-C', target], { input: archive, as: 'self' });
  for (const [path, data] of contents) assert.deepEqual(readFileSync(join(target, path)), data, path);
  assert.equal(statSync(join(target, 'a')).mode & 0o777, 0o640);

  assert.deepEqual(
    content.copied.map(({ member }) => members[member]?.path),
    members.map(({ path }) => path).slice(0, -1),
  );
  for (const { member, ...copied } of content.copied) {
    const { path, type } = members[member] ?? memberOf('', '');
    if (type === 'directory') continue;
    const data = contents.get(path) ?? Buffer.alloc(0);
    const { mtimeMs } = statSync(join(source, path));
    assert.deepEqual(copied, {
      sizeBytes: data.length,
      mode: 0o640,
      mtimeMs: Math.floor(mtimeMs),
      sha256: createHash('sha256').update(data).digest('hex'),
      crc32c: crc32c(data),
    });
  }
});

test('a file no cluster can be without must not vanish', async () => {
  await assert.rejects(write([memberOf('/nowhere', 'PG_VERSION')]), {
    code: 'local-io',
    message: /vanished/,
  });
});

test('a file that may not be read ends the part with its name', async () => {
  await assert.rejects(write([memberOf('/proc/self', 'mem/x')]), {
    code: 'local-io',
    message: /^read \/proc\/self\/mem\/x: not a directory/,
  });
});
