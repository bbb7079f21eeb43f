/** docs/rooms.md says of each source file what the file says of itself. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { test } from 'vitest';
import { describeRooms, firstSentence } from '../../scripts/rooms/describe-rooms.ts';

const root = resolve(import.meta.dirname, '../..');

test('docs/rooms.md is what `npm run rooms` writes', () => {
  assert.equal(readFileSync(resolve(root, 'docs/rooms.md'), 'utf8'), describeRooms(resolve(root, 'src')));
});

test('the first sentence of a file is found in its first docstring', () => {
  assert.equal(firstSentence('/** One: two. Three. */'), 'One: two.');
  assert.equal(
    firstSentence('/**\n * A name\n * in two lines. More.\n *\n * Else.\n */'),
    'A name in two lines.',
  );
  assert.equal(
    firstSentence('/** `a | b` of 1.5 MiB, as it is. @throws Error */'),
    '`a \\| b` of 1.5 MiB, as it is.',
  );
  assert.equal(firstSentence('const a = 1;\n/** Not of the file. */'), '');
});
