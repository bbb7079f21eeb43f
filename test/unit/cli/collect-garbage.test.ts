import assert from 'node:assert/strict';
import { it } from 'node:test';
import { garbageCollector } from '../../../src/cli/collect-garbage.ts';

const mebibyte = 1024 ** 2;
const heldBytes = () => process.memoryUsage().arrayBuffers;

/** Without a turn of the event loop, in which V8 might collect by itself. */
function waitFor(isTrue: () => boolean): void {
  const sleeper = new Int32Array(new SharedArrayBuffer(4));
  for (let waits = 0; waits < 10_000 && !isTrue(); waits++) Atomics.wait(sleeper, 0, 0, 1);
}

it('frees buffers that nothing refers to any more, and no others', () => {
  const collectGarbage = garbageCollector(Infinity);
  collectGarbage();
  const kept = Buffer.alloc(mebibyte, 1);
  Array.from({ length: 8 }, () => Buffer.alloc(mebibyte));
  const before = heldBytes();
  collectGarbage();
  // A thread of V8's own gives the memory back.
  waitFor(() => heldBytes() < before - 7 * mebibyte);
  assert.ok(heldBytes() < before - 7 * mebibyte, `${heldBytes()} of ${before}`);
  assert.ok(kept.every(byte => byte === 1));
});
