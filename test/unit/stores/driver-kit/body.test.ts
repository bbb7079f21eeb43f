import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'vitest';
import { BodyCheck } from '../../../../src/stores/driver-kit/body.ts';

const data = Buffer.from('a segment');
const sha256 = createHash('sha256').update(data).digest('hex');

test('a body is hashed and compared with the announced digest', () => {
  const check = new BodyCheck('k', { sha256 });
  check.update(data);
  assert.deepEqual(check.finish(), { sizeBytes: 9, sha256 });
  const other = new BodyCheck('k', { sha256 });
  other.update(Buffer.from('another'));
  assert.throws(() => other.finish(), { kind: 'invalid' });
});

test('a digest that was computed of these very buffers is taken as it is, also where one is always wanted', () => {
  const check = new BodyCheck('k', { sha256: 'f'.repeat(64), sizeBytes: 9, isDigestOfBody: true }, 'always');
  check.update(data);
  assert.deepEqual(check.finish(), { sizeBytes: 9, sha256: 'f'.repeat(64) });
  const short = new BodyCheck('k', { sha256, sizeBytes: 10, isDigestOfBody: true });
  short.update(data);
  assert.throws(() => short.finish(), { kind: 'invalid' });
  const none = new BodyCheck('k', { isDigestOfBody: true }, 'always');
  none.update(data);
  assert.equal(none.finish().sha256, sha256);
  const ofStream = new BodyCheck('k', { digestAtEnd: () => 'e'.repeat(64) }, 'always');
  ofStream.update(data);
  assert.deepEqual(ofStream.finish(), { sizeBytes: 9, sha256: 'e'.repeat(64) });
});
