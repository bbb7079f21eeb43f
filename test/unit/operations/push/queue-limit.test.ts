import assert from 'node:assert/strict';
import { test } from 'vitest';
import { isExpendable, waitingSegments } from '../../../../src/operations/push/queue-limit.ts';
import { walFile } from '../../../support/wal/wal.ts';

const first = '000000010000000000000010';
const second = '000000010000000000000011';

test('of the files that wait only segments count', () => {
  const names = [
    first,
    second,
    '00000001000000000000000E.partial',
    '00000001000000000000000D.00000028.backup',
    '00000002.history',
  ];
  assert.deepEqual(waitingSegments(names, first), { count: 2, isOldest: true });
  assert.deepEqual(waitingSegments(names, second), { count: 2, isOldest: false });
});

test('a file that the server does not wait for is never the oldest', () => {
  assert.equal(waitingSegments([second], first).isOldest, false);
  assert.equal(waitingSegments([], first).isOldest, false);
});

test('only a whole segment, the oldest, beyond the limit is expendable', () => {
  const oldest = { count: 3, isOldest: true };
  const over = { backlogBytes: 101, limitBytes: 100 };
  assert.equal(isExpendable(walFile(first), oldest, over), true);
  assert.equal(isExpendable(walFile(first), oldest, { backlogBytes: 100, limitBytes: 100 }), false);
  assert.equal(isExpendable(walFile(first), { count: 3, isOldest: false }, over), false);
  for (const name of [`${first}.partial`, `${first}.00000028.backup`, '00000002.history'])
    assert.equal(isExpendable(walFile(name), oldest, over), false, name);
});
