import assert from 'node:assert/strict';
import { test } from 'node:test';
import { quickDigest } from '../../../../src/agent/client/quick-digest.ts';

test('a digest has 16 hex digits and is the same for the same text', () => {
  for (const text of ['', 'a', 'é\u{1f600}', 'x'.repeat(100_000)]) {
    assert.match(quickDigest(text), /^[0-9a-f]{16}$/);
    assert.equal(quickDigest(Buffer.from(text).toString()), quickDigest(text));
  }
});

test('texts that differ little have other digests, in both halves', () => {
  const base = 'archive_command = walvault push %p\n'.repeat(20);
  const texts = [base, `${base} `, ` ${base}`, base.slice(1), base.replace('push', 'hsup')];
  for (let index = 0; index < base.length; index++)
    for (const bit of [1, 2, 4, 8, 16, 32, 64])
      texts.push(
        `${base.slice(0, index)}${String.fromCharCode(base.charCodeAt(index) ^ bit)}${base.slice(index + 1)}`,
      );
  for (const half of [0, 8]) {
    const digests = new Set(texts.map(text => quickDigest(text).slice(half, half + 8)));
    assert.equal(digests.size, new Set(texts).size);
  }
});

test('zeros are counted', () => {
  const digests = Array.from({ length: 1000 }, (_, count) => quickDigest('\0'.repeat(count)));
  assert.equal(new Set(digests).size, digests.length);
});
