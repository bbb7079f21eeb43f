import assert from 'node:assert/strict';
import { it } from 'vitest';
import { garbageCollector } from '../../../src/workers/collect-garbage.ts';

const mebibyte = 1024 ** 2;
const heldBytes = () => process.memoryUsage().arrayBuffers;

/** Ten seconds at most. Without a turn of the event loop, and with few allocations: V8 shall not collect by itself. */
function waitFor(isTrue: () => boolean): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waits = 0; waits < 10 && !isTrue(); waits++) Atomics.wait(sleeper, 0, 0, 10 * 2 ** waits);
}

it('frees buffers that nothing refers to any more, and no others', () => {
  const collectGarbage = garbageCollector(Infinity);
  collectGarbage();
  const kept = Buffer.alloc(mebibyte, 1);
  Array.from({ length: 8 }, () => Buffer.alloc(mebibyte));
  const before = heldBytes();
  collectGarbage();
  const isFreed = () => heldBytes() < before - 7 * mebibyte;
  // A thread of V8's own gives the memory back.
  waitFor(isFreed);
  assert.ok(isFreed(), `${heldBytes()} of ${before}`);
  assert.ok(kept.every(byte => byte === 1));
});
