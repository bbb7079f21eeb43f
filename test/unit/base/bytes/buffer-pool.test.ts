import assert from 'node:assert/strict';
import { test } from 'vitest';
import { BufferPool } from '../../../../src/base/bytes/buffer-pool.ts';

const mebibyte = 1024 ** 2;

test('a buffer that was given back is used again, also for a larger file', () => {
  const pool = new BufferPool();
  const first = pool.take(3 * mebibyte);
  pool.give(first.subarray(100));
  const second = pool.take(16 * mebibyte + 70_000);
  assert.equal(second.length, 16 * mebibyte + 70_000);
  assert.equal(second.buffer, first.buffer);
  assert.deepEqual([first.byteOffset, second.byteOffset], [16, 16], 'behind what malloc keeps of its pages');
});

test('a buffer that was not given back is nobody else’s', () => {
  const pool = new BufferPool();
  assert.notEqual(pool.take(mebibyte).buffer, pool.take(mebibyte).buffer);
});

test('what may share its memory with others is not kept', () => {
  const pool = new BufferPool();
  pool.give(Buffer.from('small'));
  assert.ok(pool.take(5).buffer.byteLength > mebibyte);
});

test('a buffer that is too small is left to those it fits', () => {
  const pool = new BufferPool();
  const small = pool.take(mebibyte);
  pool.give(small);
  assert.notEqual(pool.take(20 * mebibyte).buffer, small.buffer);
  assert.equal(pool.take(mebibyte).buffer, small.buffer);
});

test('the memory of a buffer holds other content where that has room', () => {
  const pool = new BufferPool();
  const buffer = pool.take(mebibyte);
  assert.equal(pool.takeOver(buffer, 2 * mebibyte).buffer, buffer.buffer);
  assert.notEqual(pool.takeOver(buffer, 20 * mebibyte).buffer, buffer.buffer);
});
