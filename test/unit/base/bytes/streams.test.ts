import assert from 'node:assert/strict';
import { test } from 'vitest';
import { release } from '../../../../src/base/bytes/streams.ts';

test('release: a large buffer gives its memory back at once', () => {
  const buffer = Buffer.allocUnsafeSlow(2 * 1024 ** 2);
  release(buffer.subarray(0, 20));
  assert.equal(buffer.length, 0);
});

test('release: a buffer that may share its memory with others keeps it', () => {
  const [small, neighbour] = [Buffer.from('small'), Buffer.from('neighbour')];
  release(small);
  assert.equal(small.toString(), 'small');
  assert.equal(neighbour.toString(), 'neighbour');
});
