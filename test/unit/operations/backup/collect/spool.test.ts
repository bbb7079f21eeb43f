import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'vitest';
import { collect } from '../../../../../src/base/bytes/streams.ts';
import { Spool } from '../../../../../src/operations/backup/collect/spool.ts';
import { temporaryDirectory } from '../../../../support/site/temp.ts';

test('what was appended is read back, again and after more was appended, and has no name', async () => {
  const directory = temporaryDirectory('spool');
  await using spool = await Spool.create(directory);
  assert.deepEqual(readdirSync(directory), []);
  let expected = '';
  for (let round = 0; round < 3; round++) {
    for (let line = 0; line < 20_000; line++) {
      const text = `line ${round} ${line}\n`;
      expected += text;
      await spool.append(text);
    }
    assert.equal((await collect(spool.read(), 1e7)).toString(), expected);
    assert.equal(spool.sizeBytes, expected.length);
  }
});

test('a reader waits for what another caller has begun to write', async () => {
  await using spool = await Spool.create(temporaryDirectory('spool'));
  const content = Buffer.alloc(64 * 1024 ** 2, 1);
  const end = content.subarray(-100);
  const [, read] = await Promise.all([
    spool.append(content),
    collect(spool.read(content.length - end.length), 100),
  ]);
  assert(read.equals(end));
});

test('a directory that cannot be written is one clear error', async () => {
  await assert.rejects(Spool.create('/nowhere'), {
    code: 'local-io',
    message: /^create \/nowhere\/.*: no such file/,
    hint: /TMPDIR/,
  });
});
