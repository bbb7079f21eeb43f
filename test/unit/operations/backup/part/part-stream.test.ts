import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { collect, streamOf } from '../../../../../src/base/bytes/streams.ts';
import { silentLog } from '../../../../support/logs.ts';
import {
  inBlocks,
  streamPart,
  type BackupEntry,
} from '../../../../../src/operations/backup/part/part-stream.ts';
import { openLocalFiles } from '../../../../../src/operations/backup/part/read-file.ts';
import { runOk } from '../../../../support/site/run.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const options = {
  part: 7,
  open: openLocalFiles({ uid: 0, gid: 0 }),
  blockSizeBytes: 8192,
  pages: undefined,
  owner: { uid: 0, gid: 0 },
  log: silentLog,
  signal: new AbortController().signal,
};

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

  const { stream, content } = streamPart(members, options);
  const archive = await collect(stream, 1e8);
  const target = temporaryDirectory('target');
  await runOk('tar', ['xf', '-', '-C', target], { input: archive, as: 'self' });
  for (const [path, data] of contents) assert.deepEqual(readFileSync(join(target, path)), data, path);
  assert.equal(statSync(join(target, 'a')).mode & 0o777, 0o640);

  assert.deepEqual(
    content.entries.map(({ path }) => path),
    members.map(({ path }) => path).slice(0, -1),
  );
  for (const { path, type, sizeBytes, sha256, part } of content.entries) {
    if (type === 'directory') continue;
    const data = contents.get(path) ?? Buffer.alloc(0);
    assert.deepEqual(
      { sizeBytes, sha256, part },
      { sizeBytes: data.length, sha256: createHash('sha256').update(data).digest('hex'), part: 7 },
    );
  }
});

test('a file no cluster can be without must not vanish', async () => {
  const { stream } = streamPart([memberOf('/nowhere', 'PG_VERSION')], options);
  await assert.rejects(collect(stream, 1e6), { code: 'local-io', message: /vanished/ });
});

test('a file that may not be read ends the part with its name', async () => {
  const { stream } = streamPart([memberOf('/proc/self', 'mem/x')], options);
  await assert.rejects(collect(stream, 1e6), {
    code: 'local-io',
    message: /^read \/proc\/self\/mem\/x: not a directory/,
  });
});

test('small pieces are gathered into blocks; a block is whole while three more are asked for', async () => {
  const pieces = Array.from({ length: 9000 }, (_, index) => Buffer.alloc(1000, index % 251));
  const held: { block: Uint8Array; copy: Buffer }[] = [];
  let sizeBytes = 0;
  for await (const block of inBlocks(streamOf(...pieces))) {
    held.push({ block, copy: Buffer.from(block) });
    for (const recent of held.slice(-4)) assert.ok(recent.copy.equals(recent.block));
    sizeBytes += block.length;
  }
  assert.equal(sizeBytes, 9_000_000);
  assert.deepEqual(Buffer.concat(held.map(({ copy }) => copy)), Buffer.concat(pieces));
});
