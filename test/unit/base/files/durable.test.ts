import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, it } from 'vitest';
import { writeFileDurably } from '../../../../src/base/files/durable.ts';
import { recordSteps, stopRecording } from '../../../support/faults/recorded-steps.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

let directory: string;
beforeEach(() => {
  directory = temporaryDirectory('files', { keepOwner: true });
});
afterEach(stopRecording);

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

it('names a file once its bytes are on disk, and returns once its name is', async () => {
  const path = join(directory, 'a');
  const recorded = recordSteps(directory);
  await writeFileDurably(path, 'one', { as: 'create' });
  await writeFileDurably(path, 'two');
  assert.deepEqual(recorded.steps, [
    ...['sync TEMP', 'link TEMP a', 'sync .'],
    ...['sync TEMP', 'rename TEMP a', 'sync .'],
  ]);
});

it('keeps the old file when the new one could not be made durable', async () => {
  const path = join(directory, 'a');
  await writeFileDurably(path, 'one');
  recordSteps(directory).failSyncOf = 'TEMP';
  await assert.rejects(writeFileDurably(path, 'two'), { code: 'local-io' });
  assert.equal(readFileSync(path, 'utf8'), 'one');
  assert.deepEqual(readdirSync(directory), ['a']);
});
