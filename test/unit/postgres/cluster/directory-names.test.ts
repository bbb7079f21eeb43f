import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'vitest';
import { DirectoryNames } from '../../../../src/postgres/cluster/directory-names.ts';
import { temporaryDirectory } from '../../../support/site/temp.ts';

test('the names of a directory come in the order of their bytes, however many there are', async () => {
  const directory = temporaryDirectory('names', { keepOwner: true });
  const names = ['10', '1', '1.1', '1_fsm', 'é', '\u{1F418}', '\uFF5E', 'x'.repeat(255), 'Z', 'a'];
  for (let number = 0; number < 3000; number++) names.push(String(3_000_000_000 + number * 7));
  for (const name of names) writeFileSync(join(directory, name), '');
  const found = await DirectoryNames.in(directory);
  const expected = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual([...found], expected);
  assert.deepEqual([...found], expected, 'a second time');
});

test('a directory without names has none', async () => {
  assert.deepEqual([...(await DirectoryNames.in(temporaryDirectory('names', { keepOwner: true })))], []);
});
