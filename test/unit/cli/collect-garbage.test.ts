import assert from 'node:assert/strict';
import { it } from 'node:test';
import { garbageCollector } from '../../../src/cli/collect-garbage.ts';

const mebibyte = 1024 ** 2;
const heldBytes = () => process.memoryUsage().arrayBuffers;

it('frees buffers that nothing refers to any more, and no others', () => {
  const collectGarbage = garbageCollector(Infinity);
  collectGarbage();
  const before = heldBytes();
  const kept = Buffer.alloc(mebibyte, 1);
  Array.from({ length: 8 }, () => Buffer.alloc(mebibyte));
  assert.ok(heldBytes() >= before + 9 * mebibyte);
  collectGarbage();
  assert.ok(heldBytes() < before + 2 * mebibyte, `${heldBytes()} of ${before}`);
  assert.ok(kept.every(byte => byte === 1));
});
