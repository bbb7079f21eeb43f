import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import type { BackupEntry } from '../../../../../src/operations/backup/part/backup-entry.ts';
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
