import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { HighwayKey } from '../../../../../src/base/checksum/highway-hash.ts';
import type { BackupEntry, PartMember } from '../../../../../src/operations/backup/part/backup-entry.ts';
import { emptyContent } from '../../../../../src/operations/backup/part/part-options.ts';
import { provePart } from '../../../../../src/operations/backup/part/prove-part.ts';
import { streamTask } from '../../../../../src/operations/backup/part/stream-task.ts';
import { TarBuffer } from '../../../../../src/operations/backup/part/tar-buffer.ts';
import { LocalPartWriter } from '../../../../../src/operations/backup/part/write-part.ts';
import { silentLog } from '../../../../support/logs.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

const contents = ['first', 'second', 'third'];

async function prove(change: (directory: string) => void = () => undefined) {
  const directory = temporaryDirectory('data');
  for (const text of contents) writeFileSync(join(directory, text), text);
  const members: BackupEntry[] = contents.map(path => ({
    ...{ path, type: 'file', sizeBytes: path.length, mode: 0o600, mtimeMs: 0 },
    sourcePath: join(directory, path),
  }));
  change(directory);
  const task = {
    ...{ members, blockSizeBytes: 8192, pages: undefined, withCrc32c: true, bytesPerSecond: undefined },
    relationSegmentBlocks: 131072,
    digestsOf: undefined,
    audit: undefined,
    owner: { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 },
    sha256: contents.map(text => createHash('sha256').update(text).digest('hex')),
  };
  const run = { log: silentLog, signal: new AbortController().signal, onBytes: () => undefined };
  return await new LocalPartWriter([]).prove(task, run);
}

test('a part is proven by the bytes of each member, which are told as for a new part', async () => {
  const proven = await prove();
  assert.deepEqual(
    proven?.copied.map(({ member, sizeBytes }) => [member, sizeBytes]),
    contents.map((text, member) => [member, text.length]),
  );
  assert.ok(proven?.copied.every(({ crc32c }) => crc32c !== undefined));
});

test('one byte changed in place, one added, or a member gone: it is not proven', async () => {
  for (const name of contents) {
    assert.equal(
      await prove(directory => writeFileSync(join(directory, name), 'x'.repeat(name.length))),
      undefined,
    );
    assert.equal(await prove(directory => writeFileSync(join(directory, name), `${name}x`)), undefined);
    assert.equal(await prove(directory => rmSync(join(directory, name))), undefined);
  }
});

test('an incremental file is proven if the same pages are found on the parent, with the same bytes', async () => {
  const directory = temporaryDirectory('proven');
  const sourcePath = join(directory, '16384');
  const pages = (letters: string) => Buffer.concat(Array.from(letters, letter => Buffer.alloc(8192, letter)));
  const digestKey = new HighwayKey(Buffer.alloc(32, 7));
  const owner = { uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 };
  const rules = {
    ...{ blockSizeBytes: 8192, relationSegmentBlocks: 131072, pages: undefined, withCrc32c: false, owner },
    ...{ bytesPerSecond: undefined, digestsOf: undefined, audit: undefined },
  };
  const run = () => ({
    ...{ log: silentLog, signal: new AbortController().signal, onBytes: () => undefined },
    ...{ buffer: new TarBuffer(), digestKey },
  });
  const file = {
    path: 'base/5/16384',
    type: 'file',
    sizeBytes: 0,
    mode: 0o600,
    mtimeMs: 0,
    sourcePath,
  } as const;
  const read = async (member: PartMember) => {
    const content = emptyContent();
    await Array.fromAsync(streamTask({ ...rules, members: [member] }, run(), content));
    return content;
  };
  writeFileSync(sourcePath, pages('abcdef'));
  const [before] = (await read(file)).digests;
  writeFileSync(join(directory, 'digests'), before?.digests ?? '');
  const fd = openSync(join(directory, 'digests'), 'r');
  const member = { ...file, parentPages: { fd, position: 0, pageCount: 6 } };
  writeFileSync(sourcePath, pages('aXcdef'));
  const [stored] = (await read(member)).copied;
  assert.equal(stored?.relationBytes, 6 * 8192);
  const isProven = async (now: string) => {
    writeFileSync(sourcePath, pages(now));
    const task = { ...rules, members: [member], sha256: [stored?.sha256] };
    return (await provePart(task, run())) !== undefined;
  };
  assert.deepEqual(
    [await isProven('aXcdef'), await isProven('aYcdef'), await isProven('aXcdeF'), await isProven('aXcde')],
    [true, false, false, false],
  );
  closeSync(fd);
});
