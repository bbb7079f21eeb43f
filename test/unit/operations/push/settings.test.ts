import assert from 'node:assert/strict';
import { it } from 'vitest';
import { timeoutLeft } from '../../../../src/operations/push/settings.ts';

it('a push that was kept waiting has the rest of its time, and some in any case, but never more than all', () => {
  assert.equal(timeoutLeft(30_000, 0), 30_000);
  assert.equal(timeoutLeft(30_000, 10_000), 20_000);
  assert.equal(timeoutLeft(30_000, 29_000), 5000);
  assert.equal(timeoutLeft(2000, 0), 2000);
  assert.equal(timeoutLeft(2000, 5000), 2000);
});
