import assert from 'node:assert/strict';
import { test } from 'vitest';
import { quickDigest } from '../../../../src/agent/client/quick-digest.ts';

/** As other implementations publish them. */
const vectors: readonly (readonly [text: string, digest: string])[] = [
  ['', '00000000000000000000000000000000'],
  ['I will not buy this record, it is scratched.', 'a0a9683b25ac5e40d9af2895890dddf5'],
  ['The quick brown fox jumps over the lazy dog', '2f1583c3ecee2c675d7bf66ce5e91d2c'],
];

test('published digests', () => {
  for (const [text, digest] of vectors) assert.equal(quickDigest(text), digest, text);
});

test('bytes and text alike, wherever the bytes lie', () => {
  const text = 'Grüße, '.repeat(9);
  const shifted = Buffer.from(`x${text}`).subarray(1);
  assert.equal(quickDigest(shifted), quickDigest(text));
});

test('every single bit counts', () => {
  const seen = new Set<string>();
  for (let length = 0; length <= 40; length++) seen.add(quickDigest(Buffer.alloc(length)));
  const data = Buffer.alloc(40);
  for (let bit = 0; bit < data.length * 8; bit++) {
    data[bit >> 3] = 1 << (bit & 7);
    seen.add(quickDigest(data));
    data[bit >> 3] = 0;
  }
  assert.equal(seen.size, 41 + 40 * 8);
});
