import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeEach, it } from 'vitest';
import { writeFileDurably } from '../../../../src/base/files/durable.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory('files', { keepOwner: true });
});

it('writes a whole file with its mode and leaves nothing else', async () => {
  const path = join(directory, 'a');
  await writeFileDurably(path, 'one');
  await writeFileDurably(path, 'two', { mode: 0o640 });
  assert.equal(readFileSync(path, 'utf8'), 'two');
  assert.equal(statSync(path).mode & 0o777, 0o640);
  assert.deepEqual(readdirSync(directory), ['a']);
});

it('creates without replacing', async () => {
  const path = join(directory, 'a');
  writeFileSync(path, 'first');
  await assert.rejects(writeFileDurably(path, 'second', { as: 'create' }), { code: 'EEXIST' });
  assert.equal(readFileSync(path, 'utf8'), 'first');
  assert.deepEqual(readdirSync(directory), ['a']);
});

it('says where it failed and cleans up', async () => {
  mkdirSync(join(directory, 'taken'));
  await assert.rejects(writeFileDurably(join(directory, 'taken'), 'x'), {
    code: 'local-io',
    message: /write .*taken: /,
  });
  await assert.rejects(writeFileDurably(join(directory, 'no', 'x'), 'x'), {
    code: 'local-io',
    message: /no such file/,
  });
  assert.deepEqual(readdirSync(directory), ['taken']);
});
